"""In: the first bytes of a CSV file, the spec's data part. Out: which field is which column of the spec."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from . import spec_pb2
from .csv_record import BadRecord, split_record
from .csv_scan import record_ends
from .errors import DataError
from .labels import label_columns, label_path, labels_of

# The header must be within these first bytes of a file.
HEAD_BYTES = 1 << 20

BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class LayoutColumn:
    """One column of the spec that is read, defaults applied.

    Attributes:
      name: as in the spec.
      type: of the cell, or of the elements of a list; not IGNORE.
      position: of its field in each record, from 0.
      required: a missing value makes the row a bad row.
      values: texts of the allowed values; empty: all.
      min, max: smallest and largest value allowed, or None.
      above: every value must be greater, or None; above_for: what needs that.
      separators: of lists, the outer one first; empty: one value a cell.
      length: of each (inner) list; 0: any.
      time_format: of a TIME column.
    """

    name: str
    type: spec_pb2.ColumnType
    position: int
    required: bool
    values: tuple[str, ...]
    min: float | None
    max: float | None
    above: float | None = None
    above_for: str = ""
    separators: tuple[str, ...] = ()
    length: int = 0
    time_format: str = ""


@dataclass(frozen=True)
class Layout:
    """How one file's records map to the spec's columns.

    Attributes:
      fields: fields in each record.
      columns: the columns to read, in the spec's order.
      header: text of the header record without its line end; "" if there is none.
      skip_bytes: bytes before the first data record: byte order mark and header.
      first_row: record number of the first data record: 2 after a header, else 1.
      delimiter: one ASCII character.
      quoting: fields may be quoted.
      null_tokens: cells that are missing besides the empty one.
      labels: names of the label columns that the file has.
      weight: name of the weight column, or "" if there is none.
    """

    fields: int
    columns: tuple[LayoutColumn, ...]
    header: str
    skip_bytes: int
    first_row: int
    delimiter: str
    quoting: bool
    null_tokens: tuple[str, ...]
    labels: tuple[str, ...]
    weight: str


def read_layout(first_bytes: bytes, path: str, data: spec_pb2.Data, optional: Collection[str] = ()) -> Layout:
    """Reads the layout of one file.

    Args:
      first_bytes: the first HEAD_BYTES bytes of the file's content, or all of it if it is shorter.
      path: for messages.
      data: its columns must be given.
      optional: columns that the file need not have, and whose values may be missing: label and weight when
        predicting. Without a header all of them are there, or none.

    Returns:
      The layout; a file that is only a header, with or without newline, has one too.

    Raises:
      DataError: the file has no content, is not UTF-8, has lone carriage returns as line ends, or its header does not
      match.
    """
    dialect = data.dialect
    delimiter = dialect.delimiter or ","
    quoting = dialect.quoting if dialect.HasField("quoting") else True
    has_header = dialect.header if dialect.HasField("header") else True
    if has_no_content(first_bytes):
        what = "nothing but a byte order mark" if first_bytes else "0 bytes"
        remedy = "write it again, take it out of data.files, or set data.allow_empty_files"
        raise DataError(path, None, None, None, f"{what}: {remedy}")
    _refuse_utf16(first_bytes, path)
    start = len(BOM) if first_bytes.startswith(BOM) else 0
    content = first_bytes[start:]
    ends = record_ends(content, quoting)
    if not len(ends) and len(first_bytes) >= HEAD_BYTES:
        raise DataError(path, 1, None, None, f"the first record does not end within {HEAD_BYTES} bytes")
    record = content[: int(ends[0]) + 1] if len(ends) else content
    text = record.removesuffix(b"\r\n" if record.endswith(b"\r\n") else b"\n")
    unquoted = re.sub(rb'"[^"]*"', b"", text) if quoting else text
    if b"\r" in unquoted and (has_header or not len(ends)):
        raise DataError(
            path, None, None, None, "lines end with a carriage return alone; convert them to \\n or \\r\\n"
        )
    columns = list(data.columns)
    if has_header:
        header, names = _header_names(text, path, delimiter, quoting)
        _match_header(names, columns, path, optional, data.ignore_undeclared)
    else:
        header, names = "", [c.name for c in columns]
        names = _names_in_order(names, text, delimiter, quoting, optional, data.ignore_undeclared)
    present = set(names)
    return Layout(
        fields=len(names),
        columns=tuple(
            _layout_column(column, names.index(column.name), data, optional)
            for column in columns
            if column.type != spec_pb2.IGNORE and column.name in present
        ),
        header=header,
        skip_bytes=start + (len(record) if has_header else 0),
        first_row=2 if has_header else 1,
        delimiter=delimiter,
        quoting=quoting,
        null_tokens=tuple(dialect.null_tokens),
        labels=tuple(name for name in label_columns(data) if name in present),
        weight=data.weight if data.weight in present else "",
    )


def has_no_content(first_bytes: bytes) -> bool:
    """Whether a file has neither header nor row, by its first bytes."""
    return not first_bytes.removeprefix(BOM)


def _layout_column(
    column: spec_pb2.Column, position: int, data: spec_pb2.Data, optional: Collection[str]
) -> LayoutColumn:
    smallest = column.min if column.HasField("min") else None
    logged = {label.column: f"{label_path(label)}.log" for label in labels_of(data) if label.log}
    if data.weight and column.name == data.weight:
        smallest = max(smallest or 0.0, 0.0)
    return LayoutColumn(
        name=column.name,
        type=column.type,
        position=position,
        required=column.name not in optional
        and (column.required or column.name in (*label_columns(data), data.weight)),
        values=tuple(column.values),
        min=smallest,
        max=column.max if column.HasField("max") else None,
        # ln(1 + label) has no value at -1 and below.
        above=-1.0 if column.name in logged else None,
        above_for=logged.get(column.name, ""),
        separators=tuple(column.separators),
        length=column.length,
        time_format=column.format,
    )


def _refuse_utf16(first_bytes: bytes, path: str) -> None:
    head = first_bytes[:256]
    marked = head.startswith((b"\xff\xfe", b"\xfe\xff"))
    # ASCII text in UTF-16 has a NUL for every other byte.
    if marked or head.count(0) * 3 > len(head):
        raise DataError(path, None, None, None, "not UTF-8 but UTF-16, it seems; convert it to UTF-8")


def _header_names(text: bytes, path: str, delimiter: str, quoting: bool) -> tuple[str, list[str]]:
    if not text:
        raise DataError(path, 1, None, None, "the first line is blank; it must name the columns")
    try:
        names = [name.decode() for name in split_record(text, delimiter, quoting)]
    except BadRecord as error:
        shown = text.decode(errors="backslashreplace")
        raise DataError(path, 1, None, shown, f"as the header: {error.reason}") from None
    for i, name in enumerate(names):
        if name in names[:i]:
            raise DataError(path, 1, name, None, "the header has this column twice; rename or drop one")
    return text.decode(), names


def _match_header(
    names: list[str],
    columns: Iterable[spec_pb2.Column],
    path: str,
    optional: Collection[str],
    ignore_undeclared: bool,
) -> None:
    declared = [column.name for column in columns]
    undeclared = [name for name in names if name not in declared]
    for name in declared:
        if name in names or name in optional:
            continue
        near = [found for found in undeclared if found.strip().casefold() == name.strip().casefold()]
        hint = f"; '{near[0]}' is close: rename it there or in the spec" if near else ""
        found = ", ".join(f"'{n}'" for n in names)
        raise DataError(path, 1, name, None, f"the header lacks this column; it has {found}{hint}")
    if undeclared and not ignore_undeclared:
        extra = ", ".join(f"'{name}'" for name in undeclared)
        raise DataError(
            path,
            1,
            None,
            None,
            f"the header has columns that the spec does not name: {extra}; "
            "declare them under data.columns or set data.ignore_undeclared",
        )


def _names_in_order(
    names: list[str],
    first_record: bytes,
    delimiter: str,
    quoting: bool,
    optional: Collection[str],
    ignore_undeclared: bool,
) -> list[str]:
    """Names of the fields of a file without header; its first record's length tells what is left out."""
    try:
        count = len(split_record(first_record, delimiter, quoting))
    except BadRecord:
        return names  # the reader reports the row
    without = [name for name in names if name not in optional]
    if count == len(without):
        return without
    if count > len(names) and ignore_undeclared:
        return names + [""] * (count - len(names))
    return names
