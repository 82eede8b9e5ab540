"""Each family of transforms on rows with every edge in them; the numbers are worked by hand (see hand_made.py)."""

import numpy as np
import pytest
import tensorflow as tf
from hand_made import CITIES, INT_MISSING, RAW, bits, make_graph, make_spec, tensors
from prebake.schemas.manifest_pb2 import OUTPUT_FLOAT, OUTPUT_INT64
from prebake.schemas.spec_pb2 import BINARY, EMBEDDING, MULTICLASS, NUMBER, ONE_HOT, REGRESSION, MinMax
from prebake.schemas.statistics_pb2 import ColumnStatistics, Statistics
from prebake.transforms.buckets import as_boundaries, bucketize
from prebake.transforms.categorical import TokenTable
from prebake.transforms.crosses import cross, cross_size
from prebake.transforms.graph import TransformGraph, in_order, raw_columns
from prebake.transforms.numeric import min_max, standardize

NUMBERS = [
    # Missing becomes the mean, 1, the median, 0.5, the most frequent, 2.5, or the constant, before it is scaled.
    ("x: as_is", [1, -3, 0, 2.5, 5, 1]),
    ("x: {as_is: {}, missing: median}", [0.5, -3, 0, 2.5, 5, 1]),
    ("x: {as_is: {}, missing: most_frequent}", [2.5, -3, 0, 2.5, 5, 1]),
    ("x: {as_is: {}, missing: {constant: -.125e1}}", [-1.25, -3, 0, 2.5, 5, 1]),
    ("x: standardize", [0, -2, -0.5, 0.75, 2, 0]),
    ("x: {standardize: {}, missing: {constant: 9}}", [4, -2, -0.5, 0.75, 2, 0]),
    ("x: min_max", [0.5, 0, 0.375, 0.6875, 1, 0.5]),
    ("x: {min_max: {low: -1, high: 3}, missing: median}", [0.75, -1, 0.5, 1.75, 3, 1]),
    # 2^53 + 1 is no binary32 number.
    ("n: as_is", [2.5, -1, 4, 2**53, 7, 0]),
    ("n: {as_is: {}, missing: most_frequent}", [7, -1, 4, 2**53, 7, 0]),
    ("n: {standardize: {}, missing: median}", [-0.25, -1.75, 0.75, 2**52, 2.25, -1.25]),
    # A constant column, and one without any value.
    ("flat: standardize", [0, 0, 0, 0, 0, 0]),
    ("flat: {min_max: {low: 2, high: 4}}", [2, 2, 2, 2, 2, 2]),
    ("void: as_is", [0, 0, 0, 1, 0, 0]),
    ("void: {as_is: {}, missing: most_frequent}", [0, 0, 0, 1, 0, 0]),
    ("void: standardize", [0, 0, 0, 0, 0, 0]),
    ("void: min_max", [0, 0, 0, 0, 0, 0]),
]

