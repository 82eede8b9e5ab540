"""In: examples of features of fixed shape. Out: what is cut out of the files is what is parsed; damage is refused."""

from __future__ import annotations

import os

import numpy as np
import pytest
import tensorflow as tf
from prebake.pipelines.encode_examples import ExampleEncoder
from prebake.pipelines.wire_format import frame_records
from prebake.schemas.commit import publish
from prebake.schemas.manifest_pb2 import OUTPUT_FLOAT, OUTPUT_INT64, Manifest, OutputFeature
from prebake.schemas.spec_pb2 import COMPRESSION_GZIP, COMPRESSION_NONE, MULTICLASS, REGRESSION
from prebake.training import fixed_rows as module
from prebake.training.dataset import evaluation_batches, open_examples
from prebake.training.fixed_rows import fixed_rows
from prebake.training.parse_examples import example_parser
from prebake.training.record_layout import Field, RecordLayout

FEATURES = [
    OutputFeature(name="number", type=OUTPUT_FLOAT),
    OutputFeature(name="vector", type=OUTPUT_FLOAT, shape=[2, 3]),
    OutputFeature(name="small", type=OUTPUT_INT64, cardinality=2),
    OutputFeature(name="large", type=OUTPUT_INT64, cardinality=2**40),
    OutputFeature(name="any", type=OUTPUT_INT64),
    OutputFeature(name="ids", type=OUTPUT_INT64, cardinality=300, shape=[4]),
]
LABEL = OutputFeature(name="label", type=OUTPUT_FLOAT)
FIELDS = {
    **{
        one.name: Field("float32" if one.type == OUTPUT_FLOAT else "int64", list(one.shape))
        for one in FEATURES
    },
    "label": Field("float32", [1]),
}


def columns(rows: int) -> dict[str, np.ndarray]:
    """Also numbers that are none, and the ends of what fits."""
    random = np.random.default_rng(rows)
    found = {
        "number": random.normal(size=rows).astype(np.float32),
        "vector": random.integers(0, 2**32, (rows, 2, 3), np.uint32).view(np.float32),
        "small": random.integers(0, 2, rows),
        "large": random.integers(0, 2**40, rows),
        "any": random.integers(-(2**63), 2**63, rows),
        "ids": random.integers(0, 300, (rows, 4)),
        "label": random.normal(size=rows).astype(np.float32),
    }
    found["number"][:4] = [np.nan, -np.inf, -0.0, 1e-45][:rows]
    found["any"][:4] = [-(2**63), 2**63 - 1, -1, 0][:rows]
    found["large"][:2] = [2**40 - 1, 0]
    return found


def encoded(rows: int) -> bytes:
    return b"".join(ExampleEncoder([*FEATURES, LABEL]).encode(columns(rows), rows))


def write_run(run: str, shards: list[bytes], rows: list[int], features=FEATURES, **manifest) -> None:
    """`examples/` with a training split."""
    made = Manifest(step="examples", features=features, **manifest)
    made.label.kind = made.label.kind or REGRESSION
    with publish(os.path.join(run, "examples"), made) as temporary:
        os.mkdir(os.path.join(temporary, "train"))
        split = made.splits.add(name="train", rows=sum(rows), compression=COMPRESSION_NONE)
        for number, (content, count) in enumerate(zip(shards, rows, strict=True)):
            path = f"train/part-{number:05d}-of-{len(rows):05d}.tfrecord"
            with open(os.path.join(temporary, path), "wb") as file:
                file.write(content)
            split.shards.add(path=path, rows=count)


def opened(run: str):
    """The examples, and what `fixed_rows` makes of their training split."""
    examples = open_examples(run)
    return examples, fixed_rows(examples.directory, examples.manifest, examples.split("train"))


def assert_same_bits(found, wanted) -> None:
    tf.nest.assert_same_structure(found, wanted)
    for one, other in zip(tf.nest.flatten(found), tf.nest.flatten(wanted), strict=True):
        assert (one.shape, one.dtype) == (other.shape, other.dtype)
        assert one.numpy().tobytes() == other.numpy().tobytes()


