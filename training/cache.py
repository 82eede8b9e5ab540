"""In: shards of the examples. Out: their rows in memory, parsed once, and batches of them by number.

A row that is kept is never read, checked or parsed again, so that only the first epoch waits for the disk. The order of the
rows is not decided here (dataset.py): it is the same whether rows are kept or not.
"""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from ..schemas.manifest_pb2 import OUTPUT_FLOAT, Manifest, OutputFeature, ShardEntry, SplitEntry
from ..schemas.spec_pb2 import CACHE_MEMORY, CACHE_NONE, COMPRESSION_GZIP, Cache

# What is read and parsed at a time.
ROWS_AT_A_TIME = 4096
# Bytes of rows for each byte of a file.
_UNPACKED = 8
# Of what is free, a split may take so much: parsing needs it once more, and others want memory too.
MEMORY_SHARE = 0.25

Rows = tuple[Any, ...]
# Its path and the place of its first row in that file.
ShardKey = tuple[str, int]


class Kept(NamedTuple):
    """Rows in memory.

    Attributes:
      rows: (features, label) or (features, label, weight): float32 or int64 tensors, lists ragged, [rows, …] each.
      first: by shard, where its rows begin; they are in the order of the file.
      pad: turns a batch of such rows into what a model takes, see `list_padder`; None: it is that already.
    """

    rows: Rows
    first: Mapping[ShardKey, int]
    pad: Callable[[Rows], Rows] | None

    def take(self, numbers: tf.Tensor) -> Rows:
        """The rows with these numbers, int64 [any], not padded."""
        return tf.nest.map_structure(lambda column: tf.gather(column, numbers), self.rows)


def keep(batches: tf.data.Dataset, shards: Sequence[ShardEntry], pad: Callable[[Rows], Rows] | None) -> Kept:
    """Reads rows into memory.

    Args:
      batches: of the shards' rows, one shard after the other, not padded.
      shards: in that order.
      pad: see `Kept`.
    """
    return Kept(join(list(batches)), first_rows(shards), pad)


def join(parts: Sequence[Rows]) -> Rows:
    """Rows behind one another."""
    with tf.device("CPU:0"):
        return tf.nest.map_structure(lambda *columns: tf.concat(columns, axis=0), *parts)


def first_rows(shards: Sequence[ShardEntry]) -> dict[ShardKey, int]:
    """Where each shard's rows begin, if they stand behind one another."""
    starts = itertools.accumulate((shard.rows for shard in shards), initial=0)
    return {key_of(shard): start for shard, start in zip(shards, starts, strict=False)}


def key_of(shard: ShardEntry) -> ShardKey:
    """What a shard is known by."""
    return shard.path, shard.first


def fits(manifest: Manifest, splits: Sequence[SplitEntry], cache: Cache, free: int | None = None) -> bool:
    """Whether rows are to be kept.

    Args:
      manifest: of the examples.
      splits: whose rows.
      cache: of the spec.
      free: bytes of memory; None: what this machine has.
    """
    if cache in (CACHE_NONE, CACHE_MEMORY):
        return cache == CACHE_MEMORY
    wanted = sum(memory_needed(manifest, split) for split in splits)
    return wanted <= MEMORY_SHARE * (free_memory() if free is None else free)


def memory_needed(manifest: Manifest, split: SplitEntry) -> int:
    """Bytes that the rows of a split take, about: exact for features of fixed shape, lists by the size of the files."""
    sizes = {entry.path: entry.size for entry in manifest.files}
    stored = sum(sizes.get(shard.path, 0) for shard in split.shards)
    return bytes_of(
        manifest.features, split.rows, stored * (_UNPACKED if split.compression == COMPRESSION_GZIP else 1)
    )


def bytes_of(features: Sequence[OutputFeature], rows: int, stored: int) -> int:
    """Bytes that rows with these features take in memory, about, if they are `stored` bytes of files."""
    row = 16  # label and weight
    for feature in features:
        row += (4 if feature.type == OUTPUT_FLOAT else 8) * math.prod(max(size, 1) for size in feature.shape)
    has_lists = any(size < 0 for feature in features for size in feature.shape)
    # An id of one byte becomes eight.
    return max(row * rows, stored * _UNPACKED) if has_lists else row * rows


def free_memory() -> int:
    """Bytes that this process may still take: of the machine, or of the container if that has less."""
    free = _available()
    for limit, used in (
        ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
        ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ):
        numbers = [_number(path) for path in (limit, used)]
        if None not in numbers:
            free = min(free, max(0, numbers[0] - numbers[1]))  # type: ignore[operator]
    return free


def _available() -> int:
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            for line in file:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    # Not Linux: half of what is there.
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2


def _number(path: str) -> int | None:
    """The number that a file of the system holds; None: it has none, or no limit."""
    try:
        with open(path, encoding="ascii") as file:
            return int(file.read())
    except (OSError, ValueError):
        return None