IDS = [
    # On a boundary: the interval above it. Missing: an id of its own, the last.
    ("x: {buckets: 4}", [4, 0, 1, 3, 3, 2], 5),
    ("x: {buckets: {boundaries: [0, 1, 2.5]}}", [4, 0, 1, 3, 3, 2], 5),
    ("x: {buckets: 4, missing: mean}", [2, 0, 1, 3, 3, 2], 4),
    ("x: {buckets: 4, missing: most_frequent}", [3, 0, 1, 3, 3, 2], 4),
    ("x: {buckets: 4, missing: {constant: -5}}", [0, 0, 1, 3, 3, 2], 4),
    # The mean of the integers, 2.5, is no integer.
    ("n: {buckets: {boundaries: [2.25, 5]}, missing: mean}", [1, 0, 1, 2, 2, 0], 3),
    ("flat: {buckets: 4}", [1, 0, 0, 0, 0, 0], 2),
    ("void: {buckets: 4}", [1, 1, 1, 0, 1, 1], 2),
    ("void: {buckets: 4, missing: mean}", [0, 0, 0, 0, 0, 0], 1),
    # Bonn 0, Köln 1, Oslo 2, others 3, missing 4.
    ("s: vocabulary", [4, 0, 1, 3, 3, 2], 5),
    ("s: {vocabulary: {}, missing: most_frequent}", [0, 0, 1, 3, 3, 2], 4),
    ("s: {vocabulary: {}, missing: {constant: Oslo}}", [2, 0, 1, 3, 3, 2], 4),
    ("s: {vocabulary: {}, missing: {constant: Rome}}", [3, 0, 1, 3, 3, 2], 4),
    ("s: {vocabulary: {tokens: [Oslo, Bonn]}}", [3, 1, 2, 2, 2, 0], 4),
    # FarmHash64 of "unseen" and of "a\nb" modulo 3 are 2 and 1.
    ("s: {vocabulary: {oov_buckets: 3}}", [6, 0, 1, 5, 4, 2], 7),
    ("n: {vocabulary: {tokens: ['7', '-1', '9007199254740993']}}", [4, 1, 3, 2, 0, 3], 5),
    # 2^53 + 1 and 2^53 are two tokens.
    ("n: {vocabulary: {tokens: ['9007199254740992']}}", [2, 1, 1, 1, 1, 1], 3),
    ("n: {vocabulary: {tokens: ['7']}, missing: most_frequent}", [0, 1, 1, 1, 0, 1], 2),
    # A required column has no missing values in training; in a request one is a token that nobody knows.
    ("r: vocabulary", [3, 0, 1, 3, 3, 2], 4),
    # No most frequent value in a column without any.
    ("r: {vocabulary: {}, missing: most_frequent}", [3, 0, 1, 3, 3, 2], 4),
    ("s: {hash: 1000}", [1000, 189, 2, 50, 67, 578], 1001),
    ("s: {hash: 1000, missing: {constant: Bonn}}", [189, 189, 2, 50, 67, 578], 1000),
    ("n: {hash: 1000}", [1000, 820, 885, 371, 302, 223], 1001),
]


@pytest.mark.fault(31)
@pytest.mark.parametrize(("feature", "expected"), NUMBERS)
def test_numbers(feature, expected):
    graph = make_graph(feature)
    (output,) = graph.features
    assert (output.type, output.encode, output.cardinality) == (OUTPUT_FLOAT, NUMBER, 0)
    assert bits(graph.apply(tensors(RAW))[output.name]) == bits(np.array(expected, np.float32))


@pytest.mark.fault(32)
@pytest.mark.parametrize(("feature", "expected", "cardinality"), IDS)
def test_ids(feature, expected, cardinality):
    graph = make_graph(feature)
    (output,) = graph.features
    assert (output.type, output.cardinality) == (OUTPUT_INT64, cardinality)
    found = graph.apply(tensors(RAW))[output.name]
    assert found.dtype == tf.int64
    assert found.numpy().tolist() == expected


def test_a_vocabulary_of_nothing_knows_nothing():
    graph = make_graph("s: vocabulary", {"s": []})
    assert graph.features[0].cardinality == 2
    assert graph.apply(tensors(RAW))["s"].numpy().tolist() == [1, 0, 0, 0, 0, 0]


def test_tokens_are_bytes():
    graph = make_graph("s: vocabulary", {"s": [b"a\r", b" a", b"A", b"a\0"]})
    raw = tensors({"s": [b"a", b"a\r", b"A", b" a", b"a\0"]})
    assert graph.apply(raw)["s"].numpy().tolist() == [4, 0, 2, 1, 3]


def test_indicators():
    graph = make_graph(
        "x: {as_is: {}, missing: {indicator: true}}\n"
        "n: {buckets: {boundaries: [0]}, missing: {indicator: true}}\n"
        "s: {hash: 5, missing: {constant: a, indicator: true}}\n"
    )
    features = graph.apply(tensors(RAW))
    names = ["n", "n_missing", "s", "s_missing", "x", "x_missing"]
    assert [output.name for output in graph.features] == names
    for name in ("n_missing", "s_missing", "x_missing"):
        assert features[name].dtype == tf.float32
        assert features[name].numpy().tolist() == [1, 0, 0, 0, 0, 0]


def test_several_features_of_one_column():
    graph = make_graph("a: {column: x, standardize: {}}\nb: {column: x, buckets: 4}")
    assert list(graph.raw_spec) == ["x"]
    features = graph.apply(tensors(RAW))
    assert features["a"].numpy().tolist() == [0, -2, -0.5, 0.75, 2, 0]
    assert features["b"].numpy().tolist() == [4, 0, 1, 3, 3, 2]


