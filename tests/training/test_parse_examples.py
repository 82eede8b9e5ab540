"""In: records with vectors, lists and sequences. Out: dense batches, by prebake's parser and by the file that it writes."""

from __future__ import annotations

import os
import pathlib
import runpy

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from prebake.pipelines.encode_examples import ExampleEncoder
from prebake.schemas.commit import publish
from prebake.schemas.feature_spec import write_feature_spec
from prebake.schemas.manifest_pb2 import OUTPUT_FLOAT, OUTPUT_INT64, Manifest, OutputFeature
from prebake.schemas.ragged import from_padded
from prebake.schemas.spec_pb2 import COMPRESSION_NONE, MULTICLASS, REGRESSION
from prebake.training.dataset import evaluation_batches, open_examples, training_batches

NAN = float("nan")
NUMBER = OutputFeature(name="age", type=OUTPUT_FLOAT)
VECTOR = OutputFeature(name="pixels", type=OUTPUT_FLOAT, shape=[2, 1, 2])
ID_VECTOR = OutputFeature(name="bins", type=OUTPUT_INT64, cardinality=9, shape=[2])
LIST = OutputFeature(name="genres", type=OUTPUT_INT64, cardinality=200, shape=[-1])
WEIGHTS = OutputFeature(name="genres_weights", type=OUTPUT_FLOAT, shape=[-1], weights_of="genres")
STEPS = OutputFeature(name="steps", type=OUTPUT_FLOAT, shape=[-1], sequence=True)
WORDS = OutputFeature(name="words", type=OUTPUT_INT64, cardinality=200, shape=[-1, -1], sequence=True)
WORD_NUMBERS = OutputFeature(name="tones", type=OUTPUT_FLOAT, shape=[-1, -1], sequence=True)
LISTS = [NUMBER, VECTOR, ID_VECTOR, LIST, WEIGHTS]
EVERYTHING = [*LISTS, STEPS, WORDS, WORD_NUMBERS]


