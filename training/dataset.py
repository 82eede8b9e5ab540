"""In: the examples directory's manifest and a split's TFRecord shards. Out: a tf.data.Dataset of parsed batches.

The order of the rows is a function of (seed, epoch) alone: not of the process, of TensorFlow's global seed or of what ran
before, so that a run which starts at any epoch sees what an unbroken one would have seen there.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from ..schemas.errors import ArtifactError
from ..schemas.manifest import read_manifest
from ..schemas.manifest_pb2 import Manifest, SplitEntry
from ..schemas.spec_pb2 import Cache
from .cache import ROWS_AT_A_TIME, ShardKey, fits, keep, key_of
from .read_rows import RowReader, row_reader


class Examples(NamedTuple):
    """An examples directory whose files match its manifest.

    Attributes:
      directory: that the manifest's paths are relative to.
      manifest: of the examples.
      kept: rows that are in memory, by their shard; a `Kept` or what gives batches as it does.
      samples: raw rows by split, if they are not in the files that the manifest names.
      parse: what makes rows of a batch of records, if they are not Examples of the manifest's features.
    """

    directory: str
    manifest: Manifest
    kept: Mapping[ShardKey, Any] = {}
    samples: Mapping[str, Sequence[dict[str, Any]]] = {}
    parse: Callable[[tf.Tensor], tuple] | None = None

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

    def raw_rows(self, name: str) -> Sequence[dict[str, Any]]:
        """The raw text of a split's first rows, see `SplitEntry.sample`; empty if there is none."""
        if name in self.samples:
            return self.samples[name]
        path = next((split.sample for split in self.manifest.splits if split.name == name and split.rows), "")
        if not path:
            return []
        with open(os.path.join(self.directory, path), encoding="utf-8") as file:
            return [json.loads(line) for line in file]


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
    worker: int = 0,
    workers: int = 1,
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
      worker: number of this host.
      workers: how many hosts share each batch; this one gets its rows that lie in its shards, see host_shards.py.

    Returns:
      Batches (features, label) or (features, label, weight), see `example_parser`.
    """
    split = examples.split("train")
    reader = _reader(examples, split, worker, workers)
    at_a_time = reader.batches_at_a_time(batch_size)
    shards = sum(shard.rows > 0 for shard in split.shards)
    orders, seeds = zip(*(_epoch_order(shards, seed, epoch) for epoch in epochs), strict=True)
    order_table, seed_table = tf.constant(np.stack(orders)), tf.constant(np.array(seeds))

    def one_epoch(index: tf.Tensor) -> tf.data.Dataset:
        # The seed of a shuffle is mixed with the graph's, which otherwise is whatever the process set globally.
        tf.compat.v1.set_random_seed(1)
        rows = reader.read(tf.data.Dataset.from_tensor_slices(order_table[index]))
        rows = rows.shuffle(shuffle_buffer, seed=seed_table[index], reshuffle_each_iteration=False)
        return rows.batch(at_a_time * batch_size)

    # Rows are skipped, not parsed, but for those of the first piece.
    pieces = tf.data.Dataset.range(len(epochs)).flat_map(one_epoch).skip(first_step // at_a_time)
    batches = reader.batches(pieces, batch_size).skip(first_step % at_a_time)
    options = tf.data.Options()
    # The tuner's thread sleeps up to a minute between two looks, and the end of a training may have to wait for it
    # (seen: 33 s after a training of 50 s, tensorflow 2.21). There is nothing to tune: an epoch took no longer without it.
    options.autotune.enabled = False
    return batches.with_options(options)


def evaluation_batches(
    examples: Examples, split_name: str, *, batch_size: int, worker: int = 0, workers: int = 1
) -> tf.data.Dataset:
    """A split once, in the order of its files, in batches as `training_batches` gives them."""
    split = examples.split(split_name)
    reader = _reader(examples, split, worker, workers)
    shards = sum(shard.rows > 0 for shard in split.shards)
    # On one host one shard after the other: the order is that of the files, which the parity sample relies on.
    rows = reader.read(tf.data.Dataset.range(shards), open_shards=workers)
    batches = reader.batches(rows.batch(reader.batches_at_a_time(batch_size) * batch_size), batch_size)
    # Keras takes a dataset of unknown length for one that ran dry, and says so.
    return batches.apply(tf.data.experimental.assert_cardinality(-(-split.rows // batch_size)))


def keep_in_memory(examples: Examples, cache: Cache, splits: Sequence[str] = ("train", "valid")) -> Examples:
    """The same examples, with the rows of these splits in memory if the cache says so or they fit; see cache.py.

    Batches of rows that are kept are, bit for bit, those of rows that are read.
    """
    found = [examples.split(name) for name in splits]
    wanted = [split for split in found if any(key_of(shard) not in examples.kept for shard in split.shards)]
    if not wanted or not fits(examples.manifest, wanted, cache):
        return examples
    kept = dict(examples.kept)
    for split in wanted:
        shards = [shard for shard in split.shards if shard.rows]
        reader = _reader(examples._replace(kept={}), split, 0, 1)
        records = reader.read(tf.data.Dataset.range(len(shards)), open_shards=1).batch(ROWS_AT_A_TIME)
        rows = keep(records.map(reader.parse), shards, reader.finish)
        kept |= dict.fromkeys(map(key_of, shards), rows)
    return examples._replace(kept=kept)


def _epoch_order(shards: int, seed: int, epoch: int) -> tuple[np.ndarray, int]:
    """The order of the shards, int64 [shards], and the seed of the shuffle buffer."""
    generator = np.random.Generator(np.random.Philox(np.random.SeedSequence([seed % 2**64, epoch])))
    return generator.permutation(shards), int(generator.integers(1, 2**62))


def _reader(examples: Examples, split: SplitEntry, worker: int, workers: int) -> RowReader:
    return row_reader(
        examples.directory,
        examples.manifest,
        split,
        kept=examples.kept,
        parse=examples.parse,
        worker=worker,
        workers=workers,
    )
