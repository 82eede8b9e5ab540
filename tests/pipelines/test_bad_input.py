"""In: CSV files with one fault each. Out: one line that names place, value and remedy, and nothing published."""

from __future__ import annotations

import csv
import gzip
import os

import people
import pytest
from prebake.pipelines import index as index_module
from prebake.pipelines import read as read_module
from prebake.schemas.errors import DataError, PrebakeError, SpecError
from prebake.schemas.manifest import read_manifest

from prebake.cli import main

HEADER = b"x,s,y\n"
GOOD = b"".join(b"%d,%s,%d\n" % (i, b"ab"[i % 2 : i % 2 + 1], i % 2) for i in range(40))
NOT_A_NUMBER = "is not a number: digits with an optional '-', '.' and exponent, nothing else"
SPEC = {
    "data": {
        "files": "data/*",
        "columns": {"x": "float", "s": "string", "y": "string"},
        "label": {"column": "y", "kind": "binary"},
    },
    "features": {"x": "standardize", "s": "vocabulary"},
}


def prepare(tmp_path, files: dict[str, bytes], changes: dict | None = None, **how) -> str:
    for path, content in files.items():
        people.write_file(tmp_path / "data" / path, content)
    return people.run(tmp_path, changes, base=SPEC, **how)


def fails(tmp_path, files: dict[str, bytes], text: str, changes: dict | None = None) -> PrebakeError:
    """The run fails with this text, `{d}` being the data folder, and leaves nothing."""
    with pytest.raises(PrebakeError) as error:
        prepare(tmp_path, files, changes)
    assert str(error.value) == text.format(d=tmp_path / "data")
    assert people.visible(tmp_path / "run") == []
    return error.value


@pytest.mark.fault(14)
def test_no_file_matches(tmp_path):
    error = fails(tmp_path, {}, "spec: data.files: no file matches '{d}/*' (there is no folder '{d}')")
    assert isinstance(error, SpecError)


@pytest.mark.fault(11, 17, 21, 23, 27)
@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "{d}/bad.csv: 0 bytes: write it again, take it out of data.files, or set data.allow_empty_files"),
        (b"x,y\n1,0\n", "{d}/bad.csv:1:s: the header lacks this column; it has 'x', 'y'"),
        (HEADER + GOOD + b"1.5.2,a,0\n", "{d}/bad.csv:42:x '1.5.2' " + NOT_A_NUMBER),
        (HEADER + b"1,a,0\n2,b\n", "{d}/bad.csv:3 '2,b' has 2 fields, expected 3: check its delimiters and quotes"),
        (HEADER + b"1,a,0\n2,b,1,\n", "{d}/bad.csv:3 '2,b,1,' has 4 fields, expected 3: check its delimiters and quotes"),
        (HEADER + b"1,a,0\n2,b,\n", "{d}/bad.csv:3:y: is missing, but the column needs a value in every row"),
        (HEADER + b'1,a,0\n2,"b,1\n3,a,0\n', "{d}/bad.csv:3: a quote is opened here and never closed: close it"),
    ],
    ids=["0 bytes", "missing column", "wrong type", "short row", "long row", "label missing", "unclosed quote"],
)  # fmt: skip
def test_one_fault(tmp_path, content, text):
    fails(tmp_path, {"a.csv": HEADER + GOOD, "bad.csv": content}, text)


@pytest.mark.fault(13)
def test_header_only_everywhere(tmp_path):
    text = "{d}/a.csv: no rows: 2 file(s) with nothing below the header"
    fails(tmp_path, {"a.csv": HEADER, "b.csv": HEADER[:-1]}, text)


