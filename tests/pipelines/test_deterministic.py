"""In: the same rows under other bundles, threads, processes, folders and compressions. Out: the same bytes."""

from __future__ import annotations

import gzip
import os
import random
import shutil

import numpy as np
import people
import pytest
from prebake.pipelines import index as index_module
from prebake.pipelines import read as read_module
from prebake.pipelines.read import ReadCsv
from prebake.schemas.manifest import read_manifest
from prebake.schemas.statistics_pb2 import Statistics
from prebake.transforms.number_analyzer import SummarizeNumbers


def same(one: str, other: str) -> None:
    """Two run directories hold the same reproducible bytes; says which file differs."""
    a, b = people.reproducible(one), people.reproducible(other)
    assert a.keys() == b.keys()
    assert [path for path in a if a[path] != b[path]] == []
    assert "examples/train/part-00000-of-00003.tfrecord" in a
    assert {"transform/statistics.pb", "transform/vocabularies/note.txt", "rejected/rows.csv"} <= a.keys()


def copy_of(people_folder: str, folder) -> str:
    shutil.copytree(os.path.join(people_folder, "data"), os.path.join(folder, "data"))
    return str(folder)


def test_two_runs_in_other_folders(people_folder, people_run, tmp_path):
    same(people_run, people.run(copy_of(people_folder, tmp_path / "some" / "where")))


def test_two_threads(people_folder, people_run, tmp_path, monkeypatch):
    monkeypatch.setattr(index_module, "RANGE_BYTES", 10_000)
    beam_args = ["--direct_num_workers=2", "--direct_running_mode=multi_threading"]
    same(people_run, people.run(copy_of(people_folder, tmp_path), beam_args=beam_args))


@pytest.mark.fault(33)
def test_two_processes(people_folder, people_run, tmp_path):
    beam_args = ["--direct_num_workers=2", "--direct_running_mode=multi_processing"]
    same(people_run, people.run(copy_of(people_folder, tmp_path), beam_args=beam_args))


def reverse(ranges: list) -> None:
    ranges.reverse()


@pytest.mark.fault(33, 35)
@pytest.mark.parametrize(
    ("reorder", "range_bytes", "block_bytes"),
    [(reverse, 4_000, 1_500), (random.Random(1).shuffle, 17_000, 700)],
)
def test_bundles(people_folder, people_run, tmp_path, monkeypatch, reorder, range_bytes, block_bytes):
    init, seen = ReadCsv.__init__, []

    def reordered(self, ranges, data):
        ranges = list(ranges)
        reorder(ranges)
        seen.append([(one.file.relative, one.start) for one in ranges])
        init(self, ranges, data)

    monkeypatch.setattr(ReadCsv, "__init__", reordered)
    monkeypatch.setattr(index_module, "RANGE_BYTES", range_bytes)
    monkeypatch.setattr(read_module, "BLOCK_BYTES", block_bytes)
    same(people_run, people.run(copy_of(people_folder, tmp_path)))
    assert len(seen) == 2
    assert all(len(order) > 8 and order != sorted(order) for order in seen)


def test_gzip_input_under_the_same_names(people_folder, people_run, tmp_path):
    for path, content in people.tree(os.path.join(people_folder, "data")).items():
        people.write_file(tmp_path / "data" / path, gzip.compress(content))
    run = people.run(tmp_path, {"data": {"dialect": {"compression": "gzip"}}})
    one, other = people.reproducible(people_run), people.reproducible(run)
    changed = sorted(path for path in one if one[path] != other[path])
    assert changed == ["examples/manifest.pbtxt", "rejected/manifest.pbtxt", "transform/spec.pbtxt"]


def test_gzip_input_under_other_names(people_folder, tmp_path):
    """A row's identity has its file's name in it: the order of the rows changes, a group's split does not."""
    by_group = {
        "data": {"files": "data/**", "split": {"group": "note"}},
        "features": {"income": "standardize"},
    }
    statistics, rows = [], []
    for number, pack in enumerate((lambda content: content, gzip.compress)):
        folder = tmp_path / str(number)
        for path, content in people.tree(os.path.join(people_folder, "data")).items():
            people.write_file(folder / "data" / (path + ".gz" * number), pack(content))
        run = people.run(folder, by_group, base=people.SMALL)
        with open(os.path.join(run, "transform", "statistics.pb"), "rb") as file:
            statistics.append(file.read())
        examples = people.tree(os.path.join(run, "examples"))
        manifest = read_manifest(os.path.join(run, "examples"), "examples")
        by_split = {}
        for split in manifest.splits:
            content = b"".join(examples[shard.path] for shard in split.shards)
            size = len(content) // split.rows
            by_split[split.name] = sorted(content[at : at + size] for at in range(0, len(content), size))
        rows.append(by_split)
    assert statistics[0] == statistics[1]
    assert Statistics.FromString(statistics[0]).rows > 1000
    assert rows[0] == rows[1]


def test_negative_zero_has_no_order():
    """0.0 and -0.0 are equal, so which of them comes first must not decide any byte of the statistics."""
    found = set()
    for zeros in ([0.0, -0.0, 1.0], [-0.0, 0.0, 1.0]):
        combine = SummarizeNumbers(["x"], weighted=False)
        batch = [np.arange(3), np.array(zeros, np.float32)]
        found.add(combine.extract_output(combine.add_input(combine.create_accumulator(), batch)).item())
    assert len(found) == 1
