"""In: CSV files of many kinds. Out: found, indexed and read, they give the same rows however they are cut, or one line."""

from __future__ import annotations

import bz2
import gzip
import os

import people
import pyarrow as pa
import pytest
from apache_beam.io.filesystem import FileMetadata, MatchResult
from apache_beam.io.filesystems import FileSystems
from prebake.pipelines import index as index_module
from prebake.pipelines import read as read_module
from prebake.pipelines.counts import InputCounts, check_counts
from prebake.pipelines.find_files import find_files
from prebake.pipelines.index import IndexedFile, index_files
from prebake.pipelines.read import FileBlock, ReadRange
from prebake.schemas.errors import DataError, PrebakeError
from prebake.schemas.spec import expand
from prebake.schemas.spec_pb2 import Spec


def indexed(spec: Spec, tmp_path) -> list[IndexedFile]:
    return index_files(spec, find_files(spec), str(tmp_path), [])


def read(spec: Spec, files: list[IndexedFile]) -> tuple[dict[str, list[tuple]], InputCounts]:
    """(record number, cells) of every row by file, and the counts, without a runner."""
    rows: dict[str, list[tuple]] = {}
    counts, bad, splits = [], [], []
    for file in files:
        for one in file.ranges:
            for item in ReadRange(spec.data).process(one):
                if isinstance(item, FileBlock):
                    cells = pa.Table.from_batches([item.block.batch]).to_pylist()
                    found = rows.setdefault(file.file.relative, [])
                    found.extend(
                        (row, *cell.values())
                        for row, cell in zip(item.block.rows.tolist(), cells, strict=True)
                    )
                    splits.append({"path": file.file.relative, "rows": [len(cells), 0, 0]})
                elif item.tag == read_module.COUNTS:
                    counts.append(item.value)
                else:
                    bad.append(item.value)
    return rows, InputCounts.from_json(counts, splits, bad)


COLUMNS = {"x": "float", "s": "string", "y": "float"}
SPEC = {
    "data": {"files": "data/**", "columns": COLUMNS, "label": "y"},
    "features": {"x": "as_is", "s": {"hash": {"buckets": 5}}},
}


def make(tmp_path, files: dict[str, bytes], changes: dict | None = None) -> Spec:
    for path, content in files.items():
        people.write_file(tmp_path / "data" / path, content)
    return people.people_spec(tmp_path, changes, SPEC)


@pytest.mark.parametrize(
    ("range_bytes", "block_bytes"), [(37, 11), (100, 1 << 20), (1000, 64), (2500, 500), (1 << 20, 33)]
)
def test_cuts_change_nothing(people_rows, tmp_path, monkeypatch, range_bytes, block_bytes):
    for path, rows in people_rows.items():
        people.write_file(tmp_path / "data" / path, people.csv_bytes(rows[:100]))
    spec = people.people_spec(tmp_path)
    whole = indexed(spec, tmp_path)
    assert [len(file.ranges) for file in whole] == [1, 1, 0, 1]
    expected, counts = read(spec, whole)
    check_counts(counts, whole, spec)
    monkeypatch.setattr(index_module, "RANGE_BYTES", range_bytes)
    monkeypatch.setattr(read_module, "BLOCK_BYTES", block_bytes)
    cut = indexed(spec, tmp_path)
    if range_bytes < 1 << 20:
        assert min(len(file.ranges) for file in cut if file.records) > 1
    found, cut_counts = read(spec, cut)
    assert found == expected
    assert cut_counts == counts
    check_counts(cut_counts, cut, spec)
    assert [(file.crc32c, file.records) for file in cut] == [(file.crc32c, file.records) for file in whole]


def test_rows_are_those_of_the_csv_module(people_folder, people_rows, tmp_path):
    spec = people.people_spec(people_folder)
    found, _ = read(spec, indexed(spec, tmp_path))
    for path, rows in people_rows.items():
        texts = [(row[0], row[3], row[4]) for row in found.get(path, [])]
        expected = [
            (number + 2, row["city"].encode() or None, row["note"].encode())
            for number, row in enumerate(rows)
        ]
        assert texts == expected


