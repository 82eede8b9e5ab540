"""In: a preprocessed run. Out: its statistics and every single Example are those of plain Python on the same CSV files."""

from __future__ import annotations

import csv
import json
import os
from collections import Counter

import numpy as np
import people
import pytest
import reference
import tensorflow as tf
from prebake.schemas import identity
from prebake.schemas.manifest import read_manifest
from prebake.schemas.manifest_pb2 import OUTPUT_FLOAT, Manifest
from prebake.schemas.statistics_pb2 import ColumnStatistics, Statistics


def read_examples(run: str) -> tuple[Manifest, dict[str, dict[str, np.ndarray]]]:
    """Features of each split, shard after shard, by TensorFlow's own readers."""
    manifest = read_manifest(os.path.join(run, "examples"), "examples")
    spec = {
        feature.name: tf.io.FixedLenFeature([], tf.float32 if feature.type == OUTPUT_FLOAT else tf.int64)
        for feature in manifest.features
    }
    spec["label"] = tf.io.FixedLenFeature([], tf.int64)
    if manifest.weighted:
        spec["weight"] = tf.io.FixedLenFeature([], tf.float32)
    found = {}
    for split in manifest.splits:
        records = []
        for shard in split.shards:
            path = os.path.join(run, "examples", shard.path)
            read = list(
                tf.data.TFRecordDataset(path, "GZIP" if path.endswith(".gz") else "").as_numpy_iterator()
            )
            assert len(read) == shard.rows
            records += read
        assert len(records) == split.rows
        if records:
            parsed = tf.io.parse_example(records, spec)
            found[split.name] = {name: value.numpy() for name, value in parsed.items()}
    return manifest, found


def statistics_of(run: str) -> Statistics:
    with open(os.path.join(run, "transform", "statistics.pb"), "rb") as file:
        return Statistics.FromString(file.read())


def column(statistics: Statistics, name: str) -> ColumnStatistics:
    (found,) = (entry for entry in statistics.columns if entry.name == name)
    return found


@pytest.fixture(scope="session")
def csv_rows(people_folder) -> dict[str, list[dict[str, str]]]:
    """The files, read again by Python's csv module."""
    found = {}
    for path in people.FILES:
        with open(os.path.join(people_folder, "data", path), encoding="utf-8", newline="") as file:
            found[path] = list(csv.DictReader(file))
    return found


@pytest.fixture(scope="session")
def train_rows(csv_rows) -> list[dict[str, str]]:
    splits = reference.split_names(csv_rows)
    return [
        row for path, rows in csv_rows.items() for n, row in enumerate(rows) if splits[path, n + 2] == "train"
    ]


def test_every_example_is_that_of_the_reference(people_run, csv_rows, train_rows):
    manifest, found = read_examples(people_run)
    splits = reference.split_names(csv_rows)
    assert Counter(splits.values()) == {split.name: split.rows for split in manifest.splits}
    shards = {split.name: len(split.shards) for split in manifest.splits}
    assert shards == {"train": 3, "valid": 2, "test": 1}
    for split in ("train", "valid", "test"):
        placed = []
        for path, rows in csv_rows.items():
            key = identity.path_key(path, 0)
            numbers = np.arange(2, 2 + len(rows))
            shard = identity.row_hashes(key, numbers, identity.SHARD) % np.uint64(shards[split])
            order = identity.row_hashes(key, numbers, identity.ORDER)
            for n, row in enumerate(rows):
                if splits[path, n + 2] == split:
                    placed.append((int(shard[n]), int(order[n]), row))
        placed.sort(key=lambda entry: entry[:2])
        expected = reference.features(train_rows, [row for _, _, row in placed])
        assert found[split].keys() == expected.keys()
        for name, values in expected.items():
            got = found[split][name]
            if name == "rooms_id":
                known = values >= 0
                assert got[known].tolist() == values[known].tolist()
                assert set(got[~known].tolist()) <= {5, 6}
            else:
                assert got.astype(values.dtype).tobytes() == values.tobytes(), name


def test_statistics_are_those_of_numpy(people_run, train_rows):
    statistics = statistics_of(people_run)
    assert statistics.rows == len(train_rows)
    assert [entry.name for entry in statistics.columns] == [
        "age",
        "bought",
        "city",
        "income",
        "note",
        "rooms",
    ]
    weights = reference.numbers([row["weight"] for row in train_rows]).astype(np.float64)
    np.testing.assert_allclose(statistics.weight, weights.sum(), rtol=1e-12)
    for name in ("age", "income", "rooms"):
        entry = column(statistics, name)
        x = reference.numbers([row[name] for row in train_rows])
        present = x[~np.isnan(x)].astype(np.float64)
        assert (entry.present, entry.missing) == (len(present), len(x) - len(present))
        assert (entry.min, entry.max) == (present.min(), present.max())
        assert entry.median == reference.median(x, weights)
        assert (entry.mean, entry.variance) == reference.moments(x, weights)
    (found,) = column(statistics, "age").quantiles
    age = reference.numbers([row["age"] for row in train_rows])
    assert found.buckets == 5
    assert list(found.boundaries) == reference.quantiles(age, weights, 5).tolist()


