"""In: a block of typed rows. Out: its raw columns as the transform graph takes them, and the split of each row."""

from __future__ import annotations

import base64
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from . import identity, numerals
from .csv_file import CsvFile, FileBlock
from .spec_pb2 import BASE64, FLOAT, INT, Column, Spec


def raw_column(batch: pa.RecordBatch, declared: Column) -> np.ndarray:
    """One column without Arrow nulls.

    Args:
      batch: as it was read.
      declared: the column; of lists the cell's text is given, of FILE the path, of BASE64 the bytes that it stands for.

    Returns:
      float32 (NaN is missing), int64 (the smallest is missing) or object of bytes (b"" is missing), shape [rows].
    """
    column = batch.column(declared.name)
    if pa.types.is_floating(column.type):
        return column.fill_null(float("nan")).to_numpy() if column.null_count else column.to_numpy()
    if pa.types.is_integer(column.type):
        return column.fill_null(numerals.INT_MISSING).to_numpy()
    found = raw_texts(batch, declared).to_numpy(zero_copy_only=False)
    if declared.type == BASE64:
        found[:] = [base64.b64decode(cell) for cell in found]
    return found


def raw_texts(batch: pa.RecordBatch, declared: Column) -> pa.Array:
    """A column of texts as it stands, binary; a missing one is b""."""
    column = batch.column(declared.name)
    return (column.cast(pa.binary()) if pa.types.is_string(column.type) else column).fill_null(b"")


def unequal_lists(batch: pa.RecordBatch, lists: Column, weights: Column) -> np.ndarray:
    """Places of the rows whose weights are there and not one for each element of the list; int64 [n]."""
    lengths, given = (_lengths(batch.column(one.name), one.separators[0]) for one in (lists, weights))
    return np.flatnonzero((given > 0) & (given != lengths))


def _lengths(cells: pa.Array, separator: str) -> np.ndarray:
    counts = pc.count_substring(cells, separator).fill_null(-1).to_numpy()
    return counts + 1


def fold_of_rows(rows: FileBlock, spec: Spec) -> np.ndarray:
    """int64 [rows], at least 0: a row is in the fold that this is the remainder of."""
    hashes = identity.row_hashes(
        identity.path_key(rows.file.relative, spec.seed), rows.block.rows, identity.FOLD
    )
    return (hashes >> np.uint64(1)).astype(np.int64)


def read_files(
    paths: np.ndarray, file: CsvFile, read: Callable[[str], bytes]
) -> tuple[np.ndarray, list[tuple[int, str]]]:
    """The contents of the files that the cells of a FILE column name, below the folder that the patterns share.

    Args:
      paths: object of bytes [rows]; b"" is missing.
      file: that the cells stand in.
      read: a path → the file's bytes; raises OSError.

    Returns:
      Object of bytes [rows], b"" where the cell is missing or the file cannot be read; (row, reason) of the latter.
    """
    root = file.path.removesuffix(file.relative)
    contents, faults = np.empty(len(paths), object), []
    known: dict[bytes, bytes] = {b"": b""}
    for place, cell in enumerate(paths.tolist()):
        if cell not in known:
            try:
                known[cell] = _read_file(root, cell.decode(), read)
            except OSError as error:
                faults.append((place, f"names a file that cannot be read: {error.strerror or error}"))
            except ValueError as error:
                faults.append((place, str(error)))
        contents[place] = known.get(cell, b"")
    return contents, faults


def _read_file(root: str, path: str, read: Callable[[str], bytes]) -> bytes:
    if path.startswith(("/", "\\")) or ".." in path.replace("\\", "/").split("/"):
        raise ValueError("names a file outside the folder of the CSV files")
    return read(root + path)


def read_local(path: str) -> bytes:
    """The bytes of a file of this machine."""
    with open(path, "rb") as file:
        return file.read()


def split_of_rows(rows: FileBlock, spec: Spec) -> np.ndarray:
    """0 (train), 1 (valid) or 2 (test) for each row, int8 [rows]."""
    split, seed = spec.data.split, spec.seed
    block = rows.block
    if rows.file.split is not None:
        return np.full(len(block.rows), rows.file.split, np.int8)
    if split.HasField("time"):
        return _split_by_time(raw_column(block.batch, _declared(split.time.column, spec)), spec)
    shares = (split.train, split.valid, split.test)
    if split.group:
        cells = block.batch.column(split.group).cast(pa.string()).fill_null("").to_pylist()
        hashes = identity.value_hashes((cell.encode() for cell in cells), seed, identity.SPLIT)
    else:
        hashes = identity.row_hashes(identity.path_key(rows.file.relative, seed), block.rows, identity.SPLIT)
    return identity.assign_splits(hashes, shares)


def _split_by_time(values: np.ndarray, spec: Spec) -> np.ndarray:
    time = spec.data.split.time
    parse = {FLOAT: np.float32, INT: int}.get(_declared(time.column, spec).type, str.encode)
    valid, test = parse(time.valid_from), parse(time.test_from)
    # The spec's check demands that the column is required: no row is without a time.
    return (values >= valid).astype(np.int8) + (values >= test).astype(np.int8)


def _declared(name: str, spec: Spec) -> Column:
    (column,) = (column for column in spec.data.columns if column.name == name)
    return column
