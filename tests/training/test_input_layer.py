"""In: features of every encoding. Out: the vector that the first hidden layer sees, with numbers worked by hand."""

from __future__ import annotations

import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from prebake.schemas.manifest_pb2 import OUTPUT_FLOAT, OUTPUT_INT64, OutputFeature
from prebake.schemas.spec_pb2 import (
    COMBINER_SQRTN,
    COMBINER_SUM,
    COUNTS,
    EMBEDDING,
    MULTI_HOT,
    NUMBER,
    ONE_HOT,
    Encode,
    Feature,
)
from prebake.training.input_layer import encode_inputs, feature_inputs
from prebake.transforms.batch import Built
from prebake.transforms.outputs import output_of

NAN = math.nan


def number(name: str, *shape: int, **other) -> OutputFeature:
    return OutputFeature(name=name, type=OUTPUT_FLOAT, encode=NUMBER, shape=shape, **other)


def ids(name: str, encode: int, *shape: int, cardinality: int = 3, **other) -> OutputFeature:
    return OutputFeature(
        name=name, type=OUTPUT_INT64, encode=encode, shape=shape, cardinality=cardinality, **other
    )


FEATURES = [
    number("age"),
    ids("city", ONE_HOT),
    ids("job", EMBEDDING, dimension=2),
    ids("job_before", EMBEDDING, dimension=2, share="job"),
    ids("jobs", EMBEDDING, -1, dimension=2, share="job", combiner=COMBINER_SUM),
    number("pair", 2),
    number("picture", 1, 2, 1),
    number("steps", -1),
    ids("tags", COUNTS, -1),
    ids("tags_there", MULTI_HOT, -1),
    number("tags_weights", -1, weights_of="tags"),
    ids("words", EMBEDDING, -1, -1, dimension=1, sequence=True, combiner=COMBINER_SQRTN, cardinality=2),
]
BATCH = {
    "age": np.array([0.5, -1], np.float32),
    "city": np.array([2, 0]),
    "job": np.array([1, 2]),
    "job_before": np.array([0, 2]),
    "jobs": np.array([[0, 2], [-1, -1]]),
    "pair": np.array([[1, 2], [3, 4]], np.float32),
    "picture": np.array([[[[0.25], [0.5]]], [[[0.75], [1]]]], np.float32),
    "steps": np.array([[NAN, NAN], [2, 6]], np.float32),
    "tags": np.array([[0, 2, 2], [1, -1, -1]]),
    "tags_there": np.array([[2, 2], [-1, -1]]),
    "tags_weights": np.array([[0.5, 1, 2], [4, NAN, NAN]], np.float32),
    "words": np.array([[[0, 1], [1, -1]], [[1, -1], [-1, -1]]]),
}
TABLES = {
    "job": np.array([[10, 11], [20, 21], [30, 31]], np.float32),
    "words": np.array([[3], [6]], np.float32),
}


def make_model(features=FEATURES) -> keras.Model:
    inputs = feature_inputs(features)
    return keras.Model(inputs, encode_inputs(features, inputs))


def with_tables(model: keras.Model) -> keras.Model:
    shared, words = model.weights
    shared.assign(TABLES["job"])
    words.assign(TABLES["words"])
    return model


def test_every_encoding_side_by_side():
    wanted = [
        # age, city; job and job_before by the same table; jobs: (10, 11) + (30, 31)
        [0.5, 0, 0, 1, 20, 21, 10, 11, 40, 42]
        # pair, picture; steps: no number; tags: 0.5 of id 0 and 1 + 2 of id 2; tags_there
        + [1, 2, 0.25, 0.5, 0, 0, 0, 0, 0.5, 0, 3, 0, 0, 1]
        # words: (3 + 6 + 6) / sqrt(3)
        + [15 / 3**0.5],
        [-1, 1, 0, 0, 30, 31, 30, 31, 0, 0]
        # steps: mean, smallest, largest, ln(1 + 2)
        + [3, 4, 0.75, 1, 4, 2, 6, math.log(3), 0, 4, 0, 0, 0, 0]
        + [6],
    ]
    np.testing.assert_allclose(with_tables(make_model())(BATCH), wanted, rtol=1e-6)


