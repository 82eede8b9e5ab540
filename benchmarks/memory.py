"""In: generated rows. Out: the peak memory of `prebake analyze` and `prebake transform` at two sizes, imports included."""

from __future__ import annotations

import os
import sys
import tempfile

from .data_sets import shards, write_spec
from .measure import run_process
from .report import Row

SIZES, SMALL_SIZES = (1_000_000, 10_000_000), (100_000, 500_000)


def main(data: str, *, repeats: int, small: bool) -> list[Row]:
    """Measures once: peaks differ by less than a percent from run to run."""
    few, many = SMALL_SIZES if small else SIZES
    peaks: dict[str, list[float]] = {"analyze": [], "transform": []}
    stored = []
    for rows in (few, many):
        with tempfile.TemporaryDirectory(dir=data) as scratch:
            folder = repeated(data, few, rows, scratch)
            spec, run = write_spec(os.path.join(scratch, "spec.yaml"), "generated", folder), f"{scratch}/run"
            for step, measured in peaks.items():
                print(f"  prebake {step}, {rows:,} rows, peak memory", flush=True)
                _, usage = run_process([sys.executable, "-m", "prebake.cli", step, spec, "--run", run])
                measured.append(usage.ru_maxrss / 1024)
            stored.append(size_of(os.path.join(run, "examples")) / 2**20)
    growth = [one[1] - one[0] for one in (peaks["transform"], stored)]
    sizes, ratio = f"{few:,} → {many:,} rows", "ours ÷ other"
    return [
        Row(
            f"peak memory of analyze, {sizes}",
            "itself at the smaller size",
            [peaks["analyze"][1]],
            [peaks["analyze"][0]],
            "MiB",
            0,
            ratio,
            at_most=1.05,
        ),
        Row(
            f"growth of transform's peak memory, {sizes}",
            "growth of the examples",
            [growth[0]],
            [growth[1]],
            "MiB",
            0,
            ratio,
            at_most=1.2,
        ),
        Row(f"peak memory of transform, {many:,} rows", "", [peaks["transform"][1]], [], "MiB", 0),
    ]


def repeated(data: str, few: int, rows: int, scratch: str) -> str:
    """A folder with `rows` rows: the `few`'s files under several names."""
    source = shards(data, "generated", few)
    folder = os.path.join(scratch, "csv")
    os.mkdir(folder)
    for time in range(rows // few):
        for name in sorted(os.listdir(source)):
            os.link(os.path.join(source, name), os.path.join(folder, f"{time:02d}-{name}"))
    return folder


def size_of(directory: str) -> int:
    """Bytes of all files below."""
    return sum(
        os.path.getsize(os.path.join(folder, name))
        for folder, _, names in os.walk(directory)
        for name in names
    )
