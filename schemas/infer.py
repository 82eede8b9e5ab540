"""In: the heads of CSV files. Out: columns with types, what the sample shows of each, and notes for the user.

Only for what the spec leaves open. The sample is read by Python's csv module; the reader checks every row.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Literal

import pyarrow as pa

from . import spec_pb2
from .compressed import open_stream
from .errors import DataError
from .infer_cells import list_separator, time_formats
from .numerals import parse_floats, parse_ints

NULL_CANDIDATES = ("?", "NA", "N/A", "NULL", "null", "nan", "NaN", "-")
DELIMITERS = (",", ";", "\t", "|")

_HEAD_BYTES = 1 << 20
# A candidate this frequent in a text column is worth a note.
_FREQUENT = 0.01

OpenFile = Callable[[str, str], BinaryIO]


@dataclass(frozen=True)
class ColumnProfile:
    """Of one column in the sample.

    Attributes:
      type: FLOAT, INT, TIME or STRING, or the type that the spec declares.
      cells: number of cells.
      counts: how often each present value occurs.
      null_tokens: candidates that stand for missing values here, though the spec does not say so.
      format: of a TIME column.
      separator: of a column of lists, else "".
    """

    type: spec_pb2.ColumnType
    cells: int
    counts: Counter[str]
    null_tokens: tuple[str, ...] = ()
    format: str = ""
    separator: str = ""

    @property
    def present(self) -> int:
        return self.counts.total()

    @property
    def missing_share(self) -> float:
        return 1 - self.present / self.cells if self.cells else 0.0


def sample_rows(
    paths: Sequence[str],
    dialect: spec_pb2.Dialect,
    open_file: OpenFile,
    names: Sequence[str] = (),
    limit: int = 10_000,
    files: int = 16,
) -> tuple[list[str], list[list[str]]]:
    """Reads rows from the first MiB of files spread evenly over `paths`.

    Args:
      paths: at least one.
      dialect: with every default written out.
      open_file: called with (path, "rb").
      names: the columns, in order, where the files have no header.
      limit: about how many rows to read, an equal number from each file.
      files: at most how many files to read.

    Returns:
      Column names in the order of the first header; rows, each as long as the header, "" for a column that
      the row's own file lacks. Rows with too few or too many fields are left out.

    Raises:
      DataError: no file has a row, a header is not UTF-8, or it has two columns or one of no name.
    """
    count = min(files, len(paths))
    chosen = [paths[i * (len(paths) - 1) // max(count - 1, 1)] for i in range(count)]
    header: list[str] = list(names)
    rows: list[list[str]] = []
    for path in chosen:
        records = _records(path, _read_head(path, dialect, open_file), dialect, -(-limit // count) + 1)
        if dialect.header:
            if not records:
                continue
            own = _check_header(path, records.pop(0))
            header = header or own
        else:
            own = header
        place = {name: i for i, name in enumerate(own)}
        order = [place.get(name) for name in header]
        rows += [["" if i is None else r[i] for i in order] for r in records if len(r) == len(own)]
    if not rows:
        more = f" (nor have {len(paths) - 1} more files)" if len(paths) > 1 else ""
        raise DataError(paths[0], None, None, None, f"has no row to infer columns from{more}")
    return header, rows[:limit]


def infer_columns(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    null_tokens: Collection[str] = (),
    plain: Collection[str] = (),
) -> tuple[dict[str, ColumnProfile], list[str]]:
    """Infers each column's type.

    A column is INT if every present cell is by the numeral grammar, else FLOAT if every one is, else TIME if every one
    follows the same format, else STRING, perhaps with a separator. If no null tokens are given, candidates count as missing
    in columns that are numbers or times but for them.

    Args:
      header: n names.
      rows: each of n cells.
      null_tokens: of the dialect. The empty cell is always missing.
      plain: columns that are neither times nor lists, whatever they look like.

    Returns:
      Profile by column name, in the order of the header; notes, one line each.
    """
    profiles: dict[str, ColumnProfile] = {}
    notes: list[str] = []
    for index, name in enumerate(header):
        counts = _count((row[index] for row in rows), null_tokens)
        tokens: tuple[str, ...] = ()
        may_be_time = name not in plain
        kind, formats = _narrowest_type(counts, may_be_time)
        found = tuple(t for t in NULL_CANDIDATES if t in counts) if kind == spec_pb2.STRING else ()
        rest = Counter({value: n for value, n in counts.items() if value not in found})
        rest_kind, rest_formats = _narrowest_type(rest, may_be_time) if found else (kind, formats)
        if found and rest and rest_kind != spec_pb2.STRING:
            what = "time" if rest_kind == spec_pb2.TIME else "number"
            if null_tokens:
                notes.append(
                    f"column '{name}' would be a {what} but for {_quoted(found)}: no null token says so"
                )
            else:
                kind, counts, tokens, formats = rest_kind, rest, found, rest_formats
                notes.append(f"column '{name}' is a {what} but for {_quoted(found)}: taken as missing")
        elif any(counts[t] >= _FREQUENT * len(rows) for t in found):
            shares = ", ".join(f"'{t}' in {counts[t] / len(rows):.1%}" for t in found)
            notes.append(f"column '{name}' has {shares} of the rows: a null token, if it means missing")
        if len(formats) > 1:
            asked = " or ".join(f'"{one}"' for one in formats)
            notes.append(f"column '{name}' holds times, as text unless it is {{type: time, format: {asked}}}")
        separator = list_separator(counts) if kind == spec_pb2.STRING and may_be_time else ""
        format = formats[0] if kind == spec_pb2.TIME else ""
        profiles[name] = ColumnProfile(kind, len(rows), counts, tokens, format, separator)
    return profiles, notes


def profile_columns(
    columns: Sequence[spec_pb2.Column],
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    null_tokens: Collection[str],
) -> dict[str, ColumnProfile]:
    """Profiles of the declared columns that the sample has."""
    place = {name: i for i, name in enumerate(header)}
    return {
        c.name: ColumnProfile(
            c.type,
            len(rows),
            _count((r[place[c.name]] for r in rows), null_tokens),
            format=c.format,
            separator=c.separators[0] if c.separators else "",
        )
        for c in columns
        if c.name in place
    }


def sniff_delimiter(path: str, open_file: OpenFile) -> str:
    """The one of `, ; tab |` that cuts the head of a file into the most rows of equal width, or `,`."""
    dialect = spec_pb2.Dialect(delimiter=",", quoting=True)
    text = _read_head(path, dialect, open_file)
    best, best_rows = ",", 0
    for delimiter in DELIMITERS:
        dialect.delimiter = delimiter
        widths = [len(record) for record in _records(path, text, dialect, 100)]
        equal = sum(width == widths[0] for width in widths) if widths and widths[0] > 1 else 0
        if equal > best_rows:
            best, best_rows = delimiter, equal
    return best


def _read_head(path: str, dialect: spec_pb2.Dialect, open_file: OpenFile) -> str:
    """The first MiB as text, cut after its last line."""
    try:
        with open_file(path, "rb") as raw, open_stream(raw, path, dialect.compression) as stream:
            head = b""
            while len(head) <= _HEAD_BYTES and (block := stream.read(_HEAD_BYTES + 1 - len(head))):
                head += block
    except OSError as error:
        raise DataError(path, None, None, None, f"cannot be read: {error.strerror or error}") from None
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise DataError(path, None, None, None, "is UTF-16, not UTF-8: convert it")
    if len(head) > _HEAD_BYTES:
        head = head[: head.rfind(b"\n") + 1]
    # Bad bytes in a row are the reader's to report, with the row; here they must not keep it from running.
    return head.decode("utf-8-sig", errors="replace")


def _records(path: str, text: str, dialect: spec_pb2.Dialect, limit: int) -> list[list[str]]:
    """The first records. A file of one column has no blank lines, only missing values."""
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if dialect.quoting else csv.QUOTE_NONE
    lines = io.StringIO(text, newline="")
    records: list[list[str]] = []
    try:
        for record in csv.reader(lines, delimiter=dialect.delimiter, quoting=quoting, doublequote=True):
            if record or (records and len(records[0]) == 1):
                records.append(record or [""])
            if len(records) == limit:
                break
    except csv.Error:
        # A field longer than the csv module takes: what was read before it is sample enough.
        return records
    return records


def _check_header(path: str, header: list[str]) -> list[str]:
    if any("\ufffd" in name or "\0" in name for name in header):
        raise DataError(path, 1, None, None, "the header is not UTF-8 text: convert the file")
    for index, name in enumerate(header):
        if not name:
            raise DataError(path, 1, None, None, f"column {index + 1} has no name in the header: give it one")
        if name in header[:index]:
            raise DataError(path, 1, name, None, "two columns have this name: rename one")
    return header


def _count(cells: Iterable[str], null_tokens: Collection[str]) -> Counter[str]:
    counts = Counter(cells)
    for token in ("", *null_tokens):
        counts.pop(token, None)
    return counts


def _narrowest_type(counts: Counter[str], may_be_time: bool) -> tuple[spec_pb2.ColumnType, list[str]]:
    """The type, and the time formats that the cells follow: TIME if it is one."""
    if not counts:
        return spec_pb2.STRING, []
    cells = pa.array(list(counts), pa.string())
    if not parse_ints(cells)[1].any():
        return spec_pb2.INT, []
    if not parse_floats(cells)[1].any():
        return spec_pb2.FLOAT, []
    formats = time_formats(counts) if may_be_time else []
    return (spec_pb2.TIME if len(formats) == 1 else spec_pb2.STRING), formats


def _quoted(tokens: Sequence[str]) -> str:
    return ", ".join(f"'{token}'" for token in tokens)
