"""In: columns of numbers. Out: the bytes that ExampleEncoder writes are what TensorFlow and protobuf read."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from prebake.pipelines.encode_examples import ExampleEncoder
from prebake.pipelines.wire_format import varint_width
from prebake.schemas.manifest_pb2 import OUTPUT_FLOAT, OUTPUT_INT64, OutputFeature


def floats(name: str) -> OutputFeature:
    return OutputFeature(name=name, type=OUTPUT_FLOAT)


def ints(name: str, cardinality: int = 0) -> OutputFeature:
    return OutputFeature(name=name, type=OUTPUT_INT64, cardinality=cardinality)


def write(features: list[OutputFeature], columns: dict[str, np.ndarray], path) -> list[bytes]:
    """The Examples, as tf.data reads them from the file: it checks both CRCs of each record."""
    rows = len(next(iter(columns.values())))
    path.write_bytes(b"".join(ExampleEncoder(features).encode(columns, rows)))
    return list(tf.data.TFRecordDataset(str(path)).as_numpy_iterator())


def parsed(features: list[OutputFeature], records: list[bytes]) -> dict[str, np.ndarray]:
    spec = {
        feature.name: tf.io.FixedLenFeature([], tf.float32 if feature.type == OUTPUT_FLOAT else tf.int64)
        for feature in features
    }
    return {name: value.numpy() for name, value in tf.io.parse_example(records, spec).items()}


# a = 1.5 and b = 5 of 200 ids, so that b takes two bytes: 0x85 0x00.
GOLDEN = bytes.fromhex(
    "1e 00 00 00 00 00 00 00"  # length of the Example: 30
    "d9 dc 12 32"  # masked CRC32C of the length
    "0a 1c"  # Example.features, 28 bytes
    "0a 0d 0a 01 61 12 08 12 06 0a 04 00 00 c0 3f"  # entry: key a, value: float_list of 4 bytes
    "0a 0b 0a 01 62 12 06 1a 04 0a 02 85 00"  # entry: key b, value: int64_list of 2 bytes
    "5b b5 e7 94"  # masked CRC32C of the Example
)


def test_golden_record(tmp_path):
    features = [ints("b", 200), floats("a")]
    columns = {"a": np.array([1.5], np.float32), "b": np.array([5])}
    assert b"".join(ExampleEncoder(features).encode(columns, 1)) == GOLDEN
    # TensorFlow frames the same Example in the same bytes.
    with tf.io.TFRecordWriter(str(tmp_path / "f")) as writer:
        writer.write(GOLDEN[12:-4])
    assert (tmp_path / "f").read_bytes() == GOLDEN


@settings(max_examples=40, deadline=None)
@given(
    bits=st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=20),
    numbers=st.lists(st.integers(-(2**63), 2**63 - 1), min_size=20, max_size=20),
)
def test_any_float_bits_and_any_int64(bits, numbers):
    features = [floats("x"), ints("n"), ints("id", 2**31)]
    rows = len(bits)
    columns: dict[str, np.ndarray] = {
        "x": np.array(bits, np.uint32).view(np.float32),
        "n": np.array(numbers[:rows], np.int64),
        "id": np.array(bits, np.int64) % 2**31,
    }
    data = b"".join(ExampleEncoder(features).encode(columns, rows))
    size = len(data) // rows
    records = [data[at + 12 : at + size - 4] for at in range(0, len(data), size)]
    found = parsed(features, records)
    assert found["x"].view(np.uint32).tolist() == bits
    assert found["n"].tolist() == numbers[:rows]
    assert found["id"].tolist() == columns["id"].tolist()
    for row, record in enumerate(records):
        example = tf.train.Example.FromString(record).features.feature
        assert np.float32(example["x"].float_list.value[0]).tobytes() == columns["x"][
            row
        ].tobytes() or np.isnan(
            columns["x"][row]
        )  # Python turns a float32 into a float64 and back, which quiets a signalling NaN
        assert list(example["n"].int64_list.value) == [numbers[row]]
        assert list(example["id"].int64_list.value) == [columns["id"][row]]


@pytest.mark.parametrize(
    ("cardinality", "width"),
    [
        (1, 1),
        (2, 1),
        (127, 1),
        (128, 1),
        (129, 2),
        (16383, 2),
        (16384, 2),
        (16385, 3),
        (2**63 - 1, 9),
        (0, 10),
    ],
)
def test_varint_width_holds_the_largest_id(cardinality, width, tmp_path):
    assert varint_width(cardinality) == width
    largest = cardinality - 1 if cardinality else 2**63 - 1
    ids = np.array([0, largest, largest // 2, min(127, largest), min(128, largest)])
    records = write([ints("id", cardinality)], {"id": ids}, tmp_path / "f")
    assert parsed([ints("id")], records)["id"].tolist() == ids.tolist()
    assert len({len(record) for record in records}) == 1


@pytest.mark.parametrize("wrong", [-1, 100, 2**40])
def test_refuses_ids_that_do_not_fit(wrong):
    encoder = ExampleEncoder([ints("city", 100)])
    with pytest.raises(ValueError, match=r"^feature 'city' has ids outside 0 … 99$"):
        list(encoder.encode({"city": np.array([1, wrong])}, 2))


def test_keys_are_sorted_by_bytes_whatever_their_order():
    names = ["b", "a_b", "a.b", "a", "B", "a-b"]
    columns = {name: np.arange(3, dtype=np.float32) for name in names}
    one = b"".join(ExampleEncoder([floats(name) for name in names]).encode(columns, 3))
    other = b"".join(ExampleEncoder([floats(name) for name in reversed(names)]).encode(columns, 3))
    assert one == other
    places = [one.index(b"\x0a" + bytes([len(name)]) + name.encode() + b"\x12") for name in sorted(names)]
    assert places == sorted(places)
    assert sorted(names) == ["B", "a", "a-b", "a.b", "a_b", "b"]


@pytest.mark.parametrize("length", [109, 110, 111, 126, 127, 128, 16_360, 16_384, 20_000])
def test_long_names(length, tmp_path):
    """The lengths of entry, content and name each grow beyond one and two bytes at some of these."""
    features = [floats("n" * length), ints("m" * length, 300), ints("z", 3)]
    columns = {
        features[0].name: np.array([-0.0, 2.5], np.float32),
        features[1].name: np.array([299, 0]),
        "z": np.array([2, 1]),
    }
    found = parsed(features, write(features, columns, tmp_path / "f"))
    for name, column in columns.items():
        assert found[name].tobytes() == column.tobytes()


def test_many_rows_are_the_chunks_joined(tmp_path):
    rows = 10_000
    columns = {"x": np.arange(rows, dtype=np.float32) / 7, "id": np.arange(rows) % 300}
    features = [floats("x"), ints("id", 300)]
    chunks = list(ExampleEncoder(features).encode(columns, rows))
    assert [len(chunk) for chunk in chunks] == [4096 * 47, 4096 * 47, 1808 * 47]
    found = parsed(features, write(features, columns, tmp_path / "f"))
    assert found["x"].tobytes() == columns["x"].tobytes()
    assert found["id"].tolist() == columns["id"].tolist()


def test_no_rows():
    assert list(ExampleEncoder([floats("x")]).encode({"x": np.zeros(0, np.float32)}, 0)) == []
