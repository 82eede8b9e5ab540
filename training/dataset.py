"""In: the examples directory's manifest and a split's TFRecord shards. Out: a tf.data.Dataset of parsed batches.

The order of the rows is a function of (seed, epoch) alone: not of the process, of TensorFlow's global seed or of what ran
before, so that a run which starts at any epoch sees what an unbroken one would have seen there.
"""

from __future__ import annotations

import os
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from ..schemas.errors import ArtifactError
from ..schemas.manifest import read_manifest
from ..schemas.manifest_pb2 import Manifest, SplitEntry
from ..schemas.spec_pb2 import COMPRESSION_GZIP
from .parse_examples import example_parser

_OPEN_SHARDS = 4


class Examples(NamedTuple):
    """An examples directory whose files match its manifest."""

    directory: str
    manifest: Manifest

    def split(self, name: str) -> SplitEntry:
        """The split's entry.

        Raises:
          ArtifactError: the split is not there or has no rows.
        """
        for split in self.manifest.splits:
            if split.name == name and split.rows:
                return split
        raise ArtifactError(
            self.directory,
            f"the {name} split has no rows: give it a share under data.split and transform again",
        )

    def rows(self, name: str) -> int:
        """How many rows a split has; 0 if it is not there."""
        return sum(split.rows for split in self.manifest.splits if split.name == name)


def open_examples(run_dir: str) -> Examples:
    """Opens `examples/` of a run.

    Raises:
      ArtifactError: it is absent, or a file is missing, cut or altered.
    """
    directory = os.path.join(run_dir, "examples")
    return Examples(directory, read_manifest(directory, "examples"))


def training_batches(
    examples: Examples,
    *,
    seed: int,
    epochs: range,
    batch_size: int,
    shuffle_buffer: int,
    first_step: int = 0,
) -> tf.data.Dataset:
    """The training split once per epoch, one epoch after the other.

    Each epoch visits the shards in a permutation of its own, reads a few of them at a time in a fixed pattern, and
    shuffles the rows through a buffer. Its last batch holds what is left.

    Args:
      examples: see `open_examples`.
      seed: of the order.
      epochs: the epochs to go through, counted from 0.
      batch_size: rows per batch.
      shuffle_buffer: rows in the shuffle buffer.
      first_step: batches of the first epoch that are left out.

    Returns:
      Batches (features, label) or (features, label, weight), see `example_parser`.
    """
    split = examples.split("train")
    paths = np.array(_paths(examples, split))
    orders, seeds = zip(*(_epoch_order(len(paths), seed, epoch) for epoch in epochs), strict=True)
    order_table, seed_table = tf.constant(np.stack(orders)), tf.constant(np.array(seeds))

    def one_epoch(index: tf.Tensor) -> tf.data.Dataset:
        # The seed of a shuffle is mixed with the graph's, which otherwise is whatever the process set globally.
        tf.compat.v1.set_random_seed(1)
        records = _read(tf.data.Dataset.from_tensor_slices(tf.gather(paths, order_table[index])), split)
        records = records.shuffle(shuffle_buffer, seed=seed_table[index], reshuffle_each_iteration=False)
        return records.batch(batch_size)

    # Records are skipped, not parsed.
    batches = tf.data.Dataset.range(len(epochs)).flat_map(one_epoch).skip(first_step)
    options = tf.data.Options()
    # The tuner's thread sleeps up to a minute between two looks, and the end of a training may have to wait for it
    # (seen: 33 s after a training of 50 s, tensorflow 2.21). There is nothing to tune: an epoch took no longer without it.
    options.autotune.enabled = False
    return _parse(batches, examples.manifest).with_options(options)


def evaluation_batches(examples: Examples, split_name: str, *, batch_size: int) -> tf.data.Dataset:
    """A split once, in the order of its files, in batches as `training_batches` gives them."""
    split = examples.split(split_name)
    # One shard after the other: the order is that of the files, which the parity sample relies on.
    records = tf.data.TFRecordDataset(_paths(examples, split), compression_type=_compression(split))
    batches = _parse(records.batch(batch_size), examples.manifest)
    # Keras takes a dataset of unknown length for one that ran dry, and says so.
    return batches.apply(tf.data.experimental.assert_cardinality(-(-split.rows // batch_size)))


def _paths(examples: Examples, split: SplitEntry) -> list[str]:
    return [os.path.join(examples.directory, shard.path) for shard in split.shards if shard.rows]


def _epoch_order(shards: int, seed: int, epoch: int) -> tuple[np.ndarray, int]:
    """The order of the shards, int64 [shards], and the seed of the shuffle buffer."""
    generator = np.random.Generator(np.random.Philox(np.random.SeedSequence([seed % 2**64, epoch])))
    return generator.permutation(shards), int(generator.integers(1, 2**62))


def _read(paths: tf.data.Dataset, split: SplitEntry) -> tf.data.Dataset:
    compression = _compression(split)
    return paths.interleave(
        lambda path: tf.data.TFRecordDataset(path, compression_type=compression),
        cycle_length=_OPEN_SHARDS,
        num_parallel_calls=_OPEN_SHARDS,
        deterministic=True,
    )


def _compression(split: SplitEntry) -> str:
    return "GZIP" if split.compression == COMPRESSION_GZIP else ""


def _parse(batches: tf.data.Dataset, manifest: Manifest) -> tf.data.Dataset:
    # TensorFlow's parser works on many threads by itself.
    return batches.map(example_parser(manifest)).prefetch(tf.data.AUTOTUNE)
