"""In: generated rows. Out: what a row costs prebake and the usual TFT recipe, by the difference of two sizes.

The difference takes away what does not grow with the rows: imports, tracing, opening files. Each measurement is a process
of its own, and the two take turns, so that a slow minute of a shared machine hits both.
"""

from __future__ import annotations

import os
import statistics
import tempfile
from collections.abc import Callable
from typing import Any

from .generate import SPEC, write_shards
from .measure import run_module
from .report import machine, publish, spread, table, verdict

TARGET = 0.25  # of the recipe's cost per row
# (recipe, prebake): a pair of sizes that some ten seconds lie between.
SIZES = ((50_000, 200_000), (200_000, 1_000_000))
SMALL_SIZES = ((25_000, 75_000), (25_000, 500_000))
# What is compared: prebake's steps with the recipe's.
LINES = {
    "transform": (("transform",), ("transform",)),
    "index + analyze + transform": (("index", "analyze", "transform"), ("whole",)),
}

Seconds = dict[str, dict[str, float]]


def main(data: str, *, repeats: int, small: bool) -> bool:
    """Measures, prints and writes the table; True if the target is met."""
    recipe_sizes, prebake_sizes = SMALL_SIZES if small else SIZES
    state = machine()
    for rows in {*recipe_sizes, *prebake_sizes}:
        write_shards(os.path.join(data, str(rows)), rows)
    with tempfile.TemporaryDirectory(dir=data) as scratch:
        same = _check_same_features(data, recipe_sizes[0], scratch)
    print(
        f"same features in {same['rows']:,} rows: largest difference {same['largest_difference']:.1e}",
        flush=True,
    )
    recipe: dict[int, list[Seconds]] = {rows: [] for rows in recipe_sizes}
    prebake: dict[int, list[Seconds]] = {rows: [] for rows in prebake_sizes}
    for repeat in range(repeats):
        for place in (0, 1):
            _note(repeat, "recipe", recipe_sizes[place])
            recipe[recipe_sizes[place]].append(_in_scratch(_run_recipe, data, recipe_sizes[place]))
            _note(repeat, "prebake", prebake_sizes[place])
            prebake[prebake_sizes[place]].append(_in_scratch(_run_prebake, data, prebake_sizes[place]))
    lines, met, slopes = [], True, {}
    for clock in ("wall", "cpu"):
        for name, (ours, theirs) in LINES.items():
            our_cost, their_cost = cost(prebake, ours, clock), cost(recipe, theirs, clock)
            ratio = statistics.median(our_cost) / statistics.median(their_cost)
            asked = name == "transform" and clock == "wall"
            if asked:
                met = ratio < TARGET
            target = f"< {TARGET}: {verdict(met)}" if asked else ""
            lines.append([name, clock, spread(their_cost, 1), spread(our_cost, 2), f"{ratio:.3f}", target])
            slopes[f"{name}, {clock}"] = {"recipe": their_cost, "prebake": our_cost, "ratio": ratio}
    head = ["µs per row", "clock", "usual TFT recipe", "prebake", "prebake ÷ recipe", "target"]
    text = (
        f"{table(head, lines)}\n\nMedian (min–max) of {repeats} runs; recipe {recipe_sizes[0]:,} → {recipe_sizes[1]:,} "
        f"rows, prebake {prebake_sizes[0]:,} → {prebake_sizes[1]:,}. {state}."
    )
    seconds = {"recipe": recipe, "prebake": prebake}
    publish(
        "transform-small" if small else "transform",
        text,
        {"machine": state, "same_features": same, "us_per_row": slopes, "seconds": seconds, "met": met},
    )
    return met


def cost(runs: dict[int, list[Seconds]], steps: tuple[str, ...], clock: str) -> list[float]:
    """µs a row of these steps together, one figure a repeat."""
    (small, small_runs), (large, large_runs) = sorted(runs.items())
    return [
        1e6 * sum(second[step][clock] - first[step][clock] for step in steps) / (large - small)
        for first, second in zip(small_runs, large_runs, strict=True)
    ]


def _note(repeat: int, what: str, rows: int) -> None:
    print(f"  run {repeat + 1}: {what}, {rows:,} rows", flush=True)


def _in_scratch(run: Callable[[str, int, str], Any], data: str, rows: int) -> Any:
    with tempfile.TemporaryDirectory(dir=data) as scratch:
        return run(data, rows, scratch)


def _run_recipe(data: str, rows: int, scratch: str) -> Seconds:
    folder = os.path.join(data, str(rows))
    return {
        **run_module("recipe", "whole", folder, os.path.join(scratch, "whole")),
        **run_module("recipe", "two_pipelines", folder, os.path.join(scratch, "two_pipelines")),
    }


def _run_prebake(data: str, rows: int, scratch: str, split: str = "") -> Seconds:
    spec = os.path.join(scratch, "spec.yaml")
    with open(spec, "w", encoding="utf-8") as file:
        text = SPEC.format(files=os.path.join(os.path.abspath(data), str(rows), "*.csv"))
        file.write(text.replace("features:", f"{split}features:"))
    return run_module("prebake_steps", spec, os.path.join(scratch, "run"))


def _check_same_features(data: str, rows: int, scratch: str) -> dict[str, float]:
    # The recipe analyses all rows, so here prebake does too.
    _run_prebake(data, rows, scratch, split="  split: {train: 1}\n")
    run_module("recipe", "whole", os.path.join(data, str(rows)), os.path.join(scratch, "whole"))
    return run_module("same_features", os.path.join(scratch, "whole"), os.path.join(scratch, "run"))
