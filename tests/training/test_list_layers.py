"""In: lists as padded batches. Out: what the layers of lists make of them: numbers by hand, for any padding and batch."""

from __future__ import annotations

import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from prebake.training.list_layers import BagOfIds, DescribeNumbers, IdsOrFirst, PoolEmbeddings

NAN = math.nan
# Row 0: ids 2, 0, 2; row 1: the empty list; row 2: id 1.
IDS = np.array([[2, 0, 2], [-1, -1, -1], [1, -1, -1]], np.int64)
WEIGHTS = np.array([[0.5, 3.0, 2.0], [NAN, NAN, NAN], [-4.0, NAN, NAN]], np.float32)


def rows(x) -> list[list[float]]:
    return np.asarray(x).tolist()


def test_multi_hot_and_counts():
    assert rows(BagOfIds(4, counts=False)(IDS)) == [[1, 0, 1, 0], [0, 0, 0, 0], [0, 1, 0, 0]]
    assert rows(BagOfIds(4, counts=True)(IDS)) == [[1, 0, 2, 0], [0, 0, 0, 0], [0, 1, 0, 0]]


def test_weights_are_the_largest_of_multi_hot_and_the_sum_of_counts():
    # Id 2 has the weights 0.5 and 2; a weight below 0 is a weight, not an absence.
    assert rows(BagOfIds(4, counts=False)(IDS, WEIGHTS)) == [[3, 0, 2, 0], [0, 0, 0, 0], [0, -4, 0, 0]]
    assert rows(BagOfIds(4, counts=True)(IDS, WEIGHTS)) == [[3, 0, 2.5, 0], [0, 0, 0, 0], [0, -4, 0, 0]]


# Embeddings of the ids 0, 1, 2: (1, 0), (3, 5), (2, 8). Row 0 is 2 (2, 8) + (1, 0) = (5, 16) in sum.
TABLE = np.array([[1, 0], [3, 5], [2, 8]], np.float32)


@pytest.mark.parametrize(
    ("combiner", "plain", "weighted"),
    [
        # With weights: 0.5 (2, 8) + 3 (1, 0) + 2 (2, 8) = (8, 20); -4 (3, 5) = (-12, -20).
        ("sum", [[5, 16], [0, 0], [3, 5]], [[8, 20], [0, 0], [-12, -20]]),
        # Divided by 3 ids and by 0.5 + 3 + 2 = 5.5; -4 / -4.
        ("mean", [[5 / 3, 16 / 3], [0, 0], [3, 5]], [[8 / 5.5, 20 / 5.5], [0, 0], [3, 5]]),
        # Divided by sqrt(3) and by sqrt(0.25 + 9 + 4) = sqrt(13.25); -4 / 4.
        (
            "sqrtn",
            [[5 / 3**0.5, 16 / 3**0.5], [0, 0], [3, 5]],
            [[8 / 13.25**0.5, 20 / 13.25**0.5], [0, 0], [-3, -5]],
        ),
    ],
)
def test_embeddings_are_pooled(combiner, plain, weighted):
    embeddings = TABLE[np.asarray(IdsOrFirst()(IDS))]
    np.testing.assert_allclose(PoolEmbeddings(combiner)(embeddings, IDS), plain, rtol=1e-6)
    np.testing.assert_allclose(PoolEmbeddings(combiner)(embeddings, IDS, WEIGHTS), weighted, rtol=1e-6)


def test_numbers_are_described():
    x = np.array([[4, -2, 1], [NAN, NAN, NAN], [-7, NAN, NAN]], np.float32)
    # Mean 3 / 3, smallest, largest, ln(1 + 3); a list without numbers is 0, 0, 0, ln 1.
    wanted = [[1, -2, 4, math.log(4)], [0, 0, 0, 0], [-7, -7, -7, math.log(2)]]
    np.testing.assert_allclose(DescribeNumbers()(x), wanted, rtol=1e-6)


def test_numbers_up_to_the_largest_of_binary32():
    most = np.finfo(np.float32).max
    assert rows(DescribeNumbers()(np.array([[most], [-most]], np.float32)))[0][:3] == [most] * 3
    assert rows(DescribeNumbers()(np.array([[most], [-most]], np.float32)))[1][:3] == [-most] * 3


def test_a_batch_without_any_element():
    none = np.zeros((2, 0), np.int64)
    assert rows(BagOfIds(2, counts=True)(none)) == [[0, 0], [0, 0]]
    assert rows(BagOfIds(2, counts=False)(none, np.zeros((2, 0), np.float32))) == [[0, 0], [0, 0]]
    assert rows(PoolEmbeddings("mean")(np.zeros((2, 0, 3), np.float32), none)) == [[0] * 3] * 2
    assert rows(DescribeNumbers()(np.zeros((2, 0), np.float32))) == [[0] * 4] * 2


