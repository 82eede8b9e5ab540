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

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SEEDS = (0, 1, 2)
# Example, metric, bound, whether smaller is better.
PROMISES = (("housing", "rmse", 0.54, True), ("adult", "accuracy", 0.85, False))


def main() -> bool:
    """Runs everything, prints a Markdown table; True if every promise is kept."""
    kept = True
    print("| example | metric | seeds 0, 1, 2 | median | promised | |\n|---|---|---|---|---|---|", flush=True)
    for name, metric, bound, smaller in PROMISES:
        subprocess.run(
            [sys.executable, os.path.join(ROOT, "examples", "fetch.py"), name],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        values = [measure(name, metric, seed) for seed in SEEDS]
        median = statistics.median(values)
        met = median <= bound if smaller else median >= bound
        shown = ", ".join(f"{value:.4f}" for value in values)
        sign = "≤" if smaller else "≥"
        print(
            f"| {name} | {metric} | {shown} | {median:.4f} | {sign} {bound} | {'met' if met else 'MISSED'} |",
            flush=True,
        )
        kept &= met
    return kept


def measure(name: str, metric: str, seed: int) -> float:
    """The metric of one whole run with another seed."""
    with tempfile.TemporaryDirectory() as folder:
        source = os.path.join(ROOT, "examples", name)
        spec = os.path.join(folder, f"{name}.yaml")
        with open(os.path.join(source, f"{name}.yaml"), encoding="utf-8") as file:
            text = file.read().replace("data/*.csv", os.path.join(source, "data", "*.csv"))
        with open(spec, "w", encoding="utf-8") as file:
            file.write(f"seed: {seed}\n{text}")
        run = os.path.join(folder, "run")
        prebake = [sys.executable, "-m", "prebake.cli"]
        for step in ("preprocess", "train"):
            subprocess.run([*prebake, step, spec, "--run", run], check=True, stdout=subprocess.DEVNULL)
        with open(os.path.join(run, "training", "default", "evaluation.json"), encoding="utf-8") as file:
            return json.load(file)["metrics"][metric]


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
