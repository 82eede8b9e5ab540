"""In: labels learnt in other units, and classes. Out: predictions and metrics in the user's own, by hand."""

from __future__ import annotations

import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from prebake.schemas.manifest_pb2 import LabelEntry
from prebake.schemas.spec_pb2 import FLOAT, INT, MULTICLASS, REGRESSION, STRING, Spec
from prebake.schemas.statistics_pb2 import Statistics
from prebake.training.label_unit import UnitError, in_unit
from prebake.training.loss import loss_of
from prebake.training.metrics import metrics_of
from prebake.training.model import answers
from prebake.transforms.graph import TransformGraph

PLAIN = LabelEntry(kind=REGRESSION)
LOG = LabelEntry(kind=REGRESSION, log=True)
SCALED = LabelEntry(kind=REGRESSION, mean=10, deviation=4)
BOTH = LabelEntry(kind=REGRESSION, log=True, mean=2, deviation=0.5)


def graph_of(mean: float = 0, variance: float = 0, type_=FLOAT, **label) -> TransformGraph:
    spec = Spec()
    spec.data.columns.add(name="y", type=type_, required=True)
    spec.data.label.column = "y"
    for name, value in label.items():
        getattr(spec.data.label, name).extend(value) if name == "classes" else setattr(
            spec.data.label, name, value
        )
    return TransformGraph(spec, Statistics(label_mean=mean, label_variance=variance), {})


@pytest.mark.parametrize(
    ("label", "learnt", "wanted"),
    [
        (PLAIN, 1.5, 1.5),
        (LOG, math.log(8), 7),
        (SCALED, -0.5, 8),  # -0.5 * 4 + 10
        (BOTH, 2, math.exp(3) - 1),  # 2 * 0.5 + 2 = 3
    ],
)
def test_predictions_are_in_the_users_unit(label, learnt, wanted):
    (found,) = answers(tf.constant([[learnt]], tf.float32), label)["prediction"].numpy()
    assert found == pytest.approx(wanted, rel=1e-6)
    assert found.dtype == np.float32


def test_metrics_are_in_the_users_unit():
    # Labels 7 and 1, predictions 3 and 7 in ln(1 + y): errors 4 and 6.
    rmse, mae = metrics_of(LOG)
    y_true = tf.constant([[math.log(8)], [math.log(2)]])
    y_pred = tf.constant([[math.log(4)], [math.log(8)]])
    for metric in (rmse, mae):
        metric.update_state(y_true, y_pred)
    assert (rmse.name, mae.name) == ("rmse", "mae")
    assert float(rmse.result()) == pytest.approx(math.sqrt((16 + 36) / 2), rel=1e-6)
    assert float(mae.result()) == pytest.approx(5, rel=1e-6)
    mae.reset_state()
    mae.update_state(y_true, y_pred, sample_weight=tf.constant([3.0, 1.0]))
    assert float(mae.result()) == pytest.approx((3 * 4 + 6) / 4, rel=1e-6)


def test_metrics_of_a_compiled_model_are_in_the_users_unit():
    # The model's answer is its input: -0.5 and 1, i.e. 8 and 14, where the labels are 10 and 10.
    inputs = keras.Input((1,))
    model = keras.Model(inputs, keras.layers.Identity()(inputs))
    model.compile(loss=loss_of(SCALED), weighted_metrics=metrics_of(SCALED))
    batch = (tf.constant([[-0.5], [1.0]]), tf.constant([[0.0], [0.0]]), tf.constant([1.0, 3.0]))
    values = model.evaluate(tf.data.Dataset.from_tensors(batch), verbose=0, return_dict=True)
    assert values["mae"] == pytest.approx((2 + 3 * 4) / 4)
    assert values["rmse"] == pytest.approx(math.sqrt((4 + 3 * 16) / 4))
    assert values["loss"] == pytest.approx((0.25 + 3 * 1) / 2)  # of what is learnt


def test_a_label_that_is_learnt_as_it_is_has_keras_own_metrics():
    assert [type(metric).__name__ for metric in metrics_of(PLAIN)] == [
        "RootMeanSquaredError", "MeanAbsoluteError",
    ]  # fmt: skip


def test_metric_config_round_trip():
    metric = UnitError("mae", True, 2.0, 0.5)
    again = keras.metrics.deserialize(keras.metrics.serialize(metric))
    assert again.get_config() == metric.get_config()
    for one in (metric, again):
        one.update_state(tf.constant([[2.0]]), tf.constant([[0.0]]))
    assert float(again.result()) == pytest.approx(math.exp(3) - math.exp(2), rel=1e-6)
    assert float(again.result()) == float(metric.result())


@given(
    st.lists(st.floats(-0.984375, 2.0**99, width=32, allow_subnormal=False), min_size=1, max_size=5),
    st.booleans(),
    st.booleans(),
    st.floats(-3, 3),
    st.floats(0.25, 9),
)
@settings(max_examples=30, deadline=None)
def test_a_label_that_is_predicted_exactly_comes_back(values, log, standardize, mean, variance):
    graph = graph_of(mean, variance, kind=REGRESSION, log=log, standardize=standardize)
    y = tf.constant(values, tf.float32)
    back = in_unit(graph.apply_label(y), graph.label).numpy()
    # binary32 of the learnt value: 2^-24 of up to ln(1e30) = 69, and of the mean's part of a small one.
    np.testing.assert_allclose(back, values, rtol=2e-5, atol=2e-6)


def test_a_constant_label_is_learnt_as_0_and_comes_back():
    graph = graph_of(math.log(6), 0, kind=REGRESSION, log=True, standardize=True)
    learnt = graph.apply_label(tf.constant([5.0, 5.0])).numpy()
    np.testing.assert_allclose(learnt, [0, 0], atol=1e-6)
    np.testing.assert_allclose(in_unit(tf.constant([0.0]), graph.label), [5], rtol=1e-6)


@pytest.mark.parametrize(
    ("type_", "classes", "raw", "dtype"),
    [
        (STRING, ["über", "low"], ["low", "über", "none"], tf.string),
        (INT, ["7", "-1"], [-1, 7, 3], tf.int64),
    ],
)
def test_classes_come_back_by_their_names(type_, classes, raw, dtype):
    graph = graph_of(type_=type_, kind=MULTICLASS, classes=classes)
    assert graph.apply_label(tf.constant(raw, dtype)).numpy().tolist() == [1, 0, -1]
    found = answers(tf.constant([[0.0, 1.0], [2.0, 1.0]]), graph.label)["class"].numpy().tolist()
    assert [name.decode() for name in found] == [classes[1], classes[0]]
