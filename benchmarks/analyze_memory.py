"""In: generated rows. Out: the peak memory of `prebake analyze` at two sizes, of the whole process, imports included."""

from __future__ import annotations

import os
import statistics
import sys
import tempfile

from .generate import SPEC, write_shards
from .measure import run_process
from .report import machine, publish, spread, table, verdict

TARGET = 1.05  # of the smaller size's
SIZES = (1_000_000, 5_000_000)
SMALL_SIZES = (200_000, 1_000_000)


def main(data: str, *, repeats: int, small: bool) -> bool:
    """Measures, prints and writes the table; True if the target is met."""
    sizes = SMALL_SIZES if small else SIZES
    state = machine()
    peaks: dict[int, list[float]] = {rows: [] for rows in sizes}
    for rows in sizes:
        write_shards(os.path.join(data, str(rows)), rows)
    for repeat in range(repeats):
        for rows in sizes:
            print(f"  run {repeat + 1}: prebake analyze, {rows:,} rows", flush=True)
            peaks[rows].append(peak_mebibytes(data, rows))
    first, second = (statistics.median(peaks[rows]) for rows in sizes)
    met = second <= TARGET * first
    lines = [[f"{rows:,}", spread(peaks[rows], 0)] for rows in sizes]
    lines.append(["ratio", f"{second / first:.3f} (target ≤ {TARGET}: {verdict(met)})"])
    text = (
        f"{table(['rows', 'peak resident memory of `prebake analyze`, MiB'], lines)}\n\n"
        f"Median (min–max) of {repeats} runs. {state}."
    )
    name = "memory-small" if small else "memory"
    publish(name, text, {"machine": state, "mebibytes": peaks, "ratio": second / first, "met": met})
    return met


def peak_mebibytes(data: str, rows: int) -> float:
    """Of one `prebake analyze`, as the kernel accounts for it."""
    with tempfile.TemporaryDirectory(dir=data) as scratch:
        spec = os.path.join(scratch, "spec.yaml")
        with open(spec, "w", encoding="utf-8") as file:
            file.write(SPEC.format(files=os.path.join(os.path.abspath(data), str(rows), "*.csv")))
        run = os.path.join(scratch, "run")
        _, usage = run_process([sys.executable, "-m", "prebake.cli", "analyze", spec, "--run", run])
    return usage.ru_maxrss / 1024