def test_crosses_of_crosses_in_any_order():
    # x has 5 ids, s 5, their cross 25; the cross with n's 3 has 75 = (x * 5 + s) * 3 + n.
    graph = make_graph(
        "all: {cross: [both, n]}\n"
        "both: {cross: [x, s]}\n"
        "x: {buckets: 4, intermediate: true}\n"
        "s: {vocabulary: {}, intermediate: true}\n"
        "n: {buckets: {boundaries: [0]}, intermediate: true}\n"
    )
    assert [feature.name for feature in in_order(graph.spec)] == ["x", "s", "both", "n", "all"]
    assert [(output.name, output.cardinality) for output in graph.features] == [("all", 75), ("both", 25)]
    features = graph.apply(tensors(RAW))
    assert features["both"].numpy().tolist() == [24, 0, 6, 18, 18, 12]
    assert features["all"].numpy().tolist() == [74, 0, 19, 55, 55, 37]
    assert [column.name for column in raw_columns(graph.spec)] == ["x", "n", "s"]


def test_a_cross_of_too_many_combinations_is_hashed():
    graph = make_graph("x: {buckets: 4}\ns: {hash: 1000}\nboth: {cross: {of: [x, s], buckets: 100}}")
    features = graph.apply(tensors(RAW))
    assert {output.name: output.cardinality for output in graph.features}["both"] == 100
    combined = features["x"] * 1001 + features["s"]
    assert features["both"].numpy().tolist() == [hash_of(one, 100) for one in combined.numpy().tolist()]


def hash_of(number: int, buckets: int) -> int:
    low, high = number % 2**31, number // 2**31
    return (1_103_515_245 * low + 1_597_334_677 * high + 1_013_904_223) % (2**31 + 11) % buckets


def test_a_cross_of_the_largest_sizes_does_not_overflow():
    size, most = 2**31, 2**31 - 1
    ids = [tf.constant([most, 0], tf.int64)] * 3
    combined = most
    for _ in range(2):
        combined = (combined * size + most) % (2**31 + 11)
    assert cross(ids, [size] * 3, 1000).numpy().tolist() == [hash_of(combined, 1000), hash_of(0, 1000)]


def test_cross_is_exact_up_to_its_buckets():
    assert (cross_size([5, 4], 20), cross_size([5, 4], 19)) == (20, 19)
    first, second = tf.range(20, dtype=tf.int64) // 4, tf.range(20, dtype=tf.int64) % 4
    assert cross([first, second], [5, 4], 20).numpy().tolist() == list(range(20))
    assert max(cross([first, second], [5, 4], 19).numpy()) < 19


def test_bucketize_at_the_edges():
    above = np.nextafter(np.float32(1), np.float32(2))
    x = tf.constant(
        [-np.inf, -0.0, 0.0, np.nextafter(np.float32(1), np.float32(0)), 1, above, 3.4e38, np.inf]
    )
    assert bucketize(x, np.array([0, 1], np.float32)).numpy().tolist() == [0, 1, 1, 1, 2, 2, 2, 2]
    assert bucketize(x, np.array([], np.float32)).numpy().tolist() == [0] * 8


def test_boundaries_are_compared_as_binary32():
    # The binary32 nearest to 0.1 lies above the binary64 one: as text, the cell 0.1 is on the boundary 0.1.
    boundaries = as_boundaries([0.1, 0.1 + 1e-12, 0.2])
    assert boundaries.tolist() == [float(np.float32(0.1)), float(np.float32(0.2))]
    assert bucketize(tf.constant([0.1, 0.2, 0.15]), boundaries).numpy().tolist() == [1, 2, 1]


def test_subnormal_numbers_are_zero_everywhere():
    # TensorFlow's thread pool flushes them, Python's thread does not.
    tiny = float(np.finfo(np.float32).tiny)
    graph = make_graph("a: {column: x, as_is: {}}\nb: {column: x, buckets: {boundaries: [1.0e-40, 2.0e-38]}}")
    raw = tensors({"x": [1e-40, -1e-40, tiny, -tiny, 0.0, -0.0]})
    for apply in (graph.apply, tf.function(graph.apply)):
        features = apply(raw)
        assert bits(features["a"]) == bits(np.array([0, 0, tiny, -tiny, 0, 0], np.float32))
        assert features["b"].numpy().tolist() == [1, 1, 1, 0, 1, 1]


