"""In: CSV bytes, clean and faulty. Out: proof that rows are those of csv.reader, and what bad rows say."""

from __future__ import annotations

import csv
import io
from typing import Literal

import pytest
from google.protobuf import text_format
from hypothesis import given, settings
from hypothesis import strategies as st
from prebake.schemas import csv_rows, spec_pb2
from prebake.schemas.csv_layout import Layout, read_layout
from prebake.schemas.csv_rows import Block, read_block, whole_records
from prebake.schemas.csv_scan import record_ends, resolve_cuts, scan_range
from prebake.schemas.errors import DataError

SPEC = """
columns { name: "x" type: FLOAT }
columns { name: "n" type: INT }
columns { name: "s" type: STRING }
label { column: "y" }
columns { name: "y" type: FLOAT }
"""
FAST_AND_SLOW = pytest.mark.parametrize("read", [read_block, csv_rows._read_slowly], ids=["fast", "slow"])


def layout_of(header: bytes, spec: str = SPEC) -> Layout:
    return read_layout(header, "f.csv", text_format.Parse(spec, spec_pb2.Data()))


def texts_layout(names: list[str], delimiter: str = ",") -> Layout:
    """A file of text columns without header."""
    columns = [spec_pb2.Column(name=name, type=spec_pb2.STRING) for name in names]
    dialect = spec_pb2.Dialect(delimiter=delimiter, header=False)
    return read_layout(b"\n", "f.csv", spec_pb2.Data(columns=columns, dialect=dialect))


def rows_of(block: Block) -> list[tuple]:
    columns = [column.to_pylist() for column in block.batch.columns]
    return list(zip(block.rows.tolist(), *columns, strict=True))


def messages(block: Block) -> list[str]:
    return [str(error) for error in block.errors]


def read_all(content: bytes, layout: Layout, block_bytes: int, read=read_block) -> list[tuple]:
    """Rows of a whole file, cut into blocks."""
    stream = io.BytesIO(content[layout.skip_bytes :])
    rows: list[tuple] = []
    for block, first_row, ends in whole_records(stream, block_bytes, layout.first_row, layout, "f.csv"):
        assert ends.tolist() == record_ends(block, layout.quoting).tolist()
        got = read(block, first_row, layout, "f.csv", ends)
        assert not got.errors
        rows += rows_of(got)
    return rows


def same(one: Block, other: Block) -> bool:
    return (
        one.batch.equals(other.batch)
        and one.rows.tolist() == other.rows.tolist()
        and messages(one) == messages(other)
        and one.blank == other.blank
    )


@FAST_AND_SLOW
def test_types_nulls_and_order(read):
    """FAULTS 18, 28: columns by name; only the empty cell and the spec's tokens are missing."""
    layout = layout_of(b"y,s,n,x\n", SPEC + 'dialect { null_tokens: "?" null_tokens: "NA " }')
    block = read(
        b'1,NA,-5,0.1\n2,"?",?,\r\n"3","""q"", r",9223372036854775807,"1e5"\n4,,"",?', 2, layout, "f.csv"
    )
    assert block.batch.schema.names == ["x", "n", "s", "y"]
    assert [str(field.type) for field in block.batch.schema] == ["float", "int64", "binary", "float"]
    assert rows_of(block) == [
        (2, 0.10000000149011612, -5, b"NA", 1.0),
        (3, None, None, None, 2.0),
        (4, 1e5, 2**63 - 1, b'"q", r', 3.0),
        (5, None, None, None, 4.0),
    ]
    assert (messages(block), block.blank) == ([], 0)
    assert [block.raw(i) for i in range(4)] == [
        b"1,NA,-5,0.1",
        b'2,"?",?,',
        b'"3","""q"", r",9223372036854775807,"1e5"',
        b'4,,"",?',
    ]


@FAST_AND_SLOW
def test_fault_25_blank_lines_are_counted(read):
    block = read(b"\n1,2,a,3\r\n\r\n\n4,5,b,6\n\n", 2, layout_of(b"x,n,s,y\n"), "f.csv")
    assert rows_of(block) == [(3, 1.0, 2, b"a", 3.0), (6, 4.0, 5, b"b", 6.0)]
    assert block.blank == 4
    assert block.raw(1) == b"4,5,b,6"


@FAST_AND_SLOW
def test_fault_25_a_blank_line_in_a_file_of_one_column_is_missing(read):
    block = read(b'\na\n""\r\n\r\n', 1, texts_layout(["s"]), "f.csv")
    assert rows_of(block) == [(1, None), (2, b"a"), (3, None), (4, None)]
    assert block.blank == 0


