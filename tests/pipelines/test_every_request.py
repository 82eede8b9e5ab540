"""What a client sends, in each of the three ways and with what no CSV can hold: the same features from every graph."""

from __future__ import annotations

import base64
import csv
import io
import math
import os

import numpy as np
import pytest
import tensorflow as tf
from prebake.transforms.graph import TransformGraph, load_graph
from prebake.transforms.saved_graph import load_saved_graph
from prebake.transforms.serving_input import RequestReader, csv_columns
from shard_rows import all_rows, in_batches

INT_MISSING = -(2**63)
# What only a request can have: infinities, -0, NaN with another sign, the int64 that stands for missing, invalid UTF-8.
EDGES = {
    tf.float32: [math.inf, -math.inf, -0.0, math.nan, -math.nan, 20.0, 3.4e38, -3.4e38, 1e-45, 1.1754942e-38],
    tf.int64: [INT_MISSING, INT_MISSING + 1, 2**63 - 1, 2**53 + 1, -1, 0, 2**31, -(2**62)],
    tf.string: [
        b"",
        b"never seen",
        b"\xff\xfe\x00",
        "日本 é e\u0301".encode(),
        b"a\nb",
        b"\r\n",
        b"\0",
        b" ",
        b"Oslo",
    ],
}
LISTS = {
    "tags": [b"", b"|", b"Action|\xff|never seen", b"Drama", b"|||", "日本|Drama".encode()],
    # One for each of the tags, or none.
    "tag_weights": [b"", b"", b"1|-0|3.4e38", b"", b"0|1e-45||7", b"|2"],
    "sizes": [b"", b"3.4e38 -3.4e38 1e-45", b"-0 0 1"],
    "steps": [b"", b"9223372036854775807", b";", b"-9223372036854775807;9007199254740993"],
    "names": [b"", b"| |", b"\xff \xfe|a", b"the quick||x"],
}
ROWS = 720


@pytest.fixture(scope="module")
def graph(every) -> TransformGraph:
    return load_graph(os.path.join(every[1], "transform"))


@pytest.fixture(scope="module")
def saved(every):
    return load_saved_graph(os.path.join(every[1], "transform", "graph"))


@pytest.fixture(scope="module")
def rows(every, graph) -> tuple[dict[str, tf.Tensor], list[dict]]:
    raw, cells, _ = all_rows(every[0], graph)
    return raw, cells


@pytest.fixture(scope="module")
def expected(saved, rows) -> dict[str, list]:
    return in_batches(saved.features, rows[0], len(rows[1]))


def csv_lines(graph: TransformGraph, raw: dict[str, tf.Tensor], cells: list[dict]) -> tf.Tensor:
    """The rows as a client writes them; a file's column holds its bytes as base64."""
    lines = []
    for place, row in enumerate(cells):
        row = row | {"picture": base64.b64encode(raw["picture"][place].numpy()).decode()}
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerow(
            [row[column.name] for column in csv_columns(graph.spec)]
        )
        lines.append(text.getvalue())
    return tf.constant(lines)


def examples(raw: dict[str, tf.Tensor]) -> tf.Tensor:
    """The rows as serialised tf.Examples without the missing values."""
    columns = {name: x.numpy().tolist() for name, x in raw.items()}
    serialized = []
    for values in zip(*columns.values(), strict=True):
        example = tf.train.Example()
        for name, value in zip(columns, values, strict=True):
            feature = example.features.feature[name]
            if isinstance(value, bytes):
                feature.bytes_list.value.extend([value] if value else [])
            elif isinstance(value, int):
                feature.int64_list.value.extend([value] if value != INT_MISSING else [])
            else:
                feature.float_list.value.extend([value] if not math.isnan(value) else [])
            if not feature.WhichOneof("kind") or not (
                feature.bytes_list.value or feature.int64_list.value or feature.float_list.value
            ):
                del example.features.feature[name]
        serialized.append(example.SerializeToString())
    return tf.constant(serialized)


@pytest.mark.parametrize("size", [7, 600])
def test_csv_lines_and_examples_are_the_rows_of_the_files(graph, rows, expected, size):
    raw, cells = rows
    sent = {"lines": csv_lines(graph, raw, cells), "examples": examples(raw)}
    reader = RequestReader(graph)
    for name, read in (("lines", reader.read_csv_lines), ("examples", reader.read_examples)):
        serve = tf.function(
            lambda batch, read=read: graph.apply(read(batch)[0], checked=True), autograph=False
        )
        serve = serve.get_concrete_function(tf.TensorSpec([None], tf.string))
        found = in_batches(lambda batch, name=name, serve=serve: serve(batch[name]), {name: sent[name]}, size)
        assert found.keys() == expected.keys()
        for feature, bits in expected.items():
            assert found[feature] == bits, (name, feature)


