"""In: a split in shards. Out: the rows of each batch that are a host's, from its own shards; together those of one host."""

from __future__ import annotations

import contextlib
import os

import numpy as np
import pytest
import tensorflow as tf
from prebake.training.dataset import evaluation_batches, open_examples, training_batches
from small_run import make_run


def batches(examples, worker: int, workers: int, first_step: int = 0) -> list[np.ndarray]:
    """The labels of each batch of two epochs: float32 [rows of this host]."""
    dataset = training_batches(
        examples, seed=7, epochs=range(2), batch_size=32, shuffle_buffer=64, first_step=first_step, worker=worker,
        workers=workers,
    )  # fmt: skip
    return [batch[1].numpy()[:, 0] for batch in dataset]


@pytest.mark.parametrize("workers", [2, 3])
def test_hosts_share_the_batches_of_one(tmp_path, workers):
    make_run(str(tmp_path), compressed=workers == 3)
    examples = open_examples(str(tmp_path))
    whole = batches(examples, 0, 1)
    hosts = [batches(examples, worker, workers) for worker in range(workers)]
    assert [len(batch) for batch in whole] == [32] * 6 + [8] + [32] * 6 + [8]
    for step, wanted in enumerate(whole):
        parts = [host[step] for host in hosts]
        np.testing.assert_array_equal(np.sort(np.concatenate(parts)), np.sort(wanted))
        for part in parts:  # in the order of the whole batch
            places = [int(np.flatnonzero(wanted == label)[0]) for label in part]
            assert places == sorted(places)
    # Each host has its share of most batches, and other batches in the second epoch.
    assert min(sum(len(batch) > 0 for batch in host) for host in hosts) > 7
    # A training that goes on in the middle of an epoch.
    for worker in range(workers):
        for wanted, found in zip(hosts[worker][5:], batches(examples, worker, workers, 5), strict=True):
            np.testing.assert_array_equal(wanted, found)


def test_host_reads_its_own_shards_alone(tmp_path):
    """The two shards that the first epoch gives to the other host are not there."""
    make_run(str(tmp_path))
    examples = open_examples(str(tmp_path))
    wanted = batches(examples, 0, 2)[:7]
    gone = []
    for shard in examples.split("train").shards:
        path = os.path.join(examples.directory, shard.path)
        os.rename(path, path + ".gone")
        with contextlib.suppress(tf.errors.NotFoundError):
            dataset = training_batches(
                examples, seed=7, epochs=range(1), batch_size=32, shuffle_buffer=64, worker=0, workers=2
            )
            found = [batch[1].numpy()[:, 0] for batch in dataset]
            for one, other in zip(wanted, found, strict=True):
                np.testing.assert_array_equal(one, other)
            gone.append(shard.path)
        os.rename(path + ".gone", path)
    assert len(gone) == 2


def test_hosts_share_the_validation_split(tmp_path):
    make_run(str(tmp_path))
    examples = open_examples(str(tmp_path))
    whole = [batch[1].numpy() for batch in evaluation_batches(examples, "train", batch_size=64)]
    hosts = [
        [
            batch[1].numpy()
            for batch in evaluation_batches(examples, "train", batch_size=64, worker=worker, workers=2)
        ]
        for worker in range(2)
    ]
    assert [len(host) for host in hosts] == [len(whole)] * 2
    assert [len(a) + len(b) for a, b in zip(*hosts, strict=True)] == [len(batch) for batch in whole]
    # Of every batch about half each.
    assert max(abs(len(a) - len(b)) for a, b in zip(*hosts, strict=True)) <= 2
    together = np.concatenate([np.concatenate(host) for host in hosts])
    np.testing.assert_array_equal(np.sort(together, axis=0), np.sort(np.concatenate(whole), axis=0))