@pytest.mark.fault(1)
def test_truncated_gzip(tmp_path):
    packed = gzip.compress(HEADER + GOOD * 50)
    text = "{d}/b.csv.gz: damaged gzip file: it ends too early (truncated); copy or make it again"
    fails(tmp_path, {"a.csv": HEADER + GOOD, "b.csv.gz": packed[: len(packed) // 2]}, text)


def test_no_row_to_train_on(tmp_path):
    text = "{d}/a.csv: no row falls into the training split: see data.split"
    by_time = {"data": {"split": {"time": {"column": "x", "valid_from": "-2", "test_from": "-1"}}}}
    fails(tmp_path, {"a.csv": HEADER + GOOD}, text, by_time)


def many_bad(number: int) -> bytes:
    """Rows of which every seventh has no label and every eleventh a wrong number."""
    rows = []
    for i in range(number):
        x = "1_0" if i % 11 == 5 else str(i)
        y = "" if i % 7 == 3 else str(i % 2)
        rows.append(f"{x},{'ab'[i % 2]},{y}\n".encode())
    return HEADER + b"".join(rows)


def bad_rows(number: int) -> list[int]:
    return [i + 2 for i in range(number) if i % 11 == 5 or i % 7 == 3]


@pytest.mark.parametrize(("range_bytes", "block_bytes"), [(1 << 20, 1 << 20), (97, 31)])
def test_many_bad_rows_the_first_in_file_order_and_how_many(tmp_path, monkeypatch, range_bytes, block_bytes):
    monkeypatch.setattr(index_module, "RANGE_BYTES", range_bytes)
    monkeypatch.setattr(read_module, "BLOCK_BYTES", block_bytes)
    files = {"a.csv": HEADER + GOOD, "b.csv": many_bad(200), "c.csv": many_bad(90)}
    count = len(bad_rows(200)) + len(bad_rows(90))
    text = (
        "{d}/b.csv:5:y: is missing, but the column needs a value in every row "
        f"(the first of {count} bad rows of 330, next: row 7, row 12, row 18, …; none is allowed: mend them, or set them "
        "aside with data.bad_rows.reject_up_to: 0.2 and look at them with `prebake rejected`)"
    )
    error = fails(tmp_path, files, text)
    assert isinstance(error, DataError)
    assert (error.row, error.column) == (5, "y")


def rejected(run: str) -> list[dict[str, str]]:
    read_manifest(os.path.join(run, "rejected"), "rejected")
    with open(os.path.join(run, "rejected", "rows.csv"), encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.fault(21)
def test_rejected_rows_are_kept_and_counted(tmp_path):
    wide = "has 4 fields, expected 3: check its delimiters and quotes"
    files = {
        "a.csv": HEADER + b'7,"a\nb",1,"x ""q"""\n' + GOOD,
        "b.csv": many_bad(200),
        "c.csv": HEADER + GOOD,
    }
    run = prepare(tmp_path, files, {"data": {"bad_rows": {"reject_up_to": 0.25}}})
    found = rejected(run)
    assert found[0] == {
        "file": "a.csv",
        "row": "2",
        "column": "",
        "value": '7,"a\nb",1,"x ""q"""',
        "reason": wide,
    }
    assert [(entry["file"], int(entry["row"])) for entry in found[1:]] == [
        ("b.csv", row) for row in bad_rows(200)
    ]
    assert found[1] == {
        "file": "b.csv", "row": "5", "column": "y", "value": "",
        "reason": "is missing, but the column needs a value in every row",
    }  # fmt: skip
    assert found[2] == {
        "file": "b.csv", "row": "7", "column": "x", "value": "1_0",
        "reason": NOT_A_NUMBER,
    }  # fmt: skip
    manifest = read_manifest(os.path.join(run, "examples"), "examples")
    counts = [
        (entry.rows, entry.rejected, entry.train_rows + entry.valid_rows + entry.test_rows)
        for entry in manifest.inputs
    ]
    bad = len(bad_rows(200))
    assert counts == [(41, 1, 40), (200, bad, 200 - bad), (40, 0, 40)]
    assert sum(split.rows for split in manifest.splits) == 280 - bad


def test_more_than_the_share(tmp_path):
    text = (
        "{d}/b.csv:5:y: is missing, but the column needs a value in every row "
        f"(the first of {len(bad_rows(200))} bad rows of 200, next: row 7, row 12, row 18, …; 40 are allowed: mend them, "
        "or set them aside with data.bad_rows.reject_up_to: 0.22 and look at them with `prebake rejected`)"
    )
    fails(tmp_path, {"b.csv": many_bad(200)}, text, {"data": {"bad_rows": {"reject_up_to": 0.2}}})


# Class "z" is in the last file alone, which is the test split; one of its blocks holds nothing else.
MULTICLASS = {
    "data": {
        "files": None,
        "split": {"files": {"train": "data/a.csv", "valid": "data/b.csv", "test": "data/c.csv"}},
        "label": {"column": "y", "kind": "multiclass"},
    }
}
CLASSES = {
    "a.csv": HEADER + b"".join(b"%d,a,%s\n" % (i, (b"p", b"q", b"r")[i % 3]) for i in range(30)),
    "b.csv": HEADER + b"1,a,p\n2,a,q\n",
    "c.csv": HEADER + b"1,a,p\n2,a,z\n3,b,z\n4,b,r\n",
}
UNKNOWN = "is a class that no row of the training split has: name it in data.label.classes or drop the row"


def test_a_class_that_only_the_test_split_has(tmp_path):
    with pytest.raises(DataError) as error:
        prepare(tmp_path, CLASSES, MULTICLASS)
    assert str(error.value) == (
        f"{tmp_path}/data/c.csv:3:y 'z' {UNKNOWN} "
        "(the first of 2 bad rows of 36, next: row 4; none is allowed: mend them, or set them aside with "
        "data.bad_rows.reject_up_to: 0.056 and look at them with `prebake rejected`)"
    )
    # What was learnt from the training split is sound, and the next run need not learn it again.
    assert people.visible(tmp_path / "run") == ["transform"]


def test_a_class_that_only_the_test_split_has_may_be_rejected(tmp_path, monkeypatch):
    monkeypatch.setattr(read_module, "BLOCK_BYTES", 6)
    run = prepare(tmp_path, CLASSES, people.merged(MULTICLASS, {"data": {"bad_rows": {"reject_up_to": 0.1}}}))
    assert [tuple(entry.values()) for entry in rejected(run)] == [
        ("c.csv", "3", "y", "z", UNKNOWN), ("c.csv", "4", "y", "z", UNKNOWN),
    ]  # fmt: skip
    manifest = read_manifest(os.path.join(run, "examples"), "examples")
    assert list(manifest.label.classes) == ["p", "q", "r"]
    assert [split.rows for split in manifest.splits] == [30, 2, 2]
    (test,) = (entry for entry in manifest.inputs if entry.path == "c.csv")
    assert (test.rows, test.rejected, test.test_rows) == (4, 2, 2)


def test_a_failed_run_leaves_the_earlier_one_as_it_is(tmp_path):
    run = prepare(tmp_path, {"a.csv": HEADER + GOOD})
    before = people.tree(run)
    with pytest.raises(DataError):
        prepare(tmp_path, {"a.csv": HEADER + GOOD + b"x,a,0\n"}, replace=True)
    assert people.tree(run) == before
    assert people.visible(run) == ["examples", "rejected", "transform"]
    assert before["rejected/rows.csv"] == b"file,row,column,value,reason\r\n"


def test_rejected_rows_for_a_person(tmp_path, capsys):
    files = {"a.csv": HEADER + b'7,"a\nb",1,"x ""q"""\n' + GOOD, "b.csv": many_bad(200)}
    run = prepare(tmp_path, files, {"data": {"bad_rows": {"reject_up_to": 0.25}}})
    assert main(["rejected", run]) == 0
    text = capsys.readouterr().out
    # Every eleventh of 200 rows has a wrong number, which is the first thing that is wrong; others lack a label.
    numbers = [i + 2 for i in range(200) if i % 11 == 5]
    labels = [row for row in bad_rows(200) if row not in numbers]
    path = os.path.join(run, "rejected", "rows.csv")
    assert text == (
        f"{len(labels) + len(numbers) + 1} of 241 rows rejected (18.67%), in 2 files; all of them: {path}\n"
        f"      {len(labels)}  y: is missing, but the column needs a value in every row\n"
        + "".join(f"          b.csv:{row}\n" for row in labels[:3])
        + f"          ... and {len(labels) - 3} more\n"
        f"      {len(numbers)}  x: {NOT_A_NUMBER}\n"
        + "".join(f"          b.csv:{row}  '1_0'\n" for row in numbers[:3])
        + f"          ... and {len(numbers) - 3} more\n"
        "       1  has 4 fields, expected 3: check its delimiters and quotes\n"
        '          a.csv:2  \'7,"a\\nb",1,"x ""q"""\'\n'
    )
    good = prepare(tmp_path / "good", {"a.csv": HEADER + GOOD})
    assert main(["rejected", good]) == 0
    assert capsys.readouterr().out == "0 of 40 rows rejected\n"
    assert main(["rejected", str(tmp_path / "nothing")]) == 2
    assert capsys.readouterr().err == (
        f"prebake rejected: {tmp_path}/nothing/rejected: no rejected here: run the step that writes it first\n"
    )
