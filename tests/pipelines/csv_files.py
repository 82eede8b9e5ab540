"""In: Hypothesis' draws. Out: CSV files, clean and faulty, and what a reader must make of them, by two references.

`by_csv_reader` is Python's csv.reader; `judge` is the grammar of docs/faults.md, one byte at a time, written without a look
at the code under test.
"""

from __future__ import annotations

import bz2
import csv
import dataclasses
import gzip
import io

import pyarrow as pa
from hypothesis import strategies as st
from prebake.schemas import spec_pb2

BOM = b"\xef\xbb\xbf"
ENDINGS = {"none": "", "gzip": ".gz", "bzip2": ".bz2", "zstd": ".zst"}
# csv.reader refuses longer fields unless it is told.
csv.field_size_limit(1 << 30)


@dataclasses.dataclass(frozen=True)
class CsvForm:
    """A dialect that a spec allows; `names`: columns in the file's order, `spec_order`: in the spec's, some not read."""

    delimiter: str
    quoting: bool
    header: bool
    null_tokens: tuple[str, ...]
    compression: str
    names: tuple[str, ...]
    spec_order: tuple[str, ...]
    ignored: frozenset[str]

    def data(self, **more) -> spec_pb2.Data:
        """The data part of a resolved spec; the first column in the spec's order that is read is no label."""
        dialect = spec_pb2.Dialect(
            delimiter=self.delimiter,
            quoting=self.quoting,
            header=self.header,
            null_tokens=self.null_tokens,
        )
        columns = [
            spec_pb2.Column(name=name, type=spec_pb2.IGNORE if name in self.ignored else spec_pb2.STRING)
            for name in self.spec_order
        ]
        bad_rows = spec_pb2.BadRows(reject_up_to=1)
        return spec_pb2.Data(dialect=dialect, columns=columns, bad_rows=bad_rows, **more)

    def kept(self, cells: list[bytes]) -> tuple[bytes | None, ...]:
        """The cells of one record as the reader gives them: columns that are read in the spec's order, None is missing."""
        nulls = {b"", *(token.encode() for token in self.null_tokens)}
        by_name = {
            name: None if cell in nulls else cell for name, cell in zip(self.names, cells, strict=True)
        }
        return tuple(by_name[name] for name in self.spec_order if name not in self.ignored)


delimiters = st.sampled_from([",", ",", ";", "\t", "|"]) | st.sampled_from(
    [chr(code) for code in range(1, 128) if chr(code) not in '"\n\r']
)
characters = st.characters(exclude_characters="\0", exclude_categories=["Cs"])


def texts(delimiter: str) -> st.SearchStrategy[str]:
    """Cells: what a grammar minds, any Unicode, now and then a long one."""
    minded = st.text(st.sampled_from(f'{delimiter}{delimiter}""\r\n\r\nab é𝄞\u2028\x85\ufeff?'), max_size=8)
    long = st.builds(lambda text, times: text * times, minded, st.sampled_from([2, 10, 10, 1000]))
    return st.one_of(minded, minded, st.text(characters, max_size=4), st.sampled_from(["", "NA", "?"]), long)


@st.composite
def forms(draw) -> CsvForm:
    delimiter = draw(delimiters)
    header = draw(st.booleans())
    width = draw(st.integers(1, 4))
    quoting = draw(st.sampled_from([True, True, True, False]))
    some = st.text(st.sampled_from('ab"é\n\r;,x '), min_size=1, max_size=4) | st.text(
        characters, min_size=1, max_size=3
    )
    if not quoting or not header:
        some = st.sampled_from(["a", "b", "ç", "d e", "'"]).filter(lambda name: delimiter not in name)
    names = draw(st.lists(some, min_size=width, max_size=width, unique=True))
    return CsvForm(
        delimiter=delimiter,
        quoting=quoting,
        header=header,
        null_tokens=tuple(draw(st.lists(st.sampled_from(["?", "NA", "a", '"', "é\n"]), max_size=2, unique=True))),
        compression=draw(st.sampled_from(["none", "none", "none", "gzip", "bzip2", "zstd"])),
        names=tuple(names),
        spec_order=tuple(draw(st.permutations(names)) if header else names),
        ignored=frozenset(draw(st.lists(st.sampled_from(names), max_size=width - 1, unique=True))),
    )  # fmt: skip


