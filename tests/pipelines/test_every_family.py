"""One spec with every family: the same features from Beam, the saved graph, and the graph rebuilt from its statistics."""

from __future__ import annotations

import os

import every_family
import numpy as np
import people
import tensorflow as tf
from prebake.pipelines.preprocess import preprocess
from prebake.transforms.graph import load_graph
from prebake.transforms.saved_graph import load_saved_graph
from prebake.transforms.summary import statistics_summary
from shard_rows import raw_rows, row_bits

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
