"""In: files cut into ranges anywhere. Out: proof that records, row numbers and crc32c never depend on it."""

from __future__ import annotations

import csv
import io

import google_crc32c
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prebake.schemas.csv_scan import (
    Cut,
    combine_crc32c,
    record_ends,
    resolve_cuts,
    scan_range,
    unclosed_quote_row,
)

FILE = 'id,text\r\n1,"two\nlines"\n\n2,"a ""quoted\r\n"" word"\n3,é\n"4\n\n",\n5,last'.encode()


def cut_at(content: bytes, places: list[int], quoting: bool = True):
    edges = [0, *sorted(places), len(content)]
    return resolve_cuts([scan_range(content[a:b], quoting) for a, b in zip(edges, edges[1:], strict=False)])


def numbered(content: bytes, cuts: list[Cut], quoting: bool = True) -> list[tuple[int, bytes]]:
    """(record number, record with its line end), read cut by cut."""
    records = []
    for cut in cuts:
        part = content[cut.start : cut.stop]
        edges = [0, *(record_ends(part, quoting) + 1).tolist()]
        edges += [len(part)] if edges[-1] < len(part) else []
        records += [(cut.row + i, part[a:b]) for i, (a, b) in enumerate(zip(edges, edges[1:], strict=False))]
    return records


# By hand: what each editor line of FILE belongs to.
RECORDS = [
    (1, b"id,text\r\n"),
    (2, b'1,"two\nlines"\n'),
    (3, b"\n"),
    (4, b'2,"a ""quoted\r\n"" word"\n'),
    (5, "3,é\n".encode()),
    (6, b'"4\n\n",\n'),
    (7, b"5,last"),
]


def test_faults_9_22_cut_at_every_byte():
    for place in range(len(FILE) + 1):
        file = cut_at(FILE, [place])
        assert numbered(FILE, file.cuts) == RECORDS, place
        assert (file.records, file.size, file.open_quote) == (7, len(FILE), False)
        assert file.crc32c == google_crc32c.value(FILE)


def test_faults_9_22_cut_at_pairs_of_bytes():
    for first in range(len(FILE) + 1):
        for second in range(first, len(FILE) + 1, 3):
            assert numbered(FILE, cut_at(FILE, [first, second]).cuts) == RECORDS, (first, second)


def test_every_byte_a_range_of_its_own():
    file = cut_at(FILE, list(range(1, len(FILE))))
    assert numbered(FILE, file.cuts) == RECORDS
    # A range in which no record starts has no cut.
    assert [cut.row for cut in file.cuts] == [1, 2, 3, 4, 5, 6, 7]
    assert file.crc32c == google_crc32c.value(FILE)


def test_cuts_golden():
    assert cut_at(b'a\n"b\nc"\nd\n', [1, 5]).cuts == [Cut(0, 2, 1), Cut(2, 8, 2), Cut(8, 10, 3)]


@pytest.mark.parametrize(
    ("content", "records"), [(b"", 0), (b"\n", 1), (b"a", 1), (b"a\n", 1), (b"a\n\n", 2), (b"a\nb", 2)]
)
def test_number_of_records(content, records):
    file = cut_at(content, [])
    assert file.records == records == len(numbered(content, file.cuts))


def test_without_quoting_a_quote_is_a_character():
    content = b'5" pipe\n6" pipe\n7"\n'
    for place in range(len(content) + 1):
        file = cut_at(content, [place], quoting=False)
        assert [row for row, _ in numbered(content, file.cuts, quoting=False)] == [1, 2, 3]
        assert not file.open_quote


cells = st.text(st.sampled_from('a,;é"\r\n '), max_size=6)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.lists(cells, min_size=1, max_size=3), max_size=6),
    dialect=st.sampled_from([(",", "\r\n", csv.QUOTE_MINIMAL), (";", "\n", csv.QUOTE_ALL)]),
    data=st.data(),
)
def test_records_are_those_of_csv_reader_wherever_it_is_cut(rows, dialect, data):
    delimiter, end, quoting = dialect
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=quoting).writerows(rows)
    content = text.getvalue().encode()
    places = data.draw(st.lists(st.integers(0, len(content)), max_size=5))
    file = cut_at(content, places)
    assert file.records == len(rows)
    records = numbered(content, file.cuts)
    assert [row for row, _ in records] == list(range(1, len(rows) + 1))
    for (_, record), row in zip(records, rows, strict=True):
        assert next(csv.reader(io.StringIO(record.decode(), newline=""), delimiter=delimiter)) == row
    assert file.crc32c == google_crc32c.value(content)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300), st.binary(max_size=300))
def test_combine_crc32c(first, second):
    joined = combine_crc32c(google_crc32c.value(first), google_crc32c.value(second), len(second))
    assert joined == google_crc32c.value(first + second)


def test_combine_crc32c_golden():
    assert google_crc32c.value(b"123456789") == 0xE3069283  # the published check value of CRC-32C
    assert combine_crc32c(google_crc32c.value(b"1234"), google_crc32c.value(b"56789"), 5) == 0xE3069283
    assert combine_crc32c(0x12345678, 0, 0) == 0x12345678


@pytest.mark.parametrize(
    ("content", "row"),
    [
        (b'a,b\n1,"x\n2,y\n', 2),  # nothing follows that could tell
        (b'a,b\n1,"x\n2,"y"\n3,z\n', 2),  # the next quoted cell ends it, and its text follows a closing quote
        (b'a,b\n1,"x"\n2,"y\n3,"z"\n4,"""q"""\n', 3),
        (b'a,b\n1,x\n2,5" pipe\n', 3),
        (b'\xef\xbb\xbf"a",b\n1,"', 2),
        (b'"', 1),
    ],
)
@pytest.mark.parametrize("chunk", [3, 4, 5, 7, 1 << 20])
def test_fault_23_row_of_the_unclosed_quote(content, row, chunk, monkeypatch):
    monkeypatch.setattr("prebake.schemas.csv_scan._SCAN_BYTES", chunk)
    assert cut_at(content, []).open_quote
    assert unclosed_quote_row(io.BytesIO(content), ",") == row
