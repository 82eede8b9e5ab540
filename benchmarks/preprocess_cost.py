"""In: CSV shards. Out: what a row costs prebake, the usual TFT recipe, a floor and Polars, by the difference of two sizes.

The difference takes away what does not grow with the rows: imports, tracing, opening files. That is a row of its own, by
whole processes. Each measurement is a process, and all take turns, so that a slow minute of a shared machine hits all.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Sequence

from .data_sets import DATA_SETS, shards, write_spec
from .measure import run_module, run_process
from .report import Row

# A pair of sizes that some seconds lie between.
RECIPE_SIZES, SIZES, FIXED = (50_000, 200_000), (200_000, 2_000_000), 20_000
SMALL_RECIPE_SIZES, SMALL_SIZES = (25_000, 75_000), (50_000, 300_000)
EVERYTHING = ("index", "analyze", "transform")

Seconds = dict[str, dict[str, float]]
Runs = dict[int, list[Seconds]]


def main(data: str, *, repeats: int, small: bool) -> list[Row]:
    """Measures both data sets."""
    return [row for name in DATA_SETS for row in _measure(data, name, repeats, small)]


def _measure(data: str, name: str, repeats: int, small: bool) -> list[Row]:
    recipe_sizes, sizes = (SMALL_RECIPE_SIZES, SMALL_SIZES) if small else (RECIPE_SIZES, SIZES)
    with tempfile.TemporaryDirectory(dir=data) as scratch:
        same = _check_same_features(data, name, recipe_sizes[0], scratch)
    print(f"  {name}: same features in {same['rows']:,} rows: {same}", flush=True)
    contenders = {"recipe": recipe_sizes, "prebake": sizes, "floor": sizes, "polars_table": sizes}
    runs: dict[str, Runs] = {who: {size: [] for size in pair} for who, pair in contenders.items()}
    fixed: dict[str, list[float]] = {"recipe": [], "prebake": []}
    for repeat in range(repeats + 1):
        for place in (0, 1):
            for who, pair in contenders.items():
                # It takes two minutes, the others' differences are of some seconds and need their middle one.
                if who == "recipe" and repeat >= max(1, repeats - 1):
                    continue
                print(f"  run {repeat + 1}: {who}, {name}, {pair[place]:,} rows", flush=True)
                with tempfile.TemporaryDirectory(dir=data) as scratch:
                    runs[who][pair[place]].append(_run(who, name, shards(data, name, pair[place]), scratch))
        for who in fixed if repeat < repeats else ():
            print(f"  run {repeat + 1}: {who}, {name}, whole process, {FIXED:,} rows", flush=True)
            fixed[who].append(_whole_process(who, name, shards(data, name, FIXED)))
    ours, both = runs["prebake"], "ours ÷ other"

    def per_row(who: str, steps: Sequence[str], clock: str) -> list[float]:
        return cost(runs[who], steps, clock)

    work = f"preprocess, {name}"
    wall, cpu = "µs a row, wall", "µs a row, CPU"
    every = cost(ours, EVERYTHING, "wall"), cost(ours, EVERYTHING, "cpu")
    learn, apply = cost(ours, ("index", "analyze"), "wall"), cost(ours, ("transform",), "wall")
    floor = {step: per_row("floor", (step,), "wall") for step in ("analyze", "transform")}
    learn_cpu, apply_cpu = cost(ours, ("index", "analyze"), "cpu"), cost(ours, ("transform",), "cpu")
    floor_cpu = {step: per_row("floor", (step,), "cpu") for step in ("analyze", "transform")}
    recipe, theirs = "usual TFT recipe", "other ÷ ours"
    return [
        Row(work, recipe, every[0], per_row("recipe", ("whole",), "wall"), wall, 2, theirs, at_least=20),
        Row(work, recipe, every[1], per_row("recipe", ("whole",), "cpu"), cpu, 2, theirs),
        Row(f"analyze, {name}", "floor, one process", learn, floor["analyze"], wall, 2, both, at_most=2),
        Row(f"analyze, {name}", "floor, one process", learn_cpu, floor_cpu["analyze"], cpu, 2, both),
        Row(f"transform, {name}", "floor, one process", apply, floor["transform"], wall, 2, both, at_most=2),
        Row(f"transform, {name}", "floor, one process", apply_cpu, floor_cpu["transform"], cpu, 2, both),
        Row(work, "Polars", every[1], per_row("polars_table", ("whole",), "cpu"), cpu, 2, both, at_most=3),
        Row(work, "Polars", every[0], per_row("polars_table", ("whole",), "wall"), wall, 2, both),
        Row(
            f"preprocess {FIXED:,} rows, {name}",
            recipe,
            fixed["prebake"],
            fixed["recipe"],
            "s, whole process",
            1,
            both,
            at_most=0.5,
        ),
    ]


def cost(runs: Runs, steps: Sequence[str], clock: str) -> list[float]:
    """µs a row of these steps together, one figure a repeat."""
    (small, small_runs), (large, large_runs) = sorted(runs.items())
    return [
        1e6 * sum(second[step][clock] - first[step][clock] for step in steps) / (large - small)
        for first, second in zip(small_runs, large_runs, strict=True)
    ]


def _run(who: str, name: str, folder: str, scratch: str, split: str = "") -> Seconds:
    output = os.path.join(scratch, who)
    if who != "prebake":
        return run_module(who, name, folder, output)
    spec = write_spec(os.path.join(scratch, "spec.yaml"), name, folder, split)
    return run_module("prebake_steps", spec, output)


def _whole_process(who: str, name: str, folder: str) -> float:
    """Seconds of a command from its start to its end."""
    with tempfile.TemporaryDirectory() as scratch:
        output = os.path.join(scratch, "output")
        spec = write_spec(os.path.join(scratch, "spec.yaml"), name, folder)
        ours = ["prebake.cli", "preprocess", spec, "--run", output]
        start = time.perf_counter()
        run_process(
            [
                sys.executable,
                "-m",
                *(ours if who == "prebake" else ["benchmarks.recipe", name, folder, output]),
            ]
        )
        return time.perf_counter() - start


def _check_same_features(data: str, name: str, rows: int, scratch: str) -> dict[str, float]:
    folder = shards(data, name, rows)
    # The recipe analyses all rows, so here prebake does too.
    _run("prebake", name, folder, scratch, split="  split: {train: 1}\n")
    _run("recipe", name, folder, scratch)
    return run_module(
        "same_features", name, os.path.join(scratch, "recipe"), os.path.join(scratch, "prebake")
    )
