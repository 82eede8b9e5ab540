"""In: model specs and features. Out: the layers, losses, metrics and answers that the spec's words promise."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from prebake.schemas.manifest_pb2 import OUTPUT_FLOAT, OUTPUT_INT64, LabelEntry, OutputFeature
from prebake.schemas.spec_pb2 import (
    BINARY,
    EMBEDDING,
    MULTICLASS,
    NUMBER,
    ONE_HOT,
    REGRESSION,
    Model,
)
from prebake.training.input_layer import encode_inputs, feature_inputs
from prebake.training.loss import loss_of
from prebake.training.metrics import metrics_of
from prebake.training.model import answers, build_model

FEATURES = [
    OutputFeature(name="age", type=OUTPUT_FLOAT, encode=NUMBER),
    OutputFeature(name="city", type=OUTPUT_INT64, cardinality=3, encode=ONE_HOT),
    OutputFeature(name="hours-per-week", type=OUTPUT_INT64, cardinality=4, encode=NUMBER),
    OutputFeature(name="job", type=OUTPUT_INT64, cardinality=90, encode=EMBEDDING, dimension=2),
]
BATCH = {
    "age": tf.constant([0.5, -1.0]),
    "city": tf.constant([2, 0], tf.int64),
    "hours-per-week": tf.constant([3, 1], tf.int64),
    "job": tf.constant([89, 0], tf.int64),
}
LABELS = {
    "regression": LabelEntry(kind=REGRESSION),
    "binary": LabelEntry(kind=BINARY, classes=["no", "yes"]),
    "multiclass": LabelEntry(kind=MULTICLASS, classes=["a", "b", "c"]),
}


def test_inputs_are_encoded_side_by_side():
    inputs = feature_inputs(FEATURES)
    model = keras.Model(inputs, encode_inputs(FEATURES, inputs))
    (table,) = model.weights
    table.assign(np.arange(180, dtype=np.float32).reshape(90, 2))
    assert model(BATCH).numpy().tolist() == [[0.5, 0, 0, 1, 3, 178, 179], [-1, 1, 0, 0, 1, 0, 1]]


def test_one_feature_needs_no_neighbour():
    inputs = feature_inputs(FEATURES[:1])
    model = keras.Model(inputs, encode_inputs(FEATURES[:1], inputs))
    assert model({"age": BATCH["age"]}).numpy().tolist() == [[0.5], [-1]]


def test_layers_are_those_of_the_spec():
    spec = Model(hidden=[5, 4], activation="elu", initializer="he_normal", dropout=0.25)
    model = build_model(spec, FEATURES, LABELS["regression"])
    dense = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    assert [(layer.name, layer.units) for layer in dense] == [("hidden_1", 5), ("hidden_2", 4), ("head", 1)]
    activations = [layer for layer in model.layers if isinstance(layer, keras.layers.Activation)]
    assert [layer.activation.__name__ for layer in activations] == ["elu", "elu"]
    assert isinstance(dense[0].kernel_initializer, keras.initializers.HeNormal)
    drops = [layer for layer in model.layers if isinstance(layer, keras.layers.Dropout)]
    assert [layer.rate for layer in drops] == [0.25, 0.25]


def test_selu_drops_by_alpha_dropout():
    spec = Model(hidden=[5], activation="selu", initializer="lecun_normal", dropout=0.1)
    model = build_model(spec, FEATURES, LABELS["regression"])
    assert [layer.rate for layer in model.layers if isinstance(layer, keras.layers.AlphaDropout)] == [0.1]


@pytest.mark.parametrize(("kind", "units"), [("regression", 1), ("binary", 1), ("multiclass", 3)])
def test_head_loss_and_metrics_go_by_label(kind, units, tmp_path):
    label = LABELS[kind]
    spec = Model(hidden=[4], activation="selu", initializer="lecun_normal")
    model = build_model(spec, FEATURES, label)
    assert model.output_shape == (None, units)
    model.compile(loss=loss_of(label), weighted_metrics=metrics_of(label))
    values = model.evaluate(
        tf.data.Dataset.from_tensors((BATCH, tf.constant([[1], [0]]))), verbose=0, return_dict=True
    )
    names = {"regression": {"rmse", "mae"}, "binary": {"accuracy", "auc", "log_loss"}}
    assert values.keys() - {"loss"} == names.get(kind, {"accuracy", "log_loss"})
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras", compile=False)
    np.testing.assert_array_equal(again(BATCH), model(BATCH))


def test_metrics_by_hand():
    regression, binary = metrics_of(LABELS["regression"]), metrics_of(LABELS["binary"])
    for metric in regression:
        metric.update_state([[1.0], [5.0]], [[4.0], [1.0]])
    assert [round(float(metric.result()), 5) for metric in regression] == [
        3.53553,
        3.5,
    ]  # sqrt((9 + 16) / 2), 7 / 2
    for metric in binary:
        metric.update_state([[1], [0]], [[0.0], [-1.0]])  # logits: probabilities 0.5 and 0.26894
    accuracy, auc, log_loss = (float(metric.result()) for metric in binary)
    assert (accuracy, round(auc, 3)) == (0.5, 1.0)
    assert round(log_loss, 5) == 0.5032  # (-ln 0.5 - ln 0.73106) / 2


def test_weights_multiply_each_rows_loss():
    loss = loss_of(LABELS["regression"])
    value = loss(
        tf.constant([[0.0], [0.0]]), tf.constant([[1.0], [2.0]]), sample_weight=tf.constant([3.0, 0.5])
    )
    assert float(value) == (3 * 1 + 0.5 * 4) / 2


def test_answers_of_each_kind():
    number = answers(tf.constant([[1.5], [2.0]]), LABELS["regression"])
    assert {name: value.numpy().tolist() for name, value in number.items()} == {"prediction": [1.5, 2.0]}
    two = answers(tf.constant([[0.0], [-2.0]]), LABELS["binary"])
    assert two["class"].numpy().tolist() == [b"yes", b"no"]
    np.testing.assert_allclose(two["probability"], [0.5, 0.1192029], atol=1e-7)
    many = answers(tf.constant([[0.0, 0.0, 0.0], [0.0, 1.0, 2.0]]), LABELS["multiclass"])
    assert many["class"].numpy().tolist() == [b"a", b"c"]
    np.testing.assert_allclose(
        many["probabilities"], [[1 / 3] * 3, [0.0900306, 0.2447285, 0.6652410]], atol=1e-7
    )
