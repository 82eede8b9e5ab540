"""Files that Hypothesis makes, clean and faulty, cut anywhere: the rows are those of csv.reader, none lost, none twice.

A few hundred files in every run of the tests; the long ones read many thousands and print how many.
"""

from __future__ import annotations

import bz2
import contextlib
import os
import tempfile
import zlib
from collections import Counter
from collections.abc import Iterator

import csv_files
import pyarrow as pa
import pytest
from csv_files import CsvForm, Judged
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prebake.pipelines import index as index_module
from prebake.pipelines import read as read_module
from prebake.schemas import compressed as compressed_module
from prebake.schemas.csv_file import CsvFile
from prebake.schemas.errors import DataError
from without_runner import Found, index_and_read

FEW = settings(max_examples=150, deadline=None)
MANY = settings(max_examples=12_000, deadline=None, suppress_health_check=list(HealthCheck), database=None)


@contextlib.contextmanager
def cut_by(range_bytes: int, block_bytes: int, chunk_bytes: int) -> Iterator[None]:
    """Files are scanned, read and decompressed in pieces of these sizes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index_module, "RANGE_BYTES", range_bytes)
        patch.setattr(read_module, "BLOCK_BYTES", block_bytes)
        patch.setattr(compressed_module, "_CHUNK_BYTES", chunk_bytes)
        yield


def cuts(draw, size: int) -> tuple[int, int, int]:
    """Any sizes of a piece, but no more than a few hundred pieces."""
    least = max(1, size // 300)
    some = st.integers(least, max(least, size + 1))
    return draw(some), draw(some), draw(st.sampled_from([least, 7 * least, 1 << 18]))


def read_file(folder: str, form: CsvForm, stored: bytes, seed: int | None = None) -> Found:
    path = os.path.join(folder, "a.csv" + csv_files.ENDINGS[form.compression])
    with open(path, "wb") as file:
        file.write(stored)
    return index_and_read(form.data(), [CsvFile(path, "a.csv", len(stored), None)], seed)


def rows_read(found: Found) -> list[tuple]:
    return found.rows.get("a.csv", [])


def same_as_csv_reader(data, folder: str) -> bytes:
    """Draws a clean file, reads it, and compares."""
    form = data.draw(csv_files.forms())
    content = data.draw(
        csv_files.clean_files(form).filter(lambda content: content.removeprefix(csv_files.BOM))
    )
    stored = csv_files.compressed(data.draw, form, content)
    with cut_by(*cuts(data.draw, len(content))):
        found = read_file(folder, form, stored, data.draw(st.integers(0, 9)))
    assert rows_read(found) == csv_files.by_csv_reader(content, form)
    assert not found.bad
    # The reference of the other tests agrees too.
    judged = csv_files.judge(content, form)
    assert (judged.refused, judged.rows, judged.bad) == (False, rows_read(found), [])
    return stored


def same_as_grammar(form: CsvForm, content: bytes, read) -> Judged:
    """Reads a file of any bytes: it is refused, or its rows are good or rejected, as the grammar says."""
    judged = csv_files.judge(content, form)
    if judged.refused:
        with pytest.raises(DataError):
            read()
        return judged
    found = read()
    assert rows_read(found) == judged.rows
    assert found.bad.get("a.csv", []) == judged.bad
    counted = found.counts.files.get("a.csv")
    if counted:
        assert (counted.rows, counted.rejected, counted.blank_lines) == (
            len(judged.rows) + len(judged.bad), len(judged.bad), judged.blank,
        )  # fmt: skip
    assert found.indexed[0].records == len(judged.rows) + len(judged.bad) + judged.blank
    if not judged.bad:
        assert judged.rows == csv_files.by_csv_reader(content, form)
    return judged


def spoilt_is_judged_right(data, folder: str) -> bytes:
    """Draws a file with faults in its content, reads it, and compares."""
    form = data.draw(csv_files.forms())
    delimiter = form.delimiter.encode()
    if data.draw(st.integers(0, 9)):
        content = data.draw(csv_files.spoilt(data.draw(csv_files.clean_files(form)), delimiter))
    else:
        header = delimiter.join(name.encode() for name in form.names) + b"\n" if form.header else b""
        content = header + data.draw(csv_files.noise(delimiter))
    stored = csv_files.compressed(data.draw, form, content)
    with cut_by(*cuts(data.draw, len(content))):
        judged = same_as_grammar(
            form, content, lambda: read_file(folder, form, stored, data.draw(st.integers(0, 9)))
        )
    KINDS["refused" if judged.refused else "with rejected rows" if judged.bad else "still clean"] += 1
    return stored


def damage_is_seen(data, folder: str) -> bytes:
    """Draws a compressed file with faults in its compressed bytes: refused where the reference refuses it."""
    form = data.draw(csv_files.forms().filter(lambda form: form.compression != "none"))
    content = data.draw(csv_files.clean_files(form))
    stored = data.draw(csv_files.spoilt(csv_files.compressed(data.draw, form, content)))
    with cut_by(*cuts(data.draw, len(content))):
        try:
            really: bytes | None = _decompressed(form, stored)
        except (OSError, EOFError, ValueError, zlib.error):
            really = None
        if really is None:
            with pytest.raises(DataError):
                read_file(folder, form, stored)
        else:
            same_as_grammar(form, really, lambda: read_file(folder, form, stored))
    return stored


def _decompressed(form: CsvForm, stored: bytes) -> bytes:
    """By the standard library, a member after the other; zstd by Arrow in one piece.

    Not gzip.decompress, which overlooks a header's own CRC and its reserved flags (RFC 1952, 2.3.1.2: an error).
    Nor bz2.decompress, which ignores what follows.
    """
    if form.compression == "zstd":
        return pa.CompressedInputStream(pa.BufferReader(stored), "zstd").read()
    found, rest = b"", stored
    while rest:
        one = bz2.BZ2Decompressor() if form.compression == "bzip2" else zlib.decompressobj(wbits=31)
        found += one.decompress(rest)
        if not one.eof:
            raise EOFError
        rest = one.unused_data
        if form.compression == "gzip":
            rest = rest.lstrip(b"\0")  # padding, as gzip allows
    return found


KINDS: Counter[str] = Counter()


@pytest.mark.fault(3, 5, 9, 18, 22, 26, 28)
@FEW
@given(st.data())
def test_clean_files_are_read_as_csv_reader_reads_them(data):
    with tempfile.TemporaryDirectory() as folder:
        same_as_csv_reader(data, folder)


@pytest.mark.fault(7, 8, 10, 21, 23, 24, 25)
@FEW
@given(st.data())
def test_spoilt_files_lose_nothing(data):
    with tempfile.TemporaryDirectory() as folder:
        spoilt_is_judged_right(data, folder)


@pytest.mark.fault(1, 2, 4)
@FEW
@given(st.data())
def test_damaged_compressed_files_are_refused(data):
    with tempfile.TemporaryDirectory() as folder:
        damage_is_seen(data, folder)


@pytest.mark.long
@pytest.mark.parametrize("read", [same_as_csv_reader, spoilt_is_judged_right])
def test_many_thousand_files(read):
    files = 0

    @MANY
    @given(st.data())
    def each(data):
        nonlocal files
        with tempfile.TemporaryDirectory() as folder:
            read(data, folder)
        files += 1

    KINDS.clear()
    each()
    print(f"{files:,} files, 0 differences; {dict(KINDS) or 'all clean'}")
    assert files >= 10_000
