"""In: numbers of rows. Out: what `prebake preprocess` takes in one process, with two threads and in two processes.

    python -m benchmarks.cores [ROWS …]

What the rule of prebake.pipelines.local_workers was made of. Beyond 2,000,000 rows the same files come several times.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time

from .data_sets import shards, write_spec
from .measure import run_process
from .report import machine

_WAYS = {
    "one process": ["--direct_num_workers=1"],
    "two threads": ["--direct_num_workers=2", "--direct_running_mode=multi_threading"],
    "two processes": ["--direct_num_workers=2", "--direct_running_mode=multi_processing"],
}
_WRITTEN = 2_000_000


def main(sizes: list[int]) -> None:
    print(f"{machine()}\n\n| rows | MB of CSV | {' | '.join(f'{way}, s' for way in _WAYS)} |")
    print("|" + " --- |" * (2 + len(_WAYS)), flush=True)
    with tempfile.TemporaryDirectory() as data:
        for rows in sizes:
            folder = _folder(data, rows)
            spec = write_spec(os.path.join(data, "spec.yaml"), "generated", folder)
            size = sum(os.stat(one.path).st_size for one in os.scandir(folder))
            taken = [f"{_seconds(spec, options):.1f}" for options in _WAYS.values()]
            print(f"| {rows:,} | {size / 1e6:,.0f} | {' | '.join(taken)} |", flush=True)


def _folder(data: str, rows: int) -> str:
    source = shards(data, "generated", min(rows, _WRITTEN))
    if rows <= _WRITTEN:
        return source
    folder = os.path.join(data, f"repeated-{rows}")
    os.mkdir(folder)
    for copy in range(rows // _WRITTEN):
        for one in os.scandir(source):
            os.link(one.path, os.path.join(folder, f"{copy}-{one.name}"))
    return folder


def _seconds(spec: str, options: list[str]) -> float:
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        run_process(
            [
                *(sys.executable, "-m", "prebake.cli", "preprocess", spec, "--run", f"{folder}/run", "--"),
                *options,
            ]
        )
        return time.perf_counter() - start


if __name__ == "__main__":
    main([int(rows) for rows in sys.argv[1:]] or [2_000_000, 8_000_000])
