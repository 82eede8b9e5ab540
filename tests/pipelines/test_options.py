"""In: specs with options of the data and the examples, on few rows. Out: what each option promises of the run directory."""

from __future__ import annotations

import os

import numpy as np
import people
import pytest
import tensorflow as tf
from prebake.pipelines import transform as transform_module
from prebake.pipelines.preprocess import main, summary
from prebake.schemas.examples_plan import shard_counts
from prebake.schemas.manifest import read_manifest
from prebake.schemas.manifest_pb2 import Manifest
from prebake.schemas.spec_pb2 import COMPRESSION_GZIP, Spec
from prebake.schemas.statistics_pb2 import Statistics


def rows(count: int = 60) -> list[dict[str, str]]:
    return people.make_rows(count, 0)


def records(run: str, split: str) -> list[list[bytes]]:
    """Examples of each shard."""
    (entry,) = (
        entry
        for entry in read_manifest(os.path.join(run, "examples"), "examples").splits
        if entry.name == split
    )
    compression = "GZIP" if entry.compression == COMPRESSION_GZIP else ""
    return [
        list(
            tf.data.TFRecordDataset(
                os.path.join(run, "examples", shard.path), compression
            ).as_numpy_iterator()
        )
        for shard in entry.shards
    ]


def values(shards: list[list[bytes]], name: str, dtype: tf.DType) -> np.ndarray:
    spec = {name: tf.io.FixedLenFeature([], dtype)}
    return tf.io.parse_example([one for shard in shards for one in shard], spec)[name].numpy()


def test_gzip_output_holds_the_same_examples(tmp_path):
    people.write_file(tmp_path / "data" / "a.csv", people.csv_bytes(rows(300)))
    shards = {"train_shards": 2}
    plain = people.run(tmp_path, {"examples": shards}, base=people.SMALL)
    packed = people.run(
        tmp_path, {"examples": shards | {"compression": "gzip"}}, base=people.SMALL, name="gz"
    )
    again = people.run(
        tmp_path, {"examples": shards | {"compression": "gzip"}}, base=people.SMALL, name="gz2"
    )
    assert records(packed, "train") == records(plain, "train")
    assert people.reproducible(packed) == people.reproducible(again)
    names = ["part-00000-of-00002.tfrecord.gz", "part-00001-of-00002.tfrecord.gz", "sample.jsonl"]
    assert sorted(os.listdir(os.path.join(packed, "examples", "train"))) == names


def test_no_test_split_and_more_shards_than_rows(tmp_path):
    people.write_file(tmp_path / "data" / "a.csv", people.csv_bytes(rows()))
    changes = {"data": {"split": {"train": 0.9, "valid": 0.1}}, "examples": {"valid_shards": 50}}
    run = people.run(tmp_path, changes, base=people.SMALL)
    manifest = read_manifest(os.path.join(run, "examples"), "examples")
    assert [(split.name, len(split.shards)) for split in manifest.splits] == [
        ("train", 4),
        ("valid", 50),
        ("test", 0),
    ]
    assert sorted(os.listdir(os.path.join(run, "examples"))) == [
        "feature_spec.json",
        "manifest.pbtxt",
        "parse_examples.py",
        "train",
        "valid",
    ]
    assert manifest.splits[2].sample == ""
    assert manifest.splits[2].rows == 0
    valid = records(run, "valid")
    assert [len(shard) for shard in valid] == [shard.rows for shard in manifest.splits[1].shards]
    assert sum(map(len, valid)) + sum(map(len, records(run, "train"))) == 60
    rows_read, written = summary(run).split("\n")
    assert rows_read == "60 rows read from 1 file, 0 rejected"
    train = manifest.splits[0].rows
    assert written.startswith(f"train {train}, valid {60 - train} in 54 shards, ")


