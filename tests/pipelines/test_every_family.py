"""One spec with every family: the same features from Beam, the saved graph, and the graph rebuilt from its statistics."""

from __future__ import annotations

import os

import every_family
import numpy as np
import people
import pytest
import tensorflow as tf
from prebake.pipelines.preprocess import preprocess
from prebake.schemas.manifest import read_manifest
from prebake.schemas.manifest_pb2 import OutputFeature
from prebake.transforms.buckets import as_boundaries
from prebake.transforms.graph import TransformGraph, load_graph
from prebake.transforms.saved_graph import load_saved_graph
from prebake.transforms.summary import statistics_summary
from shard_rows import all_rows, in_batches


def assert_same(found: dict[str, list], expected: dict[str, list], rows: int | None = None) -> None:
    assert found.keys() == expected.keys()
    for name, bits in expected.items():
        assert found[name] == bits[:rows], name


@pytest.fixture(scope="module")
def graph(every) -> TransformGraph:
    """Rebuilt from statistics.pb."""
    return load_graph(os.path.join(every[1], "transform"))


@pytest.fixture(scope="module")
def traced(graph):
    return tf.function(graph.apply, input_signature=[graph.raw_spec], autograph=False)


@pytest.fixture(scope="module")
def saved(every):
    return load_saved_graph(os.path.join(every[1], "transform", "graph"))


@pytest.fixture(scope="module")
def rows(every, graph) -> tuple[dict[str, tf.Tensor], list[dict], np.ndarray]:
    found = all_rows(every[0], graph)
    assert len(found[1]) > 512 + 7
    return found


@pytest.fixture(scope="module")
def expected(saved, rows) -> dict[str, list]:
    """All rows at once, as when serving."""
    return in_batches(saved.features, rows[0], len(rows[1]))


@pytest.fixture(scope="module")
def expected_in_training(saved, rows) -> dict[str, list]:
    """The same as if all rows were training rows."""
    raw, cells, folds = rows
    return in_batches(saved.training_features, raw, len(cells), folds)


def test_the_edges_are_in_the_files(graph, rows):
    raw, cells, _ = rows
    for name in ("quantiles", "place", "wild_place", "wild_ple", "buckets", "wild_id"):
        feature = next(one for one in graph.spec.features if one.name == name)
        learnt = [value for one in graph.learnt.of(feature.column).quantiles for value in one.boundaries]
        edges = set(as_boundaries(list(feature.buckets.boundaries) or learnt).tolist())
        assert edges & set(raw[feature.column].numpy().tolist()), name
    assert len(set(every_family.WILD) - {row["wild"] for row in cells}) == 0
    assert {str(one) for one in every_family.HUGE} <= {row["huge"] for row in cells}
    assert set(every_family.CODES) <= {row["code"] for row in cells}
    # Each code of a valid or test row alone is unseen.
    known = graph.learnt.tokens("code")
    assert {row["code"].encode() for row in cells} - {b"", b"NA"} > set(known)
    assert graph.learnt.of("empty").present == 0
    assert len({row["constant"] for row in cells}) == 1


def test_eagerly_in_batches_of_any_size(graph, rows, expected):
    for size, count in ((1, 4), (7, 21), (512, 600)):
        some = {name: x[:count] for name, x in rows[0].items()}
        assert_same(in_batches(graph.apply, some, size), expected, count)


@pytest.mark.parametrize(("size", "count"), [(1, 80), (7, 600), (512, 600), (600, 600)])
def test_traced_in_batches_of_any_size(traced, rows, expected, size, count):
    some = {name: x[:count] for name, x in rows[0].items()}
    assert_same(in_batches(traced, some, size), expected, count)


@pytest.mark.parametrize("size", [1, 7, 512])
def test_saved_in_batches_of_any_size(saved, rows, expected, size):
    assert_same(in_batches(saved.features, rows[0], size), expected)


@pytest.mark.parametrize(("size", "count"), [(1, 80), (7, 600), (512, 600)])
def test_training_rows_in_batches_of_any_size(saved, rows, expected_in_training, size, count):
    raw, _, folds = rows
    some = {name: x[:count] for name, x in raw.items()}
    assert_same(in_batches(saved.training_features, some, size, folds[:count]), expected_in_training, count)


def test_training_rows_eagerly(graph, rows, expected_in_training):
    raw, cells, folds = rows
    assert_same(in_batches(graph.apply, raw, len(cells), folds), expected_in_training)


def test_only_the_target_depends_on_the_fold(saved, rows, expected, expected_in_training):
    assert {name for name, bits in expected.items() if bits != expected_in_training[name]} == {"city_price"}
    raw, cells, _ = rows
    none = in_batches(saved.training_features, raw, len(cells), np.full(len(cells), -1))
    assert_same(none, expected)
    for fold in range(4):
        found = in_batches(saved.training_features, raw, len(cells), np.full(len(cells), fold))
        assert found["city_price"] != expected["city_price"]


def test_the_shards_hold_the_features_of_the_graph(every, graph, rows, expected, expected_in_training):
    manifest = read_manifest(os.path.join(every[1], "examples"), "examples")
    _, cells, _ = rows
    places = {int(row["row"]): place for place, row in enumerate(cells)}
    features = [one for one in manifest.features if one.name not in ("label", "weight")]
    assert [one.name for one in features] == [one.name for one in graph.features]
    seen = []
    for split in manifest.splits:
        for shard in split.shards:
            for record in tf.data.TFRecordDataset(os.path.join(every[1], "examples", shard.path)):
                # The fields of a tf.Example are those of a SequenceExample without lists of features.
                example = tf.train.SequenceExample.FromString(record.numpy())
                place = places[example.context.feature["row"].int64_list.value[0]]
                seen.append(place)
                wanted = expected_in_training if split.name == "train" else expected
                for feature in features:
                    bits = stored_bits(example, feature)
                    assert bits == wanted[feature.name][place], (feature.name, cells[place])
    assert sorted(seen) == list(range(len(cells)))
    assert min(split.rows for split in manifest.splits) > 20


def stored_bits(example: tf.train.SequenceExample, feature: OutputFeature) -> bytes | list[bytes]:
    """As `row_bits` of one feature of one row."""
    if feature.name not in example.feature_lists.feature_list:
        return values_bits(example.context.feature[feature.name])
    items = [values_bits(one) for one in example.feature_lists.feature_list[feature.name].feature]
    return items if len(feature.shape) == 2 else b"".join(items)


def values_bits(feature: tf.train.Feature) -> bytes:
    if feature.HasField("float_list"):
        return np.array(feature.float_list.value, np.float32).tobytes()
    return np.array(feature.int64_list.value, np.int64).tobytes()


def test_no_value_is_missing(graph, saved, rows):
    found = saved.features(rows[0])
    for output in graph.features:
        value = found[output.name].numpy()
        is_list = any(size < 0 for size in output.shape)
        if value.dtype == np.float32 and not is_list:
            assert np.isfinite(value).all(), output.name
        if output.cardinality:
            assert value.max() < output.cardinality, output.name
            assert value.min() >= (-1 if is_list else 0), output.name


def test_lists_by_hand(every, saved, rows):
    raw, cells, _ = rows
    found = {name: value.numpy() for name, value in saved.features(raw).items()}
    with open(os.path.join(every[1], "transform", "vocabularies", "letters.txt"), encoding="utf-8") as file:
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
