"""In: small example directories. Out: batches are complete, in the order that (seed, epoch) says, and refused if damaged."""

from __future__ import annotations

import os

import keras
import numpy as np
import pytest
import tensorflow as tf
from prebake.schemas.errors import ArtifactError
from prebake.training.dataset import evaluation_batches, open_examples, training_batches
from small_run import make_run


def labels(batches) -> list[float]:
    return [float(value) for _, label, *_ in batches for value in label.numpy()[:, 0]]


def one_epoch(run: str, *, seed: int = 7, epoch: int = 0, batch_size: int = 32) -> list[float]:
    return labels(
        training_batches(
            open_examples(run),
            seed=seed,
            epochs=range(epoch, epoch + 1),
            batch_size=batch_size,
            shuffle_buffer=64,
        )
    )


def test_evaluation_batches_keep_the_order_of_the_files(run_dir):
    examples = open_examples(run_dir)
    batches = list(evaluation_batches(examples, "train", batch_size=32))
    paths = [os.path.join(examples.directory, shard.path) for shard in examples.split("train").shards]
    stored = [
        tf.train.Example.FromString(record.numpy()).features.feature["label"].float_list.value[0]
        for record in tf.data.TFRecordDataset(paths)
    ]
    assert [len(label) for _, label in batches] == [32] * 6 + [8]
    assert labels(batches) == stored


def test_batches_hold_every_feature_with_its_type(run_dir):
    features, label = next(iter(evaluation_batches(open_examples(run_dir), "test", batch_size=5)))
    assert {name: (value.shape.as_list(), value.dtype.name) for name, value in features.items()} == {
        "city": ([5], "int64"),
        "city_hash": ([5], "int64"),
        "city_x_shift": ([5], "int64"),
        "income": ([5], "float32"),
        "income_missing": ([5], "float32"),
        "rooms": ([5], "float32"),
        "shift": ([5], "int64"),
    }
    assert (label.shape.as_list(), label.dtype.name) == ([5, 1], "float32")


def test_weights_come_third(tmp_path):
    make_run(str(tmp_path), weighted=True)
    _, _, weight = next(iter(evaluation_batches(open_examples(str(tmp_path)), "test", batch_size=4)))
    assert weight.numpy().tolist() == [1, 2, 3, 1]


def test_compressed_shards_give_the_same_rows(tmp_path):
    make_run(str(tmp_path / "plain"))
    make_run(str(tmp_path / "gzip"), compressed=True)
    assert one_epoch(str(tmp_path / "plain")) == one_epoch(str(tmp_path / "gzip"))


def test_each_row_once_per_epoch_in_another_order(run_dir):
    in_order = labels(evaluation_batches(open_examples(run_dir), "train", batch_size=100))
    first, second = one_epoch(run_dir, epoch=0), one_epoch(run_dir, epoch=1)
    assert sorted(first) == sorted(second) == sorted(in_order)
    assert len({tuple(first), tuple(second), tuple(in_order)}) == 3
    assert one_epoch(run_dir, seed=8) != first


def test_order_depends_on_seed_and_epoch_alone(run_dir):
    examples = open_examples(run_dir)
    keras.utils.set_random_seed(1)
    whole = labels(training_batches(examples, seed=7, epochs=range(3), batch_size=32, shuffle_buffer=64))
    keras.utils.set_random_seed(2)
    resumed = labels(training_batches(examples, seed=7, epochs=range(2, 3), batch_size=32, shuffle_buffer=64))
    assert whole[400:] == resumed
    assert one_epoch(run_dir, epoch=2, batch_size=7) == resumed


def test_an_epoch_ends_with_a_short_batch_and_the_next_begins_anew(run_dir):
    batches = training_batches(
        open_examples(run_dir), seed=7, epochs=range(2), batch_size=64, shuffle_buffer=64
    )
    assert [len(label) for _, label in batches] == [64, 64, 64, 8] * 2


def test_empty_split_is_one_clear_line(tmp_path):
    make_run(str(tmp_path), splits=("train", "test"))
    examples = open_examples(str(tmp_path))
    with pytest.raises(ArtifactError) as error:
        evaluation_batches(examples, "valid", batch_size=4)
    assert str(error.value) == (
        f"{tmp_path}/examples: the valid split has no rows: give it a share under data.split and transform again"
    )


def first_shard(run: str) -> str:
    return os.path.join(run, "examples", "train", "part-00000-of-00004.tfrecord")


@pytest.mark.fault(41, 42)
def test_shard_cut_at_a_record_boundary_is_refused(run_dir):
    path = first_shard(run_dir)
    size = os.path.getsize(path)
    records = [record.numpy() for record in tf.data.TFRecordDataset(path)]
    with tf.io.TFRecordWriter(path) as writer:
        for record in records[:-1]:
            writer.write(record)
    cut = os.path.getsize(path)
    with pytest.raises(ArtifactError) as error:
        open_examples(run_dir)
    assert str(error.value) == (
        f"{path}: has {cut} bytes, the manifest says {size}: run the step again with --replace"
    )


@pytest.mark.fault(41)
def test_flipped_bit_is_refused(run_dir):
    path = first_shard(run_dir)
    with open(path, "r+b") as file:
        content = bytearray(file.read())
        content[100] ^= 1
        file.seek(0)
        file.write(content)
    with pytest.raises(ArtifactError, match="does not have the CRC32C of the manifest"):
        open_examples(run_dir)


def test_file_that_the_manifest_does_not_name_is_not_read(run_dir):
    before = one_epoch(run_dir)
    extra = os.path.join(run_dir, "examples", "train", "part-00004-of-00004.tfrecord")
    os.link(first_shard(run_dir), extra)
    assert one_epoch(run_dir) == before


def test_more_shards_than_are_read_at_a_time(tmp_path):
    make_run(str(tmp_path), shards=9)
    values = np.array(one_epoch(str(tmp_path)))
    assert len(values) == 200
    assert len(np.unique(values)) == 200


def test_epochs_begin_at_any_batch(run_dir):
    """Seven batches an epoch: what is left out is the beginning of the first epoch, and nothing else changes."""
    examples = open_examples(run_dir)

    def batches(epochs: range, **options) -> list[list[float]]:
        given = training_batches(examples, seed=7, epochs=epochs, batch_size=32, shuffle_buffer=64, **options)
        return [label.numpy()[:, 0].tolist() for _, label in given]

    whole = batches(range(3))
    assert len(whole) == 21
    for step in (0, 1, 6):
        assert batches(range(1, 3), first_step=step) == whole[7 + step :]
