"""Each loss by hand, saved and loaded, and in a short training. Hand-worked values stand beside their sums."""

from __future__ import annotations

import json
import math
import os

import keras
import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from hypothesis import given
from hypothesis import strategies as st
from prebake.schemas.errors import PrebakeError
from prebake.schemas.manifest_pb2 import LabelEntry
from prebake.schemas.spec_pb2 import BINARY, MULTICLASS, REGRESSION, Training
from prebake.training.evaluate import open_model
from prebake.training.focal import BinaryFocal, SparseFocal
from prebake.training.loss import delta_of, loss_of
from prebake.training.train import train
from small_run import make_run

PLAIN = LabelEntry(kind=REGRESSION)
SCALED = LabelEntry(kind=REGRESSION, mean=10, deviation=4)
TWO = LabelEntry(kind=BINARY, classes=["no", "yes"])
THREE = LabelEntry(kind=MULTICLASS, classes=["a", "b", "c"])
LOG_3 = math.log(3)  # the logit of 0.75


def training(text: str) -> Training:
    return text_format.Parse(text, Training())


def loss_by(text: str, label: LabelEntry) -> keras.losses.Loss:
    return loss_of(label, training(text))


# Errors, prediction - label: 1 and -3. Binary: p = 0.75 for the second class, labels 1 and 0.
# Three classes: p = (1/4, 1/4, 1/2), labels 2 and 0.
ERRORS = ([[0.0], [5.0]], [[1.0], [2.0]])
LOGIT = ([[1], [0]], [[LOG_3], [LOG_3]])
LOGITS = ([[2], [0]], [[0.0, 0.0, math.log(2)]] * 2)
L4, L43, L2 = math.log(4), math.log(4 / 3), math.log(2)
BY_HAND = [
    ("", PLAIN, ERRORS, [1, 9]),
    ('loss { kind: "mse" }', PLAIN, ERRORS, [1, 9]),
    ('loss { kind: "mae" }', PLAIN, ERRORS, [1, 3]),
    # 1/2 e² up to delta, delta (|e| - delta / 2) above.
    ('loss { kind: "huber" }', PLAIN, ERRORS, [0.5, 1 * (3 - 0.5)]),
    ('loss { kind: "huber" delta: 2 }', PLAIN, ERRORS, [0.5, 2 * (3 - 1)]),
    # The label's deviation is 4: a delta of 2 is one of 1/2 in what the model learns.
    ('loss { kind: "huber" delta: 2 }', SCALED, ERRORS, [0.5 * (1 - 0.25), 0.5 * (3 - 0.25)]),
    # Not given: one deviation.
    ('loss { kind: "huber" }', SCALED, ERRORS, [0.5, 1 * (3 - 0.5)]),
    ('loss { kind: "log_cosh" }', PLAIN, ERRORS, [math.log(math.cosh(1)), math.log(math.cosh(3))]),
    # 1 too high costs 1 - 0.9, 3 too low cost 0.9 each.
    ('loss { kind: "quantile" quantile: 0.9 }', PLAIN, ERRORS, [0.1, 2.7]),
    ('loss { kind: "quantile" }', PLAIN, ERRORS, [0.5, 1.5]),
    ("", TWO, LOGIT, [L43, L4]),
    # Targets 0.9 and 0.1 of the second class.
    ('loss { kind: "cross_entropy" label_smoothing: 0.2 }', TWO, LOGIT, [0.9 * L43 + 0.1 * L4, 0.1 * L43 + 0.9 * L4]),
    # (1 - p_t)² = 1/16 and 9/16, alpha 1/4 and 3/4.
    ('loss { kind: "focal" }', TWO, LOGIT, [L43 / 64, 27 / 64 * L4]),
    ('loss { kind: "focal" gamma: 1 alpha: 0.5 }', TWO, LOGIT, [L43 / 8, 3 / 8 * L4]),
    (
        'loss { kind: "focal" gamma: 1 alpha: 0.5 label_smoothing: 0.2 }', TWO, LOGIT,
        [0.9 * L43 / 8 + 0.1 * 3 / 8 * L4, 0.1 * L43 / 8 + 0.9 * 3 / 8 * L4],
    ),
    ("", THREE, LOGITS, [L2, L4]),
    # Targets 0.1 each, and 0.7 more for the true class; -ln p is ln 4, ln 4, ln 2.
    (
        'loss { kind: "cross_entropy" label_smoothing: 0.3 }', THREE, LOGITS,
        [0.1 * (2 * L4 + L2) + 0.7 * L2, 0.1 * (2 * L4 + L2) + 0.7 * L4],
    ),
    ('loss { kind: "focal" }', THREE, LOGITS, [L2 / 4, 9 / 16 * L4]),
    # Each class's share times 1 - p: 3/4, 3/4, 1/2.
    (
        'loss { kind: "focal" gamma: 1 label_smoothing: 0.3 }', THREE, LOGITS,
        [0.2 * 0.75 * L4 + 0.8 * 0.5 * L2, 0.8 * 0.75 * L4 + 0.1 * 0.75 * L4 + 0.1 * 0.5 * L2],
    ),
    # The class's weight times its row's loss; a class that is not named keeps 1.
    ('class_weights { name: "yes" weight: 3 }', TWO, LOGIT, [3 * L43, L4]),
    ('loss { kind: "focal" } class_weights { name: "no" weight: 4 }', TWO, LOGIT, [L43 / 64, 27 / 16 * L4]),
    ('class_weights { name: "c" weight: 5 } class_weights { name: "b" weight: 9 }', THREE, LOGITS, [5 * L2, L4]),
]  # fmt: skip
IDS = [f"{text or 'default'} {label.kind} {number}" for number, (text, label, _, _) in enumerate(BY_HAND)]


