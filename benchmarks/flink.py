"""In: numbers of rows. Out: a table of the local runner, Flink with one and two workers, and two of which one is killed.

python -m benchmarks.flink [ROWS …]

Seconds are those of the whole command, starting included. Shuffle is what the last job, transform, sent from task to task:
all of it, and what of it was grouped by shard. The checksum is that of examples/, statistics.pb, the vocabularies and the
rejected rows. Memory is the resident peak of the largest process of each kind, looked at twice a second.
"""

from __future__ import annotations

import hashlib
import os
import signal
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
_HEAD = (
    *("rows", "runner", "seconds", "rows/s", "rows/s per worker", "driver MB", "TaskManager MB", "Python worker MB"),
    *("shuffle MB", "of it by shard", "sha256"),
)  # fmt: skip


def main(counts: list[int]) -> None:
    """Prints a line for each number of rows and each way to run."""
    setup(_FOLDER)
    print(f"| {' | '.join(_HEAD)} |\n|{' --- |' * len(_HEAD)}", flush=True)
    for rows in counts:
        with tempfile.TemporaryDirectory() as folder:
            write_shards(os.path.join(folder, "data"), rows)
            spec = os.path.join(folder, "spec.yaml")
            with open(spec, "w", encoding="utf-8") as file:
                file.write(SPEC.format(files="data/*.csv"))
            for number, (workers, killed) in enumerate(((0, False), (1, False), (2, False), (2, True))):
                cells = _cells(spec, os.path.join(folder, f"run-{number}"), rows, workers, killed)
                print(f"| {' | '.join(cells)} |", flush=True)


def _cells(spec: str, run: str, rows: int, workers: int, killed: bool) -> list[str]:
    cluster = Cluster(_FOLDER, "bench")
    command = [sys.executable, "-m", "prebake.cli", "preprocess", spec, "--run", run]
    peaks: dict[str, float] = {}
    done = threading.Event()
    helpers = [threading.Thread(target=_watch, args=(peaks, done))]
    sent = {"all": 0.0, "shard": 0.0}
    if workers:
        cluster.start(workers)
        command += ["--", *cluster.beam_args()]
    if killed:
        helpers.append(threading.Thread(target=_kill_in_shuffle, args=(cluster, "taskmanager-1", done)))
    for helper in helpers:
        helper.start()
    try:
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        seconds = time.perf_counter() - start
        if workers:
            sent = _sent(cluster)
    finally:
        done.set()
        for helper in helpers:
            helper.join()
        lost = workers and "taskmanager-1" not in cluster.running()
        cluster.stop()
    assert bool(lost) == killed, "nothing was killed, or what was not to be"
    name = f"Flink, {workers}" + (", one killed" if killed else "") if workers else "local"
    rate = rows / seconds
    memory = [_shown(peaks.get(kind, 0)) for kind in ("driver", "TaskManager", "worker")]
    return [
        *(f"{rows:,}", name, f"{seconds:.0f}", f"{rate:,.0f}", _shown(rate / workers if workers else 0), *memory),
        *(_shown(sent["all"]), _shown(sent["shard"]), _checksum(run)[:16]),
    ]  # fmt: skip


def _shown(number: float) -> str:
    return f"{number:,.0f}" if number else ""


def _newest_job(cluster: Cluster) -> dict:
    jobs = _ask(cluster, "/jobs/overview")["jobs"]
    return _ask(cluster, f"/jobs/{max(jobs, key=lambda job: job['start-time'])['jid']}") if jobs else {}


def _ask(cluster: Cluster, path: str) -> dict:
    for _ in range(10):
        try:
            return cluster.ask(path)
        except (
            OSError
        ):  # seen once, on a machine with much else to do: refused, though the JobManager was there
            time.sleep(0.5)
    return cluster.ask(path)


def _sent(cluster: Cluster) -> dict[str, float]:
    """MB that the tasks of the newest job wrote for others, and that the grouping by shard read."""
    time.sleep(4)  # the interface answers from a copy that is up to 3 s old
    vertices = _newest_job(cluster)["vertices"]
    grouped = (one["metrics"]["read-bytes"] for one in vertices if one["name"] == "GroupReduce (Shuffle)")
    return {"all": sum(one["metrics"]["write-bytes"] for one in vertices) / 1e6, "shard": sum(grouped) / 1e6}


def _kill_in_shuffle(cluster: Cluster, name: str, done: threading.Event) -> None:
    """With what it has made of the shuffle, as soon as the grouping by shard has begun."""
    while not done.wait(0.05):
        for vertex in _newest_job(cluster).get("vertices", []):
            if vertex["name"] == "GroupReduce (Shuffle)" and vertex["status"] in ("RUNNING", "FINISHED"):
                os.kill(cluster.pids[name], signal.SIGKILL)
                return


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
