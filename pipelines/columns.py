"""In: a block of typed rows. Out: its raw columns as the transform graph takes them, and the split of each row."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from ..schemas import identity, numerals
from ..schemas.spec_pb2 import FLOAT, INT, Spec
from .read import FileBlock


def raw_column(batch: pa.RecordBatch, name: str) -> np.ndarray:
    """One column without Arrow nulls.

    Returns:
      float32 (NaN is missing), int64 (the smallest is missing) or object of bytes (b"" is missing), shape [rows].
    """
    column = batch.column(name)
    if pa.types.is_floating(column.type):
        return column.fill_null(float("nan")).to_numpy() if column.null_count else column.to_numpy()
    if pa.types.is_integer(column.type):
        return column.fill_null(numerals.INT_MISSING).to_numpy()
    values = column.cast(pa.binary()) if pa.types.is_string(column.type) else column
    return values.fill_null(b"").to_numpy(zero_copy_only=False)


def split_of_rows(rows: FileBlock, spec: Spec) -> np.ndarray:
    """0 (train), 1 (valid) or 2 (test) for each row, int8 [rows]."""
    split, seed = spec.data.split, spec.seed
    block = rows.block
    if rows.file.split is not None:
        return np.full(len(block.rows), rows.file.split, np.int8)
    if split.HasField("time"):
        return _split_by_time(raw_column(block.batch, split.time.column), spec)
    shares = (split.train, split.valid, split.test)
    if split.group:
        cells = block.batch.column(split.group).cast(pa.string()).fill_null("").to_pylist()
        hashes = identity.value_hashes((cell.encode() for cell in cells), seed, identity.SPLIT)
    else:
        hashes = identity.row_hashes(identity.path_key(rows.file.relative, seed), block.rows, identity.SPLIT)
    return identity.assign_splits(hashes, shares)


def _split_by_time(values: np.ndarray, spec: Spec) -> np.ndarray:
    time = spec.data.split.time
    (kind,) = (column.type for column in spec.data.columns if column.name == time.column)
    parse = {FLOAT: np.float32, INT: int}.get(kind, str.encode)
    valid, test = parse(time.valid_from), parse(time.test_from)
    # The spec's check demands that the column is required: no row is without a time.
    return (values >= valid).astype(np.int8) + (values >= test).astype(np.int8)
