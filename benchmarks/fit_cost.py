"""In: examples of generated rows. Out: rows a second of a whole training, prebake's and Keras' own fit (fit.py)."""

from __future__ import annotations

import os

from prebake.schemas.manifest import read_manifest

from .measure import run_module
from .prepared_run import prepared_run
from .report import Row

ROWS, SMALL_ROWS = 1_000_000, 100_000


def main(data: str, *, repeats: int, small: bool) -> list[Row]:
    run = prepared_run(data, SMALL_ROWS if small else ROWS)
    splits = read_manifest(os.path.join(run, "examples"), "examples").splits
    rows = next(split.rows for split in splits if split.name == "train")
    rates: dict[str, list[float]] = {"prebake": [], "keras": []}
    # An epoch of each takes much longer than all else here.
    for repeat in range(repeats):
        for who, measured in rates.items():
            print(f"  run {repeat + 1}: training by {who}", flush=True)
            seconds, epochs = run_module("fit", who, run)
            measured.append(rows * epochs / seconds)
    return [
        Row(
            f"training, default net, {rows:,} rows an epoch, validation included",
            "Keras fit on arrays in memory",
            rates["prebake"],
            rates["keras"],
            "rows/s",
            0,
            "ours ÷ other",
            at_least=0.9,
        )
    ]
