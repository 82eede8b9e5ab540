"""docs/faults.md and the marks of the tests agree: every number has a test, or says what it waits for."""

from __future__ import annotations

import pathlib
import re

from fault_report import table

TESTS = pathlib.Path(__file__).parent
# A mark, a name, or the first field of a case whose parameter is `fault`.
_MARKS = re.compile(r"mark\.fault\(([\d, ]+)\)|def test_fault_(\d+)|^ {4,8}\(?(\d+),(?: b|$)", re.MULTILINE)


def test_every_fault_has_a_test_or_waits():
    marked = set()
    for path in TESTS.rglob("test_*.py"):
        for found in _MARKS.finditer(path.read_text(encoding="utf-8")):
            numbers = next(group for group in found.groups() if group)
            if found[3] is None or path.name == "test_csv_rows.py":
                marked.update(int(number) for number in numbers.split(","))
    known = table()
    assert list(known) == list(range(1, len(known) + 1))
    assert marked - {0} <= set(known)
    assert {number for number in known if number not in marked} == {
        number for number, (_, waits) in known.items() if waits
    }
