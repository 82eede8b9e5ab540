"""In: rows of a CSV file, or of a program. Out: raw columns as a model takes them, and the rows that cannot be read.

The reader is the one that reads training files. What it refuses stops the reading, or is set aside with its reason for a
model that marks bad rows.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ..schemas.compressed import open_stream
from ..schemas.csv_layout import HEAD_BYTES, Layout, read_layout
from ..schemas.csv_record import split_record
from ..schemas.csv_rows import read_block, whole_records
from ..schemas.errors import DataError
from ..schemas.spec_pb2 import IGNORE, Column, Data
from .row_values import dtype_of_raw, from_arrow, from_python, missing_value

_BLOCK_BYTES = 1 << 20


@dataclasses.dataclass
class RowBatch:
    """Some rows.

    Attributes:
      columns: of the rows that were read, by name, [rows].
      numbers: int64 [rows], where these stand among all rows of the file or the program, increasing.
      faults: number and fault of the others.
    """

    columns: dict[str, np.ndarray]
    numbers: np.ndarray
    faults: list[tuple[int, DataError]]


@dataclasses.dataclass
class CsvRows:
    """The rows of a CSV file.

    Attributes:
      path: of the file.
      absent: optional columns that it lacks, which are missing in every row.
      batches: one a block of the file; one empty batch if there are no rows.
    """

    path: str
    absent: list[str]
    batches: Iterator[RowBatch]


def read_csv(path: str, declared: Data, needed: Sequence[Column], mark: bool) -> CsvRows:
    """Opens a CSV file.

    Args:
      path: local; labels, weight and columns that are not needed may be in it or not.
      declared: the spec's data part.
      needed: the columns of the model.
      mark: rows that cannot be read are set aside.

    Raises:
      DataError: a column that the model cannot do without is absent, or, from `batches`, a row cannot be read.
    """
    data = Data()
    data.CopyFrom(declared)
    data.ignore_undeclared = True
    names = {column.name for column in needed}
    may_lack = [column.name for column in data.columns if column.name not in names]
    for column in data.columns:
        if column.name in may_lack:
            column.type = IGNORE  # a label that cannot be read must not stop a prediction
    if not data.dialect.HasField("header") or data.dialect.header:
        # Without a header nobody could tell which columns are there.
        may_lack += [column.name for column in needed if not column.required]
    try:
        with open(path, "rb") as raw:
            head = open_stream(raw, path, data.dialect.compression).read(HEAD_BYTES)
    except OSError as error:
        raise DataError(path, None, None, None, f"cannot be read: {error.strerror}") from None
    layout = read_layout(head, path, data, may_lack)
    present = {column.name for column in layout.columns}
    absent = [column.name for column in needed if column.name not in present]
    if absent:
        _check_absent(absent, path, layout, data)
    return CsvRows(path, absent, _csv_batches(path, data, layout, needed, mark))


def read_python(
    rows: Sequence[Mapping[str, Any]], data: Data, needed: Sequence[Column], mark: bool
) -> RowBatch:
    """Rows given as dicts by column name, numbered from 1.

    Raises:
      DataError: the first value that cannot be read, unless such rows are set aside.
    """
    good: list[int] = []
    values: list[list[float | int | bytes]] = []
    faults: list[tuple[int, DataError]] = []
    for number, row in enumerate(rows, 1):
        try:
            values.append([_value(row, number, column, data) for column in needed])
            good.append(number)
        except DataError as error:
            if not mark:
                raise
            faults.append((number, error))
    columns = {
        column.name: np.array([row[place] for row in values], dtype_of_raw(column))
        for place, column in enumerate(needed)
    }
    return RowBatch(columns, np.array(good, np.int64), faults)


def _check_absent(absent: Sequence[str], path: str, layout: Layout, data: Data) -> None:
    """A column that seems to be there under another name is not taken for absent."""
    header = split_record(layout.header.encode(), layout.delimiter, layout.quoting)
    declared = {column.name for column in data.columns}
    others = [name for name in (cell.decode() for cell in header) if name not in declared]
    for name in absent:
        near = _near(name, others)
        if near:
            reason = f"the header lacks this column; '{near}' is close: rename it there or in the spec"
            raise DataError(path, 1, name, None, reason)


def _near(name: str, others: Collection[str]) -> str | None:
    plain = {other.strip().casefold(): other for other in others}
    found = difflib.get_close_matches(name.strip().casefold(), plain, n=1, cutoff=0.75)
    return plain[found[0]] if found else None


def _csv_batches(
    path: str, data: Data, layout: Layout, needed: Sequence[Column], mark: bool
) -> Iterator[RowBatch]:
    empty = True
    with open(path, "rb") as raw:
        stream = open_stream(raw, path, data.dialect.compression)
        stream.read(layout.skip_bytes)
        for block, first_row, ends in whole_records(stream, _BLOCK_BYTES, layout.first_row, layout, path):
            read = read_block(block, first_row, layout, path, ends)
            if read.errors and not mark:
                raise read.errors[0]
            faults = [(error.row or 0, error) for error in read.errors]
            columns, unread = {}, np.zeros(read.batch.num_rows, np.bool_)
            for column in needed:
                if column.name not in read.batch.schema.names:
                    columns[column.name] = _missing(column, read.batch.num_rows)
                    continue
                unreadable: list[tuple[int, DataError]] = []
                columns[column.name] = from_arrow(read.batch.column(column.name), column, path, unreadable)
                for place, error in unreadable:
                    at = DataError(path, int(read.rows[place]), error.column, error.value, error.reason)
                    if not mark:
                        raise at
                    if not unread[place]:
                        faults.append((int(read.rows[place]), at))
                    unread[place] = True
            if len(read.rows) or faults:
                empty = False
                kept = {name: x[~unread] for name, x in columns.items()}
                yield RowBatch(kept, read.rows[~unread], faults)
    if empty:
        yield RowBatch({column.name: _missing(column, 0) for column in needed}, np.zeros(0, np.int64), [])


def _missing(column: Column, rows: int) -> np.ndarray:
    filled = np.empty(rows, dtype_of_raw(column))
    filled[:] = missing_value(column)
    return filled


def _value(row: Mapping[str, Any], number: int, column: Column, data: Data) -> float | int | bytes:
    if column.name not in row:
        declared = {one.name for one in data.columns}
        near = _near(column.name, [name for name in row if name not in declared])
        if near or column.required:
            has = f"it has '{near}', which is close" if near else "use None if it is missing"
            raise DataError("rows", number, column.name, None, f"the row lacks this column; {has}")
        return missing_value(column)
    value = row[column.name]
    try:
        return from_python(value, column, data.dialect.null_tokens)
    except ValueError as error:
        shown = None if value is None or value != value else str(value)
        raise DataError("rows", number, column.name, shown or None, str(error)) from None
