"""In: the text of a TIME column's cells and its format. Out: seconds since 1970-01-01 00:00:00 UTC.

A format is `seconds` or `milliseconds` (whole numbers since 1970), or directives among other characters, which a cell must
hold as they are: %Y %m %d %H %M %S of fixed width, %f for 1 to 9 digits of a fraction of a second, which is dropped, and %z
for the offset from UTC: Z, ±hh:mm or ±hhmm. Years 1 to 9999 of the Gregorian calendar, no leap seconds.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from .numerals import parse_ints

DEFAULT_FORMAT = "%Y-%m-%d %H:%M:%S"
# Seconds of 0001-01-01 00:00:00 and of 9999-12-31 23:59:59.
FIRST, LAST = -62_135_596_800, 253_402_300_799
# How many of the format's units are a second.
UNITS = {"seconds": 1, "milliseconds": 1000}
# Digits of each directive; 0: the width varies.
_WIDTHS = {"Y": 4, "m": 2, "d": 2, "H": 2, "M": 2, "S": 2, "f": 0, "z": 0}
# Smallest and largest value; the days of a month are checked against the month.
_RANGES = {"Y": (1, 9999), "m": (1, 12), "d": (1, 31), "H": (0, 23), "M": (0, 59), "S": (0, 59)}
MOST_FRACTION_DIGITS = 9
_WIDEST_OFFSET = len("+00:00")


class Field(NamedTuple):
    """A directive or a literal text in a cell.

    Attributes:
      directive: "Y", "m", "d", "H", "M", "S", "f" or "z"; "" of a literal.
      width: in bytes; 0: it varies.
      literal: its text; empty of a directive.
    """

    directive: str
    width: int
    literal: bytes


def check_format(format: str) -> list[str]:
    """The directives in order, e.g. ["Y", "m", "d"]; none of `seconds` and `milliseconds`.

    Raises:
      ValueError: it is not a format; the text says why and goes on from its name, e.g. "has no %m".
    """
    if format in UNITS:
        return []
    fields = layout(format)
    directives = [field.directive for field in fields if field.directive]
    for directive in "Ymd":
        if directive not in directives:
            raise ValueError(f"has no %{directive}")
    if "f" in directives and "S" not in directives:
        raise ValueError("has %f and no %S")
    for field, after in zip(fields, fields[1:], strict=False):
        # Nobody could tell where the fraction ends.
        if field.directive == "f" and (after.width if after.directive else after.literal[:1].isdigit()):
            raise ValueError("has a digit right after %f")
    return directives


def layout(format: str) -> list[Field]:
    """The directives and literals of a format other than `seconds` and `milliseconds`, in order.

    Raises:
      ValueError: a directive is unknown or given twice.
    """
    fields: list[Field] = []
    for text in re.findall(r"%.?|[^%]+", format, re.DOTALL):
        directive = text[1:] if text.startswith("%") else ""
        if text.startswith("%"):
            if directive not in _WIDTHS:
                raise ValueError(f"has the unknown directive '{text}'")
            if any(field.directive == directive for field in fields):
                raise ValueError(f"has %{directive} twice")
        literal = b"" if directive else text.encode()
        fields.append(Field(directive, _WIDTHS[directive] if directive else len(literal), literal))
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
        good = present & ~bad
    else:
        seconds, good = _parse_fields(cells, layout(format))
        good &= present
    good &= (seconds >= FIRST) & (seconds <= LAST)
    return pa.array(seconds, pa.int64(), mask=~good), present & ~good


class _Text:
    """The bytes of cells, read from left to right, all cells at once.

    Attributes:
      place: int64 [n], the byte that is next in each cell.
      fits: bool [n], false where what was read is not what was asked for.
    """

    def __init__(self, cells: pa.Array, longest: int):
        cells = cells.cast(pa.binary())
        _, offsets, values = cells.buffers()
        bounds = np.frombuffer(offsets, np.int32)[cells.offset : cells.offset + len(cells) + 1]
        found = np.frombuffer(values or b"", np.uint8)
        # What is read beyond the end of a cell does not matter, since then its end is missed; but it has to be there.
        self._bytes = np.concatenate([found, np.zeros(longest, np.uint8)])
        self.place, self._end = bounds[:-1].astype(np.int64), bounds[1:].astype(np.int64)
        self.fits = np.ones(len(cells), np.bool_)

    def literal(self, text: bytes) -> None:
        for byte in text:
            self.fits &= self._bytes[self.place] == byte
            self.place += 1

    def number(self, width: int) -> np.ndarray:
        """int64 [n]: of `width` digits."""
        value, fits = self._number(self.place, width)
        self.fits &= fits
        self.place += width
        return value

    def fraction(self) -> None:
        """Passes 1 to 9 digits."""
        going, first = np.ones(len(self.fits), np.bool_), self.place.copy()
        for _ in range(MOST_FRACTION_DIGITS):
            going &= (self.place < self._end) & (self._bytes[self.place] - np.uint8(ord("0")) < 10)
            self.place += going
        self.fits &= self.place > first

    def offset(self) -> np.ndarray:
        """int64 [n]: seconds from UTC of Z, ±hh:mm or ±hhmm."""
        sign = self._bytes[self.place].astype(np.int64)
        utc, colon = sign == ord("Z"), self._bytes[self.place + 3] == ord(":")
        hours, has_hours = self._number(self.place + 1, 2)
        minutes, has_minutes = self._number(self.place + 3 + colon, 2)
        signed = ((sign == ord("+")) | (sign == ord("-"))) & has_hours & has_minutes
        self.fits &= utc | (signed & (hours < 24) & (minutes < 60))
        self.place += np.where(utc, 1, _WIDEST_OFFSET - 1 + colon)
        # "+" is 43 and "-" is 45.
        return np.where(utc, 0, (44 - sign) * (hours * 3600 + minutes * 60))

    def is_read(self) -> np.ndarray:
        """Bool [n]: the cell fits, and nothing is left of it."""
        return self.fits & (self.place == self._end)

    def _number(self, place: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
        value, fits = np.zeros(len(place), np.int64), np.ones(len(place), np.bool_)
        for step in range(width):
            digit = self._bytes[place + step] - np.uint8(
                ord("0")
            )  # wraps around, so that only digits are below 10
            fits &= digit < 10
            value = value * 10 + digit
        return value, fits


def _parse_fields(cells: pa.Array, fields: list[Field]) -> tuple[np.ndarray, np.ndarray]:
    text = _Text(cells, sum(field.width for field in fields) + MOST_FRACTION_DIGITS + _WIDEST_OFFSET)
    values = {directive: np.zeros(len(cells), np.int64) for directive in "HMSz"}
    for field in fields:
        if not field.directive:
            text.literal(field.literal)
        elif field.directive == "f":
            text.fraction()
        elif field.directive == "z":
            values["z"] = text.offset()
        else:
            value = values[field.directive] = text.number(field.width)
            low, high = _RANGES[field.directive]
            text.fits &= (value >= low) & (value <= high)
    months = (values["Y"] - 1970).astype("M8[Y]").astype("M8[M]") + (values["m"] - 1).astype("m8[M]")
    first = months.astype("M8[D]").astype(np.int64)
    text.fits &= values["d"] <= (months + 1).astype("M8[D]").astype(np.int64) - first
    days = first + values["d"] - 1
    seconds = days * 86_400 + values["H"] * 3600 + values["M"] * 60 + values["S"] - values["z"]
    return seconds, text.is_read()
