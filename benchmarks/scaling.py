"""In: numbers of rows, rising. Out: a table of what analyze and transform cost per row of flights, on the local runner.

python -m benchmarks.scaling [ROWS …] [--shards N …]

Each command is a process of its own; both begin with the index of the files. CPU is user and system time of all its threads,
memory its resident peak. What a further row costs is the difference to the line before: without the start. With --shards it
is the transform of the first number of rows into so many shards of the training split.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time

from .flights import SPEC, write_shards
from .measure import run_process

_HEAD = ("rows", "step", "seconds", "rows/s", "CPU µs/row", "CPU µs per further row", "peak MB")


def main(arguments: list[str] | None = None) -> None:
    """Prints a line for each number of rows and each step, or for each number of shards."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling")
    parser.add_argument("rows", type=int, nargs="*", default=[1_000_000, 3_000_000, 10_000_000])
    parser.add_argument("--shards", type=int, nargs="+", default=[])
    options = parser.parse_args(arguments)
    print(f"| {' | '.join(_HEAD)} |\n|{' --- |' * len(_HEAD)}", flush=True)
    if options.shards:
        _compare_shards(options.rows[0], options.shards)
        return
    before: dict[str, tuple[int, float]] = {}
    for rows in options.rows:
        with tempfile.TemporaryDirectory() as folder:
            write_shards(os.path.join(folder, "data"), rows)
            for step in ("analyze", "transform"):
                cells, cpu = _cells(step, _spec(folder), os.path.join(folder, "run"), rows)
                if step in before:
                    fewer, less = before[step]
                    cells[5] = f"{(cpu - less) / (rows - fewer) * 1e6:.1f}"
                before[step] = (rows, cpu)
                print(f"| {' | '.join(cells)} |", flush=True)


def _compare_shards(rows: int, counts: list[int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write_shards(os.path.join(folder, "data"), rows)
        run = os.path.join(folder, "run")
        _cells("analyze", _spec(folder), run, rows)
        for shards in counts:
            spec = _spec(folder, f"examples: {{train_shards: {shards}}}\n")
            cells, _ = _cells("transform", spec, run, rows, "--replace")
            cells[1] = f"transform, {shards:,} shards"
            print(f"| {' | '.join(cells)} |", flush=True)


def _spec(folder: str, more: str = "") -> str:
    path = os.path.join(folder, "spec.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(SPEC.format(files="data/*.csv") + more)
    return path


def _cells(step: str, spec: str, run: str, rows: int, *options: str) -> tuple[list[str], float]:
    """The cells of a line, and seconds of CPU."""
    start = time.perf_counter()
    _, usage = run_process([sys.executable, "-m", "prebake.cli", step, spec, "--run", run, *options])
    seconds, cpu = time.perf_counter() - start, usage.ru_utime + usage.ru_stime
    first = (f"{rows:,}", step, f"{seconds:.0f}", f"{rows / seconds:,.0f}", f"{cpu / rows * 1e6:.1f}", "")
    return [*first, f"{usage.ru_maxrss / 1000:,.0f}"], cpu


if __name__ == "__main__":
    main()
