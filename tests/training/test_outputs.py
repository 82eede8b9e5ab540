"""The parts of a model of several labels: every loss in the sum, every metric on its own numbers, both saved and loaded."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from prebake.schemas.errors import PrebakeError
from prebake.schemas.manifest_pb2 import LabelEntry
from prebake.schemas.spec_pb2 import BINARY, MULTICLASS, REGRESSION, Training
from prebake.training.loss import loss_of
from prebake.training.metrics import metrics_of
from prebake.training.model import answers
from prebake.training.output_metrics import OutputMetric, metrics_of_labels
from prebake.training.outputs import outputs_of, told_by_output
from prebake.training.own_loss import OwnLoss
from prebake.training.sum_of_losses import SumOfLosses, loss_of_labels

KIND = LabelEntry(column="kind", kind=MULTICLASS, classes=["a", "b", "c"])
LABELS = {
    "regression": LabelEntry(name="tax", column="tax", kind=REGRESSION, log=True, mean=1.0, deviation=2.0),
    "binary": LabelEntry(name="late", column="late", kind=BINARY, classes=["no", "yes"]),
    "multiclass": LabelEntry(name="size", column="size", kind=MULTICLASS, classes=["s", "m", "l", "xl"]),
}
LOSSES = {
    "regression": ["mse", "mae", "huber", "log_cosh", "quantile"],
    "binary": ["cross_entropy", "focal"],
    "multiclass": ["cross_entropy", "focal"],
}
PAIRS = [(kind, loss) for kind, losses in LOSSES.items() for loss in losses]


def training(name: str, text: str) -> Training:
    return text_format.Parse(
        f'outputs {{ name: "{name}" {text} }} loss {{ kind: "cross_entropy" }}', Training()
    )


def numbers(label: LabelEntry) -> tuple[np.ndarray, np.ndarray]:
    """Labels [7, 2] and outputs [7, units] of KIND and a further label."""
    generator = np.random.default_rng(3)
    further = (
        generator.normal(size=7)
        if label.kind == REGRESSION
        else generator.integers(len(label.classes), size=7)
    )
    units = 3 + outputs_of([label])[0].units
    y = np.stack([generator.integers(3, size=7), further], axis=1).astype(np.float32)
    return y, generator.normal(size=(7, units)).astype(np.float32) * 3


@pytest.mark.parametrize(("kind", "loss"), PAIRS)
@pytest.mark.parametrize("options", ["", "label_smoothing: 0.1"])
def test_every_loss_is_in_the_sum_row_by_row(kind, loss, options):
    if options and kind == "regression":
        options = ""
    label = LABELS[kind]
    part = training(label.name, f'loss {{ kind: "{loss}" {options} }} loss_weight: 0.25')
    found = loss_of_labels([KIND, label], part)
    y, z = numbers(label)
    both = found.call(tf.constant(y), tf.constant(z)).numpy()
    assert both.shape == (7,)
    one, other = loss_of(KIND, part), loss_of(label, part)
    for row in range(7):
        wanted = one(y[row : row + 1, :1], z[row : row + 1, :3])
        wanted += 0.25 * other(y[row : row + 1, 1:], z[row : row + 1, 3:])
        assert both[row] == pytest.approx(float(wanted), rel=1e-5)
    again = keras.losses.deserialize(keras.losses.serialize(found))
    np.testing.assert_array_equal(again.call(tf.constant(y), tf.constant(z)).numpy(), both)


def test_the_sum_in_figures():
    """-ln 0.5 of two equal classes, and 3 squared: 0.6931 + 2 * 9."""
    labels = [LabelEntry(kind=BINARY, classes=["a", "b"]), LabelEntry(name="x", kind=REGRESSION)]
    loss = loss_of_labels(labels, training("x", "loss_weight: 2"))
    assert float(loss(tf.constant([[1.0, 5.0]]), tf.constant([[0.0, 2.0]]))) == pytest.approx(18.693147)


def test_a_loss_of_ones_own_may_keep_the_last_axis():
    own = OwnLoss(lambda y_true, y_pred: keras.ops.abs(y_true - y_pred), name="own")
    loss = SumOfLosses([own, keras.losses.MeanSquaredError()], [1, 1], [1, 1])
    found = loss.call(tf.constant([[0.0, 0.0], [1.0, 1.0]]), tf.constant([[2.0, 3.0], [4.0, 5.0]]))
    assert found.numpy().tolist() == [2 + 9, 3 + 16]


@pytest.mark.parametrize("kind", LABELS)
def test_every_metric_sees_the_numbers_of_its_label(kind):
    label = LABELS[kind]
    more = (
        "metrics: ['mse', 'huber']"
        if kind == "regression"
        else "metrics: ['precision', 'recall', 'auc', 'pr_auc']"
    )
    part = training(label.name, more)
    y, z = numbers(label)
    weights = np.arange(1, 8).astype(np.float32)
    found = {}
    for metric in metrics_of_labels([KIND, label], part):
        again = keras.metrics.deserialize(keras.metrics.serialize(metric))
        for one in (metric, again):
            one.update_state(y, z, weights)
        assert float(again.result()) == float(metric.result())
        found[metric.name] = float(metric.result())
        metric.reset_state()
        metric.update_state(y[:2], z[:2])
        assert all(np.isfinite(variable.numpy()).all() for variable in metric.variables)
    wanted = {}
    for one, columns, units in ((KIND, slice(0, 1), slice(0, 3)), (label, slice(1, 2), slice(3, None))):
        for metric in metrics_of(one, part):
            metric.update_state(y[:, columns], z[:, units], weights)
            wanted[f"{one.name}_{metric.name}" if one.name else metric.name] = float(metric.result())
    assert found == wanted
    assert len(found) >= 6


def test_one_label_is_as_ever():
    (output,) = outputs_of([KIND])
    x = tf.ones([2, 3])
    assert output.of_output(x) is x
    assert output.of_labels(x) is x
    assert type(loss_of_labels([KIND])) is keras.losses.SparseCategoricalCrossentropy
    assert not any(isinstance(metric, OutputMetric) for metric in metrics_of_labels([KIND]))
    assert list(told_by_output(x, [KIND], answers)) == ["probabilities", "class"]


def test_answers_stand_by_the_name_of_their_label():
    """Binary: the sigmoid of 0. The tax: exp(1 + 2 * 0.5) - 1."""
    told = told_by_output(
        tf.constant([[0.0, 9.0, 0.0, 0.0, 0.5]]), [KIND, LABELS["binary"], LABELS["regression"]], answers
    )
    assert list(told) == ["probabilities", "class", "late_probability", "late_class", "tax_prediction"]
    assert told["class"].numpy().tolist() == [b"b"]
    assert told["late_probability"].numpy().tolist() == [0.5]
    assert told["late_class"].numpy().tolist() == [b"yes"]
    np.testing.assert_allclose(told["tax_prediction"], [np.e**2 - 1], rtol=1e-6)


def test_a_class_that_the_further_label_has_not():
    label = LABELS["binary"]
    with pytest.raises(PrebakeError) as error:
        loss_of_labels([KIND, label], training("late", 'class_weights { name: "a" weight: 2 }'))
    assert str(error.value) == (
        "training.outputs.late.class_weights.a: the label has no such class (its classes: no, yes)"
    )
    with pytest.raises(PrebakeError) as error:
        loss_of_labels([KIND, label], training("late", 'loss { kind: "mine" }'))
    assert str(error.value) == "training.outputs.late.loss.kind: no loss 'mine'"
    with pytest.raises(PrebakeError) as error:
        metrics_of_labels([KIND, label], training("late", 'metrics: "mine"'))
    assert str(error.value) == "training.outputs.late.metrics: no metric 'mine'"