ROWS = b'x,s,y\n1,a,0\n2,"b\n""c""",1\n,,2\n'


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", ROWS),
        ("a.csv", ROWS[:-1]),
        ("a.csv", b"\xef\xbb\xbf" + ROWS),
        ("a.csv", ROWS.replace(b"\n", b"\r\n").replace(b"b\r\n", b"b\n")),
        ("a.csv", b's,y,x\na,0,1\n"b\n""c""",1,2\n,2,\n'),
        ("a.csv.gz", gzip.compress(ROWS)),
        ("a.csv.gz", gzip.compress(ROWS[:9]) + gzip.compress(ROWS[9:20]) + gzip.compress(ROWS[20:])),
        ("a.csv.bz2", bz2.compress(ROWS)),
        ("a.csv.zst", pa.compress(ROWS, "zstd", asbytes=True)),
    ],
    ids=["plain", "no last newline", "bom", "crlf", "other order", "gzip", "multi-member", "bzip2", "zstd"],
)
@pytest.mark.parametrize("range_bytes", [1 << 20, 5])
def test_forms_of_one_file(tmp_path, monkeypatch, name, content, range_bytes):
    monkeypatch.setattr(index_module, "RANGE_BYTES", range_bytes)
    spec = make(tmp_path, {name: content})
    files = indexed(spec, tmp_path)
    found, counts = read(spec, files)
    check_counts(counts, files, spec)
    assert found[name] == [(2, 1.0, b"a", 0.0), (3, 2.0, b'b\n"c"', 1.0), (4, None, None, 2.0)]
    assert counts.files[name].rows == 3
    assert counts.files[name].size == len(content)


def test_a_file_with_nothing_but_a_header_among_others(tmp_path):
    spec = make(tmp_path, {"a.csv": b"x,s,y", "b.csv": b"x,s,y\r\n", "c.csv": b"x,s,y\n1,a,0\n\n"})
    files = indexed(spec, tmp_path)
    assert [(file.file.relative, file.records, len(file.ranges)) for file in files] == [
        ("a.csv", 0, 0), ("b.csv", 0, 0), ("c.csv", 2, 1),
    ]  # fmt: skip
    _, counts = read(spec, files)
    check_counts(counts, files, spec)
    assert (counts.files["c.csv"].rows, counts.files["c.csv"].blank_lines) == (1, 1)


def change_none(path: str) -> None:
    pass


def change_a_byte(path: str) -> None:
    with open(path, "r+b") as file:
        file.seek(8)
        file.write(b"7")


def grow(path: str) -> None:
    with open(path, "ab") as file:
        file.write(b"9,z,9\n")


def shorten(path: str) -> None:
    os.truncate(path, 12)


def empty(path: str) -> None:
    os.truncate(path, 0)


def below_the_header(path: str) -> None:
    os.truncate(path, 3)


CHANGED = "changed while it was read: run the step again when it is complete"


@pytest.mark.fault(15)
@pytest.mark.parametrize("change", [change_a_byte, grow, shorten, empty, below_the_header])
@pytest.mark.parametrize("range_bytes", [1 << 20, 8])
def test_a_file_that_changed_after_it_was_indexed(tmp_path, monkeypatch, change, range_bytes):
    monkeypatch.setattr(index_module, "RANGE_BYTES", range_bytes)
    spec = make(tmp_path, {"a.csv": b"x,s,y\n1,a,0\n2,b,1\n"})
    files = indexed(spec, tmp_path)
    path = files[0].file.path
    change(path)
    _, counts = read(spec, files)
    with pytest.raises(DataError) as error:
        check_counts(counts, files, spec)
    assert str(error.value) == f"{path}: {CHANGED}"


@pytest.mark.fault(15)
@pytest.mark.parametrize("change", [shorten, empty])
def test_a_file_that_shrank_after_it_was_found(tmp_path, change):
    spec = make(tmp_path, {"a.csv": b"x,s,y\n1,a,0\n2,b,1\n"})
    files = find_files(spec)
    layout = index_module.find_layout(files[0], spec.data)
    change(files[0].path)
    found = list(index_module.ScanRange(spec.data).process((0, 0, files[0].path, 0, files[0].size)))
    assert found == [{"file": 0, "place": 0, "error": [None, None, None, CHANGED]}]
    assert layout.first_row == 2


