"""In: lists of ids. Out: proof of their tf-idf weights, by hand and against plain Python."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from hand_made import bits, make_spec
from hypothesis import example, given, settings
from hypothesis import strategies as st
from in_batches import features_in_any_batch
from prebake.schemas.statistics_pb2 import Statistics
from prebake.transforms.graph import TransformGraph
from prebake.transforms.ordered_sum import sum_columns
from prebake.transforms.tf_idf import idf, tf_idf_weights


def test_idf_by_hand():
    # ln((1 + rows) / (1 + rows with the id)) + 1. Weights of rows need not be whole numbers.
    expected = [1, math.log(8 / 4) + 1, math.log(8 / 1.5) + 1, math.log(8) + 1]
    np.testing.assert_allclose(idf(7, np.array([7, 3, 0.5, 0])), expected, rtol=1e-15)


def weights_of(rows: list[list[int]], inverse: list[float]) -> tf.RaggedTensor:
    ids = tf.RaggedTensor.from_row_lengths(
        tf.constant([one for row in rows for one in row], tf.int64), [len(row) for row in rows]
    )
    return tf_idf_weights(ids, np.array(inverse))


def test_weights_by_hand():
    # With idf 3 and 4: (3, 4) has the norm 5. An id that is twice in the row has twice its value, in two equal parts:
    # (6, 4) has the norm sqrt(52).
    found = weights_of([[0, 1], [], [1, 0, 0], [0, 0], [1]], [3.0, 4.0])
    root = math.sqrt(52)
    expected = [3 / 5, 4 / 5, 4 / root, 3 / root, 3 / root, 1 / 2, 1 / 2, 1]
    assert found.dtype == tf.float32
    assert found.row_lengths().numpy().tolist() == [2, 0, 3, 2, 1]
    np.testing.assert_array_equal(found.values.numpy(), np.array(expected, np.float32))
    assert weights_of([], [1.0]).to_list() == []
    assert weights_of([[], []], [1.0]).to_list() == [[], []]


def reference(row: list[int], inverse: list[float]) -> list[float]:
    counts = Counter(row)
    norm = math.sqrt(math.fsum((counts[one] * inverse[one]) ** 2 for one in counts))
    return [inverse[one] / norm for one in row]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_weights_are_those_of_plain_python(data):
    inverse = data.draw(st.lists(st.floats(1, 30), min_size=1, max_size=5))
    rows = data.draw(st.lists(st.lists(st.integers(0, len(inverse) - 1), max_size=9), min_size=1, max_size=6))
    found = weights_of(rows, inverse).to_list()
    for row, weights in zip(rows, found, strict=True):
        np.testing.assert_allclose(weights, reference(row, inverse), rtol=1e-6)
        # The weights of an id add up to its value; the values have the norm 1.
        values = [sum(w for one, w in zip(row, weights, strict=True) if one == wanted) for wanted in set(row)]
        assert math.hypot(*values) == pytest.approx(1 if row else 0, rel=1e-6)


traced_sum = tf.function(
    lambda x: sum_columns(x, tf.identity),
    input_signature=[tf.TensorSpec([None, None], tf.float64)],
    autograph=False,
)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(st.floats(-1e18, 1e18), min_size=3, max_size=3), max_size=5), st.integers(0, 3))
# From left to right 0, from right to left 1.
@example([[1.0, 1e17, -1e17]], 3)
def test_columns_are_added_from_left_to_right(rows, width):
    x = tf.constant([row[:width] for row in rows], tf.float64, shape=[len(rows), width])
    expected = [sum(row[:width], 0.0) for row in rows]
    assert sum_columns(x, tf.identity).numpy().tolist() == expected
    assert traced_sum(x).numpy().tolist() == expected
    assert sum_columns(x, lambda column: tf.stack([column, 2 * column], 1)).shape == (len(rows), 2)


STATISTICS = """
format_version: 1
rows: 7
weight: 7
columns {
  name: "s|lower|split(by: WORDS)" present: 6 missing: 1
  vocabularies { feature: "s" document_frequency: 7 document_frequency: 3 }
}
"""


@pytest.fixture(scope="module")
def graph():
    spec = make_spec("s: {before: [lower, {split: words}], vocabulary: {top_k: 2}, tf_idf: true}")
    return TransformGraph(spec, text_format.Parse(STATISTICS, Statistics()), {"s": [b"the", "日".encode()]})


def test_a_feature_with_tf_idf(graph):
    assert [(output.name, output.weights_of) for output in graph.features] == [("s", ""), ("s_weights", "s")]
    # The vocabulary is learnt of the source, and so is in how many rows each of its tokens is.
    texts = [b"", "The 日".encode(), b"the THE\nthe", b"unseen \xff the", b"?!", "é 日 x".encode()]
    found = graph.apply({"s": tf.constant(texts)})
    assert found["s"].numpy().tolist() == [[-1] * 3, [0, 1, -1], [0, 0, 0], [2, 0, -1], [-1] * 3, [2, 1, 2]]
    # idf: in all 7 rows 1, in 3 of them ln 2 + 1, unseen ones ln 8 + 1.
    one, three, none = 1, math.log(2) + 1, math.log(8) + 1
    nan = math.nan
    expected = [
        [nan] * 3,
        [one / math.hypot(one, three), three / math.hypot(one, three), nan],
        [1 / 3] * 3,
        [none / math.hypot(one, none), one / math.hypot(one, none), nan],
        [nan] * 3,
        # Two unseen tokens have one id.
        [
            none / math.hypot(2 * none, three),
            three / math.hypot(2 * none, three),
            none / math.hypot(2 * none, three),
        ],
    ]
    np.testing.assert_allclose(found["s_weights"], np.array(expected, np.float32), rtol=2**-23)
    for texts in ([b""] * 2, []):
        found = graph.apply({"s": tf.constant(texts, tf.string)})
        assert found["s"].shape == found["s_weights"].shape == (len(texts), 0)


def test_batches_of_any_size(graph):
    words = ["the", "日", "x", "The", "y\n"]
    texts = [" ".join(words[(i * k + k) % 5] for k in range(i % 9)) for i in range(512)]
    found = features_in_any_batch(graph, {"s": tf.constant(texts)})
    assert found["s_weights"][1] == bits(np.array([1], np.float32))