def test_scaling_at_the_edges_gives_no_nan():
    x = tf.constant([-np.inf, -3.4e38, 1, 3.4e38, np.inf], tf.float32)
    constant = ColumnStatistics(mean=-3e38, variance=0, min=-3e38, max=-3e38)
    assert standardize(x, constant).numpy().tolist() == [0, 0, 0, 0, 0]
    assert min_max(x, constant, MinMax(low=-1, high=1)).numpy().tolist() == [-1, -1, -1, -1, -1]
    # A factor beyond binary32 counts as constant.
    tiny = ColumnStatistics(mean=0, variance=5e-324, min=0, max=1e-45)
    assert standardize(x, tiny).numpy().tolist() == [0, 0, 0, 0, 0]
    assert min_max(x, tiny, MinMax(low=0, high=1)).numpy().tolist() == [0, 0, 0, 0, 0]
    plain = ColumnStatistics(mean=1, variance=4, min=-1, max=1)
    assert standardize(x, plain).numpy()[[0, 4]].tolist() == [-np.inf, np.inf]


def test_the_smallest_integer_is_missing_and_its_neighbour_is_not():
    graph = make_graph("n: {vocabulary: {tokens: ['-9223372036854775807']}}")
    raw = tensors({"n": [INT_MISSING, INT_MISSING + 1]})
    assert graph.apply(raw)["n"].numpy().tolist() == [2, 0]


@pytest.mark.parametrize(
    ("feature", "encode", "dimension"),
    [
        ("s: {hash: 49}", ONE_HOT, 0),  # 50 ids with the missing one
        ("s: {hash: 50}", EMBEDDING, 14),  # round(1.6 * 51 ** 0.56) = round(14.47)
        ("s: {hash: 100000}", EMBEDDING, 64),
        ("s: {hash: 100000, encode: one_hot}", ONE_HOT, 0),
        ("s: {hash: 3, encode: {kind: embedding, dimension: 5}}", EMBEDDING, 5),
        ("s: {hash: 3, encode: embedding}", EMBEDDING, 3),  # round(1.6 * 4 ** 0.56) = round(3.48)
    ],
)
def test_encoding(feature, encode, dimension):
    (output,) = make_graph(feature).features
    assert (output.encode, output.dimension) == (encode, dimension)


@pytest.mark.parametrize(
    ("columns", "label", "raw", "kind", "classes", "expected"),
    [
        ("{x: float, y: float}", "y", [1.5, -0.25], REGRESSION, [], [1.5, -0.25]),
        ("{x: float, y: int}", "{column: y, kind: regression}", [2**24 + 1, -3], REGRESSION, [], [2**24, -3]),
        (
            "{x: float, y: string}",
            "{column: y, kind: binary}",
            ["b", "a", "c"],
            BINARY,
            ["a", "b"],
            [1, 0, -1],
        ),
        (
            "{x: float, y: int}",
            "{column: y, kind: multiclass, classes: [10, -2, 7]}",
            [7, 10, -2, 0],
            MULTICLASS,
            ["10", "-2", "7"],
            [2, 0, 1, -1],
        ),
    ],
)
def test_label(columns, label, raw, kind, classes, expected):
    graph = make_graph("x: as_is", {"label": [b"a", b"b"]}, columns=columns, label=label)
    assert (graph.label.column, graph.label.kind, list(graph.label.classes)) == ("y", kind, classes)
    dtype = {"float": tf.float32, "int": tf.int64}.get(columns.split()[-1].rstrip("}"), tf.string)
    found = graph.apply_label(tf.constant(raw, dtype))
    assert found.dtype == (tf.float32 if kind == REGRESSION else tf.int64)
    assert found.numpy().tolist() == expected


def test_token_table_sizes():
    table = TokenTable(CITIES, tf.string, 2)
    assert table.size == 5
    assert set(table(tf.constant([f"word {i}" for i in range(50)])).numpy()) == {3, 4}


def test_quantiles_that_were_not_learnt_are_named():
    spec = make_spec("x: {buckets: 7}")
    statistics = Statistics(columns=[ColumnStatistics(name="x", present=1)])
    with pytest.raises(KeyError, match="statistics of x lack quantiles for 7 buckets"):
        TransformGraph(spec, statistics, {})
