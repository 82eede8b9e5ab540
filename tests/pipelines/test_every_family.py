"""One spec with every family: the same features from Beam, the saved graph, and the graph rebuilt from its statistics."""

from __future__ import annotations

import csv
import os

import every_family
import numpy as np
import people
import pytest
import tensorflow as tf
from prebake.pipelines.columns import raw_column, read_files
from prebake.pipelines.find_files import CsvFile
from prebake.pipelines.preprocess import extend, preprocess
from prebake.schemas.csv_layout import read_layout
from prebake.schemas.csv_rows import read_block
from prebake.schemas.errors import ArtifactError, DataError
from prebake.schemas.manifest import read_manifest
from prebake.schemas.spec_pb2 import FILE
from prebake.transforms.graph import TransformGraph, load_graph
from prebake.transforms.saved_graph import load_saved_graph
from prebake.transforms.summary import statistics_summary

# What LiteRT runs without Flex and TF.js knows (docs/features.md says which families need more).
PORTABLE = {
    "Abs", "Add", "AddV2", "BroadcastTo", "Cast", "Ceil", "ConcatV2", "Const", "Cos", "Equal", "Exp", "ExpandDims",
    "Fill", "Floor", "FloorDiv", "FloorMod", "GatherV2", "Greater", "GreaterEqual", "Identity", "IsFinite", "IsNan", "Less",
    "LessEqual", "Log", "Log1p", "LogicalAnd", "LogicalNot", "LogicalOr", "LookupTableFindV2", "Maximum", "Minimum", "Mul",
    "Neg", "NoOp", "NotEqual", "Pack", "Placeholder", "Pow", "PartitionedCall", "RealDiv", "Reshape", "Select", "SelectV2",
    "Shape", "Sign", "Sin", "Sqrt", "StatefulPartitionedCall", "StridedSlice", "Sub", "Sum", "Tile", "ZerosLike",
}  # fmt: skip
# Text is split and hashed, bytes are decoded: that stays on the host.
NOT_PORTABLE = {
    "city_hash", "tags", "tags_embedded", "tags_shared", "cross_of_lists", "names", "words", "pairs", "letters", "vectors",
    "picture", "packed", "sizes", "steps", "steps_in_order",
}  # fmt: skip


@pytest.fixture(scope="session")
def every(tmp_path_factory) -> tuple[str, str]:
    """The folder of the files, and the run."""
    folder = str(tmp_path_factory.mktemp("every"))
    run = os.path.join(folder, "run")
    preprocess(every_family.write(folder), run)
    return folder, run


def raw_rows(folder: str, graph: TransformGraph, number: int) -> tuple[dict[str, tf.Tensor], list[dict]]:
    """The raw columns of one shard, and its cells."""
    path = os.path.join(folder, "data", f"{number}.csv")
    with open(path, "rb") as file:
        content = file.read()
    with open(path, encoding="utf-8", newline="") as file:
        cells = list(csv.DictReader(file))
    layout = read_layout(content, path, graph.spec.data)
    block = read_block(content[layout.skip_bytes :], layout.first_row, layout, path)
    assert not block.errors
    raw = {}
    for column in graph.spec.data.columns:
        if column.name in graph.raw_spec:
            cell = raw_column(block.batch, column)
            if column.type == FILE:
                cell, _ = read_files(cell, CsvFile(path, f"{number}.csv", 1, None))
            raw[column.name] = tf.constant(cell)
    return raw, cells


def row_bits(value: np.ndarray) -> list:
    """Bits of each row, without the padding of lists."""
    rows = []
    for row in value:
        flat = np.atleast_1d(row)
        kept = ~np.isnan(flat) if flat.dtype == np.float32 else flat != -1
        rows.append((flat[kept].tobytes(), int(kept.sum())))
    return rows


