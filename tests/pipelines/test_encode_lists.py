"""In: columns with vectors and lists. Out: the bytes that ExampleEncoder writes are what TensorFlow and protobuf read."""

from __future__ import annotations

import re

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from prebake.pipelines.encode_examples import ExampleEncoder
from prebake.schemas.manifest_pb2 import OUTPUT_FLOAT, OUTPUT_INT64, OutputFeature
from prebake.schemas.ragged import Ragged
from ragged_columns import NUMBERS, ragged


def floats(name: str, *shape: int, sequence: bool = False) -> OutputFeature:
    return OutputFeature(name=name, type=OUTPUT_FLOAT, shape=shape, sequence=sequence)


def ids(name: str, cardinality: int, *shape: int, sequence: bool = False) -> OutputFeature:
    return OutputFeature(
        name=name, type=OUTPUT_INT64, cardinality=cardinality, shape=shape, sequence=sequence
    )


def encode(features: list[OutputFeature], columns: dict[str, np.ndarray | Ragged], rows: int) -> bytes:
    return b"".join(ExampleEncoder(features).encode(columns, rows))


def records_of(data: bytes, path) -> list[bytes]:
    """As tf.data reads them, which checks both CRCs of each record; TensorFlow frames them in the same bytes."""
    path.write_bytes(data)
    records = list(tf.data.TFRecordDataset(str(path)).as_numpy_iterator())
    with tf.io.TFRecordWriter(f"{path}.copy") as writer:
        for record in records:
            writer.write(record)
    assert path.with_name(path.name + ".copy").read_bytes() == data
    return records


# The entry of the number a = 1.5, 15 bytes.
A = "0a 0d 0a 01 61 12 08 12 06 0a 04 00 00 c0 3f"


def test_golden_vector(tmp_path):
    columns = {"v": np.array([[[1.5], [-2.0]]], np.float32)}
    (record,) = records_of(encode([floats("v", 2, 1)], columns, 1), tmp_path / "f")
    assert record == bytes.fromhex(
        "0a 13"  # Example.features, 19 bytes
        "0a 11 0a 01 76 12 0c 12 0a 0a 08"  # entry: key v, value: float_list of 8 bytes
        "00 00 c0 3f 00 00 00 c0"
    )


def test_golden_list(tmp_path):
    """200 of 300 ids takes two bytes, and 5 is padded to as many."""
    features = [ids("l", 300, -1), floats("a")]
    columns = {"a": np.array([1.5, 1.5], np.float32), "l": ragged([[5, 200], []], 1, np.int64)}
    full, empty = records_of(encode(features, columns, 2), tmp_path / "f")
    assert full == bytes.fromhex(
        f"0a 1e {A}"  # Example.features, 30 bytes
        "0a 0d 0a 01 6c 12 08 1a 06 0a 04 85 00 c8 01"  # entry: key l, value: int64_list of 4 bytes
    )
    assert empty == bytes.fromhex(
        f"0a 18 {A}"  # Example.features, 24 bytes
        "0a 07 0a 01 6c 12 02 1a 00"  # entry: key l, value: int64_list of nothing
    )


def test_golden_sequences(tmp_path):
    features = [
        floats("a"),
        ids("s", 300, -1, sequence=True),
        ids("ll", 7, -1, -1, sequence=True),
    ]
    columns = {
        "a": np.array([1.5, 1.5], np.float32),
        "s": ragged([[5, 200], []], 1, np.int64),
        "ll": ragged([[[1], [], [2, 3]], []], 2, np.int64),
    }
    full, empty = records_of(encode(features, columns, 2), tmp_path / "f")
    assert full == bytes.fromhex(
        f"0a 0f {A}"  # SequenceExample.context, 15 bytes
        "12 32"  # SequenceExample.feature_lists, 50 bytes
        "0a 19 0a 02 6c 6c 12 13"  # entry: key ll, value: FeatureList of 19 bytes
        "0a 05 1a 03 0a 01 01"  # Feature: int64_list of 1 byte
        "0a 02 1a 00"  # Feature: int64_list of nothing
        "0a 06 1a 04 0a 02 02 03"  # Feature: int64_list of 2 bytes
        "0a 15 0a 01 73 12 10"  # entry: key s, value: FeatureList of 16 bytes
        "0a 06 1a 04 0a 02 85 00"  # Feature: int64_list of 2 bytes
        "0a 06 1a 04 0a 02 c8 01"
    )
    assert empty == bytes.fromhex(
        f"0a 0f {A}"
        "12 0f"  # SequenceExample.feature_lists, 15 bytes
        "0a 06 0a 02 6c 6c 12 00"  # entry: key ll, value: FeatureList of nothing
        "0a 05 0a 01 73 12 00"
    )