def test_weight(tmp_path):
    made = rows()
    people.write_file(tmp_path / "data" / "a.csv", people.csv_bytes(made))
    one = {"data": {"split": {"train": 1}}, "examples": {"train_shards": 1}}
    run = people.run(tmp_path, one, base=people.SMALL)
    assert read_manifest(os.path.join(run, "examples"), "examples").weighted
    weights = values(records(run, "train"), "weight", tf.float32)
    assert sorted(weights.tolist()) == sorted(float(row["weight"]) for row in made)
    without = {"data": {"weight": None, "columns": {"weight": "ignore"}}}
    other = people.run(tmp_path, one, base=people.merged(people.SMALL, without), name="unweighted")
    assert not read_manifest(os.path.join(other, "examples"), "examples").weighted
    example = tf.train.Example.FromString(records(other, "train")[0][0])
    assert sorted(example.features.feature) == ["age", "city", "label"]


@pytest.mark.parametrize(
    ("features", "columns"),
    [
        ({"rooms": {"hash": {"buckets": 5}}}, []),
        ({"city": {"vocabulary": {"tokens": ["Oslo"]}}}, []),
        ({"income": {"as_is": {}, "missing": {"constant": "0"}}}, ["income"]),
    ],
    ids=["hash", "given tokens", "as is"],
)
def test_regression_that_needs_few_statistics_or_none(tmp_path, features, columns):
    people.write_file(tmp_path / "data" / "a.csv", people.csv_bytes(rows()))
    regression = {"data": {"label": "age", "bad_rows": {"reject_up_to": 0.2}, "split": {"train": 1}}}
    spec = people.SMALL | {"features": features}
    run = people.run(tmp_path, regression, base=spec)
    with open(os.path.join(run, "transform", "statistics.pb"), "rb") as file:
        statistics = Statistics.FromString(file.read())
    kept = [row for row in rows() if row["age"]]
    assert statistics.rows == len(kept) < 60
    assert [entry.name for entry in statistics.columns] == columns
    labels = values(records(run, "train"), "label", tf.float32)
    assert sorted(labels.tolist()) == sorted(float(np.float32(float(row["age"]))) for row in kept)


def test_text_classes_are_sorted_by_name(tmp_path):
    made = rows()
    people.write_file(tmp_path / "data" / "a.csv", people.csv_bytes([row for row in made if row["city"]]))
    changes = {
        "data": {"label": {"column": "city", "kind": "multiclass"}, "split": {"train": 1}},
        "features": {"city": None},
    }
    run = people.run(tmp_path, changes, base=people.SMALL)
    classes = list(read_manifest(os.path.join(run, "examples"), "examples").label.classes)
    assert classes == sorted({row["city"] for row in made if row["city"]}, key=str.encode)
    found = values(records(run, "train"), "label", tf.int64)
    assert sorted(classes[number] for number in found) == sorted(row["city"] for row in made if row["city"])


def test_column_names_of_any_kind(tmp_path):
    names = ["hours per week", "größe/cm", "1st:0"]
    header = ",".join([*names, "y"])
    lines = [f"{i},{i * 2},{i * 3},{i % 2}" for i in range(30)]
    people.write_file(tmp_path / "data" / "a.csv", (header + "\n" + "\n".join(lines)).encode())
    spec = {
        "data": {
            "files": "data/a.csv",
            "columns": dict.fromkeys(names, "float") | {"y": "float"},
            "label": {"column": "y", "kind": "regression"},
            "split": {"train": 1},
        },
        "features": {f"f{number}": {"column": name, "min_max": {}} for number, name in enumerate(names)},
    }
    run = people.run(tmp_path, base=spec)
    found = [sorted(values(records(run, "train"), f"f{number}", tf.float32).tolist()) for number in range(3)]
    expected = sorted((np.arange(30, dtype=np.float32) * np.float32(1 / 29)).tolist())
    np.testing.assert_allclose(found, [expected] * 3, rtol=1e-6)


