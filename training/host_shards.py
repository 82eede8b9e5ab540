"""In: the shards of a split, and which of several hosts this is. Out: its rows of each batch, read from its shards alone.

All hosts go through the same order of rows, that of one host. The shards are dealt to the hosts in the order in which an
epoch opens them; in the place of another host's row stands an empty record, which no row is, so that shuffling and batching
put the same rows into the same batch everywhere, and each host then keeps its own ones. The batches are those of one host
however many there are, each shard is read by one, and a host holds in memory what it has read itself.
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf


class HostShards:
    """The shards of a split, of which one host reads its share.

    Args:
      paths: of the shards.
      rows: of each shard.
      compression: "GZIP" or "".
      worker: number of this host.
      workers: how many there are.
    """

    def __init__(
        self, paths: Sequence[str], rows: Sequence[int], compression: str, worker: int, workers: int
    ):
        self._paths, self._rows = tf.constant(list(paths)), tf.constant(list(rows), tf.int64)
        self._compression, self._worker, self._workers = compression, worker, workers

    def read(self, order: tf.data.Dataset, open_shards: int) -> tf.data.Dataset:
        """Numbers of shards, int64 → records, string; empty ones of the shards of other hosts."""

        def records(place: tf.Tensor, shard: tf.Tensor) -> tf.data.Dataset:
            mine = tf.equal(place % self._workers, self._worker)
            # Of a file from which nothing is taken nothing is read; it need not even be there.
            own = tf.data.TFRecordDataset(self._paths[shard], compression_type=self._compression)
            own = own.take(tf.where(mine, tf.constant(-1, tf.int64), tf.constant(0, tf.int64)))
            others = tf.where(mine, tf.constant(0, tf.int64), self._rows[shard])
            return own.concatenate(tf.data.Dataset.from_tensors("").repeat(others))

        return order.enumerate().interleave(
            records, cycle_length=open_shards, num_parallel_calls=open_shards, deterministic=True
        )

    def only(self, records: tf.Tensor) -> tf.Tensor:
        """The records of this host: string [batch] → string [at most as many], in the same order."""
        return tf.boolean_mask(records, tf.not_equal(records, ""))