def test_a_list_of_lists_is_the_list_of_all_its_elements():
    nested = np.array([[[0, 2], [1, -1]], [[-1, -1], [-1, -1]]], np.int64)
    flat = np.array([[0, 2, 1, -1], [-1, -1, -1, -1]], np.int64)
    for layer in (BagOfIds(3, counts=True), IdsOrFirst()):
        assert rows(layer(nested)) == rows(layer(flat))
    numbers = np.where(nested < 0, NAN, nested).astype(np.float32)
    assert rows(DescribeNumbers()(numbers)) == rows(DescribeNumbers()(numbers.reshape(2, 4)))


# Binary fractions: their sums are exact in any order.
_ELEMENTS = st.lists(st.tuples(st.integers(0, 5), st.sampled_from([-2.0, 0.0, 0.25, 1.0, 3.5])), max_size=5)


def _padded(lists, width: int) -> tuple[np.ndarray, np.ndarray]:
    ids, weights = np.full((len(lists), width), -1, np.int64), np.full((len(lists), width), NAN, np.float32)
    for row, elements in enumerate(lists):
        for place, (one, weight) in enumerate(elements):
            ids[row, place], weights[row, place] = one, weight
    return ids, weights


def _everything(ids: np.ndarray, weights: np.ndarray) -> np.ndarray:
    table = np.arange(12, dtype=np.float32).reshape(6, 2) - 5
    embeddings = table[np.maximum(ids, 0)]
    parts = [DescribeNumbers()(weights)]
    for given_weights in ((), (weights,)):
        parts += [BagOfIds(6, counts=counts)(ids, *given_weights) for counts in (True, False)]
        parts += [PoolEmbeddings(name)(embeddings, ids, *given_weights) for name in ("mean", "sum", "sqrtn")]
    return np.concatenate([np.asarray(part) for part in parts], axis=1)


@given(st.lists(_ELEMENTS, min_size=1, max_size=4), st.integers(0, 6))
@settings(max_examples=30, deadline=None)
def test_neither_padding_nor_neighbours_matter(lists, more):
    longest = max(len(one) for one in lists)
    whole = _everything(*_padded(lists, longest + more))
    assert np.isfinite(whole).all()
    for row, elements in enumerate(lists):
        alone = _everything(*_padded([elements], len(elements)))
        np.testing.assert_allclose(whole[row : row + 1], alone, rtol=1e-6, atol=1e-7)


@given(st.lists(_ELEMENTS, min_size=1, max_size=4), st.randoms())
@settings(max_examples=20, deadline=None)
def test_the_order_in_a_list_does_not_matter(lists, random):
    other = [random.sample(one, len(one)) for one in lists]
    width = max(len(one) for one in lists)
    found, again = _everything(*_padded(lists, width)), _everything(*_padded(other, width))
    np.testing.assert_allclose(found, again, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("combiner", ["mean", "sum", "sqrtn"])
@pytest.mark.parametrize("weighted", [False, True])
def test_gradients_are_finite_beside_padding_and_empty_lists(combiner, weighted):
    table = tf.Variable(TABLE)
    pool = PoolEmbeddings(combiner)
    with tf.GradientTape() as tape:
        embeddings = tf.gather(table, IdsOrFirst()(IDS))
        pooled = pool(embeddings, IDS, *([WEIGHTS] if weighted else []))
        loss = tf.reduce_sum(pooled**2)
    gradient = tf.convert_to_tensor(tape.gradient(loss, table)).numpy()
    assert np.isfinite(gradient).all()
    # d/de of (Σ w e)² / d² is 2 w (Σ w e) / d²: of id 1, alone in its row, with d = |w| or 1.
    expected = {"sum": 16.0 if weighted else 1.0}.get(combiner, 1.0)
    np.testing.assert_allclose(gradient[1], 2 * expected * TABLE[1], rtol=1e-6)


def test_padding_alone_moves_no_embedding():
    table = tf.Variable(TABLE)
    ids = np.full((2, 3), -1, np.int64)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(PoolEmbeddings("mean")(tf.gather(table, IdsOrFirst()(ids)), ids) + 1.0)
    assert not tf.convert_to_tensor(tape.gradient(loss, table)).numpy().any()


@pytest.mark.parametrize(
    "layer", [BagOfIds(7, counts=True, name="bag"), PoolEmbeddings("sqrtn"), IdsOrFirst(), DescribeNumbers()]
)
def test_config_round_trip(layer):
    again = keras.layers.deserialize(keras.layers.serialize(layer))
    assert type(again) is type(layer)
    assert again.get_config() == layer.get_config()