@pytest.mark.fault(15)
@pytest.mark.parametrize(
    ("lost", "text"),
    [
        (("rows", "train_rows"), CHANGED),
        (("train_rows",), "rows were lost between reading and splitting: this is a fault of prebake"),
        ((), "was not read: run the step again"),
    ],
)
def test_rows_that_do_not_arrive(tmp_path, lost, text):
    spec = make(tmp_path, {"a.csv": b"x,s,y\n1,a,0\n2,b,1\n"})
    files = indexed(spec, tmp_path)
    _, counts = read(spec, files)
    for field in lost:
        setattr(counts.files["a.csv"], field, getattr(counts.files["a.csv"], field) - 1)
    if not lost:
        counts.files.clear()
    with pytest.raises(PrebakeError) as error:
        check_counts(counts, files, spec)
    assert str(error.value) == f"{files[0].file.path}: {text}"


def test_a_file_that_was_deleted(tmp_path):
    spec = make(tmp_path, {"a.csv": b"x,s,y\n1,a,0\n"})
    files = indexed(spec, tmp_path)
    path = files[0].file.path
    os.remove(path)
    _, counts = read(spec, files)
    with pytest.raises(DataError) as error:
        check_counts(counts, files, spec)
    assert str(error.value) == f"{path}: cannot be read: No such file or directory"


def test_files_by_pattern(tmp_path):
    spec = make(
        tmp_path,
        {"b.csv": b"x,s,y\n", "a.csv": b"x,s,y\n", "sub/c.csv": b"x,s,y\n", "._a.csv": b"\0", "a.txt": b"no"},
        {"data": {"files": ["data/*.csv", "data/sub/*.csv", "data/a.csv"]}},
    )
    assert [(file.relative, file.size, file.split) for file in find_files(spec)] == [
        ("a.csv", 6, None), ("b.csv", 6, None), ("sub/c.csv", 6, None),
    ]  # fmt: skip


def test_files_of_each_split(tmp_path):
    files = {"train/1.csv": b"x,s,y\n1,a,0\n", "valid/1.csv": b"x,s,y\n", "test/1.csv": b"x,s,y\n"}
    by_split = {name: f"data/{name}/*.csv" for name in ("train", "valid", "test")}
    spec = make(tmp_path, files, {"data": {"files": None, "split": {"files": by_split}}})
    assert [(file.relative, file.split) for file in find_files(spec)] == [
        ("test/1.csv", 2), ("train/1.csv", 0), ("valid/1.csv", 1),
    ]  # fmt: skip


def test_a_file_in_two_splits(tmp_path):
    by_split = {"train": "data/*.csv", "test": "data/a.csv"}
    spec = make(tmp_path, {"a.csv": ROWS}, {"data": {"files": None, "split": {"files": by_split}}})
    with pytest.raises(PrebakeError) as error:
        find_files(spec)
    assert str(error.value) == f"spec: data.split.files: {tmp_path}/data/a.csv is in two splits"


def test_two_stars_are_folders_of_any_depth(tmp_path):
    """What is read is what the spec sampled: Beam's own matching would leave out the files of the first folder."""
    files = {"top.csv": ROWS, "sub/c.csv": ROWS, "sub/deep/d.csv": ROWS}
    spec = make(tmp_path, files, {"data": {"files": "data/**/*.csv"}})
    assert [file.relative for file in find_files(spec)] == ["sub/c.csv", "sub/deep/d.csv", "top.csv"]
    assert [file.path for file in find_files(spec)] == expand(list(spec.data.files))


def test_files_of_another_filesystem(tmp_path, monkeypatch):
    spec = make(tmp_path, {"a.csv": ROWS})
    spec.data.files[:] = ["there://bucket/*.csv"]
    matches = [FileMetadata(f"there://bucket/{name}", 6) for name in ("b.csv", ".hidden.csv", "a.csv")]
    monkeypatch.setattr(FileSystems, "match", lambda patterns: [MatchResult(patterns[0], matches)])
    assert [(file.path, file.relative, file.size) for file in find_files(spec)] == [
        ("there://bucket/a.csv", "a.csv", 6), ("there://bucket/b.csv", "b.csv", 6),
    ]  # fmt: skip
    matches.clear()
    with pytest.raises(PrebakeError) as error:
        find_files(spec)
    assert str(error.value) == "spec: data.files: no file matches 'there://bucket/*.csv' (check the pattern)"
