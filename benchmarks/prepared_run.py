"""In: a number of generated rows. Out: a run directory with their examples, made once; trained and exported on demand."""

from __future__ import annotations

import os
import sys

from .data_sets import shards, write_spec
from .measure import run_process


def prepared_run(data: str, rows: int, steps: tuple[str, ...] = ("preprocess",)) -> str:
    """The run directory; steps that are done already do nothing."""
    folder = shards(data, "generated", rows)
    run = os.path.join(os.path.abspath(data), f"run-{rows}")
    spec = write_spec(f"{run}.yaml", "generated", folder)
    for step in steps:
        print(f"  prebake {step}, {rows:,} rows", flush=True)
        run_process([sys.executable, "-m", "prebake.cli", step, spec, "--run", run])
    return run