@pytest.fixture(scope="module")
def requests(graph) -> dict[str, tf.Tensor]:
    """Every edge of every column; the columns' edges meet, for their counts share no divisor with the steps."""
    raw = {}
    for number, (name, spec) in enumerate(graph.raw_spec.items()):
        edges = LISTS.get(name, EDGES[spec.dtype])
        step = 1 if name in ("tags", "tag_weights") else 1 + number % 3
        values = [edges[(place // step) % len(edges)] for place in range(ROWS)]
        if name in ("picture", "packed"):  # other bytes are refused
            values = [b""] * ROWS
        raw[name] = tf.constant(values, spec.dtype)
    return raw


@pytest.fixture(scope="module")
def answers(saved, requests) -> dict[str, np.ndarray]:
    return {name: value.numpy() for name, value in saved.features(requests).items()}


@pytest.mark.parametrize(("size", "count"), [(1, 80), (7, 210), (512, ROWS), (ROWS, ROWS)])
def test_requests_in_batches_of_any_size_from_any_graph(graph, saved, requests, size, count):
    whole = in_batches(saved.features, requests, ROWS)
    traced = tf.function(graph.apply, input_signature=[graph.raw_spec], autograph=False)
    some = {name: x[:count] for name, x in requests.items()}
    eager = [graph.apply] if size >= count else []
    for apply in (traced, saved.features, *eager):
        found = in_batches(apply, some, size)
        for name, bits in whole.items():
            assert found[name] == bits[:count], name


def test_no_request_leaves_the_range_of_ids(graph, answers):
    for output in graph.features:
        if output.cardinality:
            value = answers[output.name]
            is_list = any(size < 0 for size in output.shape)
            assert value.min() >= (-1 if is_list else 0), output.name
            assert value.max() < output.cardinality, output.name


def test_what_infinity_becomes(graph, requests, answers):
    """As tests/transforms/test_number_families.py has it: infinite, or the end of what the transform can give."""
    age, wild = requests["age"].numpy(), requests["wild"].numpy()
    for name in ("as_is", "standardize", "gaussian", "in_city"):
        assert (answers[name][age == np.inf] == np.inf).all(), name
        assert (answers[name][age == -np.inf] == -np.inf).all(), name
    for name in ("wild", "wild_gaussian"):
        assert (answers[name][wild == np.inf] == np.inf).all(), name
    assert (answers["place"][age == np.inf] == 1).all()
    assert (answers["place"][age == -np.inf] == 0).all()
    assert (answers["ple"][age == np.inf, -1] == np.inf).all()
    assert (answers["ple"][age == -np.inf, 0] == -np.inf).all()
    assert (answers["constant"] == 0).all()
    # Clipped, it is what the ends are.
    for end in (np.inf, -np.inf):
        assert len(set(answers["robust"][age == end].tolist())) == 1
        assert np.isfinite(answers["robust"][age == end]).all()
    for output in graph.features:
        # A component adds infinities of both signs.
        if output.name != "pca" and answers[output.name].dtype == np.float32:
            is_list = any(size < 0 for size in output.shape)
            assert is_list or not np.isnan(answers[output.name]).any(), output.name


@pytest.mark.fault(27, 32)
def test_every_way_to_be_missing_is_one(graph, saved, requests):
    """NaN of either sign, the smallest int64, the empty text: what an empty cell gives."""
    missing = {
        tf.float32: [math.nan, -math.nan, np.uint32(0x7FA00001).view(np.float32)],
        tf.int64: [INT_MISSING] * 3,
        tf.string: [b""] * 3,
    }
    raw = {name: tf.constant(missing[spec.dtype], spec.dtype) for name, spec in graph.raw_spec.items()}
    empty = tf.constant([",".join([""] * len(csv_columns(graph.spec)))])
    found = in_batches(saved.features, raw, 3)
    reader = RequestReader(graph)
    wanted = in_batches(
        lambda batch: graph.apply(reader.read_csv_lines(batch["line"])[0]), {"line": empty}, 1
    )
    for name, bits in wanted.items():
        assert found[name] == bits * 3, name
