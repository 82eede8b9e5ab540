"""In: the shards of a split, in files or in memory. Out: their rows one by one, and what makes batches of them.

Rows that are in memory, or in files in which each has its place, are moved as numbers and become rows by the piece. Others
are records that are read one after the other.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from ..schemas.manifest_pb2 import Manifest, ShardEntry, SplitEntry
from ..schemas.spec_pb2 import COMPRESSION_GZIP
from .cache import ShardKey, key_of, memory_needed
from .cut_batches import batches_at_a_time, cut_batches
from .fixed_rows import fixed_rows
from .host_shards import HostShards
from .parse_examples import example_parser, list_padder, ragged_parser

_OPEN_SHARDS = 4
# Records of a shard that are read ahead together, by a thread of its own: at most so many, and so many bytes.
_READ_AHEAD, _READ_AHEAD_BYTES = 256, 2**20


class RowReader(NamedTuple):
    """How the rows of a split come.

    Attributes:
      read: numbers of shards with rows, int64, and how many are open at a time → rows as `parse` takes them, one at a time.
        From open shards they come in turns; a shard that has ended loses a turn, and the next one begins in its place.
      parse: such rows, [any] → (features, label) or (features, label, weight), lists ragged.
      finish: what is to be done with each batch of these; None: nothing.
      row_bytes: of memory that a row takes, about; infinity: batches must be parsed one by one.
    """

    read: Callable[..., tf.data.Dataset]
    parse: Callable[[tf.Tensor], tuple]
    finish: Callable[[tuple], tuple] | None
    row_bytes: float

    def batches_at_a_time(self, batch_size: int) -> int:
        """How many batches make a piece."""
        return batches_at_a_time(batch_size, self.row_bytes)

    def batches(self, pieces: tf.data.Dataset, batch_size: int) -> tf.data.Dataset:
        """Parses pieces, see `batches_at_a_time`, and cuts them."""
        # TensorFlow's parser works on many threads by itself.
        parsed = pieces.prefetch(1).map(self.parse).prefetch(1)
        finish = self.finish
        if self.batches_at_a_time(batch_size) > 1:
            parsed = cut_batches(parsed, batch_size, finish)
        elif finish:
            parsed = parsed.map(lambda *rows: finish(rows))
        # What comes from memory is not worth a thread.
        return parsed.prefetch(1) if finish else parsed


def row_reader(
    directory: str,
    manifest: Manifest,
    split: SplitEntry,
    *,
    kept: Mapping[ShardKey, Any],
    parse: Callable[[tf.Tensor], tuple] | None,
    worker: int,
    workers: int,
) -> RowReader:
    """The rows of a split, or of several hosts one's share of them.

    Args:
      directory: that the manifest's paths are relative to.
      manifest: of the examples.
      split: of the manifest, with rows.
      kept: see `Examples`.
      parse: see `Examples`.
      worker: number of this host.
      workers: how many hosts.
    """
    shards = [shard for shard in split.shards if shard.rows]
    paths = [os.path.join(directory, shard.path) for shard in shards]
    rows = tf.constant([shard.rows for shard in shards], tf.int64)
    compression = "GZIP" if split.compression == COMPRESSION_GZIP else ""
    row_bytes = memory_needed(manifest, split) / split.rows
    if workers > 1:
        mine = HostShards(paths, [shard.rows for shard in shards], compression, worker, workers)
        parse_all = example_parser(manifest)
        read = functools.partial(mine.read, open_shards=_OPEN_SHARDS)
        # Of a batch a host has some rows alone, and how many is seen only when it is put together.
        return RowReader(read, lambda records: parse_all(mine.only(records)), None, float("inf"))
    numbered = _in_memory(kept, shards) or (fixed_rows(directory, manifest, split) if parse is None else None)
    if numbered is not None:
        first = tf.constant([numbered.first[key_of(shard)] for shard in shards], tf.int64)
        # Rows are their numbers: shuffling moves eight bytes a row.
        return RowReader(
            _in_turns(lambda shard: tf.data.Dataset.range(first[shard], first[shard] + rows[shard])),
            numbered.take,
            numbered.pad,
            row_bytes,
        )
    ahead = max(1, min(_READ_AHEAD, int(_READ_AHEAD_BYTES / row_bytes)))
    path_table, starts = tf.constant(paths), tf.constant([shard.first for shard in shards], tf.int64)

    def records_of(shard: tf.Tensor) -> tf.data.Dataset:
        records = tf.data.TFRecordDataset(path_table[shard], compression_type=compression)
        if parse is not None:  # files of prebake's own hold one split each
            records = records.skip(starts[shard]).take(rows[shard])
        return records.batch(ahead).prefetch(1).unbatch()

    if parse is not None:
        return RowReader(_in_turns(records_of), parse, None, row_bytes)
    return RowReader(_in_turns(records_of), ragged_parser(manifest), list_padder(manifest), row_bytes)


def _in_memory(kept: Mapping[ShardKey, Any], shards: Sequence[ShardEntry]) -> Any:
    """What has all of the shards; None: there is no such thing."""
    found = [kept.get(key_of(shard)) for shard in shards]
    return found[0] if all(one is found[0] for one in found) else None


def _in_turns(rows_of: Callable[[tf.Tensor], tf.data.Dataset]) -> Callable[..., tf.data.Dataset]:
    """What gives the rows of a few shards in turns."""
    # On one thread: handing single rows from thread to thread cost more than all else.
    return lambda order, open_shards=_OPEN_SHARDS: order.interleave(rows_of, cycle_length=open_shards)
