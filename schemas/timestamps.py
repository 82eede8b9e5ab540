"""In: the text of a TIME column's cells and its format. Out: seconds since 1970-01-01 00:00:00 UTC; and text again.

A format is `seconds` or `milliseconds` (whole numbers since 1970), or directives of fixed width, %Y %m %d %H %M %S, among
other characters, which a cell must hold as they are. Years 1 to 9999 of the Gregorian calendar, no leap seconds.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .numerals import parse_ints

DEFAULT_FORMAT = "%Y-%m-%d %H:%M:%S"
# Seconds of 0001-01-01 00:00:00 and of 9999-12-31 23:59:59.
FIRST, LAST = -62_135_596_800, 253_402_300_799
# How many of the format's units are a second.
UNITS = {"seconds": 1, "milliseconds": 1000}
_WIDTHS = {"Y": 4, "m": 2, "d": 2, "H": 2, "M": 2, "S": 2}
# Smallest and largest value; the days of a month are checked against the month.
_RANGES = {"Y": (1, 9999), "m": (1, 12), "d": (1, 31), "H": (0, 23), "M": (0, 59), "S": (0, 59)}


class Field(NamedTuple):
    """A directive or a literal text in a cell.

    Attributes:
      directive: "Y", "m", "d", "H", "M" or "S"; "" of a literal.
      start: the byte where it begins.
      width: in bytes.
      literal: its text; empty of a directive.
    """

    directive: str
    start: int
    width: int
    literal: bytes


def check_format(format: str) -> list[str]:
    """The directives in order, e.g. ["Y", "m", "d"]; none of `seconds` and `milliseconds`.

    Raises:
      ValueError: it is not a format; the text says why and goes on from its name, e.g. "has no %m".
    """
    if format in UNITS:
        return []
    directives = [field.directive for field in layout(format) if field.directive]
    for directive in "Ymd":
        if directive not in directives:
            raise ValueError(f"has no %{directive}")
    return directives


def layout(format: str) -> list[Field]:
    """Where each directive and literal of a format other than `seconds` and `milliseconds` stands in a cell.

    Raises:
      ValueError: a directive is unknown or given twice.
    """
    fields: list[Field] = []
    start = 0
    for text in re.findall(r"%.?|[^%]+", format, re.DOTALL):
        directive = text[1:] if text.startswith("%") else ""
        if text.startswith("%"):
            if directive not in _WIDTHS:
                raise ValueError(f"has the unknown directive '{text}'")
            if any(field.directive == directive for field in fields):
                raise ValueError(f"has %{directive} twice")
        literal = b"" if directive else text.encode()
        width = _WIDTHS[directive] if directive else len(literal)
        fields.append(Field(directive, start, width, literal))
        start += width
    return fields


def parse_times(cells: pa.Array, format: str) -> tuple[pa.Int64Array, np.ndarray]:
    """Reads cells.

    Args:
      cells: string or binary, length n; null is missing.
      format: see `check_format`.

    Returns:
      int64 seconds of length n, null where `cells` is null or bad; bool [n], true where a cell does not follow the format,
      names no day of the calendar, or lies outside the years 1 to 9999.
    """
    present = cells.is_valid().to_numpy(zero_copy_only=False)
    if format in UNITS:
        numbers, bad = parse_ints(cells)
        seconds = numbers.fill_null(0).to_numpy() // UNITS[format]
        good = present & ~bad & (seconds >= FIRST) & (seconds <= LAST)
    else:
        seconds, good = _parse_fields(cells, present, layout(format))
    return pa.array(seconds, pa.int64(), mask=~good), present & ~good


def render(seconds: int, format: str) -> str:
    """The text that a cell holds for a time from FIRST to LAST; directives that the format lacks are left out."""
    if format in UNITS:
        return str(seconds * UNITS[format])
    date, _, time = str(np.datetime64(seconds, "s")).partition("T")
    parts = dict(zip("YmdHMS", [*date.split("-"), *time.split(":")], strict=True))
    fields = layout(format)
    return "".join(parts[field.directive] if field.directive else field.literal.decode() for field in fields)


def _parse_fields(cells: pa.Array, present: np.ndarray, fields: list[Field]) -> tuple[np.ndarray, np.ndarray]:
    width = sum(field.width for field in fields)
    binary = cells.cast(pa.binary()) if len(cells) else pa.array([], pa.binary())
    good = present & (pc.binary_length(binary).fill_null(-1).to_numpy() == width)
    # The cells that have the format's length, a row each.
    text = pc.binary_join(pa.ListArray.from_arrays(*_one_list(binary.filter(pa.array(good)))), b"")
    codes = np.frombuffer(text[0].as_py(), np.uint8).reshape(-1, width)
    fits = np.ones(len(codes), np.bool_)
    values = {directive: np.zeros(len(codes), np.int64) for directive in "HMS"}
    for field in fields:
        part = codes[:, field.start : field.start + field.width]
        if not field.directive:
            fits &= (part == np.frombuffer(field.literal, np.uint8)).all(axis=1)
            continue
        digits = part - np.uint8(ord("0"))  # wraps around, so that only digits are below 10
        fits &= (digits < 10).all(axis=1)
        value = digits.astype(np.int64) @ (10 ** np.arange(field.width - 1, -1, -1))
        low, high = _RANGES[field.directive]
        fits &= (value >= low) & (value <= high)
        values[field.directive] = value
    months = (values["Y"] - 1970).astype("M8[Y]").astype("M8[M]") + (values["m"] - 1).astype("m8[M]")
    first = months.astype("M8[D]").astype(np.int64)
    fits &= values["d"] <= (months + 1).astype("M8[D]").astype(np.int64) - first
    days = first + values["d"] - 1
    found = days * 86_400 + values["H"] * 3600 + values["M"] * 60 + values["S"]
    seconds = np.zeros(len(cells), np.int64)
    seconds[good] = found
    good[good] = fits
    return seconds, good


def _one_list(cells: pa.BinaryArray) -> tuple[pa.Array, pa.Array]:
    return pa.array([0, len(cells)], pa.int32()), cells
