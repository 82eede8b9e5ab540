"""In: rows that workers count. Out: how far a job is, on stderr: a bar on a terminal, and else a line now and then.

Workers of this process count here, and those of other processes of this machine in a file. Those of a cluster count by
Beam's counters, which the runner adds up while the job runs; only of such a job, which may take hours, are there lines where
stderr is no terminal. With a runner that tells nothing before the end the bar shows the time that has passed.
"""

from __future__ import annotations

import contextlib
import os
import struct
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from typing import BinaryIO, Protocol

from apache_beam.metrics.metric import Metrics, MetricsFilter
from tqdm import tqdm

NAMESPACE = "prebake"
_KINDS = ("rows_read", "rows_written", "rows_rejected")
_REFRESH_SECONDS = 0.2
# Of a cluster: how often it is asked, and how often it is said where there is no bar.
_ASK_SECONDS = 2.0
_LINE_SECONDS = 10.0


class Counting(Protocol):
    """A job that can be asked how far it is: Beam's PipelineResult."""

    def metrics(self): ...


class _Counter:
    """Rows so far, by kind. Threads add to it: a lost update would only be a wrong digit, but is cheap to avoid."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.rows = dict.fromkeys(_KINDS, 0)

    def add(self, kind: str, rows: int) -> None:
        with self._lock:
            self.rows[kind] += rows


# Names the file in which other processes of this machine count.
SHARED = "PREBAKE_COUNTS_FILE"
_ENTRY = struct.Struct(f"<{len(_KINDS)}q")

_counter = _Counter()
_counters = {kind: Metrics.counter(NAMESPACE, kind) for kind in _KINDS}
# The job of a cluster that runs now.
_followed: Counting | None = None
# Where this process counts, if it is a worker of another one's job.
_shared: BinaryIO | None = None


def count_rows(*, read: int = 0, written: int = 0, rejected: int = 0) -> None:
    """Called by workers."""
    for kind, rows in zip(_KINDS, (read, written, rejected), strict=True):
        if rows:
            _counter.add(kind, rows)
            _counters[kind].inc(rows)
    if _shared is not None:
        # A count that cannot be written, e.g. on a full disk, is missing from a bar and nowhere else.
        with contextlib.suppress(OSError):
            _shared.write(_ENTRY.pack(read, written, rejected))


def share_counts(path: str) -> None:
    """This process counts for another one, which named this file."""
    global _shared
    _shared = open(path, "ab", buffering=0)  # noqa: SIM115  until this process ends


@contextlib.contextmanager
def follow(job: Counting) -> Iterator[None]:
    """The bar or the lines are about this job of a cluster, until the block ends."""
    global _followed
    _followed = job
    try:
        yield
    finally:
        _followed = None


@contextlib.contextmanager
def progress_bar(label: str, total: int | None) -> Iterator[None]:
    """Shows how far the job is that runs in the block; removes the bar at its end."""
    global _counter
    _counter = _Counter()
    stop = threading.Event()
    shown = _Bar(label, total) if sys.stderr.isatty() else _Lines(label, total)

    def refresh(shared: str) -> None:
        told: dict[str, int] = {}
        asked = 0.0
        while not stop.wait(_REFRESH_SECONDS):
            job = _followed
            if job is not None and time.monotonic() - asked >= _ASK_SECONDS:
                told = _ask(job) or told
                asked = time.monotonic()
            if job is None:
                others = _of_others(shared)
                here = {kind: rows + others.get(kind, 0) for kind, rows in _counter.rows.items()}
                shown.show(here, False)
            else:
                shown.show(told, True)

    with _shared_file() as shared:
        thread = threading.Thread(target=refresh, args=[shared], daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(_ASK_SECONDS)  # a cluster that does not answer is not waited for
            shown.close()


@contextlib.contextmanager
def _shared_file() -> Iterator[str]:
    """A file in which processes that are started meanwhile count."""
    with tempfile.TemporaryDirectory(prefix="prebake-counts-") as folder:
        os.environ[SHARED] = path = os.path.join(folder, "counts")
        try:
            yield path
        finally:
            del os.environ[SHARED]


def _of_others(path: str) -> dict[str, int]:
    """Rows that other processes of this machine counted so far."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError:
        data = b""
    whole = data[: len(data) - len(data) % _ENTRY.size]
    return (
        dict(zip(_KINDS, map(sum, zip(*_ENTRY.iter_unpack(whole), strict=True)), strict=True))
        if whole
        else {}
    )


def _ask(job: Counting) -> dict[str, int]:
    """Rows so far by kind; nothing if the job does not say."""
    if getattr(job, "_metrics", None) is not None:
        job._metrics = None  # type: ignore[attr-defined]  # PortableRunner's would give its first answer again
    rows: dict[str, int] = {}
    try:
        for one in job.metrics().query(MetricsFilter().with_namespace(NAMESPACE))["counters"]:
            name = one.key.metric.name
            rows[name] = rows.get(name, 0) + (one.result or 0)
    except Exception:  # of whatever runner; a job must not fail because it cannot say how far it is
        return {}
    return rows


class _Bar:
    def __init__(self, label: str, total: int | None):
        self._bar = tqdm(total=total, desc=label, unit=" rows", unit_scale=True, leave=False)

    def show(self, rows: dict[str, int], elsewhere: bool) -> None:
        self._bar.n = rows.get("rows_read", 0)
        if elsewhere:
            self._bar.set_postfix_str(_others(rows), refresh=False)
        self._bar.refresh()

    def close(self) -> None:
        self._bar.close()


class _Lines:
    """For logs. The rate is that since the line before."""

    def __init__(self, label: str, total: int | None):
        self._label, self._of = label, "" if total is None else f" of {total:,}"
        self._said, self._before = time.monotonic(), 0

    def show(self, rows: dict[str, int], elsewhere: bool) -> None:
        seconds = time.monotonic() - self._said
        if not elsewhere or seconds < _LINE_SECONDS:
            return
        read = rows.get("rows_read", 0)
        parts = [
            f"{read:,}{self._of} rows read",
            _others(rows),
            f"{(read - self._before) / seconds:,.0f} rows/s",
        ]
        print(f"{self._label}: {', '.join(part for part in parts if part)}", file=sys.stderr, flush=True)
        self._said, self._before = time.monotonic(), read

    def close(self) -> None: ...


def _others(rows: dict[str, int]) -> str:
    """Kinds that the job counts; the scan of an index writes nothing."""
    return ", ".join(f"{rows[kind]:,} {kind.removeprefix('rows_')}" for kind in _KINDS[1:] if kind in rows)
