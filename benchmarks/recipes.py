"""In: Adult. Out: a table of the recipes: what each reaches, weighs and takes to answer. Figures of docs/training.md.

One run, preprocessed once; each recipe is a training of it, then an export. Latency is of the exported model with raw
columns in: the median of calls, in a process of its own.
"""

from __future__ import annotations

import csv
import glob
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
from prebake.schemas.run_dir import write_spec
from prebake.schemas.spec import complete_spec, parse_spec
from prebake.schemas.spec_pb2 import Recipe, Spec
from prebake.schemas.spec_source import enum_names

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ADULT = os.path.join(ROOT, "examples", "adult")
CALLS = 300


def main() -> bool:
    """Trains and exports every recipe, prints a Markdown table."""
    _quietly(os.path.join(ROOT, "examples", "fetch.py"), "adult")
    print(
        "| recipe | accuracy | auc | log loss | weights | zeros | compressed | one row | 1,000 rows | epochs, time |\n"
        "|---|---|---|---|---|---|---|---|---|---|",
        flush=True,
    )
    with tempfile.TemporaryDirectory() as run:
        for recipe in enum_names(Recipe.DESCRIPTOR):
            print(_row(run, recipe), flush=True)
    return True


def _row(run: str, recipe: str) -> str:
    write_spec(run, _spec(recipe))
    if not os.path.isdir(os.path.join(run, "examples")):
        _quietly("-m", "prebake.cli", "preprocess", run)
    started = time.monotonic()
    _quietly("-m", "prebake.cli", "train", run)
    seconds = time.monotonic() - started
    _quietly("-m", "prebake.cli", "export", run)
    directory = os.path.join(run, "training", recipe)
    found = {}
    for name in ("evaluation", "model", "history"):
        with open(os.path.join(directory, f"{name}.json"), encoding="utf-8") as file:
            found[name] = json.load(file)
    metrics, size = found["evaluation"]["metrics"], found["model"]
    timed = subprocess.run(
        [sys.executable, "-m", "benchmarks.recipes", run],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    one, many = json.loads(timed.stdout)
    return (
        f"| {recipe} | {metrics['accuracy']:.4f} | {metrics['auc']:.4f} | {metrics['log_loss']:.4f} "
        f"| {size['weights']:,} | {size['zeros']:.0%} | {size['compressed_bytes'] / 1000:.0f} kB "
        f"| {one:.2f} ms | {many:.2f} ms | {len(found['history'])}, {seconds:.0f} s |"
    )


def _spec(recipe: str) -> Spec:
    path = os.path.join(ADULT, "adult.yaml")
    spec, source = parse_spec(path)
    spec.recipe = enum_names(Recipe.DESCRIPTOR)[recipe]
    spec.training.name = recipe
    return complete_spec(spec, source, ADULT)


def _quietly(*arguments: str) -> None:
    subprocess.run(
        [sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def latency(run: str) -> tuple[float, float]:
    """Milliseconds of a call of the latest export: one row, and 1,000."""
    import tensorflow as tf
    from prebake.schemas.run_dir import read_spec
    from prebake.training.export import find_version
    from prebake.training.row_values import dtype_of_raw, from_python
    from prebake.training.signatures import input_names

    spec = read_spec(run)
    serve = tf.saved_model.load(find_version(run)).signatures["serving_default"]
    wanted = serve.structured_input_signature[1]
    names = input_names(column.name for column in spec.data.columns)
    with open(sorted(glob.glob(spec.data.files[0]))[0], newline="", encoding="utf-8") as file:
        rows = list(itertools.islice(csv.DictReader(file), 1000))
    times = []
    for count in (1, 1000):
        raw = {}
        for column in spec.data.columns:
            if names[column.name] in wanted:
                cells = [
                    from_python(row[column.name], column, spec.data.dialect.null_tokens)
                    for row in rows[:count]
                ]
                raw[names[column.name]] = tf.constant(np.array(cells, dtype_of_raw(column)))
        for _ in range(20):
            serve(**raw)
        each = []
        for _ in range(CALLS):
            started = time.perf_counter()
            serve(**raw)
            each.append(time.perf_counter() - started)
        times.append(1000 * statistics.median(each))
    return times[0], times[1]


if __name__ == "__main__":
    print(json.dumps(latency(sys.argv[1])))