def test_a_small_sample_is_never_empty(tmp_path):
    # With this seed, no row of the validation split is among the half again as many that chance would give.
    people.write_file(tmp_path / "data" / "a.csv", people.csv_bytes(rows(400)))
    run = people.run(
        tmp_path, {"seed": 1, "examples": {"sample_rows": 1, "train_shards": 3}}, base=people.SMALL
    )
    for split in ("train", "valid", "test"):
        with open(os.path.join(run, "examples", split, "sample.jsonl"), encoding="utf-8") as file:
            assert len(file.readlines()) == 1


MIB = 1 << 20


@pytest.mark.parametrize(
    ("size", "split_rows", "given", "expected"),
    [
        (10 * MIB, (800, 100, 100), (0, 0, 0), [4, 1, 1]),
        (1000 * MIB, (800, 100, 100), (0, 0, 0), [50, 7, 7]),
        (1000 * MIB, (1000, 0, 0), (0, 3, 3), [63, 0, 0]),
        (1000 * MIB, (800, 100, 100), (1, 2, 3), [1, 2, 3]),
    ],
)
def test_number_of_shards(size, split_rows, given, expected):
    manifest = Manifest()
    train, valid, test = split_rows
    manifest.inputs.add(path="a.csv", size=size, train_rows=train, valid_rows=valid, test_rows=test)
    spec = Spec()
    spec.examples.train_shards, spec.examples.valid_shards, spec.examples.test_shards = given
    assert shard_counts(spec, manifest) == expected


@pytest.mark.fault(35)
def test_what_a_dead_try_of_a_shard_left_is_not_published(tmp_path, monkeypatch):
    people.write_file(tmp_path / "data" / "a.csv", people.csv_bytes(rows()))
    run_pipeline = transform_module.run

    def and_leave_a_half_shard(pipeline):
        run_pipeline(pipeline)
        (output,) = (tmp_path / "run").glob(".tmp-examples-*")
        (output / "train" / ".tmp-0123-part-00000-of-00004.tfrecord").write_bytes(b"half")

    monkeypatch.setattr(transform_module, "run", and_leave_a_half_shard)
    run = people.run(tmp_path, base=people.SMALL)
    manifest = read_manifest(os.path.join(run, "examples"), "examples")
    assert not [entry.path for entry in manifest.files if ".tmp" in entry.path]
    assert not list((tmp_path / "run").rglob(".tmp-*"))


def test_lost_rows_are_noticed(tmp_path, monkeypatch):
    people.write_file(tmp_path / "data" / "a.csv", people.csv_bytes(rows()))
    cut = transform_module.TransformRows.process

    def lose_one_part(self, block):
        parts = [item for item in cut(self, block) if isinstance(item, tuple)]
        yield from (item for item in cut(self, block) if not isinstance(item, tuple))
        yield from parts[1:]

    monkeypatch.setattr(transform_module.TransformRows, "process", lose_one_part)
    with pytest.raises(
        transform_module.ArtifactError, match=r"^a.csv: 60 rows went in, \d+ came out: nothing is published$"
    ):
        people.run(tmp_path, base=people.SMALL)
    assert people.visible(tmp_path / "run") == ["transform"]


def test_the_batch_job(tmp_path, capsys):
    people.write_file(tmp_path / "data" / "a.csv", people.csv_bytes(rows()))
    spec, run = people.write_spec_file(tmp_path, base=people.SMALL), str(tmp_path / "run")
    assert main([spec, "--run", run, "--", "--direct_num_workers=1"]) == 0
    assert capsys.readouterr().out.startswith("60 rows read from 1 file, 0 rejected\ntrain ")
    before = people.tree(run)
    people.write_spec_file(tmp_path, {"seed": 9}, base=people.SMALL)
    assert main([spec, "--run", run]) == 2
    assert capsys.readouterr().err == (
        f"{run}/transform: was made from other seed: add --replace, or choose another --run\n"
    )
    assert people.tree(run) == before
    assert main([run, "--run", run]) == 0
