"""In: byte ranges of one CSV file. Out: where each range's first whole record starts, and its record number.

A record ends at a newline with an even number of quotes before it in the file, so a range cannot tell its
records alone. Each range is therefore scanned under both hypotheses (it starts outside or inside quotes), in
parallel and in any order, and a sum over the ranges decides which one held.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

import google_crc32c
import numpy as np

_NEWLINE, _QUOTE, _CR = b'\n"\r'
_SCAN_BYTES = 1 << 24


@dataclass(frozen=True)
class Ends:
    """The record ends of a range under one hypothesis.

    Attributes:
      count: newlines outside quotes.
      after_first: offset in the range of the byte after the first of them; 0 if there is none.
      at_end: the range's last byte is one of them.
    """

    count: int
    after_first: int
    at_end: bool


@dataclass(frozen=True)
class RangeScan:
    """What one range says about itself: bytes, crc32c of them, quotes, record ends by hypothesis."""

    size: int
    crc32c: int
    quotes: int
    outside: Ends
    inside: Ends


@dataclass(frozen=True)
class Cut:
    """Whole records in bytes [start, stop) of the file, the first of which has record number `row`."""

    start: int
    stop: int
    row: int


@dataclass(frozen=True)
class FileCuts:
    """A whole file: cuts in order (none without a record), size, crc32c, records (the header included).

    `open_quote`: the file ends inside quotes; `unclosed_quote_row` finds out where they opened.
    """

    cuts: list[Cut]
    size: int
    crc32c: int
    records: int
    open_quote: bool


def record_ends(data: bytes, quoting: bool) -> np.ndarray:
    """Offsets of the newlines that end a record, int64 [records ended]; `data` starts at a record's start."""
    text = np.frombuffer(data, np.uint8)
    newlines = np.flatnonzero(text == _NEWLINE)
    if not quoting or b'"' not in data:
        return newlines
    return newlines[np.searchsorted(np.flatnonzero(text == _QUOTE), newlines) % 2 == 0]


def scan_range(data: bytes, quoting: bool = True) -> RangeScan:
    """Scans one range of a file; ranges may be cut anywhere."""
    text = np.frombuffer(data, np.uint8)
    newlines = np.flatnonzero(text == _NEWLINE)
    quotes = np.flatnonzero(text == _QUOTE) if quoting else np.zeros(0, np.int64)
    odd = np.searchsorted(quotes, newlines) % 2 == 1
    return RangeScan(
        size=len(data),
        crc32c=google_crc32c.value(data),
        quotes=len(quotes),
        outside=_ends(newlines[~odd], len(data)),
        inside=_ends(newlines[odd], len(data)),
    )


def _ends(newlines: np.ndarray, size: int) -> Ends:
    if not len(newlines):
        return Ends(0, 0, False)
    return Ends(len(newlines), int(newlines[0]) + 1, int(newlines[-1]) == size - 1)


def resolve_cuts(scans: Sequence[RangeScan]) -> FileCuts:
    """Joins the scans of all ranges of one file, in the order of the ranges.

    The first cut starts at byte 0: a byte order mark and the header are in it.
    """
    starts: list[tuple[int, int]] = []  # (byte, record number)
    size, crc32c, quotes, ended, at_start = 0, 0, 0, 0, True
    for scan in scans:
        if not scan.size:
            continue
        ends = scan.inside if quotes % 2 else scan.outside
        if at_start:
            starts.append((size, ended + 1))
        elif ends.count > 1 or (ends.count and not ends.at_end):
            starts.append((size + ends.after_first, ended + 2))
        crc32c = combine_crc32c(crc32c, scan.crc32c, scan.size)
        size += scan.size
        quotes += scan.quotes
        ended += ends.count
        at_start = ends.at_end
    stops = [start for start, _ in starts[1:]] + [size]
    cuts = [Cut(start, stop, row) for (start, row), stop in zip(starts, stops, strict=False)]
    return FileCuts(cuts, size, crc32c, ended + (not at_start), quotes % 2 == 1)


def combine_crc32c(crc1: int, crc2: int, size2: int) -> int:
    """The crc32c of two byte strings joined, from that of each and the second one's length.

    Appending a zero bit is a linear map over GF(2) of the 32 bits of a CRC, so appending 2**k of them is
    that map squared k times.
    """
    # Column i: what bit i of the CRC becomes when one zero bit is appended. The polynomial is bit-reflected.
    step = [0x82F63B78] + [1 << i for i in range(31)]
    bits = 8 * size2
    while bits:
        if bits & 1:
            crc1 = _apply(step, crc1)
        step = [_apply(step, column) for column in step]
        bits >>= 1
    return crc1 ^ crc2


def _apply(columns: list[int], bits: int) -> int:
    out = 0
    for column in columns:
        if bits & 1:
            out ^= column
        bits >>= 1
    return out


def unclosed_quote_row(stream: BinaryIO, delimiter: str) -> int:
    """Where the quote was opened that makes a file end inside quotes.

    Every quote after the faulty one is taken for its opposite, so the fault is in the first record that has
    a quote in a place where none can be, or else in the last record.

    Args:
      stream: the whole file's content, from its start.
      delimiter: one ASCII character.

    Returns:
      Record number.
    """
    before_opening = np.zeros(256, np.bool_)
    before_opening[[_NEWLINE, _QUOTE, ord(delimiter)]] = True
    after_closing = before_opening.copy()
    after_closing[_CR] = True
    # A newline before the file makes its first byte a field's start; a byte order mark is no content.
    data = b"\n" + stream.read(_SCAN_BYTES).removeprefix(b"\xef\xbb\xbf")
    ended, inside = 0, 0
    while True:
        more = stream.read(_SCAN_BYTES)
        # Of each part the first byte was judged before, and a quote at the end waits for the byte behind it.
        data += more[:1] or b"\n"
        text = np.frombuffer(data, np.uint8)
        quotes = np.flatnonzero(text[1:-1] == _QUOTE) + 1
        newlines = np.flatnonzero(text[1:-1] == _NEWLINE) + 1
        newlines = newlines[(np.searchsorted(quotes, newlines) + inside) % 2 == 0]
        opening = (np.arange(len(quotes)) + inside) % 2 == 0
        misplaced = quotes[
            np.where(opening, ~before_opening[text[quotes - 1]], ~after_closing[text[quotes + 1]])
        ]
        if len(misplaced):
            return ended + int(np.searchsorted(newlines, misplaced[0])) + 1
        ended += len(newlines)
        if not more:
            return ended + 1
        inside = (inside + len(quotes)) % 2
        data = data[-2:-1] + more