@pytest.mark.parametrize(("text", "label", "rows", "losses"), BY_HAND, ids=IDS)
def test_by_hand(text, label, rows, losses):
    loss = loss_by(text, label)
    for i in range(2):
        found = float(loss(tf.constant(rows[0][i : i + 1]), tf.constant(rows[1][i : i + 1])))
        assert found == pytest.approx(losses[i], rel=1e-5)
    # The mean of rows, not of their weights, which are 1 and 3.
    both = loss(tf.constant(rows[0]), tf.constant(rows[1]), sample_weight=tf.constant([1.0, 3.0]))
    assert float(both) == pytest.approx((losses[0] + 3 * losses[1]) / 2, rel=1e-5)


@pytest.mark.parametrize(("text", "label", "rows", "losses"), BY_HAND, ids=IDS)
def test_config_round_trip(text, label, rows, losses):
    loss = loss_by(text, label)
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert again.get_config() == loss.get_config()
    assert float(again(*map(tf.constant, rows))) == float(loss(*map(tf.constant, rows)))


def test_huber_delta_is_in_the_labels_unit():
    huber = training('loss { kind: "huber" delta: 2 }').loss
    assert (delta_of(huber, PLAIN), delta_of(huber, SCALED)) == (2, 2)
    huber.ClearField("delta")
    assert (delta_of(huber, PLAIN), delta_of(huber, SCALED)) == (1, 4)


@given(st.floats(-8, 8), st.integers(0, 1), st.floats(0.0, 5.0), st.floats(0.05, 0.95))
def test_binary_focal_is_keras_own_where_that_is_exact(logit, label, gamma, alpha):
    theirs = keras.losses.BinaryFocalCrossentropy(True, alpha, gamma, from_logits=True)
    found = BinaryFocal(gamma, alpha)(tf.constant([[label]]), tf.constant([[logit]]))
    wanted = theirs(tf.constant([[float(label)]]), tf.constant([[logit]]))
    assert float(found) == pytest.approx(float(wanted), rel=2e-3, abs=1e-7)


