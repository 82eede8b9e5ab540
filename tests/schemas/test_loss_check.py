"""Each loss, metric, slice and class weight that cannot work is one line with the reason and what to do."""

# ruff: noqa: E501 (a mistake and its message stand side by side)

import pytest
from prebake.schemas.errors import SpecError
from prebake.schemas.loss_check import metric_names
from prebake.schemas.spec_check import check, check_sources
from prebake.schemas.spec_defaults import resolve
from prebake.schemas.spec_pb2 import Spec
from prebake.schemas.spec_yaml import parse_yaml

REGRESSION = """\
data:
  files: data/*.csv
  columns: {age: int, city: string, z: string, y: float}
  label: y
features:
  a: {column: age, identity: 9, intermediate: true}
  city: {column: city, hash: 7}
  both: {cross: [a, city]}
"""
BINARY = REGRESSION.replace("label: y", "label: {column: z, kind: binary, classes: [no, yes]}")
MULTICLASS = BINARY.replace("binary", "multiclass").replace("[no, yes]", "[no, yes, perhaps]")
UNKNOWN = REGRESSION.replace("label: y", "label: {column: z, kind: binary}")
OWN = REGRESSION + "model_fn: mine.py\n"


def run(text: str, training: str) -> Spec:
    spec, source = parse_yaml(f"{text}training: {training}\n", "s.yaml")
    check_sources(spec, source)
    resolved = resolve(spec)
    check(resolved, source)
    return resolved


GOOD = [
    (REGRESSION, "{loss: huber, metrics: [huber, mse, rmse], slices: [city]}"),
    (REGRESSION, "{loss: {kind: huber, delta: 0.5}}"),
    (REGRESSION, "{loss: {kind: quantile, quantile: 0.9}, metrics: [coverage]}"),
    (REGRESSION, "{loss: log_cosh}"),
    (
        BINARY,
        "{loss: {kind: focal, gamma: 0, alpha: 0.5, label_smoothing: 0.1}, class_weights: {yes: 3, no: 0}}",
    ),
    (BINARY, "{metrics: [auc, precision, recall, pr_auc]}"),
    (MULTICLASS, "{loss: {kind: focal, gamma: 1}, metrics: [auc, precision], class_weights: {perhaps: 3}}"),
    (MULTICLASS, "{loss: {kind: cross_entropy, label_smoothing: 0.2}}"),
    (UNKNOWN, "{class_weights: {anything: 2}}"),
    (OWN, "{loss: mine, metrics: [mine, huber]}"),
]


@pytest.mark.parametrize(("text", "training"), GOOD)
def test_good(text, training):
    run(text, training)


