"""In: transformed rows, from anywhere in any order. Out: the rows of each shard, in the order of a seeded hash.

A row's shard and its place in the shard are hashes of its identity, so the shuffle is the same for every number of
workers, bundling and retry. Rows travel as Arrow record batches, one element for each pair of block and shard.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from ..schemas.manifest_pb2 import OUTPUT_FLOAT, OutputFeature

# No feature can have this name.
ORDER = "#order"


class Part(NamedTuple):
    """The rows of one block that go to one shard: the file and first record they come from, and Arrow's bytes."""

    file: int
    first_row: int
    rows: int
    data: bytes


def part_schema(features: Sequence[OutputFeature]) -> pa.Schema:
    """Columns of a Part."""
    types = {
        feature.name: pa.float32() if feature.type == OUTPUT_FLOAT else pa.int64() for feature in features
    }
    return pa.schema([(name, types[name]) for name in sorted(types)] + [(ORDER, pa.uint64())])


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


def cut_into_parts(
    columns: Mapping[str, np.ndarray], order: np.ndarray, shard: np.ndarray, schema: pa.Schema
) -> Iterator[tuple[int, int, bytes]]:
    """(shard, rows, Arrow's bytes) for each shard that has rows of this block.

    Args:
      columns: [rows] each, by name.
      order: uint64 [rows], place in the shard.
      shard: int64 [rows].
      schema: from `part_schema`.
    """
    by_shard = np.argsort(shard, kind="stable")
    batch = pa.record_batch(
        [*(columns[name][by_shard] for name in schema.names[:-1]), order[by_shard]], schema=schema
    )
    shards, starts = np.unique(shard[by_shard], return_index=True)
    stops = np.append(starts, len(shard))[1:]
    for one, start, stop in zip(shards.tolist(), starts.tolist(), stops.tolist(), strict=True):
        data = batch.slice(start, stop - start).serialize().to_pybytes()
        yield one, stop - start, data


def join_parts(parts: Iterable[Part], schema: pa.Schema) -> tuple[dict[str, np.ndarray], dict[int, int]]:
    """The rows of one shard in their order, and how many came from each file.

    Rows with the same hash, which are as good as never, keep the order of file and record.
    """
    ordered = sorted(part for part in parts if part.rows)
    batches = [pa.ipc.read_record_batch(pa.py_buffer(part.data), schema) for part in ordered]
    table = pa.Table.from_batches(batches, schema)
    order = np.argsort(table[ORDER].to_numpy(), kind="stable")
    columns = {name: table[name].to_numpy()[order] for name in schema.names[:-1]}
    counts: dict[int, int] = {}
    for part in ordered:
        counts[part.file] = counts.get(part.file, 0) + part.rows
    return columns, counts
