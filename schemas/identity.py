"""In: a file's path, record numbers, a seed. Out: 64-bit hashes that decide a row's split, shard and place.

A row is known by (path relative to the patterns' root, record number) and by nothing else, so every worker,
bundle and retry computes the same hash and no random generator is needed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from fractions import Fraction

import numpy as np

# Streams: one row's hashes for different purposes are independent.
SPLIT, SHARD, ORDER, SAMPLE, FOLD = 1, 2, 3, 4, 5

_GOLDEN = 0x9E3779B97F4A7C15
_MASK = 2**64 - 1


def _mix(x: np.ndarray) -> np.ndarray:
    """The finaliser of splitmix64: a bijection in which each input bit changes about half of the output."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def _blake2b(text: bytes, seed: int) -> int:
    key = seed.to_bytes(8, "little", signed=True)
    return int.from_bytes(hashlib.blake2b(text, digest_size=8, key=key).digest(), "little")


def _stream_key(key: int, stream: int) -> np.ndarray:
    return _mix(np.array([(key + stream * _GOLDEN) & _MASK], np.uint64))


def path_key(relative_path: str, seed: int) -> int:
    """The key of one file's rows: 64-bit blake2b of the path in UTF-8, keyed by the seed (signed 64-bit)."""
    return _blake2b(relative_path.encode(), seed)


def row_hashes(key: int, rows: np.ndarray, stream: int) -> np.ndarray:
    """One hash a row.

    Args:
      key: of the rows' file, from `path_key`.
      rows: record numbers, int64 [n].
      stream: SPLIT, SHARD, ORDER, SAMPLE or FOLD.

    Returns:
      uint64 [n]; different rows of one file always have different hashes.
    """
    return _mix(_stream_key(key, stream) + rows.astype(np.uint64) * np.uint64(_GOLDEN))


def element_hashes(hashes: np.ndarray, places: np.ndarray) -> np.ndarray:
    """One hash for each element of rows that hold lists.

    Args:
      hashes: uint64 [n], of the element's row.
      places: int64 [n], place in the row.
    """
    return _mix(hashes + (places.astype(np.uint64) + np.uint64(1)) * np.uint64(_GOLDEN))


def value_hashes(values: Iterable[bytes], seed: int, stream: int) -> np.ndarray:
    """One hash a value, so that rows with the same value of a group column stay together.

    Args:
      values: n cells as they stand in the file, b"" for missing.
      seed: signed 64-bit integer.
      stream: SPLIT, SHARD, ORDER, SAMPLE or FOLD.

    Returns:
      uint64 [n].
    """
    values = list(values)
    hashed = {value: _blake2b(value, seed) for value in set(values)}
    return _mix(_stream_key(0, stream) ^ np.fromiter((hashed[v] for v in values), np.uint64, len(values)))


def assign_splits(hashes: np.ndarray, shares: Sequence[float]) -> np.ndarray:
    """Cuts the range of the hashes into one interval per split, in order.

    Args:
      hashes: uint64 [n].
      shares: at least 0, not all 0; scaled to sum to 1.

    Returns:
      int8 [n]: index into `shares`. Thresholds are exact integers, and a share of 0 gets no row.
    """
    parts = [Fraction(share) for share in shares]
    total, below = sum(parts), Fraction(0)
    index = np.zeros(len(hashes), np.int8)
    for part in parts[:-1]:
        below += part
        threshold = below * 2**64 // total
        # The threshold itself may be 2**64, which uint64 cannot hold.
        index += hashes > np.uint64(threshold - 1) if threshold else np.int8(1)
    return index


def shard_of_rows(hashes: np.ndarray, splits: np.ndarray, shards: Sequence[int]) -> np.ndarray:
    """Shard of each row, counted through all splits.

    Args:
      hashes: uint64 [rows].
      splits: int8 [rows], index of the split.
      shards: number of shards of each split.

    Returns:
      int64 [rows]: shards before the split's + hash modulo the split's shards.
    """
    counts = np.asarray(shards, np.uint64)
    first = np.concatenate([[0], np.cumsum(shards)[:-1]]).astype(np.int64)
    return first[splits] + (hashes % counts[splits]).astype(np.int64)