def test_batches_of_any_size_from_any_graph(every):
    folder, run = every
    graph, saved = (
        load_graph(os.path.join(run, "transform")),
        load_saved_graph(os.path.join(run, "transform", "graph")),
    )
    raw, cells = raw_rows(folder, graph, 0)
    rows = len(cells)
    whole = {name: row_bits(value.numpy()) for name, value in saved.features(raw).items()}
    assert {output.name for output in graph.features} == set(whole)
    for apply in (graph.apply, saved.features):
        for size in (1, 7):
            parts: dict[str, list] = {name: [] for name in whole}
            for start in range(0, min(rows, 42), size):
                batch = {name: x[start : start + size] for name, x in raw.items()}
                for name, value in apply(batch).items():
                    parts[name] += row_bits(value.numpy())
            for name, bits in parts.items():
                assert bits == whole[name][: len(bits)], name
    eager = {name: row_bits(value.numpy()) for name, value in graph.apply(raw).items()}
    assert eager == whole


def test_no_value_is_missing(every):
    folder, run = every
    graph = load_graph(os.path.join(run, "transform"))
    raw, _ = raw_rows(folder, graph, 1)
    found = graph.apply(raw)
    for output in graph.features:
        value = found[output.name].numpy()
        is_list = any(size < 0 for size in output.shape)
        if value.dtype == np.float32 and not is_list:
            assert np.isfinite(value).all(), output.name
        if output.cardinality:
            assert value.max() < output.cardinality, output.name
            assert value.min() >= (-1 if is_list else 0), output.name


def test_lists_by_hand(every):
    folder, run = every
    graph = load_graph(os.path.join(run, "transform"))
    raw, cells = raw_rows(folder, graph, 2)
    found = {name: value.numpy() for name, value in graph.apply(raw).items()}
    with open(os.path.join(run, "transform", "vocabularies", "letters.txt"), encoding="utf-8") as file:
        letters = {letter: place for place, letter in enumerate(file.read().split("\n"))}
    for place, row in enumerate(cells):
        given = [tag for tag in row["tags"].split("|") if tag]
        ids = found["tags"][place]
        assert (ids >= 0).sum() == len(given)
        # Missing elements are left out, and a missing weight is 1.
        weights = found["tags_weights"][place]
        pairs = zip(
            row["tags"].split("|"), (row["tag_weights"] or "|".join("1" * 9)).split("|"), strict=False
        )
        assert weights[~np.isnan(weights)].tolist() == [float(w or 1) for tag, w in pairs if tag]
        sequence = found["letters"][place]
        assert sequence[sequence >= 0].tolist() == [
            letters.get(one, len(letters) - 1) for one in row["title"]
        ]
        steps = found["steps_in_order"][place]
        assert (~np.isnan(steps)).sum() == (len(row["steps"].split(";")) if row["steps"] else 0)


def test_training_examples_hold_the_target_of_the_other_folds(every):
    folder, run = every
    graph = load_graph(os.path.join(run, "transform"))
    raw, _ = raw_rows(folder, graph, 0)
    rows = len(raw["city"])
    serving = graph.apply(raw)["city_price"].numpy()
    none = graph.apply(raw, tf.fill([rows], tf.constant(-1, tf.int64)))["city_price"].numpy()
    assert serving.tobytes() == none.tobytes()
    folds = [
        graph.apply(raw, tf.fill([rows], tf.constant(fold, tf.int64)))["city_price"] for fold in range(4)
    ]
    assert all((fold.numpy() != serving).any() for fold in folds)


def test_operations_are_portable(every):
    _, run = every
    graph = load_graph(os.path.join(run, "transform"))
    names = [name for name in graph._built if name not in NOT_PORTABLE]
    traced = tf.function(
        graph.apply, input_signature=[graph.raw_spec], autograph=False
    ).get_concrete_function()
    outputs = [traced.graph.structured_outputs[name].op.name for name in names]
    definition = tf.compat.v1.graph_util.extract_sub_graph(traced.graph.as_graph_def(), outputs)
    assert {node.op for node in definition.node} <= PORTABLE


def test_passes_are_said_with_their_reasons(every):
    _, run = every
    assert statistics_summary(os.path.join(run, "transform")).splitlines()[1] == (
        "2 passes over the training split: 1. statistics of raw columns; 2. the covariances of pca and statistics of age "
        "after its clip by quantiles"
    )


def test_a_second_run_gives_the_same_bytes(every, tmp_path):
    _, run = every
    folder = str(tmp_path)
    preprocess(every_family.write(folder), os.path.join(folder, "run"))
    assert people.reproducible(os.path.join(folder, "run")) == people.reproducible(run)


