"""One graph, many ways to run it: eagerly, traced, saved and loaded, in batches of any size, bit for bit alike."""

import os
import re

import pytest
import tensorflow as tf
from google.protobuf import text_format
from hand_made import CITIES, STATISTICS, bits, make_graph, make_spec, many_rows
from prebake.schemas.commit import publish
from prebake.schemas.errors import ArtifactError
from prebake.schemas.manifest_pb2 import Manifest
from prebake.schemas.statistics_pb2 import Statistics
from prebake.transforms.graph import load_graph
from prebake.transforms.saved_graph import load_saved_graph, save_graph
from prebake.transforms.vocabulary_files import write_vocabulary

# Every family but the hashing of text, which not every target of an export can do.
PORTABLE = """\
as_is: {column: x, as_is: {}, missing: {indicator: true}}
standardized: {column: x, standardize: {}}
scaled: {column: x, min_max: {low: -0.3, high: 0.7}, missing: median}
constant: {column: flat, standardize: {}}
empty: {column: void, min_max: {}}
integers: {column: n, standardize: {}, missing: most_frequent}
quantiles: {column: x, buckets: 4}
given: {column: n, buckets: {boundaries: [0.1, 7]}, missing: mean}
tokens: {column: s, vocabulary: {}}
numbers: {column: n, vocabulary: {tokens: ['7', '-1'], oov_buckets: 4}}
hashed: {column: n, hash: 100, missing: {constant: 7}}
small: {cross: [quantiles, tokens]}
large: {cross: {of: [small, hashed], buckets: 50}}
"""
ALL = PORTABLE + "text: {column: s, hash: 100}\nunknown: {column: s, vocabulary: {oov_buckets: 5}}\n"
ROWS = 512


@pytest.fixture(scope="module")
def graph():
    return make_graph(ALL)


@pytest.fixture(scope="module")
def expected(graph):
    return {name: bits(value) for name, value in graph.apply(many_rows(ROWS)).items()}


def in_batches(function, size: int) -> dict[str, list]:
    raw = many_rows(ROWS)
    del raw["r"]  # no feature reads it
    found: dict[str, list] = {}
    for start in range(0, ROWS, size):
        for name, value in function({key: x[start : start + size] for key, x in raw.items()}).items():
            found.setdefault(name, []).extend(bits(value))
    return found


def test_batches_of_any_size_eagerly(graph, expected):
    assert in_batches(graph.apply, 7) == expected


@pytest.mark.parametrize("size", [1, 7, 512])
def test_batches_of_any_size_in_a_graph(graph, expected, size):
    assert in_batches(tf.function(graph.apply, input_signature=[graph.raw_spec]), size) == expected


@pytest.mark.parametrize("size", [1, 512])
def test_batches_of_any_size_from_a_moved_file(graph, expected, size, tmp_path):
    save_graph(graph, str(tmp_path / "saved"))
    os.rename(tmp_path / "saved", tmp_path / "moved")
    loaded = load_saved_graph(str(tmp_path / "moved"))
    assert in_batches(loaded.features, size) == expected
    assert loaded.label(tf.constant(["yes", "no", "perhaps"])).numpy().tolist() == [1, 0, -1]


def test_an_empty_batch(graph):
    for output in graph.features:
        assert graph.apply({name: x[:0] for name, x in many_rows(7).items()})[output.name].shape == (0,)


def test_columns_that_differ_in_odd_characters_only(tmp_path):
    columns = "{'a b': float, 'a(b': float, a_b: float, größe: string, 2x: int, y: string}"
    features = (
        "p: {column: 'a b', as_is: {}, missing: {constant: 1}}\nq-r.s: {column: größe, hash: 4}\n"
        + "".join(
            f"{name}: {{column: '{column}', as_is: {{}}, missing: {{constant: 2}}}}\n"
            for name, column in [("t", "a(b"), ("u", "a_b"), ("v", "2x")]
        )
    )
    graph = make_graph(features, columns=columns)
    save_graph(graph, str(tmp_path))
    raw = {
        "a b": tf.constant([3.0]),
        "a(b": tf.constant([4.0]),
        "a_b": tf.constant([5.0]),
        "größe": tf.constant([""]),
        "2x": tf.constant([6], tf.int64),
    }
    found = load_saved_graph(str(tmp_path)).features(raw)
    assert {name: value.numpy().tolist() for name, value in found.items()} == {
        "p": [3], "q-r.s": [4], "t": [4], "u": [5], "v": [6],
    }  # fmt: skip


def test_operations_are_portable():
    """No Bucketize, AsString, StringJoin, SparseToDense: LiteRT and TF.js lack them."""
    graph = make_graph(PORTABLE)
    traced = tf.function(graph.apply, input_signature=[graph.raw_spec]).get_concrete_function()
    definition = traced.graph.as_graph_def()
    nodes = [*definition.node, *(node for one in definition.library.function for node in one.node_def)]
    assert {node.op for node in nodes} <= {
        "Abs", "AddV2", "Cast", "Const", "Equal", "Fill", "FloorDiv", "FloorMod", "GreaterEqual", "Identity", "IsNan",
        "Less", "LookupTableFindV2", "Mul", "NoOp", "Placeholder", "SelectV2", "Shape", "StridedSlice", "Sub",
        "Sum", "ZerosLike",
    }  # fmt: skip


def publish_transform(directory: str) -> None:
    spec = make_spec("s: vocabulary\nx: standardize")
    statistics = text_format.Parse(STATISTICS, Statistics())
    with publish(directory, Manifest(step="transform", fingerprint="1")) as temporary:
        entry = write_vocabulary(temporary, "s", CITIES, dict.fromkeys(CITIES, 2), 7)
        next(column for column in statistics.columns if column.name == "s").vocabularies.append(entry)
        with open(os.path.join(temporary, "statistics.pb"), "wb") as file:
            file.write(statistics.SerializeToString())
        with open(os.path.join(temporary, "spec.pbtxt"), "w", encoding="utf-8") as file:
            file.write(text_format.MessageToString(spec, as_utf8=True))


def test_load_graph(tmp_path):
    directory = str(tmp_path / "transform")
    publish_transform(directory)
    graph = load_graph(directory)
    raw = many_rows(30)
    same = make_graph("s: vocabulary\nx: standardize")
    assert graph.features == same.features
    assert graph.label == same.label
    for name, value in graph.apply(raw).items():
        assert bits(value) == bits(same.apply(raw)[name])


def test_a_moved_vocabulary_line_is_refused(tmp_path):
    directory = str(tmp_path / "transform")
    publish_transform(directory)
    path = os.path.join(directory, "vocabularies", "s.txt")
    with open(path, "wb") as file:
        file.write(b"".join(token + b"\n" for token in reversed(CITIES)))
    text = f"{path}: does not have the CRC32C of the manifest: run the step again with --replace"
    with pytest.raises(ArtifactError, match=f"^{re.escape(text)}$"):
        load_graph(directory)