def parsed(examples, split: str = "train") -> tuple:
    paths = [os.path.join(examples.directory, shard.path) for shard in examples.split(split).shards]
    (records,) = tf.data.TFRecordDataset(paths).batch(10**6)
    return example_parser(examples.manifest)(records)


def test_columns_are_what_tensorflow_parses(tmp_path):
    write_run(str(tmp_path), [encoded(50), encoded(7)], [50, 7])
    examples, rows = opened(str(tmp_path))
    wanted = parsed(examples)
    assert_same_bits(rows.take(tf.range(57, dtype=tf.int64)), wanted)
    order = tf.random.shuffle(tf.range(57, dtype=tf.int64), seed=1)
    for numbers in (order, order[:1]):
        assert_same_bits(
            rows.take(numbers), tf.nest.map_structure(lambda column, n=numbers: tf.gather(column, n), wanted)
        )
    # The first values as they were written.
    assert rows.take(tf.constant([0], tf.int64))[0]["any"].numpy().tolist() == [-(2**63)]
    # The batches have the shapes that a model is built for.
    (spec, label) = evaluation_batches(examples, "train", batch_size=8).element_spec
    assert {name: one.shape.as_list() for name, one in spec.items()} == {
        **{name: [None] for name in ("number", "small", "large", "any")},
        "vector": [None, 2, 3],
        "ids": [None, 4],
    }
    assert label.shape.as_list() == [None, 1]


def test_weights_and_class_labels(tmp_path):
    features = [FEATURES[0], OutputFeature(name="weight", type=OUTPUT_FLOAT)]
    number, classes = columns(9)["number"], np.arange(9) % 3
    label = OutputFeature(name="label", type=OUTPUT_INT64, cardinality=3)
    stored = {"number": number, "label": classes, "weight": np.arange(9, dtype=np.float32)}
    content = b"".join(ExampleEncoder([*features, label]).encode(stored, 9))
    for weighted in (True, False):  # a feature may have that name too
        run = str(tmp_path / str(weighted))
        kept = features[:1] if weighted else features
        write_run(run, [content], [9], kept, weighted=weighted, label={"kind": MULTICLASS})
        examples, rows = opened(run)
        found = rows.take(tf.range(9, dtype=tf.int64))
        assert len(found) == 2 + weighted
        assert_same_bits(found, parsed(examples))


def test_every_flipped_bit_is_seen():
    content = encoded(2)
    length = len(content) // 2
    layout = RecordLayout(content[:length], FIELDS)
    fits = tf.function(layout.fits, input_signature=[tf.TensorSpec([None, length], tf.uint8)])
    frames = np.frombuffer(content, np.uint8).reshape(2, length).copy()
    assert fits(frames)
    assert fits(frames[:0])
    for place in range(length):
        for bit in range(8):
            frames[1, place] ^= 1 << bit
            assert not fits(frames), (place, bit)
            frames[1, place] ^= 1 << bit
    assert fits(frames)


def refused(frame: bytes, fields=FIELDS) -> str:
    """Why."""
    try:
        RecordLayout(frame, fields)
    except ValueError as error:
        return str(error)
    return ""


def framed(**features) -> bytes:
    """One record, as other writers make them."""
    example = tf.train.Example()
    for name, values in features.items():
        kind = "float_list" if isinstance(values[0], float) else "int64_list"
        getattr(example.features.feature[name], kind).value.extend(values)
    return frame_records([example.SerializeToString()])


def test_what_is_no_such_record():
    whole = framed(a=[1.0, 2.0], b=[5, 300])
    fields = {"a": Field("float32", [2]), "b": Field("int64", [2])}
    assert refused(whole, fields) == "feature 'b' does not have 2 values of one width"
    whole, ids = framed(a=[1.0], b=[5, 6]), Field("int64", [2])
    numbers = Field("float32", [])
    RecordLayout(whole, {"a": numbers, "b": ids})
    assert refused(whole, {"a": numbers, "b": Field("int64", [])}) == (
        "feature 'b' does not have 1 values of one width"
    )
    assert refused(whole, {"a": Field("float32", [3]), "b": ids}) == (
        "feature 'a' does not have 3 values of one width"
    )
    assert refused(whole, {"a": ids, "b": ids}) == "feature 'a' is not what it should be"
    assert refused(whole, {"a": numbers}) == "feature 'b' is not what it should be"
    assert (
        refused(whole, {"a": numbers, "b": ids, "c": ids}) == "features ['a', 'b'] instead of ['a', 'b', 'c']"
    )
    assert refused(whole[:-1], {"a": numbers, "b": ids}) == "the length is not that of the record"
    for place in (8, -1):
        damaged = bytearray(whole)
        damaged[place] ^= 1
        assert refused(bytes(damaged), {"a": numbers, "b": ids}) == "a checksum is not that of the record"
    assert refused(framed(a=[1.0] * 129), {"a": Field("float32", [129])}) == "516 bytes may differ"
    RecordLayout(framed(a=[1.0] * 128), {"a": Field("float32", [128])})
    # Nothing and a message of another kind.
    for record in (b"", b"\x12\x00", b"\x0a\x7f", b"\x0a\xff"):
        assert refused(frame_records([record]), {"a": numbers})