@FAST_AND_SLOW
@pytest.mark.parametrize("content", [b"", b"\n", b"\r\n\n"])
def test_fault_12_no_rows(read, content):
    block = read(content, 2, layout_of(b"x,n,s,y\n"), "f.csv")
    assert rows_of(block) == []
    assert block.batch.schema.names == ["x", "n", "s", "y"]
    assert block.blank == content.count(b"\n")
    assert list(whole_records(io.BytesIO(b""), 10, 2, layout_of(b"x,n,s,y\n"), "f.csv")) == []


NOT_A_NUMBER = "is not a number: digits with an optional '-', '.' and exponent, nothing else"
BAD_ROWS = [
    (21, b"1,2,a", "f.csv:3 '1,2,a' has 3 fields, expected 4: check its delimiters and quotes"),
    (21, b"1,2,a,3,4", "f.csv:3 '1,2,a,3,4' has 5 fields, expected 4: check its delimiters and quotes"),
    (7, b"1,2,a\xe9b,3", "f.csv:3 '1,2,a\\xe9b,3' is not UTF-8: byte 0xE9 at byte 5 of the row"),
    (7, b'1,2,"\xff",3', "f.csv:3 '1,2,\"\\xff\",3' is not UTF-8: byte 0xFF at byte 5 of the row"),
    (8, b'1,2,"\0",3', "f.csv:3 '1,2,\"\\0\",3' has a NUL character at byte 5 of the row"),
    (8, b"1,2,a\0b,3", "f.csv:3 '1,2,a\\0b,3' has a NUL character at byte 5 of the row"),
    (24, b'1,2,"c"d,3', "f.csv:3 '1,2,\"c\"d,3' has text after the closing quote of field 3"),
    (
        24,
        b'1,2,c"d",3',
        "f.csv:3 '1,2,c\"d\",3' has a quote inside field 3, which does not begin with one",
    ),
    (10, b"1,2,a\rb,3", "f.csv:3 '1,2,a\\rb,3' has a carriage return inside a field without quotes"),
    (9, b"1,2,a,3\r", "f.csv:3 '1,2,a,3\\r' has a carriage return inside a field without quotes"),
    (
        27,
        b"nan,2,a,3",
        "f.csv:3:x 'nan' " + NOT_A_NUMBER,
    ),
    (
        30,
        b'"1,5",2,a,3',
        "f.csv:3:x '1,5' " + NOT_A_NUMBER,
    ),
    (30, b"1,7.0,a,3", "f.csv:3:n '7.0' is not an integer: digits with an optional '-', nothing else"),
    (29, b"1e39,2,a,3", "f.csv:3:x '1e39' is out of the range of a 32-bit float"),
    (
        29,
        b"1,9223372036854775808,a,3",
        "f.csv:3:n '9223372036854775808' is out of the range of a 64-bit integer",
    ),
    (0, b"1,2,a,", "f.csv:3:y: is missing, but the column needs a value in every row"),
    (0, b"x,y,a,", "f.csv:3:x 'x' " + NOT_A_NUMBER),
]


@FAST_AND_SLOW
@pytest.mark.parametrize(("fault", "record", "text"), BAD_ROWS)
def test_bad_row(read, fault, record, text):
    """FAULTS, by the number in the table (0: none): the row is set aside alone, its neighbours are read."""
    end = b"\r\n" if fault == 9 else b"\n"
    block = read(b"1,2,a,3\n" + record + end + b"4,5,b,6\n", 2, layout_of(b"x,n,s,y\n"), "f.csv")
    assert messages(block) == [text]
    assert rows_of(block) == [(2, 1.0, 2, b"a", 3.0), (4, 4.0, 5, b"b", 6.0)]
    assert block.raw(1) == b"4,5,b,6"


def test_fault_7_also_in_a_column_that_is_not_read():
    spec = 'columns { name: "a" type: IGNORE } columns { name: "y" type: INT } label { column: "y" }'
    block = read_block(b"\xff,1\nb,2\n", 2, layout_of(b"a,y\n", spec), "f.csv")
    assert messages(block) == ["f.csv:2 '\\xff,1' is not UTF-8: byte 0xFF at byte 0 of the row"]
    assert rows_of(block) == [(3, 2)]


