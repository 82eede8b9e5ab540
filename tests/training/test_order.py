"""In: shards of unequal length, seeds and epochs. Out: the rows come in the order of plain_order.py, read or kept."""

from __future__ import annotations

import os

import numpy as np
import pytest
from plain_order import epoch_order
from prebake.pipelines.encode_examples import ExampleEncoder
from prebake.schemas.commit import publish
from prebake.schemas.manifest_pb2 import OUTPUT_FLOAT, OUTPUT_INT64, Manifest, OutputFeature
from prebake.schemas.ragged import from_padded
from prebake.schemas.spec_pb2 import CACHE_MEMORY, COMPRESSION_NONE, REGRESSION
from prebake.training import cut_batches, read_rows
from prebake.training.dataset import evaluation_batches, keep_in_memory, open_examples, training_batches

FEATURES = [
    OutputFeature(name="number", type=OUTPUT_FLOAT),
    OutputFeature(name="id", type=OUTPUT_INT64, cardinality=100_000),
]
LABEL = OutputFeature(name="label", type=OUTPUT_FLOAT)
LIST = OutputFeature(name="list", type=OUTPUT_INT64, cardinality=9, shape=[-1])


def write_shards(run: str, rows: list[int], lists: bool = False) -> None:
    """Label and id of a row are 1000 * the shard's number + its own, the number is the root of that; a list has some 1s."""
    features = [*FEATURES, LIST] if lists else FEATURES
    manifest = Manifest(step="examples", features=features)
    manifest.label.kind = REGRESSION
    with publish(os.path.join(run, "examples"), manifest) as temporary:
        os.mkdir(os.path.join(temporary, "train"))
        split = manifest.splits.add(name="train", rows=sum(rows), compression=COMPRESSION_NONE)
        for shard, count in enumerate(rows):
            path = f"train/part-{shard:05d}-of-{len(rows):05d}.tfrecord"
            numbers = 1000 * shard + np.arange(count)
            columns = {"number": np.sqrt(numbers).astype(np.float32), "id": numbers}
            columns["label"] = numbers.astype(np.float32)
            if lists:
                padded = np.where(np.arange(4) < numbers[:, None] % 5, 1, -1)
                columns["list"] = from_padded(padded, is_float=False)
            with open(os.path.join(temporary, path), "wb") as file:
                file.writelines(ExampleEncoder([*features, LABEL]).encode(columns, count))
            split.shards.add(path=path, rows=count)


def in_batches(rows: list[int], batch_size: int) -> list[list[int]]:
    return [rows[start : start + batch_size] for start in range(0, len(rows), batch_size)]


def expected(rows: list[int], batch_size: int, buffer: int, seed: int, epochs: range) -> list[list[int]]:
    """The rows of each batch."""
    batches = []
    for epoch in epochs:
        order = [
            1000 * shard + row for shard, row in epoch_order(rows, seed=seed, epoch=epoch, buffer=buffer)
        ]
        batches += in_batches(order, batch_size)
    return batches


def found(examples, **options) -> list[list[int]]:
    """The rows of each batch; all that belongs to a row has come with it."""
    batches = []
    for features, label in training_batches(examples, **options):
        rows = label.numpy()[:, 0].astype(int)
        np.testing.assert_array_equal(features["id"], rows)
        np.testing.assert_array_equal(features["number"], np.sqrt(rows).astype(np.float32))
        if "list" in features:
            assert features["list"].shape[1] == max(rows % 5)
            np.testing.assert_array_equal((features["list"].numpy() == 1).sum(axis=1), rows % 5)
        batches.append(rows.tolist())
    return batches


@pytest.mark.parametrize("lists", [False, True], ids=["fixed", "lists"])
@pytest.mark.parametrize("at_a_time", [1, 24, 4096])
@pytest.mark.parametrize(
    ("rows", "buffer"),
    [([40, 3, 17, 1, 60, 22, 9], 16), ([100], 1000), ([5, 5, 5, 5], 7), ([70, 2], 1), ([1, 1, 600], 300)],
    ids=["uneven", "one shard", "equal", "no shuffle", "long"],
)
def test_order_is_that_of_plain_python(tmp_path, monkeypatch, rows, buffer, at_a_time, lists):
    monkeypatch.setattr(cut_batches, "ROWS_AT_A_TIME", at_a_time)
    write_shards(str(tmp_path), rows, lists)
    stored = open_examples(str(tmp_path))
    kept = keep_in_memory(stored, CACHE_MEMORY, ("train",))
    for seed, epochs in ((7, range(3)), (2**64 - 1, range(5, 6))):
        wanted = expected(rows, 8, buffer, seed, epochs)
        options = {"seed": seed, "epochs": epochs, "batch_size": 8, "shuffle_buffer": buffer}
        for examples in (stored, kept):
            assert found(examples, **options) == wanted
    # Records that are read one after the other.
    monkeypatch.setattr(read_rows, "fixed_rows", lambda *_: None)
    assert found(stored, **options) == wanted


@pytest.mark.parametrize("at_a_time", [1, 24, 4096])
def test_a_training_goes_on_at_any_step(tmp_path, monkeypatch, at_a_time):
    monkeypatch.setattr(cut_batches, "ROWS_AT_A_TIME", at_a_time)
    rows = [40, 3, 17, 1]
    write_shards(str(tmp_path), rows)
    stored = open_examples(str(tmp_path))
    kept = keep_in_memory(stored, CACHE_MEMORY, ("train",))
    wanted = expected(rows, 8, 16, 7, range(1, 3))
    assert [len(batch) for batch in wanted] == [*[8] * 7, 5] * 2
    options = {"seed": 7, "epochs": range(1, 3), "batch_size": 8, "shuffle_buffer": 16}
    for step in range(8):
        for examples in (stored, kept):
            assert found(examples, first_step=step, **options) == wanted[step:]
    monkeypatch.setattr(read_rows, "fixed_rows", lambda *_: None)
    for step in range(8):
        assert found(stored, first_step=step, **options) == wanted[step:]


def test_literal_order(tmp_path):
    """As it has been from the beginning: a training that was begun by an older version goes on as it would have."""
    write_shards(str(tmp_path), [5, 3, 4])
    options = {"seed": 42, "epochs": range(1), "batch_size": 4, "shuffle_buffer": 5}
    assert found(open_examples(str(tmp_path)), **options) == [
        [2000, 0, 1000, 1],
        [1001, 2002, 2001, 2],
        [1002, 4, 2003, 3],
    ]


@pytest.mark.parametrize("at_a_time", [1, 24, 4096])
def test_evaluation_keeps_the_order_of_the_files(tmp_path, monkeypatch, at_a_time):
    monkeypatch.setattr(cut_batches, "ROWS_AT_A_TIME", at_a_time)
    write_shards(str(tmp_path), [10, 1, 30])
    batches = evaluation_batches(open_examples(str(tmp_path)), "train", batch_size=8)
    assert int(batches.cardinality()) == 6
    rows = [label.numpy()[:, 0].astype(int).tolist() for _, label in batches]
    assert rows == in_batches([*range(10), 1000, *range(2000, 2030)], 8)


def test_pieces_are_bounded_in_rows_and_bytes():
    assert cut_batches.batches_at_a_time(32, 80) == 128
    assert cut_batches.batches_at_a_time(5000, 80) == 1
    # 8 MiB: 13 rows of 600 kB.
    assert cut_batches.batches_at_a_time(4, 600_000) == 3
    assert cut_batches.batches_at_a_time(32, 600_000) == 1
    assert cut_batches.batches_at_a_time(32, float("inf")) == 1
