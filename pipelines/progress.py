"""In: rows counted by the workers of this process. Out: a progress bar with rows and rate on the user's terminal.

Only for workers inside this process; with others the bar shows the time that has passed.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Iterator

from tqdm import tqdm

_REFRESH_SECONDS = 0.2


class _Counter:
    """Rows read so far. Threads add to it: a lost update would only be a wrong digit, but is cheap to avoid."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.rows = 0

    def add(self, rows: int) -> None:
        with self._lock:
            self.rows += rows


_counter = _Counter()


def add_rows(rows: int) -> None:
    """Called by workers."""
    _counter.add(rows)


@contextlib.contextmanager
def progress_bar(label: str, total: int | None) -> Iterator[None]:
    """Shows a bar until the block ends; nothing where stderr is no terminal."""
    _counter.rows = 0
    stop = threading.Event()
    bar = tqdm(
        total=total, desc=label, unit=" rows", unit_scale=True, leave=False, disable=not sys.stderr.isatty()
    )

    def refresh() -> None:
        while not stop.wait(_REFRESH_SECONDS):
            bar.n = _counter.rows
            bar.refresh()

    thread = threading.Thread(target=refresh, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        bar.close()
