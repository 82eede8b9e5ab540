"""Metrics that a spec adds: worked by hand, against scikit-learn, saved and loaded, in batches as in one."""

from __future__ import annotations

import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from prebake.schemas.errors import PrebakeError
from prebake.schemas.manifest_pb2 import LabelEntry
from prebake.schemas.spec_pb2 import BINARY, MULTICLASS, REGRESSION, Training
from prebake.training.evaluate import evaluate
from prebake.training.metrics import metrics_of
from prebake.training.train import train
from sklearn import metrics as scikit
from small_run import make_run

PLAIN = LabelEntry(kind=REGRESSION)
SCALED = LabelEntry(kind=REGRESSION, mean=10, deviation=4)
BOTH = LabelEntry(kind=REGRESSION, log=True, mean=2, deviation=0.5)
TWO = LabelEntry(kind=BINARY, classes=["no", "yes"])
THREE = LabelEntry(kind=MULTICLASS, classes=["a", "b", "c"])
WEIGHTS = tf.constant([1.0, 3.0])


def measured(label: LabelEntry, names: str, rows, weights=None, loss: str = "") -> dict[str, float]:
    """Values after four batches; a copy made from the config gives the same after one batch."""
    text = f"metrics: {names} {f'loss {{ {loss} }}' if loss else ''}"
    values = {}
    for metric in metrics_of(label, text_format.Parse(text, Training())):
        again = keras.metrics.deserialize(keras.metrics.serialize(metric))
        y_true, y_pred = tf.constant(rows[0]), tf.constant(rows[1])
        again.update_state(y_true, y_pred, weights)
        size = max(1, len(rows[0]) // 4)
        for i in range(0, len(rows[0]), size):
            cut = slice(i, i + size)
            metric.update_state(y_true[cut], y_pred[cut], None if weights is None else weights[cut])
        values[metric.name] = float(metric.result())
        assert float(again.result()) == pytest.approx(values[metric.name], rel=1e-6)
        metric.reset_state()
        metric.update_state(y_true, y_pred, weights)
        assert float(metric.result()) == float(again.result())
    return values


# Errors of 1 and -3 in what the model learns; 4 and -12 with a deviation of 4.
ERRORS = ([[0.0], [5.0]], [[1.0], [2.0]])


def test_regression_in_the_labels_unit():
    asked = '["mse", "huber"]'
    assert measured(PLAIN, asked, ERRORS) == pytest.approx(
        {"rmse": math.sqrt(5), "mae": 2, "mse": 5, "huber": (0.5 + 2.5) / 2}
    )
    assert measured(SCALED, asked, ERRORS, loss='kind: "huber" delta: 2') == pytest.approx(
        {"rmse": math.sqrt(80), "mae": 8, "mse": 80, "huber": (2 * (4 - 1) + 2 * (12 - 1)) / 2}
    )
    # Weighted; huber's threshold is a deviation.
    assert measured(SCALED, asked, ERRORS, WEIGHTS) == pytest.approx(
        {"rmse": math.sqrt((16 + 432) / 4), "mae": 10, "mse": 112, "huber": (8 + 3 * 4 * (12 - 2)) / 4}
    )
    # Learnt is (ln(1 + y) - 2) / 0.5: huber's errors are 0.5 and -1.5 of the logarithm, mae's are of y.
    found = measured(BOTH, '["huber"]', ERRORS, loss='kind: "huber" delta: 1')
    assert found["huber"] == pytest.approx((0.125 + (1.5 - 0.5)) / 2)
    assert found["mae"] == pytest.approx((math.exp(2.5) - math.exp(2) + math.exp(4.5) - math.exp(3)) / 2)


def test_coverage():
    # One label of the two is at most the prediction; that row has the weight 1 of 4. It needs not be asked for.
    assert measured(PLAIN, "[]", ERRORS, loss='kind: "quantile"')["coverage"] == 0.5
    assert measured(SCALED, '["coverage"]', ERRORS, WEIGHTS)["coverage"] == 0.25
    assert "coverage" not in measured(PLAIN, "[]", ERRORS)


# Told yes, yes, no, yes (a probability of one half is); true yes, no, yes, yes.
LOGIT = ([[1], [0], [1], [1]], [[2.0], [1.0], [-1.0], [0.0]])


def test_precision_and_recall_of_the_second_class():
    found = measured(TWO, '["precision", "recall"]', LOGIT)
    assert list(found) == ["accuracy", "auc", "log_loss", "precision", "recall"]
    assert (found["precision"], found["recall"]) == (pytest.approx(2 / 3), pytest.approx(2 / 3))
    # Weights 1, 2, 3, 4: told yes 1 + 2 + 4, of them right 1 + 4; truly yes 1 + 3 + 4.
    found = measured(TWO, '["recall", "precision"]', LOGIT, tf.constant([1.0, 2.0, 3.0, 4.0]))
    assert (found["precision"], found["recall"]) == (pytest.approx(5 / 7), pytest.approx(5 / 8))
    # None told, none true.
    none = measured(TWO, '["precision", "recall"]', ([[0]], [[-1.0]]))
    assert (none["precision"], none["recall"]) == (0, 0)


def test_macro_precision_and_recall():
    # Told a, a, b; true a, b, b; c is neither: precision (1/2 + 1) / 2, recall (1 + 1/2) / 2.
    rows = ([[0], [1], [1]], [[5.0, 0.0, 0.0], [5.0, 0.0, 0.0], [0.0, 5.0, 0.0]])
    found = measured(THREE, '["precision", "recall"]', rows)
    assert (found["precision"], found["recall"]) == (pytest.approx(0.75), pytest.approx(0.75))
    # Two classes of a multiclass label have a logit each.
    pair = LabelEntry(kind=MULTICLASS, classes=["a", "b"])
    found = measured(pair, '["precision", "recall"]', ([[0], [1], [1]], [[5.0, 0.0], [5.0, 0.0], [0.0, 5.0]]))
    assert (found["precision"], found["recall"]) == (pytest.approx(0.75), pytest.approx(0.75))


def test_as_scikit_learn():
    generator = np.random.default_rng(0)
    logits = generator.normal(size=(400, 3)).astype(np.float32)
    ids = np.argmax(logits + generator.normal(size=(400, 3)), axis=1)
    weights = generator.integers(1, 5, 400).astype(np.float32)
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    asked = '["precision", "recall", "auc", "pr_auc"]'
    found = measured(THREE, asked, (ids[:, None], logits), tf.constant(weights))
    told = logits.argmax(axis=1)
    for name, function in (("precision", scikit.precision_score), ("recall", scikit.recall_score)):
        assert found[name] == pytest.approx(
            function(ids, told, average="macro", sample_weight=weights), abs=1e-6
        )
    areas = [(scikit.roc_auc_score(ids == k, probabilities[:, k], sample_weight=weights)) for k in range(3)]
    precisions = [
        scikit.average_precision_score(ids == k, probabilities[:, k], sample_weight=weights) for k in range(3)
    ]
    # By 200 thresholds.
    assert found["auc"] == pytest.approx(np.mean(areas), abs=2e-3)
    assert found["pr_auc"] == pytest.approx(np.mean(precisions), abs=1e-2)
    binary = (ids == 2).astype(np.int64)
    found = measured(TWO, asked, (binary[:, None], logits[:, 2:]), tf.constant(weights))
    area = scikit.average_precision_score(binary, logits[:, 2], sample_weight=weights)
    assert found["pr_auc"] == pytest.approx(area, abs=1e-2)


def test_names():
    metric = keras.metrics.Mean(name="mine")
    training = Training(metrics=["rmse", "mine"])
    assert metrics_of(PLAIN, training, {"mine": metric}.get)[-1] is metric
    assert [one.name for one in metrics_of(PLAIN, Training(metrics=["rmse"]))] == ["rmse", "mae"]
    with pytest.raises(PrebakeError, match=r"^training.metrics: no metric 'mine'$"):
        metrics_of(PLAIN, training)


def test_trained_and_evaluated(tmp_path):
    run = str(tmp_path / "run")
    spec = make_run(run, "multiclass", rows=120, weighted=True)
    spec.training.metrics[:] = ["recall", "pr_auc"]
    spec.training.epochs = 2
    trained = train(run, spec, progress=False)
    assert sorted(trained.metrics) == ["accuracy", "log_loss", "pr_auc", "recall"]
    # The run's own spec has none of them: what counts is what the model was trained by.
    assert evaluate(run) == pytest.approx(trained.metrics, rel=1e-6)