def test_records_of_one_length_that_are_not_alike_are_parsed(tmp_path):
    """Keys in another order, as any writer may have them."""
    one = tf.train.Example()
    one.features.feature["number"].float_list.value.append(1.5)
    two = tf.train.Example()
    two.features.feature["label"].float_list.value.append(2.5)
    halves = [one.SerializeToString()[2:], two.SerializeToString()[2:]]
    size = bytes([len(halves[0]) + len(halves[1])])
    records = [b"\x0a" + size + halves[0] + halves[1], b"\x0a" + size + halves[1] + halves[0]]
    write_run(str(tmp_path), [frame_records(records)], [2], FEATURES[:1])
    examples, rows = opened(str(tmp_path))
    assert rows is not None
    features, label = rows.take(tf.constant([1, 0], tf.int64))
    assert (features["number"].numpy().tolist(), label.numpy().tolist()) == ([1.5, 1.5], [[2.5], [2.5]])
    batch = next(iter(evaluation_batches(examples, "train", batch_size=2)))
    assert_same_bits(batch, parsed(examples))


@pytest.mark.fault(41)
def test_a_record_that_is_damaged_while_training_goes_on_is_refused(tmp_path):
    write_run(str(tmp_path), [encoded(5), encoded(5)], [5, 5])
    examples, rows = opened(str(tmp_path))
    path = os.path.join(examples.directory, "train", "part-00001-of-00002.tfrecord")
    length = os.path.getsize(path) // 5
    for place in (0, 40, length - 1):  # its length, a value, its checksum
        with open(path, "r+b") as file:
            file.seek(3 * length + place)
            byte = file.read(1)
            file.seek(3 * length + place)
            file.write(bytes([byte[0] ^ 4]))
        rows.take(tf.constant([0, 7, 9], tf.int64))
        with pytest.raises(tf.errors.InvalidArgumentError) as error:
            list(evaluation_batches(examples, "train", batch_size=4))
        assert f"[damaged record: run the step again with --replace] [{path}] [4]" in (
            str(error.value).replace("\\'", "").replace("'", "").replace('"', "")
        )
        with open(path, "r+b") as file:
            file.seek(3 * length + place)
            file.write(byte)


def test_when_records_are_read_and_parsed_instead(tmp_path, monkeypatch):
    shards = [encoded(5), encoded(3)]
    write_run(str(tmp_path), shards, [5, 3])
    examples, rows = opened(str(tmp_path))
    assert rows is not None
    gzip = examples.split("train")
    gzip.compression = COMPRESSION_GZIP
    assert fixed_rows(examples.directory, examples.manifest, gzip) is None
    gzip.compression = COMPRESSION_NONE
    assert fixed_rows("gs://bucket/examples", examples.manifest, gzip) is None
    gzip.shards[1].rows = 2
    assert fixed_rows(examples.directory, examples.manifest, gzip) is None
    gzip.shards[1].rows = 3
    lists = Manifest(features=[*FEATURES, OutputFeature(name="list", type=OUTPUT_INT64, shape=[-1])])
    assert fixed_rows(examples.directory, lists, gzip) is None
    monkeypatch.setattr(module, "RecordLayout", lambda *_: refuse())
    assert fixed_rows(examples.directory, examples.manifest, gzip) is None


def refuse() -> None:
    raise ValueError