CASES = [
    (
        REGRESSION,
        "{loss: focal}",
        "loss.kind: 'focal' is no loss of a regression (one of mse, mae, huber, log_cosh, quantile)",
    ),
    (BINARY, "{loss: mae}", "loss.kind: 'mae' is no loss of classes (one of cross_entropy, focal)"),
    (
        OWN,
        "{loss: focal}",
        "loss.kind: 'focal' is no loss of a regression (one of mse, mae, huber, log_cosh, quantile)",
    ),
    (REGRESSION, "{loss: {kind: mae, delta: 1}}", "loss.delta: has no meaning with mae (it is of huber)"),
    (REGRESSION, "{loss: {quantile: 0.5}}", "loss.quantile: has no meaning with mse (it is of quantile)"),
    (REGRESSION, "{loss: {kind: huber, gamma: 2}}", "loss.gamma: has no meaning with huber (it is of focal)"),
    (
        REGRESSION,
        "{loss: {kind: mse, label_smoothing: 0.1}}",
        "loss.label_smoothing: has no meaning with mse (it is of cross_entropy, focal)",
    ),
    (OWN, "{loss: {kind: mine, alpha: 0.1}}", "loss.alpha: has no meaning with mine (it is of focal)"),
    (BINARY, "{loss: {alpha: 0.3}}", "loss.alpha: has no meaning with cross_entropy (it is of focal)"),
    (
        MULTICLASS,
        "{loss: {kind: focal, alpha: 0.3}}",
        "loss.alpha: is of a binary label (training.class_weights weigh the classes of a multiclass label)",
    ),
    (REGRESSION, "{loss: {kind: huber, delta: 0}}", "loss.delta: must be a number above 0, not 0"),
    (
        REGRESSION,
        "{loss: {kind: quantile, quantile: 1}}",
        "loss.quantile: must be above 0 and below 1, not 1",
    ),
    (BINARY, "{loss: {kind: focal, gamma: -1}}", "loss.gamma: must be a number of at least 0, not -1"),
    (BINARY, "{loss: {kind: focal, alpha: 1}}", "loss.alpha: must be above 0 and below 1, not 1"),
    (BINARY, "{loss: {label_smoothing: 1}}", "loss.label_smoothing: must be at least 0 and below 1, not 1"),
    (REGRESSION, "{metrics: [rmsee]}", "metrics[0]: unknown metric 'rmsee' (did you mean 'rmse'?)"),
    (
        REGRESSION,
        "{metrics: [mse, auc]}",
        "metrics[1]: 'auc' is a metric of classes, and the label is a regression (one of rmse, mae, mse, huber, coverage)",
    ),
    (
        BINARY,
        "{metrics: [rmse]}",
        "metrics[0]: 'rmse' is a metric of a regression, not of classes (one of accuracy, log_loss, precision, recall, auc, pr_auc)",
    ),
    (
        OWN,
        "{metrics: [auc]}",
        "metrics[0]: 'auc' is a metric of classes, and the label is a regression (one of rmse, mae, mse, huber, coverage)",
    ),
    (BINARY, "{metrics: [auc, auc]}", "metrics[1]: 'auc' is given twice"),
    (REGRESSION, "{slices: [citi]}", "slices[0]: no feature 'citi' (did you mean 'city'?)"),
    (REGRESSION, "{slices: [city, city]}", "slices[1]: 'city' is given twice"),
    (
        REGRESSION,
        "{slices: [a]}",
        "slices[0]: 'a' is intermediate: the examples do not hold it (leave out intermediate, or slice by another feature)",
    ),
    (
        REGRESSION,
        "{class_weights: {a: 1}}",
        "class_weights: the label is a regression: it has no classes (data.weight weighs the rows)",
    ),
    (
        BINARY,
        "{class_weights: {yess: 1}}",
        "class_weights.yess: data.label.classes has no 'yess' (did you mean 'yes'?)",
    ),
    (BINARY, "{class_weights: {yes: -1}}", "class_weights.yes: must be a number of at least 0, not -1"),
    (
        BINARY,
        "{class_weights: {yes: 0, no: 0}}",
        "class_weights: are all 0: no row would count (give one class a weight above 0)",
    ),
    (
        BINARY,
        "{class_weights: [{name: yes, weight: 1}, {name: yes, weight: 1}]}",
        "class_weights.yes: 'yes' is given twice",
    ),
]


@pytest.mark.parametrize(("text", "training", "message"), CASES, ids=[message for _, _, message in CASES])
def test_mistakes(text, training, message):
    with pytest.raises(SpecError) as error:
        run(text, training)
    line = len(text.splitlines()) + 1
    assert str(error.value) == f"s.yaml:{line}: training.{message}"


def test_defaults_are_written_out():
    quantile = run(REGRESSION, "{loss: quantile}").training.loss
    assert (quantile.quantile, quantile.HasField("delta")) == (0.5, False)
    focal = run(BINARY, "{loss: focal}").training.loss
    assert (focal.gamma, focal.alpha) == (2, 0.25)
    assert not run(MULTICLASS, "{loss: focal}").training.loss.HasField("alpha")
    # What the label's deviation decides is not known yet.
    assert not run(REGRESSION, "{loss: huber}").training.loss.HasField("delta")


def test_metric_names():
    assert metric_names(run(REGRESSION, "{metrics: [huber, rmse]}")) == ["rmse", "mae", "huber"]
    assert metric_names(run(REGRESSION, "{loss: quantile}")) == ["rmse", "mae", "coverage"]
    assert metric_names(run(BINARY, "{metrics: [recall]}")) == ["accuracy", "auc", "log_loss", "recall"]
    assert metric_names(run(MULTICLASS, "{metrics: [auc]}")) == ["accuracy", "log_loss", "auc"]