@FAST_AND_SLOW
def test_errors_of_all_kinds_come_in_row_order(read):
    block = read(b"1,2,a,3\n\nx,2,a,3\n1,2\n1,2,a,\n1,2,a,3\n", 2, layout_of(b"x,n,s,y\n"), "f.csv")
    assert [error.row for error in block.errors] == [4, 5, 6]
    assert block.rows.tolist() == [2, 7]
    assert block.blank == 1


CLOSED_EARLY = "has text after the closing quote of field 3: a quote before it was not closed"
STRAY = "has a quote inside field 3, which does not begin with one: a quote before it was not closed"
UNCLOSED = [
    (b'1,2,"a,3\n4,5,b,6\n', "opens a quote in field 3 that is never closed"),
    (b'1,2,"a,3\n4,5,"b",6\n"', CLOSED_EARLY),
    (b'1,2,5" pipe,3\n4,5,6" pipe,6\n', STRAY),
    (b'1,2,"a\0,3\n4,5,"b",6\n"', CLOSED_EARLY),
]


@FAST_AND_SLOW
@pytest.mark.parametrize(("records", "reason"), UNCLOSED)
def test_fault_23_unclosed_quote_fails_at_its_row(read, records, reason):
    """Where its row ends is unknown, so it is no bad row to set aside: that would swallow good ones."""
    with pytest.raises(DataError) as caught:
        read(b"1,2,a,3\n" + records, 2, layout_of(b"x,n,s,y\n"), "f.csv")
    assert caught.value.row == 3
    assert str(caught.value).endswith("' " + reason)


CHECKS = """
columns { name: "f" type: FLOAT min: 0.1 max: 0.7 }
columns { name: "i" type: INT min: -1.5 max: 1e300 values: "-1" values: "7" }
columns { name: "s" type: STRING required: true values: "a" values: "é" }
columns { name: "w" type: FLOAT }
columns { name: "y" type: STRING }
label { column: "y" } weight: "w"
"""


@FAST_AND_SLOW
@pytest.mark.parametrize(
    ("record", "text"),
    [
        ("0.0999,7,a,1,t", "f.csv:2:f '0.0999' is below the minimum 0.1"),
        ("0.71,7,a,1,t", "f.csv:2:f '0.71' is above the maximum 0.7"),
        ("0.5,-2,a,1,t", "f.csv:2:i '-2' is not one of the allowed values -1, 7"),
        ("0.5,7,b,1,t", "f.csv:2:s 'b' is not one of the allowed values a, é"),
        ("0.5,7,,1,t", "f.csv:2:s: is missing, but the column needs a value in every row"),
        ("0.5,7,a,-0.5,t", "f.csv:2:w '-0.5' is below the minimum 0"),
        ("0.5,7,a,,t", "f.csv:2:w: is missing, but the column needs a value in every row"),
        ("0.5,7,a,1,", "f.csv:2:y: is missing, but the column needs a value in every row"),
    ],
)
def test_checks(read, record, text):
    # The limits themselves are allowed although 0.1 as a 32-bit float is above 0.1, and missing cells pass.
    good = "0.1,-1,a,0,t\n0.7,07,é,1,t\n,,a,1,t\n"
    block = read(f"{record}\n{good}".encode(), 2, layout_of(b"f,i,s,w,y\n", CHECKS), "f.csv")
    assert messages(block) == [text]
    assert block.rows.tolist() == [3, 4, 5]


EDGES = """
columns { name: "low" type: FLOAT min: 0 }
columns { name: "high" type: FLOAT max: 0 }
columns { name: "one" type: FLOAT values: "0" values: "1" }
columns { name: "t" type: TIME format: "%Y-%m-%d" values: "2020-02-29" }
columns { name: "b" type: BASE64 values: "YQ==" }
columns { name: "y" type: STRING }
label { column: "y" }
"""


@FAST_AND_SLOW
@pytest.mark.parametrize(
    ("record", "text"),
    [
        ("-1.2e-38,0,0,,,t", "f.csv:2:low '-1.2e-38' is below the minimum 0"),
        ("0,1.2e-38,0,,,t", "f.csv:2:high '1.2e-38' is above the maximum 0"),
        ("0,0,1.2e-38,,,t", "f.csv:2:one '1.2e-38' is not one of the allowed values 0, 1"),
        ("0,0,0,2020-02-28,,t", "f.csv:2:t '2020-02-28' is not one of the allowed values 2020-02-29"),
        ("0,0,0,2020-02-30,,t", "f.csv:2:t '2020-02-30' is not a time like %Y-%m-%d"),
        ("0,0,0,,Yg==,t", "f.csv:2:b 'Yg==' is not one of the allowed values YQ=="),
        ("0,0,0,,Yg,t", "f.csv:2:b 'Yg' is not base64"),
    ],
)
def test_checks_at_the_edges(read, record, text):
    # Numbers below the smallest normal one, about 1.18e-38, are 0 to the limits, as they are to the transforms.
    good = "-1.1e-38,1.1e-38,1.1e-38,2020-02-29,YQ==,t\n-0,-0,-0,,,t\n"
    block = read(f"{record}\n{good}".encode(), 2, layout_of(b"low,high,one,t,b,y\n", EDGES), "f.csv")
    assert messages(block) == [text]
    assert block.rows.tolist() == [3, 4]