@st.composite
def clean_files(draw, form: CsvForm, max_rows: int = 8) -> bytes:
    """The content of a file that the grammar accepts, by csv.writer or by a writer that quotes as it likes."""
    width = len(form.names)
    cell = texts(form.delimiter)
    rows = draw(st.lists(st.lists(cell, min_size=width, max_size=width), max_size=max_rows))
    if not form.quoting:
        plain = str.maketrans(
            dict.fromkeys([form.delimiter, "\n", "\r"], "-" if form.delimiter == "_" else "_")
        )
        rows = [[text.translate(plain) for text in row] for row in rows]
    if form.header:
        rows.insert(0, list(form.names))
    write = _by_csv_writer if form.quoting and draw(st.booleans()) else _by_own_writer
    content = write(draw, form, rows)
    if draw(st.integers(0, 3)) == 0:
        content = BOM + content
    return content


def _by_csv_writer(draw, form: CsvForm, rows: list[list[str]]) -> bytes:
    # Before Python 3.13 csv.writer quotes a carriage return only if the line end has one.
    end, quoting = draw(
        st.sampled_from([("\r\n", csv.QUOTE_MINIMAL), ("\r\n", csv.QUOTE_ALL), ("\n", csv.QUOTE_ALL)])
    )
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=form.delimiter, lineterminator=end, quoting=quoting).writerows(rows)
    content = text.getvalue()
    if content and draw(st.booleans()):
        content = content.removesuffix(end)
    return content.encode()


def _by_own_writer(draw, form: CsvForm, rows: list[list[str]]) -> bytes:
    """Each cell quoted or not, each line end LF or CRLF, blank lines anywhere below the header."""
    content = ""
    special = {form.delimiter, '"', "\n", "\r"}
    for number, row in enumerate(rows):
        cells = []
        for text in row:
            must = form.quoting and bool(special & set(text))
            quote = must or (form.quoting and draw(st.booleans()))
            cells.append('"' + text.replace('"', '""') + '"' if quote else text)
        content += form.delimiter.join(cells)
        last = number == len(rows) - 1
        # Nothing at all is no record, so an empty last one needs its line end.
        ends = ["\n", "\r\n", ""] if last and cells != [""] else ["\n", "\r\n"]
        end = draw(st.sampled_from(ends))
        content += end
        if end and len(form.names) > 1:
            content += draw(st.sampled_from(["", "", "", "\n", "\r\n"]))
    return content.encode()


def compressed(draw, form: CsvForm, content: bytes) -> bytes:
    """The bytes of the file: one or several members or frames, empty ones among them."""
    if form.compression == "none":
        return content
    places = sorted(draw(st.lists(st.integers(0, len(content)), max_size=2)))
    edges = [0, *places, len(content)]
    parts = [content[a:b] for a, b in zip(edges, edges[1:], strict=False)]
    if form.compression == "gzip":
        padding = b"\0" * draw(st.sampled_from([0, 0, 3]))
        return b"".join(gzip.compress(part, 1) + padding for part in parts)
    if form.compression == "bzip2":
        return b"".join(bz2.compress(part, 1) for part in parts)
    return b"".join(_zstd(part) for part in parts)


def _zstd(data: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(data)
    return sink.getvalue().to_pybytes()


# Delimiters and newlines twice or more, so that they are drawn often enough to make rows.
SPOILERS = [
    b'"', b'"', b'""', b'"\n', b'\n"', b"\n", b"\r", b"\r\n", b"\n\n", b"\r\r\n", b"\0", b"\xff", b"\xc3", b"\xed\xa0\x80",
    BOM, b"x", b" ", b'x"y', b'"x"y',
]  # fmt: skip


@st.composite
def spoilt(draw, content: bytes, delimiter: bytes = b",") -> bytes:
    """The content with up to four mutations: bytes put in, changed, taken out, doubled, or the end cut off."""
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(content)))
        to = min(len(content), at + draw(st.integers(1, 12)))
        kind = draw(st.sampled_from(["insert", "insert", "replace", "delete", "double", "cut", "byte"]))
        if kind == "insert":
            content = (
                content[:at]
                + draw(st.sampled_from([*SPOILERS, delimiter, delimiter * 2, b"\n" + delimiter]))
                + content[at:]
            )
        elif kind == "replace":
            content = content[:at] + draw(st.sampled_from([*SPOILERS, delimiter])) + content[to:]
        elif kind == "delete":
            content = content[:at] + content[to:]
        elif kind == "double":
            content = content[:to] + content[at:to] + content[to:]
        elif kind == "cut":
            content = content[:at]
        elif at < len(content):
            content = content[:at] + bytes([draw(st.integers(0, 255))]) + content[at + 1 :]
    return content


def noise(delimiter: bytes = b",") -> st.SearchStrategy[bytes]:
    """Bytes that were never a CSV file."""
    some = st.sampled_from([*SPOILERS, delimiter, delimiter, delimiter, b"\n", b"a", b"1"])
    return st.lists(some, max_size=30).map(b"".join) | st.binary(max_size=60)