def test_vocabularies_are_those_of_counter(people_run, train_rows):
    statistics = statistics_of(people_run)
    expected = {
        ("city", "city"): lambda counts: counts,
        ("note", "note"): lambda counts: {
            token: n for token, n in counts.items() if n >= 2 and "\n" not in token
        },
        ("rooms", "rooms_id"): lambda counts: dict(sorted(counts.items(), key=lambda c: (-c[1], c[0]))[:5]),
    }
    for (name, feature), keep in expected.items():
        counts = Counter(row[name] for row in train_rows if row[name] not in reference.MISSING)
        cells, weights = ([row[one] for row in train_rows] for one in (name, "weight"))
        heavy = reference.weighed(cells, weights)
        kept = keep(heavy)
        (entry,) = column(statistics, name).vocabularies
        with open(os.path.join(people_run, "transform", entry.path), encoding="utf-8", newline="") as file:
            tokens = file.read().split("\n")[:-1]
        assert tokens == sorted(kept, key=lambda token: (-heavy[token], token.encode()))
        assert (entry.feature, entry.size) == (feature, len(kept))
        assert entry.distinct == sum("\n" not in token for token in counts)
        assert entry.out_of_vocabulary == sum(counts.values()) - sum(counts[token] for token in kept)
    assert len(column(statistics, "note").vocabularies) == 1
    assert (
        column(statistics, "rooms").most_frequent
        == reference.vocabulary(*([row[name] for row in train_rows] for name in ("rooms", "weight")))[0]
    )


def test_rows_in_are_rows_out_in_every_file(people_run, csv_rows):
    splits = reference.split_names(csv_rows)
    for step in ("transform", "examples"):
        manifest = read_manifest(os.path.join(people_run, step), step)
        assert [entry.path for entry in manifest.inputs] == sorted(people.FILES)
        for entry in manifest.inputs:
            per_split = Counter(split for (path, _), split in splits.items() if path == entry.path)
            out = {"train": entry.train_rows, "valid": entry.valid_rows, "test": entry.test_rows}
            assert out == {name: per_split[name] for name in out}
            assert (entry.rows, entry.rejected, entry.blank_lines) == (people.FILES[entry.path], 0, 0)
            assert entry.rows == sum(out.values()) + entry.rejected


def test_sample_is_the_text_of_the_first_examples(people_run, csv_rows):
    manifest, found = read_examples(people_run)
    for split in manifest.splits:
        with open(os.path.join(people_run, "examples", split.sample), encoding="utf-8") as file:
            sample = [json.loads(line) for line in file]
        assert len(sample) == 50
        for place, entry in enumerate(sample):
            (cells,) = csv.DictReader([entry["header"] + "\n", *entry["record"].splitlines(keepends=True)])
            assert cells == csv_rows[entry["file"]][entry["row"] - 2]
            assert found[split.name]["weight"][place] == np.float32(cells["weight"])
            assert found[split.name]["label"][place] == (cells["bought"] == "yes")


def planted(csv_rows: dict, folder, split: str) -> str:
    """The same files with income = 1e6 in one row of the split."""
    splits = reference.split_names(csv_rows)
    path, number = next(
        place
        for place, name in splits.items()
        if name == split and csv_rows[place[0]][place[1] - 2]["income"]
    )
    for file, rows in csv_rows.items():
        rows = [dict(row) for row in rows]
        if file == path:
            rows[number - 2]["income"] = "1e6"
        people.write_file(folder / "data" / file, people.csv_bytes(rows))
    return people.run(folder)


@pytest.mark.parametrize("split", ["test", "valid", "train"])
def test_an_outlier_reaches_the_statistics_only_from_the_training_split(
    people_run, csv_rows, tmp_path, split
):
    run = planted(csv_rows, tmp_path, split)
    paths = ("statistics.pb", "vocabularies/city.txt", "vocabularies/note.txt")
    one, other = (people.tree(os.path.join(each, "transform")) for each in (people_run, run))
    if split == "train":
        assert one["statistics.pb"] != other["statistics.pb"]
        assert column(statistics_of(run), "income").max == 1e6
    else:
        assert [one[path] == other[path] for path in paths] == [True, True, True]
    largest = max(values["income_raw"].max() for values in read_examples(run)[1].values())
    assert largest == 1e6
