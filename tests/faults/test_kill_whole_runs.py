"""kill -9 at random moments of whole commands: all that is visible is whole, and a rerun ends as if never killed."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys

import pytest

SCRIPT = pathlib.Path(__file__).with_name("kill_whole_runs.py")
TESTS = SCRIPT.parents[1]


def killed(folder: pathlib.Path, count: int, seed: int) -> dict:
    """What kill_whole_runs.py says, if nothing went wrong."""
    modules = os.pathsep.join(str(TESTS / name) for name in ("pipelines", "training"))
    done = subprocess.run(
        [sys.executable, SCRIPT, folder, str(count), str(seed)],
        env={**os.environ, "PYTHONPATH": modules},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"seed {seed}: {done.stderr}"
    found = json.loads(done.stdout)
    print(done.stdout, end="")
    assert (found["partial"], found["different"]) == ([], []), f"seed {seed}"
    assert {command: len(moments) for command, moments in found["moments"].items()} == dict.fromkeys(
        ("preprocess", "train", "export"), count
    )
    return found


@pytest.mark.fault(34, 44, 45, 48)
def test_killed_twice_each(tmp_path):
    killed(tmp_path, count=2, seed=1)


@pytest.mark.long
@pytest.mark.fault(34, 44, 45, 48)
def test_killed_twenty_times_each(tmp_path):
    found = killed(tmp_path, count=20, seed=2)
    assert found["kills"] == 60
    # Some came between two publications.
    assert "preprocess: transform" in found["new after a kill"]