def by_csv_reader(content: bytes, form: CsvForm) -> list[tuple]:
    """(record number, cells) by Python's csv.reader; blank lines left out but in files of one column."""
    quoting = {} if form.quoting else {"quoting": csv.QUOTE_NONE, "quotechar": None}
    reader = csv.reader(
        io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=form.delimiter, strict=True, **quoting
    )
    rows = []
    for number, row in enumerate(reader, 1):
        if number == 1 and form.header:
            assert row == list(form.names)
        elif row or len(form.names) == 1:
            rows.append((number, *form.kept([cell.encode() for cell in row] or [b""])))
    return rows


@dataclasses.dataclass
class Judged:
    """What the grammar says of a file.

    Attributes:
      refused: the file as a whole is an error.
      rows: (record number, cells as the reader gives them).
      bad: record numbers of rows to be rejected.
      blank: blank lines.
    """

    refused: bool = False
    rows: list[tuple] = dataclasses.field(default_factory=list)
    bad: list[int] = dataclasses.field(default_factory=list)
    blank: int = 0


class _Bad(Exception):  # noqa: N818 -- a row's fate
    pass


class _Refused(Exception):  # noqa: N818 -- a file's fate
    pass


def judge(content: bytes, form: CsvForm) -> Judged:
    """Reads a file's content by the grammar, byte by byte; every good row is also given to csv.reader, which must agree."""
    judged = Judged(refused=True)
    marked = content[:256].startswith((b"\xff\xfe", b"\xfe\xff"))
    if not content.removeprefix(BOM) or marked or content[:256].count(0) * 3 > len(content[:256]):
        return judged  # without content, or UTF-16
    try:
        records = _split_records(content.removeprefix(BOM), form.quoting)
        if not form.header and len(records) == 1 and not records[0][1]:
            _refuse_mac_lines(records[0][0], form.quoting)
        for number, (record, _) in enumerate(records, 1):
            try:
                if number == 1 and form.header:
                    _judge_header(record, form)
                elif not record and len(form.names) > 1:
                    judged.blank += 1
                else:
                    cells = _split_fields(record, form)
                    _same_as_csv_reader(record, cells, form)
                    judged.rows.append((number, *form.kept(cells)))
            except _Bad:
                judged.bad.append(number)
    except _Refused:
        return judged
    judged.refused = False
    return judged


def _split_records(content: bytes, quoting: bool) -> list[tuple[bytes, bool]]:
    """(record without its line end, whether it had one)."""
    records, start, inside = [], 0, False
    for at, byte in enumerate(content):
        if quoting and byte == ord('"'):
            inside = not inside
        elif byte == ord("\n") and not inside:
            records.append((content[start:at].removesuffix(b"\r"), True))
            start = at + 1
    if inside:
        raise _Refused
    if start < len(content):
        records.append((content[start:], False))
    return records


def _refuse_mac_lines(record: bytes, quoting: bool) -> None:
    """A file of one record with carriage returns outside quotes has lines that end with them."""
    inside = False
    for byte in record:
        inside ^= quoting and byte == ord('"')
        if byte == ord("\r") and not inside:
            raise _Refused


def _judge_header(record: bytes, form: CsvForm) -> None:
    try:
        names = [cell.decode() for cell in _split_fields(record, form)]
    except _Bad:
        raise _Refused from None
    if names != list(form.names):
        raise _Refused


def _split_fields(record: bytes, form: CsvForm) -> list[bytes]:
    delimiter, cells, at, carriage_return = ord(form.delimiter), [], 0, False
    while True:
        cell, closed = bytearray(), False
        if form.quoting and record[at : at + 1] == b'"':
            at += 1
            while True:
                if at == len(record):
                    raise _Refused  # it never closes
                if record[at : at + 2] == b'""':
                    cell.append(ord('"'))
                    at += 2
                elif record[at] == ord('"'):
                    at, closed = at + 1, True
                    break
                else:
                    cell.append(record[at])
                    at += 1
        while at < len(record) and record[at] != delimiter:
            if closed or (form.quoting and record[at] == ord('"')):
                # Nobody knows where this row ends if a newline is in it.
                raise _Refused if b"\n" in record else _Bad
            carriage_return |= record[at] == ord("\r")
            cell.append(record[at])
            at += 1
        cells.append(bytes(cell))
        if at == len(record):
            break
        at += 1
    try:
        record.decode()
    except UnicodeDecodeError:
        raise _Bad from None
    if carriage_return or b"\0" in record or len(cells) != len(form.names):
        raise _Bad
    return cells


def _same_as_csv_reader(record: bytes, cells: list[bytes], form: CsvForm) -> None:
    # A mark before it, since the record's own is a character like any other if it is not at the start of the file.
    found = by_csv_reader(BOM + record, dataclasses.replace(form, header=False))
    assert found == ([(1, *form.kept(cells))] if record else []), record