def test_without_quoting_quotes_are_text():
    spec = 'columns { name: "s" type: STRING } columns { name: "t" type: STRING } dialect { quoting: false }'
    for read in (read_block, csv_rows._read_slowly):
        block = read(b'5" pipe,"\n"a,b"\n', 2, layout_of(b"s,t\n", spec), "f.csv")
        assert rows_of(block) == [(2, b'5" pipe', b'"'), (3, b'"a', b'b"')]


@pytest.mark.parametrize("block_bytes", [1, 1000, 1 << 20])
def test_fault_26_a_field_larger_than_a_block(block_bytes):
    long = "é,\n" * 70_000  # 280 kB
    content = f'"{long}",1\nb,2\n'.encode()
    rows = read_all(content, texts_layout(["a", "b"]), block_bytes)
    assert rows == [(1, long.encode(), b"1"), (2, b"b", b"2")]


def test_fault_26_a_record_above_the_limit(monkeypatch):
    assert csv_rows.MAX_RECORD_BYTES == 67_108_864
    monkeypatch.setattr(csv_rows, "MAX_RECORD_BYTES", 2 << 20)
    content = b"a,b\n" + b'"' + b"x\n" * (2 << 20)
    with pytest.raises(DataError) as caught:
        read_all(content, texts_layout(["a", "b"]), 1 << 16)
    assert str(caught.value) == "f.csv:2: is longer than 2 MiB; is a quote not closed?"


def test_whole_records_reads_no_more_than_asked():
    layout = texts_layout(["a"])
    stream = io.BytesIO(b"a\nb\nc\nd\n")
    found = [
        (block, row, ends.tolist())
        for block, row, ends in whole_records(stream, 3, 5, layout, "f.csv", size=6)
    ]
    assert found == [(b"a\n", 5, [1]), (b"b\nc\n", 6, [1, 3])]
    assert stream.tell() == 6


DIALECTS: list[tuple[str, str, Literal[0, 1]]] = [
    (",", "\r\n", csv.QUOTE_MINIMAL),
    (";", "\n", csv.QUOTE_ALL),
    ("\t", "\r\n", csv.QUOTE_ALL),
    ("|", "\r\n", csv.QUOTE_MINIMAL),
]
cells = st.text(st.sampled_from('ab,;|\t"\r\n é𝄞'), max_size=8) | st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=4
)


def written(rows: list[list[str]], delimiter: str, end: str, quoting: Literal[0, 1]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=quoting).writerows(rows)
    return text.getvalue().encode()


def by_csv_reader(content: bytes, delimiter: str) -> list[tuple]:
    """(record number, cells), blank lines left out but in files of one column; an empty cell is None."""
    reader = csv.reader(io.StringIO(content.decode(), newline=""), delimiter=delimiter, strict=True)
    return [(number, *(cell.encode() or None for cell in row)) for number, row in enumerate(reader, 1) if row]


@settings(max_examples=80, deadline=None)
@given(
    width=st.integers(1, 3),
    dialect=st.sampled_from(DIALECTS),
    block_bytes=st.integers(1, 60),
    data=st.data(),
)
def test_reading_equals_csv_reader(width, dialect, block_bytes, data):
    rows = data.draw(st.lists(st.lists(cells, min_size=width, max_size=width), max_size=8))
    content = written(rows, *dialect)
    if data.draw(st.booleans()):  # the last record may lack its line end
        content = content.removesuffix(dialect[1].encode())
    if content.endswith(b"\n") and width > 1:
        content += data.draw(st.sampled_from([b"", b"\n", b"\r\n"]))
    layout = texts_layout(["a", "b", "c"][:width], dialect[0])
    expected = by_csv_reader(content, dialect[0])
    assert read_all(content, layout, block_bytes) == expected
    assert read_all(content, layout, 1 << 20) == expected
    assert read_all(content, layout, 1 << 20, csv_rows._read_slowly) == expected


