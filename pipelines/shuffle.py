"""In: transformed rows, from anywhere in any order. Out: the rows of each shard, in the order of a seeded hash.

A row's shard and its place in the shard are hashes of its identity, so the shuffle is the same for every number of
workers, bundling and retry. Rows travel as Arrow record batches, one element for each pair of block and shard; on one
machine through files (spill.py), and only their places through Beam.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from ..schemas.manifest_pb2 import OUTPUT_FLOAT, OutputFeature
from ..schemas.ragged import Ragged, from_arrow
from .spill import Place, read_places

# No feature can have this name.
ORDER = "#order"
_NARROW = ((8, pa.uint8()), (16, pa.uint16()), (32, pa.uint32()))


class Part(NamedTuple):
    """The rows of one block that go to one shard: the file and first record they come from, and Arrow's bytes or their
    place."""

    file: int
    first_row: int
    rows: int
    data: bytes | Place


def part_schema(features: Sequence[OutputFeature]) -> pa.Schema:
    """Columns of a Part: vectors are flat fixed-size lists, lists large_lists, ids as narrow as their cardinality allows."""
    types = {feature.name: _arrow_type(feature) for feature in features}
    return pa.schema([(name, types[name]) for name in sorted(types)] + [(ORDER, pa.uint64())])


def _arrow_type(feature: OutputFeature) -> pa.DataType:
    value = pa.float32() if feature.type == OUTPUT_FLOAT else pa.int64()
    if not feature.shape:
        narrow = (kind for bits, kind in _NARROW if 0 < feature.cardinality <= 2**bits)
        return value if feature.type == OUTPUT_FLOAT else next(narrow, value)
    if min(feature.shape) >= 0:
        return pa.list_(value, math.prod(feature.shape))
    for _ in feature.shape:
        value = pa.large_list(value)
    return value


def cut_into_parts(
    columns: Mapping[str, np.ndarray | Ragged], order: np.ndarray, shard: np.ndarray, schema: pa.Schema
) -> Iterator[tuple[int, int, bytes]]:
    """(shard, rows, Arrow's bytes) for each shard that has rows of this block.

    Args:
      columns: by name [rows], vectors [rows, …], lists Ragged.
      order: uint64 [rows], place in the shard.
      shard: int64 [rows].
      schema: from `part_schema`.
    """
    # numpy sorts short integers by radix, in a fifth of the time.
    narrow = shard.astype(np.min_scalar_type(shard.max())) if len(shard) else shard
    by_shard = np.argsort(narrow, kind="stable")
    arrays = [_to_arrow(columns[name], by_shard, schema.field(name).type) for name in schema.names[:-1]]
    batch = pa.record_batch([*arrays, order[by_shard]], schema=schema)
    shards, starts = np.unique(narrow[by_shard], return_index=True)
    stops = np.append(starts, len(shard))[1:]
    for one, start, stop in zip(shards.tolist(), starts.tolist(), stops.tolist(), strict=True):
        data = batch.slice(start, stop - start).serialize().to_pybytes()
        yield one, stop - start, data


def _to_arrow(column: np.ndarray | Ragged, rows: np.ndarray, kind: pa.DataType) -> np.ndarray | pa.Array:
    if isinstance(column, Ragged):
        return column.take(rows).to_arrow()
    if pa.types.is_fixed_size_list(kind):
        flat = column.reshape(len(column), kind.list_size)[rows]
        return pa.FixedSizeListArray.from_arrays(flat.reshape(-1), kind.list_size)
    # Raises ArrowInvalid of an id that is none: cut off, it would be another.
    return pa.array(column[rows]).cast(kind)


def join_parts(
    parts: Iterable[Part], schema: pa.Schema
) -> tuple[dict[str, np.ndarray | Ragged], dict[int, int]]:
    """The rows of one shard in their order, and how many came from each file.

    Columns come back as `cut_into_parts` takes them, vectors as [rows, values].

    Rows with the same hash, which are as good as never, keep the order of file and record.
    """
    ordered = sorted(part for part in parts if part.rows)
    batches = [pa.ipc.read_record_batch(pa.py_buffer(data), schema) for data in _bytes_of(ordered)]
    table = pa.Table.from_batches(batches, schema)
    order = _stable_order(table[ORDER].to_numpy())
    columns = {name: _from_arrow(table[name], order) for name in schema.names[:-1]}
    counts: dict[int, int] = {}
    for part in ordered:
        counts[part.file] = counts.get(part.file, 0) + part.rows
    return columns, counts


def _stable_order(hashes: np.ndarray) -> np.ndarray:
    """As a stable argsort, which numpy takes five times as long for and only equal hashes need."""
    order = np.argsort(hashes)
    ordered = hashes[order]
    return np.argsort(hashes, kind="stable") if (ordered[1:] == ordered[:-1]).any() else order


def _bytes_of(parts: Sequence[Part]) -> list[bytes]:
    # A place is a plain tuple once Beam has moved it.
    places = iter(read_places(Place(*part.data) for part in parts if not isinstance(part.data, bytes)))
    return [part.data if isinstance(part.data, bytes) else next(places) for part in parts]


def _from_arrow(column: pa.ChunkedArray, rows: np.ndarray) -> np.ndarray | Ragged:
    if pa.types.is_large_list(column.type):
        return from_arrow(column.combine_chunks()).take(rows)
    if pa.types.is_fixed_size_list(column.type):
        flat = column.combine_chunks().flatten().to_numpy()
        return flat.reshape(-1, column.type.list_size)[rows]
    return column.to_numpy()[rows]