def dense_columns(rows: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Padded as batches are, trailing padding alone; each list is empty in some rows."""
    random = np.random.default_rng(seed)
    lengths = random.integers(0, 4, rows)
    inner = np.where(np.arange(3) < lengths[:, None], random.integers(1, 4, (rows, 3)), 0)
    in_list, in_lists = np.arange(3) < lengths[:, None], np.arange(3) < inner[..., None]
    ids, numbers = random.integers(0, 200, (rows, 3)), random.normal(size=(rows, 3))
    id_lists, number_lists = random.integers(0, 200, (rows, 3, 3)), random.normal(size=(rows, 3, 3))
    return {
        "age": random.normal(size=rows).astype(np.float32),
        "pixels": random.normal(size=(rows, 2, 1, 2)).astype(np.float32),
        "bins": random.integers(0, 9, (rows, 2)),
        "genres": np.where(in_list, ids, -1),
        "genres_weights": np.where(in_list, numbers, NAN).astype(np.float32),
        "steps": np.where(in_list, numbers, NAN).astype(np.float32),
        "words": np.where(in_lists, id_lists, -1),
        "tones": np.where(in_lists, number_lists, NAN).astype(np.float32),
    }


def write_examples(
    run: str, features: list[OutputFeature], columns: dict[str, np.ndarray], *, weighted: bool, kind: int
) -> str:
    """`examples/` of a run with a training split alone; label and weight are the number of the row."""
    rows = len(columns["age"])
    number = np.arange(rows)
    is_float = kind == REGRESSION
    label = OutputFeature(
        name="label", type=OUTPUT_FLOAT if is_float else OUTPUT_INT64, cardinality=0 if is_float else rows
    )
    stored = [*features, label]
    values = {"label": number.astype(np.float32) if is_float else number}
    if weighted:
        stored.append(OutputFeature(name="weight", type=OUTPUT_FLOAT))
        values["weight"] = number.astype(np.float32)
    ragged = {
        feature.name: from_padded(columns[feature.name], feature.type == OUTPUT_FLOAT)
        if -1 in feature.shape
        else columns[feature.name]
        for feature in features
    }
    manifest = Manifest(step="examples", features=features, weighted=weighted)
    manifest.label.kind = kind
    directory = os.path.join(run, "examples")
    os.makedirs(run, exist_ok=True)
    with publish(directory, manifest) as temporary:
        path = "train/part-00000-of-00001.tfrecord"
        os.mkdir(os.path.join(temporary, "train"))
        chunks = ExampleEncoder(stored).encode({**ragged, **values}, rows)
        pathlib.Path(temporary, path).write_bytes(b"".join(chunks))
        split = manifest.splits.add(name="train", rows=rows, compression=COMPRESSION_NONE)
        split.shards.add(path=path, rows=rows)
        write_feature_spec(temporary, manifest)
    return directory


def assert_equal(found, expected) -> None:
    """Bit by bit; the batches' structures too."""
    tf.nest.assert_same_structure(found, expected)
    pairs = zip(tf.nest.flatten(found), tf.nest.flatten(expected), strict=True)
    for one, other in pairs:
        one, other = np.asarray(one), np.asarray(other)
        assert (one.shape, one.dtype) == (other.shape, other.dtype)
        np.testing.assert_array_equal(one, other)


def cut(column: np.ndarray, rows: slice) -> np.ndarray:
    """As long as the longest of these rows."""
    batch = column[rows]
    absent = np.isnan(batch) if batch.dtype == np.float32 else batch == -1
    for axis in range(1, batch.ndim):
        others = tuple(other for other in range(batch.ndim) if other != axis)
        longest = int((~absent).any(axis=others).sum())
        batch, absent = batch.take(range(longest), axis), absent.take(range(longest), axis)
    return batch


@pytest.mark.parametrize(
    "features", [[NUMBER, VECTOR], LISTS, EVERYTHING], ids=["fixed", "lists", "everything"]
)
def test_batches_are_the_columns_that_were_written(features, tmp_path):
    columns = dense_columns(23)
    write_examples(str(tmp_path), features, columns, weighted=True, kind=REGRESSION)
    batches = list(evaluation_batches(open_examples(str(tmp_path)), "train", batch_size=5))
    assert len(batches) == 5
    for number, (found, label, weight) in enumerate(batches):
        rows = slice(5 * number, 5 * number + 5)
        expected = {
            feature.name: cut(columns[feature.name], rows) if -1 in feature.shape else columns[feature.name][rows]
            for feature in features
        }  # fmt: skip
        assert_equal({name: value.numpy() for name, value in found.items()}, expected)
        assert label.numpy().tolist() == [[row] for row in range(23)[rows]]
        assert weight.numpy().tolist() == list(range(23)[rows])
        assert (label.dtype, weight.dtype) == (tf.float32, tf.float32)


def test_static_shapes(tmp_path):
    write_examples(str(tmp_path), EVERYTHING, dense_columns(3), weighted=False, kind=MULTICLASS)
    features, label = evaluation_batches(open_examples(str(tmp_path)), "train", batch_size=2).element_spec
    assert {name: (spec.shape.as_list(), spec.dtype.name) for name, spec in features.items()} == {
        "age": ([None], "float32"),
        "bins": ([None, 2], "int64"),
        "genres": ([None, None], "int64"),
        "genres_weights": ([None, None], "float32"),
        "pixels": ([None, 2, 1, 2], "float32"),
        "steps": ([None, None], "float32"),
        "tones": ([None, None, None], "float32"),
        "words": ([None, None, None], "int64"),
    }
    assert (label.shape.as_list(), label.dtype.name) == ([None, 1], "int64")


def test_only_empty_lists(tmp_path):
    columns = dense_columns(2)
    for name in ("genres", "words"):
        columns[name] = np.full_like(columns[name], -1)
    for name in ("genres_weights", "steps", "tones"):
        columns[name] = np.full_like(columns[name], NAN)
    write_examples(str(tmp_path), EVERYTHING, columns, weighted=False, kind=REGRESSION)
    ((features, _),) = evaluation_batches(open_examples(str(tmp_path)), "train", batch_size=2)
    assert {name: features[name].shape.as_list() for name in ("genres", "steps", "words", "tones")} == {
        "genres": [2, 0],
        "steps": [2, 0],
        "words": [2, 0, 0],
        "tones": [2, 0, 0],
    }


def test_training_batches_keep_each_row_together(tmp_path):
    columns = dense_columns(40)
    write_examples(str(tmp_path), EVERYTHING, columns, weighted=False, kind=REGRESSION)
    batches = training_batches(
        open_examples(str(tmp_path)), seed=3, epochs=range(1), batch_size=1, shuffle_buffer=40
    )
    order = []
    for features, label in batches:
        row = int(label.numpy()[0, 0])
        order.append(row)
        rows = slice(row, row + 1)
        expected = {
            feature.name: cut(columns[feature.name], rows) if -1 in feature.shape else columns[feature.name][rows]
            for feature in EVERYTHING
        }  # fmt: skip
        assert_equal({name: value.numpy() for name, value in features.items()}, expected)
    assert sorted(order) == list(range(40)) != order


@settings(max_examples=12, deadline=None)
@given(
    features=st.sets(st.sampled_from(range(1, len(EVERYTHING)))),
    weighted=st.booleans(),
    kind=st.sampled_from([REGRESSION, MULTICLASS]),
    seed=st.integers(0, 2**32),
)
def test_the_written_file_parses_as_prebake_does(features, weighted, kind, seed, tmp_path_factory):
    run = str(tmp_path_factory.mktemp("run"))
    chosen = [NUMBER, *(EVERYTHING[place] for place in sorted(features))]
    directory = write_examples(run, chosen, dense_columns(6, seed), weighted=weighted, kind=kind)
    parse = runpy.run_path(os.path.join(directory, "parse_examples.py"))["parse"]
    examples = open_examples(run)
    records = tf.data.TFRecordDataset(os.path.join(directory, "train/part-00000-of-00001.tfrecord"))
    foreign = list(records.batch(4).map(parse))
    own = list(evaluation_batches(examples, "train", batch_size=4))
    assert len(own) == len(foreign) == 2
    for one, other in zip(own, foreign, strict=True):
        assert_equal(other, one)
