"""In: one cell, from Python or from a CSV batch. Out: the raw value that the transform graph takes."""

from __future__ import annotations

import base64
import datetime
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from ..schemas import numerals
from ..schemas.csv_cells import bad_lists, is_base64, list_fault
from ..schemas.csv_layout import LayoutColumn
from ..schemas.errors import DataError
from ..schemas.spec_pb2 import BASE64, FILE, FLOAT, INT, TIME, Column
from ..schemas.timestamps import parse_times

_DTYPES = {FLOAT: np.float32, INT: np.int64, TIME: np.int64}
_MISSING = {FLOAT: np.nan, INT: numerals.INT_MISSING, TIME: numerals.INT_MISSING}


def from_python(value: Any, column: Column, null_tokens: Sequence[str]) -> float | int | bytes:
    """One value of a row that was given in Python.

    Args:
      value: a number, text, None; a list, perhaps of lists, for a column of lists; a date, a datetime (in UTC if it names no
        zone) or text in the column's format for a time; bytes, or base64 as text, for FILE and BASE64.
      column: that it is for.
      null_tokens: texts that mean a missing value.

    Raises:
      ValueError: it is not one of the column's type; the text says why.
    """
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, list | tuple):
        if not column.separators:
            raise ValueError("is a list, and the column holds single values")
        value = _joined(value, list(column.separators))
    if isinstance(value, datetime.date) and column.type == TIME and value == value:
        return _seconds_of(value)
    if value is None or value in ("", b"", *null_tokens) or value != value:
        if column.required:
            raise ValueError("is missing, but required")
        return missing_value(column)
    if column.type in (FILE, BASE64):
        return _bytes(value)
    text = value if isinstance(value, bytes) else str(value).encode()
    if column.separators:
        return _list_text(text, column)
    if column.type == FLOAT:
        if not numerals.is_float(text) or not _fits_float32(float(text)):
            raise ValueError("is not a number that binary32 can hold")
        return float(text)
    if column.type == INT:
        if not numerals.is_int(text) or not -(2**63) < int(text) < 2**63:
            raise ValueError("is not a whole number of 64 bits")
        return int(text)
    if column.type == TIME:
        seconds, bad = parse_times(pa.array([text], pa.binary()), column.format)
        if bad[0]:
            raise ValueError(f"is not a time like {column.format}")
        return seconds[0].as_py()
    return text


def dtype_of_raw(column: Column) -> Any:
    """Of an array of the column's raw values."""
    return object if column.separators else _DTYPES.get(column.type, object)


def missing_value(column: Column) -> float | int | bytes:
    """What stands for a missing value of the column."""
    return b"" if column.separators else _MISSING.get(column.type, b"")


def from_arrow(
    cells: pa.Array, column: Column, csv_path: str, unread: list[tuple[int, DataError]] | None = None
) -> np.ndarray:
    """A column of a CSV batch.

    Args:
      cells: typed, as the reader gives them.
      column: declared.
      csv_path: a FILE column's paths are relative to its folder.
      unread: places and faults of files that cannot be read are added here, and their values are missing.

    Returns:
      float32, int64 or object (bytes) [rows].

    Raises:
      DataError: a file cannot be read, and nobody gave `unread`.
    """
    missing = missing_value(column)
    found = cells.fill_null(pa.scalar(missing, cells.type)).to_numpy(zero_copy_only=False)
    if column.type == BASE64:
        return _objects([base64.b64decode(cell) for cell in found])
    if column.type == FILE:
        return _objects([_file(cell, column, csv_path, place, unread) for place, cell in enumerate(found)])
    return found


def _file(
    cell: bytes, column: Column, csv_path: str, place: int, unread: list[tuple[int, DataError]] | None
) -> bytes:
    try:
        return _read(cell, column, csv_path)
    except DataError as error:
        if unread is None:
            raise
        unread.append((place, error))
        return b""


def _joined(value: Sequence[Any], separators: list[str]) -> str:
    if not separators:
        raise ValueError("is a list of lists of lists")
    parts = []
    for one in value:
        if isinstance(one, list | tuple):
            parts.append(_joined(one, separators[1:]))
            continue
        text = "" if one is None or one != one else one.decode() if isinstance(one, bytes) else str(one)
        for separator in separators:
            if separator in text:
                raise ValueError(f"has an element with the separator '{separator}' in it")
        parts.append(text)
    return separators[0].join(parts)


def _list_text(text: bytes, column: Column) -> bytes:
    layout = LayoutColumn(
        column.name,
        column.type,
        0,
        False,
        tuple(column.values),
        column.min if column.HasField("min") else None,
        column.max if column.HasField("max") else None,
        separators=tuple(column.separators),
        length=column.length,
    )
    if bad_lists(pa.array([text], pa.binary()), layout)[0]:
        raise ValueError(list_fault(text, layout))
    return text


def _bytes(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if not isinstance(value, str) or not is_base64(value.encode()):
        raise ValueError("is neither bytes nor base64")
    return base64.b64decode(value)


def _seconds_of(value: datetime.date) -> int:
    if not isinstance(value, datetime.datetime):
        value = datetime.datetime(value.year, value.month, value.day)
    if value.tzinfo is not None:
        value = value.astimezone(datetime.UTC).replace(tzinfo=None)
    since = value - datetime.datetime(1970, 1, 1)
    return since.days * 86400 + since.seconds


def _fits_float32(value: float) -> bool:
    with np.errstate(over="ignore"):
        return bool(np.isfinite(np.float32(value)))


def _objects(values: list[bytes]) -> np.ndarray:
    array = np.empty(len(values), object)
    array[:] = values
    return array


def _read(cell: bytes, column: Column, csv_path: str) -> bytes:
    if not cell:
        return b""
    path = cell.decode()
    if os.path.isabs(path) or ".." in path.replace("\\", "/").split("/"):
        raise DataError(csv_path, None, column.name, path, "names a file outside the folder of the CSV file")
    try:
        with open(os.path.join(os.path.dirname(csv_path), path), "rb") as file:
            return file.read()
    except OSError as error:
        raise DataError(csv_path, None, column.name, path, f"cannot be read: {error.strerror}") from None
