"""In: a command. Out: what it printed as JSON, and its peak memory: each measurement is a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from typing import Any


@contextlib.contextmanager
def stopwatch() -> Iterator[dict[str, float]]:
    """Seconds that the block takes: "wall" by the clock, "cpu" of all threads of this process."""
    taken: dict[str, float] = {}
    wall, cpu = time.perf_counter(), time.process_time()
    yield taken
    taken |= {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}


def run_process(command: Sequence[str]) -> tuple[str, resource.struct_rusage]:
    """Runs a command to its end.

    Returns:
      Its stdout, and the kernel's account of this one process: `ru_maxrss` is its peak resident memory in KiB (Linux).

    Raises:
      SystemExit: it failed; the end of its stderr is shown.
    """
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = subprocess.Popen(command, stdout=out, stderr=err, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        if process.returncode:
            raise SystemExit(f"{' '.join(command)}\nfailed:\n{err.read()[-3000:]}")
        return out.read(), usage


def run_module(name: str, *arguments: str) -> dict[str, Any]:
    """Runs `python -m benchmarks.NAME …`; returns the JSON of the last line that it prints."""
    out, _ = run_process([sys.executable, "-m", f"benchmarks.{name}", *arguments])
    return json.loads(out.splitlines()[-1])