CONTEXT = [
    floats("a"),
    ids("b", 1000, 2, 3),
    ids("c", 1000, -1),
    floats("d", -1),
    floats("e", 2),
    ids("f", 0),
    ids("long name " * 20, 0, -1),
]
SEQUENCES = [
    ids("g", 1000, -1, sequence=True),
    floats("h", -1, sequence=True),
    ids("i", 1000, -1, -1, sequence=True),
    floats("j", -1, -1, sequence=True),
]


@st.composite
def columns_of(draw, features: list[OutputFeature], rows: int) -> dict[str, list]:
    """Python lists, one item for each row."""
    columns = {}
    for feature in features:
        bounds = (0, feature.cardinality - 1) if feature.cardinality else (-(2**63), 2**63 - 1)
        values: st.SearchStrategy = NUMBERS if feature.type == OUTPUT_FLOAT else st.integers(*bounds)
        for size in reversed(feature.shape):
            most = 4 if size < 0 else size
            values = st.lists(values, min_size=max(size, 0), max_size=most)
        columns[feature.name] = [draw(values) for _ in range(rows)]
    return columns


def as_columns(features: list[OutputFeature], columns: dict[str, list]) -> dict[str, np.ndarray | Ragged]:
    found: dict[str, np.ndarray | Ragged] = {}
    for feature in features:
        dtype = np.float32 if feature.type == OUTPUT_FLOAT else np.int64
        rows = columns[feature.name]
        is_list = -1 in feature.shape
        found[feature.name] = ragged(rows, len(feature.shape), dtype) if is_list else np.array(rows, dtype)
    return found


def values_of(feature: tf.train.Feature) -> list:
    return list(getattr(feature, feature.WhichOneof("kind")).value)


@settings(max_examples=40, deadline=None)
@given(data=st.data(), with_sequences=st.booleans(), rows=st.integers(1, 4))
def test_any_columns_are_read_back_equal(data, with_sequences, rows, tmp_path_factory):
    features = CONTEXT + (SEQUENCES if with_sequences else [])
    columns = data.draw(columns_of(features, rows))
    encoded = encode(features, as_columns(features, columns), rows)
    records = records_of(encoded, tmp_path_factory.mktemp("records") / "f")

    # By protobuf's classes.
    for row, record in enumerate(records):
        if with_sequences:
            message = tf.train.SequenceExample.FromString(record)
            context, lists = message.context.feature, message.feature_lists.feature_list
        else:
            context, lists = tf.train.Example.FromString(record).features.feature, {}
        assert sorted(context) == sorted(feature.name for feature in CONTEXT)
        for feature in CONTEXT:
            expected = np.ravel(columns[feature.name][row]).tolist()
            assert values_of(context[feature.name]) == expected
        for name in lists:
            steps = [values_of(one) for one in lists[name].feature]
            expected = columns[name][row]
            assert steps == (expected if name in "ij" else [[value] for value in expected])

    # By TensorFlow.
    def parsed_as(feature: OutputFeature):
        dtype = tf.float32 if feature.type == OUTPUT_FLOAT else tf.int64
        if -1 in feature.shape:
            return tf.io.RaggedFeature(dtype)
        return tf.io.FixedLenFeature(list(feature.shape), dtype)

    context = {feature.name: parsed_as(feature) for feature in CONTEXT}
    if with_sequences:
        sequences = {feature.name: parsed_as(feature) for feature in SEQUENCES}
        found, lists, _ = tf.io.parse_sequence_example(records, context, sequences)
        found |= {name: value.merge_dims(1, 2) if name in "gh" else value for name, value in lists.items()}
    else:
        found = tf.io.parse_example(records, context)
    for feature in features:
        assert tolist(found[feature.name]) == columns[feature.name]


def tolist(value: tf.Tensor | tf.RaggedTensor) -> list:
    return value.to_list() if isinstance(value, tf.RaggedTensor) else value.numpy().tolist()


@settings(max_examples=15, deadline=None)
@given(data=st.data(), order=st.permutations(CONTEXT + SEQUENCES))
def test_same_rows_same_bytes_in_any_order_of_features_and_cut_anywhere(data, order):
    features = CONTEXT + SEQUENCES
    columns = data.draw(columns_of(features, 3))
    whole = encode(features, as_columns(features, columns), 3)
    assert encode(order, as_columns(features, columns), 3) == whole
    rows = [{name: [column[row]] for name, column in columns.items()} for row in range(3)]
    assert b"".join(encode(features, as_columns(features, row), 1) for row in rows) == whole


