"""In: what Flink's REST interface tells of a job that failed. Out: the one line that matters, with the worker's name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ..schemas.errors import PrebakeError

# The last line of a Python traceback: the first one behind its head that is not indented.
_PYTHON = re.compile(r"^Traceback \(most recent call last\):\n(?:[ \t].*\n)*([\w.]+(?::.*)?)$", re.MULTILINE)
_STEP = re.compile(r" ?\[while running '([^\n]*)'\]")
_JAVA = re.compile(r"^(?:Caused by: )?(?:[a-z_]\w*\.)*([A-Z][\w$]*(?::.*)?)$", re.MULTILINE)
_LONGEST = 300


class WorkerFailedError(PrebakeError):
    """A worker failed, and what it did was tried again as often as the cluster says; not by a mistake of the user's."""

    exit_code = 1


def failure_line(exceptions: dict[str, Any]) -> str | None:
    """Of the answer to /jobs/ID/exceptions; None if it tells of no failure.

    The newest failure that a worker had, else the newest of all, as
    "worker NAME at HOST:PORT: ZeroDivisionError: division by zero, while running 'Write'".
    """
    found = list(_entries(exceptions.get("exceptionHistory", {}).get("entries", [])))
    if not found:
        return None
    # Flink puts the newest first.
    entry = next((one for one in found if one.get("taskManagerId")), found[0])
    line = what_matters(entry["stacktrace"])
    if not entry.get("taskManagerId"):
        return line
    return f"worker {entry['taskManagerId']} at {entry.get('endpoint')}: {line}"


def _entries(entries: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for entry in entries:
        yield entry
        yield from _entries(entry.get("concurrentExceptions", []))


def what_matters(text: str) -> str:
    """Of a stack trace: what a Python worker raised first, and where; else the last cause that Java names."""
    if raised := _PYTHON.search(text):
        line, step = _STEP.sub("", raised[1]), _STEP.search(text)
        where = f", while running '{step[1]}'" if step else ""
        return f"{line[:_LONGEST]}{where}"
    causes = _JAVA.findall(text)
    return (causes[-1] if causes else text.partition("\n")[0])[:_LONGEST]
