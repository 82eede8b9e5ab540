"""In: the examples' specs and a few seeds. Out: the test metrics of each run and their medians, beside what is promised.

Each seed is a run of its own: another split, another shuffle, other initial weights. Figures of docs/quality.md.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile

from prebake.schemas.run_dir import write_spec
from prebake.schemas.spec import load_spec

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SEEDS = (0, 1, 2)
# Example, its spec, metric, bound, whether smaller is better.
PROMISES = (
    ("housing", "housing", "rmse", 0.54, True),
    ("housing", "grid", "rmse", 0.54, True),
    ("adult", "adult", "accuracy", 0.85, False),
    # 0.85 of what the mean of the training ratings has.
    ("movies", "movies", "rmse", 1.15, True),
)


def main() -> bool:
    """Runs everything, prints a Markdown table; True if every promise is kept."""
    kept = True
    print("| example | metric | seeds 0, 1, 2 | median | promised | |\n|---|---|---|---|---|---|", flush=True)
    for name, spec, metric, bound, smaller in PROMISES:
        subprocess.run(
            [sys.executable, os.path.join(ROOT, "examples", "fetch.py"), name],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        path = os.path.join(ROOT, "examples", name, f"{spec}.yaml")
        values = [measure(path, metric, seed) for seed in SEEDS]
        median = statistics.median(values)
        met = median <= bound if smaller else median >= bound
        shown = ", ".join(f"{value:.4f}" for value in values)
        sign = "≤" if smaller else "≥"
        print(
            f"| {spec} | {metric} | {shown} | {median:.4f} | {sign} {bound} | {'met' if met else 'MISSED'} |",
            flush=True,
        )
        kept &= met
    return kept


def measure(path: str, metric: str, seed: int) -> float:
    """The metric of one whole run of the spec with another seed."""
    spec = load_spec(path)
    spec.seed = seed
    with tempfile.TemporaryDirectory() as run:
        write_spec(run, spec)
        for step in ("preprocess", "train"):
            subprocess.run(
                [sys.executable, "-m", "prebake.cli", step, run], check=True, stdout=subprocess.DEVNULL
            )
        with open(os.path.join(run, "training", "default", "evaluation.json"), encoding="utf-8") as file:
            return json.load(file)["metrics"][metric]


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
