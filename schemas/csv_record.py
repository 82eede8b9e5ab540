"""In: the bytes of one CSV record. Out: its cells, or the one thing that is wrong with it.

The dialect, exactly: fields are separated by one ASCII character; a record ends with LF or CRLF. A field is
either bare (no quote, no CR) or quoted as a whole (any bytes, a quote doubled). Text is UTF-8 without NUL.
"""

from __future__ import annotations

import functools
import re


class BadRecord(Exception):  # noqa: N818 -- a row's fate, not a fault of the program
    """Why a record is not one of the dialect.

    Attributes:
      reason: for a person.
      unclosed: a quote makes it unknowable where this record ends, so no record after it can be trusted.
    """

    def __init__(self, reason: str, unclosed: bool = False):
        super().__init__(reason)
        self.reason, self.unclosed = reason, unclosed


@functools.cache
def _field(delimiter: str, never_bare: bytes = b"\r\n") -> re.Pattern[bytes]:
    d = re.escape(delimiter.encode())
    bare = rb'([^"' + never_bare + d + rb"]*)"
    return re.compile(rb'(?:"([^"]*(?:""[^"]*)*)"|' + bare + rb")(?:" + d + rb"|(\Z))")


def split_record(record: bytes, delimiter: str, quoting: bool) -> list[bytes]:
    """Splits one record.

    Args:
      record: without its line end.
      delimiter: one ASCII character.
      quoting: False: a quote is a character like any other.

    Returns:
      The cells, unquoted; [b""] for an empty record.

    Raises:
      BadRecord: it has a NUL, a byte that is not UTF-8, a stray or unclosed quote, or a carriage return
      outside quotes.
    """
    if not quoting or b'"' not in record:
        _check_text(record)
        if b"\r" in record:
            raise BadRecord("has a carriage return inside a field without quotes")
        return record.split(delimiter.encode())
    cells: list[bytes] = []
    field, at = _field(delimiter), 0
    while match := field.match(record, at):
        quoted, bare, end = match.groups()
        cells.append(bare if quoted is None else quoted.replace(b'""', b'"'))
        at = match.end()
        if end is not None:
            # Only now: an unclosed quote is worse than a bad character in what it swallowed.
            _check_text(record)
            return cells
    raise _bad_field(record, at, len(cells) + 1, delimiter)


def _check_text(record: bytes) -> None:
    if b"\0" in record:
        raise BadRecord(f"has a NUL character at byte {record.index(0)} of the row")
    try:
        record.decode()
    except UnicodeDecodeError as error:
        raise BadRecord(
            f"is not UTF-8: byte 0x{record[error.start]:02X} at byte {error.start} of the row"
        ) from None


def _bad_field(record: bytes, at: int, number: int, delimiter: str) -> BadRecord:
    """Why field `number`, at offset `at`, matches no field of the dialect."""
    fault = _misplaced_quote(record, at, number, delimiter)
    carriage_return, quote = record.find(b"\r", at), record.find(b'"', at)
    if carriage_return >= 0 and (quote < 0 or carriage_return < quote) and not (fault and fault.unclosed):
        return BadRecord("has a carriage return inside a field without quotes")
    assert fault is not None
    return fault


def _misplaced_quote(record: bytes, at: int, number: int, delimiter: str) -> BadRecord | None:
    """The first quote in field `number` or behind it that can be none, carriage returns let be."""
    field = _field(delimiter, never_bare=b"\n")
    while match := field.match(record, at):
        at, number = match.end(), number + 1
        if match[3] is not None:
            return None
    if record[at : at + 1] == b'"':
        if re.compile(rb'"[^"]*(?:""[^"]*)*"').match(record, at) is None:
            return BadRecord(f"opens a quote in field {number} that is never closed", unclosed=True)
        what = f"has text after the closing quote of field {number}"
    else:
        what = f"has a quote inside field {number}, which does not begin with one"
    if b"\n" in record:
        return BadRecord(f"{what}: a quote before it was not closed", unclosed=True)
    return BadRecord(what)
