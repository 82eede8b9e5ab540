"""kill -9 at the system calls of the commit layer: what a reader sees is whole, and a rerun ends with the same bytes."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys

import pytest

SCRIPT = pathlib.Path(__file__).with_name("kill_every_call.py")


def kill(folder: pathlib.Path, *options: str) -> dict[str, dict]:
    """What kill_every_call.py found, by situation."""
    done = subprocess.run(
        [sys.executable, SCRIPT, folder, *options], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    if "skipped" in found:
        pytest.skip(f"system calls cannot be traced here: {found['skipped']}")
    return found


def check(found: dict[str, dict]) -> int:
    """How often a process was killed, if nothing went wrong."""
    assert len(found) == 8
    for situation, result in found.items():
        assert result["partial"] == [], situation
        assert result["different"] == [], situation
    # With renameat2 a replaced directory is never absent.
    assert set(found["replace"]["states"]) == {"old", "new"}
    assert set(found["first"]["states"]) == {"none", "new"}
    return sum(result["kills"] for result in found.values())


@pytest.mark.fault(34, 37, 48)
def test_killed_at_calls_that_change_something(tmp_path):
    assert check(kill(tmp_path, "--sample")) > 150


@pytest.mark.long
@pytest.mark.fault(34)
def test_killed_at_every_call(tmp_path):
    kills = check(kill(tmp_path))
    print(f"{kills} kills")
    assert kills >= 940