def by_ranges(content: bytes, places: list[int], layout: Layout) -> list[tuple]:
    edges = [0, *sorted(places), len(content)]
    file = resolve_cuts([scan_range(content[a:b]) for a, b in zip(edges, edges[1:], strict=False)])
    rows: list[tuple] = []
    for cut in file.cuts:
        first = cut.row == 1
        start = layout.skip_bytes if first else cut.start
        stream = io.BytesIO(content)
        stream.seek(start)
        row = layout.first_row if first else cut.row
        for block, first_row, ends in whole_records(stream, 16, row, layout, "f.csv", size=cut.stop - start):
            rows += rows_of(read_block(block, first_row, layout, "f.csv", ends))
    return rows


FILE = '\ufeffs,t\r\na,"two\nlines"\n\n"b ""q\r\n"" w",c\r\n"4\n\n",é\nd,last'.encode()


def test_faults_5_9_22_any_two_cuts_give_the_same_rows():
    spec = 'columns { name: "s" type: STRING } columns { name: "t" type: STRING }'
    layout = layout_of(FILE, spec)
    expected = [
        (2, b"a", b"two\nlines"),
        (4, b'b "q\r\n" w', b"c"),
        (5, b"4\n\n", "é".encode()),
        (6, b"d", b"last"),
    ]
    for place in range(len(FILE) + 1):
        assert by_ranges(FILE, [place], layout) == expected, place
    for first in range(0, len(FILE), 3):
        assert by_ranges(FILE, [first, (first * 7) % len(FILE)], layout) == expected, first
    for block_bytes in range(1, len(FILE) + 1):
        assert read_all(FILE, layout, block_bytes) == expected, block_bytes


@settings(max_examples=50, deadline=None)
@given(
    rows=st.lists(st.lists(cells, min_size=2, max_size=2), min_size=1, max_size=6),
    dialect=st.sampled_from([DIALECTS[0], (",", "\n", csv.QUOTE_ALL)]),
    data=st.data(),
)
def test_any_ranges_give_the_rows_of_csv_reader(rows, dialect, data):
    content = written(rows, *dialect)
    places = data.draw(st.lists(st.integers(0, len(content)), max_size=4))
    assert by_ranges(content, places, texts_layout(["a", "b"])) == by_csv_reader(content, ",")


# Delimiters and newlines twice or more, so that they are drawn often enough to make rows.
SNIPPETS = [
    *["1", "?", "a", '"', ",", ",", ",", "é"],
    "",
    " ",
    "-2.5",
    '""',
    '"1"',
    '"a,b"',
    '"a""b"',
    "\n",
    "\n",
    "\r\n",
    "\r",
]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(SNIPPETS), max_size=24).map("".join), st.integers(1, 2))
def test_fast_and_slow_agree_on_anything(text, width):
    """Clean or not: the same batch and the same errors, or the same refusal."""
    columns = ['columns { name: "x" type: FLOAT }', 'columns { name: "s" type: STRING }'][-width:]
    layout = layout_of(b"x,s\n"[-2 * width :], "".join(columns) + 'dialect { null_tokens: "?" }')
    results: list[Block | str] = []
    for read in (read_block, csv_rows._read_slowly):
        try:
            results.append(read(text.encode(), 2, layout, "f.csv"))
        except DataError as error:
            results.append(str(error))
    fast, slow = results
    if isinstance(fast, Block) and isinstance(slow, Block):
        assert same(fast, slow)
        assert [fast.raw(i) for i in range(len(fast.rows))] == [slow.raw(i) for i in range(len(slow.rows))]
    else:
        assert fast == slow


def test_clean_blocks_take_the_fast_way(monkeypatch):
    """Otherwise the tests above would compare the slow way with itself."""

    def refuse(*_):
        raise AssertionError("slow")

    monkeypatch.setattr(csv_rows, "_split_slowly", refuse)
    layout = layout_of(b"x,n,s,y\n")
    for content in (
        b"1,2,a,3\n",
        b'1,2,"a\r\n""b"",",3\r\n\n',
        '"1",,é,3'.encode(),
        b'1,2,"",3',
        b'1,2,"""",3\n',
    ):
        assert read_block(content, 2, layout, "f.csv").batch.num_rows == 1
    assert read_block(b"\na\n\n", 1, texts_layout(["s"]), "f.csv").batch.num_rows == 3
