"""In: a real `prebake preprocess`, killed at several moments. Out: nothing visible is half there, a rerun is the same."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import people
import pytest
from prebake.schemas.manifest import read_manifest

COMMAND = [sys.executable, "-c", "import sys; from prebake.cli import main; sys.exit(main())"]


def start(spec: str, run: str) -> subprocess.Popen:
    return subprocess.Popen(
        [*COMMAND, "preprocess", spec, "--run", run], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def kill_when(process: subprocess.Popen, run: str, sign: str) -> None:
    """Kills it once a name in the run directory, or in a folder there, starts with `sign`."""
    while process.poll() is None:
        if any(name.startswith(sign) for _, folders, files in os.walk(run) for name in [*folders, *files]):
            process.send_signal(signal.SIGKILL)
            break
        time.sleep(0.002)
    assert process.wait() == -signal.SIGKILL


# While shards are written, and between two renames; tests/faults/test_kill_whole_runs.py kills at random moments.
@pytest.mark.fault(34)
@pytest.mark.parametrize("sign", ["part-00001", "rejected"])
def test_killed(people_folder, people_run, tmp_path, sign):
    spec, run = os.path.join(people_folder, "people.yaml"), str(tmp_path / "run")
    people.write_spec_file(people_folder)
    kill_when(start(spec, run), run, sign)
    left = [name for name in people.visible(run) if not name.startswith(".tmp-")]
    assert set(left) <= {"spec.pbtxt", "transform", "rejected"}
    for step in left:
        if step != "spec.pbtxt":
            read_manifest(os.path.join(run, step), step)  # complete
    assert people.visible(run) != left, "was killed too late to leave anything"
    people.run(people_folder, name=run)
    assert people.visible(run) == sorted({*left, "examples", "rejected", "transform"})
    one, other = people.reproducible(people_run), people.reproducible(run)
    other.pop("spec.pbtxt", None)
    assert one == other