@given(
    st.lists(st.floats(-4, 4), min_size=3, max_size=3),
    st.integers(0, 2),
    st.floats(0.0, 5.0),
    st.floats(0, 0.5),
)
def test_sparse_focal_is_keras_own_of_one_hot_labels(logits, label, gamma, smoothing):
    theirs = keras.losses.CategoricalFocalCrossentropy(
        1.0, gamma, from_logits=True, label_smoothing=smoothing
    )
    found = SparseFocal(gamma, smoothing)(tf.constant([[label]]), tf.constant([logits]))
    wanted = theirs(tf.one_hot([label], 3), tf.constant([logits]))
    assert float(found) == pytest.approx(float(wanted), rel=2e-3, abs=1e-6)


@pytest.mark.parametrize("gamma", [0.0, 0.3, 2.0])
@pytest.mark.parametrize("logit", [-300.0, -40.0, 0.0, 40.0, 300.0])
def test_focal_of_a_row_that_is_surely_wrong_has_a_gradient(logit, gamma):
    # Keras' own has 0 here, because it cuts the probability off.
    for loss, rows in (
        (BinaryFocal(gamma), [[logit]]),
        (SparseFocal(gamma), [[logit, 0.0, 0.0]]),
    ):
        x = tf.constant(rows)
        for label in (0, 1):
            with tf.GradientTape() as tape:
                tape.watch(x)
                value = loss(tf.constant([[label]]), x)
            gradient = tape.gradient(value, x).numpy()
            assert np.isfinite([float(value), *gradient[0]]).all()
            if (logit > 30) != bool(label) and abs(logit) > 30 and isinstance(loss, BinaryFocal):
                assert abs(gradient).max() > 0.2


def test_the_best_constant_is_the_quantile():
    labels = tf.range(100, dtype=tf.float32)[:, None]
    loss = loss_by('loss { kind: "quantile" quantile: 0.8 }', PLAIN)
    costs = [float(loss(labels, tf.fill([100, 1], float(guess)))) for guess in range(100)]
    assert np.argmin(costs) in (79, 80)


def test_unknown_names():
    with pytest.raises(PrebakeError, match=r"^training.loss.kind: no loss 'mine'$"):
        loss_by('loss { kind: "mine" }', PLAIN)
    mine = keras.losses.Poisson()
    found = loss_of(PLAIN, training('loss { kind: "mine" }'), {"mine": mine}.get)
    assert found is mine
    with pytest.raises(PrebakeError) as error:
        loss_by('class_weights { name: "d" weight: 3 }', THREE)
    assert str(error.value) == "training.class_weights.d: the label has no such class (its classes: a, b, c)"


KINDS = [
    ("regression", 'kind: "huber" delta: 0.7'), ("regression", 'kind: "quantile" quantile: 0.9'),
    ("binary", 'kind: "focal" label_smoothing: 0.1'), ("multiclass", 'kind: "cross_entropy" label_smoothing: 0.1'),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "loss"), KINDS, ids=[text for _, text in KINDS])
def test_a_short_training(tmp_path, kind, loss):
    run = str(tmp_path / "run")
    spec = make_run(run, kind, rows=120)
    spec.training.loss.Clear()
    text_format.Parse(loss, spec.training.loss)
    spec.training.epochs = 4
    if kind != "regression":
        spec.training.class_weights.add(name="high", weight=2)
    train(run, spec, progress=False)
    directory = os.path.join(run, "training", "default")
    saved = keras.models.load_model(os.path.join(directory, "model.keras"))
    # The loss is saved with the model, its threshold too.
    label = LabelEntry(
        kind=spec.data.label.kind, classes=["low", "high"] if kind == "binary" else ["low", "mid", "high"]
    )
    assert saved.loss.get_config() == loss_of(label, spec.training).get_config()
    assert open_model(run, "default")[0].count_params() == saved.count_params()
    with open(os.path.join(directory, "history.json"), encoding="utf-8") as file:
        history = json.load(file)
    assert history[-1]["val_loss"] < history[0]["val_loss"]