def test_a_shared_embedding_is_one_weight():
    model = make_model()
    assert [tuple(weight.shape) for weight in model.weights] == [(3, 2), (2, 1)]
    # What is learnt of the one feature moves the others.
    batch = {name: tf.constant(value) for name, value in BATCH.items()}
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(with_tables(model)(batch)[:, 4:6])  # job alone
    gradient = tf.convert_to_tensor(tape.gradient(loss, model.trainable_weights[0].value)).numpy()
    assert gradient.tolist() == [[0, 0], [1, 1], [1, 1]]


def test_wider_padding_and_other_neighbours_change_nothing():
    model = with_tables(make_model())
    whole = model(BATCH).numpy()
    wide = dict(BATCH)
    for name in ("jobs", "steps", "tags", "tags_there", "tags_weights", "words"):
        value = BATCH[name]
        fill = NAN if value.dtype == np.float32 else -1
        wide[name] = np.pad(value, [(0, 0)] + [(0, 5)] * (value.ndim - 1), constant_values=fill)
    np.testing.assert_allclose(model(wide), whole, rtol=1e-6)
    for row in range(2):
        alone = {name: value[row : row + 1] for name, value in wide.items()}
        np.testing.assert_allclose(model(alone), whole[row : row + 1], rtol=1e-6)


def test_gradients_are_finite_where_lists_are_empty():
    inputs = feature_inputs(FEATURES)
    model = keras.Model(inputs, keras.layers.Dense(2)(encode_inputs(FEATURES, inputs)))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model({name: tf.constant(value) for name, value in BATCH.items()}) ** 2)
    gradients = tape.gradient(loss, [weight.value for weight in model.trainable_weights])
    assert len(gradients) == 4
    for gradient in gradients:
        assert np.isfinite(tf.convert_to_tensor(gradient).numpy()).all()


def test_a_saved_model_loads_without_being_told_of_the_layers(tmp_path):
    model = with_tables(make_model())
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras", compile=False)
    assert again(BATCH).numpy().tobytes() == model(BATCH).numpy().tobytes()
    assert len(again.weights) == 2


def test_inputs_are_what_the_examples_hold():
    inputs = feature_inputs(FEATURES)
    found = {name: (keras.backend.standardize_dtype(x.dtype), x.shape[1:]) for name, x in inputs.items()}
    assert found["age"] == ("float32", ())
    assert found["city"] == ("int64", ())
    assert found["picture"] == ("float32", (1, 2, 1))
    assert found["tags"] == ("int64", (None,))
    assert found["words"] == ("int64", (None, None))


@pytest.mark.parametrize(
    ("size", "up_to", "shape", "wanted"),
    [
        (9, 0, (), "one_hot"),
        (50, 0, (), "one_hot"),
        (51, 0, (), "embedding"),
        (9, 9, (), "one_hot"),
        (10, 9, (), "embedding"),
        (120, 200, (), "one_hot"),
        (50, 0, (-1,), "multi_hot"),
        (51, 0, (-1,), "embedding"),
    ],
)
def test_auto_goes_by_the_number_of_ids(size, up_to, shape, wanted):
    feature = Feature(name="f", encode=Encode(one_hot_up_to=up_to))
    output = output_of(feature, Built(lambda batch: batch.features["f"], size, shape))
    kinds = {ONE_HOT: "one_hot", EMBEDDING: "embedding", MULTI_HOT: "multi_hot"}
    assert kinds[output.encode] == wanted
    # round(1.6 * 51 ** 0.56) = round(14.46), round(1.6 * 10 ** 0.56) = round(5.81)
    assert output.dimension == ({51: 14, 10: 6}[size] if wanted == "embedding" else 0)
