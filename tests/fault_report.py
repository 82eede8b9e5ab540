"""In: the tests that a run of pytest made. Out: with `--faults`, a table of docs/faults.md: what was tried, what was right.

A test shows the faults that its mark `fault(N, …)` names, the one in its name, `test_fault_N_…`, and the one that is its
parameter `fault`.
"""

from __future__ import annotations

import pathlib
import re
from collections import defaultdict

import pytest

TABLE = pathlib.Path(__file__).parents[1] / "docs" / "faults.md"
_ROW = re.compile(r"\| (\d+) \| (.+?) \| (.+?) \| *(.*?) *\|")


def table() -> dict[int, tuple[str, str]]:
    """By number: the input or fault, and a note if it waits for something."""
    return {int(row[1]): (row[2], row[4]) for row in map(_ROW.match, TABLE.read_text().splitlines()) if row}


def faults_of(item: pytest.Item) -> set[int]:
    """The numbers that a test shows."""
    numbers = {number for mark in item.iter_markers("fault") for number in mark.args}
    if named := re.match(r"test_fault_(\d+)", item.name):
        numbers.add(int(named[1]))
    given = getattr(item, "callspec", None)
    if given and isinstance(given.params.get("fault"), int):
        numbers.add(given.params["fault"])
    return numbers - {0}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--faults", action="store_true", help="run the tests of docs/faults.md alone, and print its table"
    )


class FaultReport:
    """Collects results by number."""

    def __init__(self) -> None:
        self.numbers: dict[str, set[int]] = {}
        self.right: dict[int, int] = defaultdict(int)
        self.wrong: dict[int, int] = defaultdict(int)

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        self.numbers = {item.nodeid: numbers for item in items if (numbers := faults_of(item))}
        config.hook.pytest_deselected(items=[item for item in items if item.nodeid not in self.numbers])
        items[:] = [item for item in items if item.nodeid in self.numbers]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed or (report.when == "call" and report.passed):
            for number in self.numbers.get(report.nodeid, ()):
                (self.wrong if report.failed else self.right)[number] += 1

    def pytest_terminal_summary(self, terminalreporter) -> None:
        terminalreporter.section("faults")
        tried = 0
        for number, (what, waits) in table().items():
            right, wrong = self.right[number], self.wrong[number]
            tried += bool(right or wrong)
            said = (
                f"{right + wrong:>5} tried {right:>5} right {wrong:>5} wrong"
                if right or wrong
                else waits or "NOT TRIED"
            )
            terminalreporter.write_line(f"{number:>3}  {said:<38}  {what}")
        wrong = sum(1 for count in self.wrong.values() if count)
        terminalreporter.write_line(
            f"{tried} of {len(table())} faults tried, {tried - wrong} right, {wrong} wrong"
        )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--faults"):
        config.pluginmanager.register(FaultReport())
