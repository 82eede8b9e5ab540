"""In: numbers of rows. Out: a table of the local runner and Flink with one and two workers: rows/s, peak memory, checksum.

python -m benchmarks.flink [ROWS …]

Seconds are those of the whole command, starting included. The checksum is that of examples/, statistics.pb, the vocabularies
and the rejected rows. Memory is the resident peak of the largest process of each kind, looked at twice a second.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator

from prebake.deploy.flink_cluster import Cluster
from prebake.deploy.flink_install import setup

from .flights import SPEC, write_shards

_FOLDER = os.path.join("build", "flink")
_LOOK_SECONDS = 0.5


def main(counts: list[int]) -> None:
    """Prints a line for each number of rows and each way to run."""
    setup(_FOLDER)
    print("rows | runner | seconds | rows/s | MB: driver | TaskManager | Python worker | sha256")
    for rows in counts:
        with tempfile.TemporaryDirectory() as folder:
            write_shards(os.path.join(folder, "data"), rows)
            spec = os.path.join(folder, "spec.yaml")
            with open(spec, "w", encoding="utf-8") as file:
                file.write(SPEC.format(files="data/*.csv"))
            for workers in (0, 1, 2):
                print(_line(spec, os.path.join(folder, f"run-{workers}"), rows, workers), flush=True)


def _line(spec: str, run: str, rows: int, workers: int) -> str:
    cluster = Cluster(_FOLDER, "bench")
    command = [sys.executable, "-m", "prebake.cli", "preprocess", spec, "--run", run]
    peaks: dict[str, float] = {}
    done = threading.Event()
    if workers:
        cluster.start(workers)
        command += ["--", *cluster.beam_args()]
    watch = threading.Thread(target=_watch, args=(peaks, done))
    watch.start()
    try:
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        seconds = time.perf_counter() - start
    finally:
        done.set()
        watch.join()
        cluster.stop()
    memory = " | ".join(f"{peaks.get(kind, 0):.0f}" for kind in ("driver", "TaskManager", "worker"))
    name = f"Flink, {workers}" if workers else "local"
    return f"{rows:,} | {name} | {seconds:.0f} | {rows / seconds:,.0f} | {memory} | {_checksum(run)[:16]}"


def _watch(peaks: dict[str, float], done: threading.Event) -> None:
    while not done.wait(_LOOK_SECONDS):
        for kind, size in _processes():
            peaks[kind] = max(peaks.get(kind, 0), size)


def _processes() -> Iterator[tuple[str, float]]:
    """Kind and resident MB of each process that belongs to a run."""
    for pid in filter(str.isdecimal, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as file:
                command = file.read()
            with open(f"/proc/{pid}/statm", encoding="utf-8") as file:
                size = int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
        except OSError:
            continue  # it has ended
        if "TaskManagerRunner" in command:
            yield "TaskManager", size
        elif "prebake.deploy.worker" in command:
            yield "worker", size
        elif "prebake.cli" in command:
            yield "driver", size


def _checksum(run: str) -> str:
    found = hashlib.sha256()
    for folder, inner, names in os.walk(run):
        inner[:] = sorted(set(inner) - {"graph"})
        for name in sorted(names):
            path = os.path.join(folder, name)
            # The saved graph's bytes vary, and so does the manifest that has its checksum.
            if os.path.relpath(path, run) != os.path.join("transform", "manifest.pbtxt"):
                with open(path, "rb") as file:
                    found.update(os.path.relpath(path, run).encode() + file.read())
    return found.hexdigest()


if __name__ == "__main__":
    main([int(one.replace("_", "")) for one in sys.argv[1:]] or [336_776])
