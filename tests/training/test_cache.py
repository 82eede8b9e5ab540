"""In: small example directories. Out: batches of rows in memory are, bit for bit and in order, those of rows read."""

from __future__ import annotations

import os

import pytest
from prebake.schemas.manifest_pb2 import OUTPUT_FLOAT, OUTPUT_INT64, Manifest, OutputFeature, SplitEntry
from prebake.schemas.spec_pb2 import (
    CACHE_AUTO,
    CACHE_MEMORY,
    CACHE_NONE,
    COMPRESSION_GZIP,
    REGRESSION,
)
from prebake.training import cache
from prebake.training.cache import bytes_of, fits, free_memory, memory_needed
from prebake.training.dataset import evaluation_batches, keep_in_memory, open_examples, training_batches
from prebake.training.evaluate import open_model
from prebake.training.train import train
from small_run import make_run
from test_parse_examples import EVERYTHING, dense_columns, write_examples


def bits(batches) -> list[tuple[bytes, ...]]:
    return [
        tuple(
            repr((array.dtype, array.shape)).encode() + array.tobytes()
            for array in (
                *(features[name].numpy() for name in sorted(features)),
                *(one.numpy() for one in others),
            )
        )
        for features, *others in batches
    ]


def epochs(examples, **options) -> list[tuple[bytes, ...]]:
    options = {"seed": 7, "epochs": range(3), "batch_size": 32, "shuffle_buffer": 64, **options}
    return bits(training_batches(examples, **options))


@pytest.mark.parametrize(
    "how", [{}, {"weighted": True, "shards": 9}, {"compressed": True, "shards": 3}, {"shards": 1}]
)
def test_rows_in_memory_come_in_the_same_batches(tmp_path, how):
    make_run(str(tmp_path), **how)
    stored = open_examples(str(tmp_path))
    kept = keep_in_memory(stored, CACHE_MEMORY)
    assert len(kept.kept) == how.get("shards", 4) + 1
    assert epochs(kept) == epochs(stored)
    # A buffer that holds all rows, and one that holds a single one.
    for buffer in (1, 1000):
        assert epochs(kept, shuffle_buffer=buffer) == epochs(stored, shuffle_buffer=buffer)
    assert epochs(kept, first_step=5) == epochs(stored)[5:]
    for split in ("train", "valid", "test"):
        found, wanted = (bits(evaluation_batches(one, split, batch_size=30)) for one in (kept, stored))
        assert found == wanted


def test_they_are_read_once(tmp_path):
    make_run(str(tmp_path))
    kept = keep_in_memory(open_examples(str(tmp_path)), CACHE_MEMORY)
    before = epochs(kept)
    for shard in kept.split("train").shards:
        os.remove(os.path.join(kept.directory, shard.path))
    assert epochs(kept) == before


def test_lists_are_padded_to_the_longest_of_the_batch_not_of_all(tmp_path):
    write_examples(str(tmp_path), EVERYTHING, dense_columns(50), weighted=True, kind=REGRESSION)
    stored = open_examples(str(tmp_path))
    kept = keep_in_memory(stored, CACHE_MEMORY, splits=("train",))
    assert epochs(kept, batch_size=3) == epochs(stored, batch_size=3)


@pytest.mark.parametrize("first", ["none", "memory"])
def test_the_cache_is_no_part_of_a_training(run_dir, first):
    """Killed with one, resumed with the other, or simply trained: the same weights, and the same training."""
    spec = make_run(run_dir + "2")
    spec.training.epochs = 1
    spec.training.cache = {"none": CACHE_NONE, "memory": CACHE_MEMORY}[first]
    train(run_dir, spec, progress=False)
    weights = open_model(run_dir, "default")[0].get_weights()
    spec.training.cache = CACHE_AUTO
    assert train(run_dir, spec, progress=False).up_to_date
    train(run_dir + "2", spec, progress=False)
    others = open_model(run_dir + "2", "default")[0].get_weights()
    assert all((one == two).all() for one, two in zip(weights, others, strict=True))


def test_what_a_training_keeps(run_dir, monkeypatch):
    import importlib

    module = importlib.import_module("prebake.training.train")
    seen = []

    def keep(examples, asked):
        seen.append(asked)
        return keep_in_memory(examples, asked)

    monkeypatch.setattr(module, "keep_in_memory", keep)
    spec = make_run(run_dir + "2")
    spec.training.epochs, spec.training.cache = 1, CACHE_NONE
    train(run_dir, spec, progress=False)
    assert seen == [CACHE_NONE]


# 3 rows of a float, a vector of 5 and an id: 3 * (4 + 20 + 8 + 16 for label and weight) = 144 bytes.
FIXED = [
    OutputFeature(name="a", type=OUTPUT_FLOAT),
    OutputFeature(name="b", type=OUTPUT_FLOAT, shape=[5]),
    OutputFeature(name="c", type=OUTPUT_INT64, cardinality=3),
]


def test_memory_of_fixed_shapes_is_exact_and_of_lists_by_the_files():
    assert bytes_of(FIXED, 3, 1000) == 144
    lists = [*FIXED, OutputFeature(name="d", type=OUTPUT_INT64, shape=[-1])]
    assert bytes_of(lists, 3, 1000) == 8 * 1000
    manifest = Manifest(features=lists)
    manifest.files.add(path="train/x", size=1000)
    split = SplitEntry(name="train", rows=3)
    split.shards.add(path="train/x", rows=3)
    assert memory_needed(manifest, split) == 8000
    split.compression = COMPRESSION_GZIP
    assert memory_needed(manifest, split) == 64_000


def test_a_split_is_kept_if_it_takes_less_than_a_quarter_of_what_is_free():
    manifest, split = Manifest(features=FIXED), SplitEntry(name="train", rows=3)
    assert fits(manifest, [split, split], CACHE_AUTO, free=4 * 288)
    assert not fits(manifest, [split, split], CACHE_AUTO, free=4 * 288 - 1)
    assert fits(manifest, [split], CACHE_MEMORY, free=0)
    assert not fits(manifest, [split], CACHE_NONE, free=2**40)


def test_free_memory_is_that_of_the_container_if_that_has_less(monkeypatch):
    machine = free_memory()
    assert 0 < machine < 2**50
    numbers = {"/sys/fs/cgroup/memory.max": 1000, "/sys/fs/cgroup/memory.current": 400}
    monkeypatch.setattr(cache, "_number", numbers.get)
    assert free_memory() == 600
    numbers["/sys/fs/cgroup/memory.current"] = 1200
    assert free_memory() == 0
    monkeypatch.setattr(cache, "_number", lambda path: None)
    monkeypatch.setattr(cache, "_available", lambda: 12345)
    assert free_memory() == 12345


def test_no_more_is_read_where_it_does_not_fit(run_dir):
    examples = open_examples(run_dir)
    assert keep_in_memory(examples, CACHE_NONE) is examples
    kept = keep_in_memory(examples, CACHE_MEMORY)
    assert keep_in_memory(kept, CACHE_MEMORY) is kept