def test_keys_are_sorted_by_bytes_among_lists_and_numbers():
    features = [floats("c"), ids("b", 5, -1), floats("B", 2), ids("a", 5, -1), floats("Z")]
    rows: dict[str, list] = {"a": [[1]], "b": [[]], "c": [0.5], "B": [[1, 2]], "Z": [1]}
    data = encode(features, as_columns(features, rows), 1)
    places = [data.index(b"\x0a\x01" + key + b"\x12") for key in (b"B", b"Z", b"a", b"b", b"c")]
    assert places == sorted(places)


def test_many_rows_are_the_chunks_joined(tmp_path):
    rows = 4100
    features = [floats("x"), ids("l", 6000, -1), ids("s", 6000, -1, -1, sequence=True)]
    lists = [list(range(row - row % 4, row)) for row in range(rows)]
    nested = [[[row], [row] * (row % 3)] for row in range(rows)]
    columns = as_columns(features, {"x": list(range(rows)), "l": lists, "s": nested})
    chunks = list(ExampleEncoder(features).encode(columns, rows))
    assert len(chunks) == 2
    found, steps, _ = tf.io.parse_sequence_example(
        records_of(b"".join(chunks), tmp_path / "f"),
        {"x": tf.io.FixedLenFeature([], tf.float32), "l": tf.io.RaggedFeature(tf.int64)},
        {"s": tf.io.RaggedFeature(tf.int64)},
    )
    assert found["x"].numpy().tolist() == list(range(rows))
    for value, name in ((found["l"], "l"), (steps["s"], "s")):
        column = columns[name]
        assert isinstance(column, Ragged)
        assert value.flat_values.numpy().tolist() == column.values.tolist()
        assert [split.numpy().tolist() for split in value.nested_row_splits] == [
            split.tolist() for split in column.splits
        ]


def test_lists_of_any_length(tmp_path):
    """The lengths grow beyond one and two bytes at some of these."""
    features = [floats("x", -1), ids("s", 100, -1, sequence=True), floats("y", -1, -1, sequence=True)]
    lengths = [25, 26, 27, 28, 29, 30, 31, 32, 33, 127, 128, 4085, 4096, 6000]
    lists = [[0.5] * length for length in lengths]
    steps = [list(range(100)) * (length // 100) + list(range(length % 100)) for length in lengths]
    columns = as_columns(features, {"x": lists, "s": steps, "y": [[one, one] for one in lists]})
    for row, record in enumerate(records_of(encode(features, columns, len(lengths)), tmp_path / "f")):
        message = tf.train.SequenceExample.FromString(record)
        assert values_of(message.context.feature["x"]) == lists[row]
        found = message.feature_lists.feature_list
        assert [values_of(one) for one in found["s"].feature] == [[step] for step in steps[row]]
        assert [values_of(one) for one in found["y"].feature] == [lists[row], lists[row]]


@pytest.mark.parametrize("wrong", [-1, 100])
@pytest.mark.parametrize(
    "feature",
    [ids("city", 100, 2), ids("city", 100, -1), ids("city", 100, -1, sequence=True)],
    ids=["vector", "list", "sequence"],
)
def test_refuses_ids_that_do_not_fit(feature, wrong):
    columns = as_columns([feature], {"city": [[5, 6], [99, wrong]]})
    with pytest.raises(ValueError, match=r"^feature 'city' has ids outside 0 … 99$"):
        encode([feature], columns, 2)


@pytest.mark.parametrize(
    ("feature", "message"),
    [
        (floats("x", -1, 2), "feature 'x' has shape [-1, 2], which no Example can hold"),
        (floats("x", 2, -1), "feature 'x' has shape [2, -1], which no Example can hold"),
        (floats("x", 0), "feature 'x' has shape [0], which no Example can hold"),
        (floats("x", -1, -1, -1, sequence=True), "feature 'x' has shape [-1, -1, -1], which no Example can hold"),
        (floats("x", -1, -1), "feature 'x' is a list of lists and no sequence"),
        (floats("x", 3, sequence=True), "feature 'x' is a sequence of shape [3], not a list"),
        (floats("x", sequence=True), "feature 'x' is a sequence of shape [], not a list"),
    ],
)  # fmt: skip
def test_refuses_shapes_that_no_example_holds(feature, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        ExampleEncoder([feature])


def test_no_rows():
    features = [floats("x", 3), ids("l", 5, -1)]
    columns = {"x": np.zeros((0, 3), np.float32), "l": ragged([], 1, np.int64)}
    assert list(ExampleEncoder(features).encode(columns, 0)) == []