ONE_PASS = ("standardize", "gaussian", "quantiles", "city", "city_price", "in_city", "tags", "words", "steps")


def test_extended_by_new_files_it_is_the_full_analysis(tmp_path):
    text = every_family.with_features(*ONE_PASS)
    full = every_family.write(tmp_path / "full", text)
    preprocess(full, str(tmp_path / "full" / "run"), steps=["analyze"])
    spec = every_family.write(tmp_path / "part", text)
    late = tmp_path / "part" / "data" / "2.csv"
    content = late.read_bytes()
    late.unlink()
    run = str(tmp_path / "part" / "run")
    preprocess(spec, run, steps=["analyze"])
    assert extend(spec, run) == []
    late.write_bytes(content)
    lines = extend(spec, run)
    assert lines[0].startswith("training rows: ")
    assert any(line.startswith("age: mean ") for line in lines)
    assert people.reproducible(run) == people.reproducible(str(tmp_path / "full" / "run"))
    # The next step takes it for what it is.
    assert preprocess(spec, run) == {"analyze": False, "transform": True}


def test_extended_with_kept_ids(tmp_path):
    text = every_family.with_features("city", "standardize")
    spec = every_family.write(tmp_path, text)
    late = tmp_path / "data" / "0.csv"
    content = late.read_bytes().replace(b"Rome", b"Paris")
    late.unlink()
    run = str(tmp_path / "run")
    preprocess(spec, run, steps=["analyze"])
    vocabulary = tmp_path / "run" / "transform" / "vocabularies" / "city.txt"
    before = vocabulary.read_bytes()
    late.write_bytes(content)
    lines = extend(spec, run, keep_ids=True)
    assert vocabulary.read_bytes() == before + b"Paris\n"
    assert "vocabulary of city: 1 new (Paris)" in lines
    assert preprocess(spec, run) == {"analyze": False, "transform": True}


def test_files_that_were_analyzed_and_changed(tmp_path):
    spec = every_family.write(tmp_path, every_family.with_features("standardize"))
    run = str(tmp_path / "run")
    preprocess(spec, run, steps=["analyze"])
    (tmp_path / "data" / "3.csv").write_bytes((tmp_path / "data" / "2.csv").read_bytes())
    first = tmp_path / "data" / "0.csv"
    first.write_bytes(first.read_bytes() + first.read_bytes().splitlines(keepends=True)[-1])
    with pytest.raises(DataError, match=r"0\.csv: had [0-9,]+ bytes when it was analyzed and has [0-9,]+: "):
        extend(spec, run)
    first.unlink()
    with pytest.raises(ArtifactError, match=r"was made from 0\.csv, which the patterns no longer match"):
        extend(spec, run)


USER = """\
import tensorflow_transform as tft

def preprocessing_fn(inputs):
    return {
        "age_scaled": tft.scale_to_0_1(inputs["constant"]),
        "city_id": tft.compute_and_apply_vocabulary(inputs["city"], num_oov_buckets=1),
    }
"""


def test_a_tft_function_beside_the_features(tmp_path):
    text = "preprocessing_fn: mine.py\n" + every_family.with_features("standardize")
    (tmp_path / "mine.py").write_text(USER, encoding="utf-8")
    spec = every_family.write(tmp_path, text)
    run = str(tmp_path / "run")
    preprocess(spec, run)
    manifest = read_manifest(os.path.join(run, "examples"), "examples")
    assert [feature.name for feature in manifest.features] == [
        "age_scaled", "city_id", "standardize", "standardize_missing",
    ]  # fmt: skip
    assert manifest.features[1].cardinality > 3
    graph, saved = (
        load_graph(os.path.join(run, "transform")),
        load_saved_graph(os.path.join(run, "transform", "graph")),
    )
    raw, _ = raw_rows(str(tmp_path), graph, 0)
    found, again = graph.apply(raw), saved.features(raw)
    assert {name: row_bits(x.numpy()) for name, x in found.items()} == {
        name: row_bits(x.numpy()) for name, x in again.items()
    }
    with pytest.raises(ArtifactError, match="has a preprocessing_fn, whose statistics cannot be extended"):
        extend(spec, run)
