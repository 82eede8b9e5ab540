"""In: examples of generated rows, and the CSV files. Out: rows a second by reader, into nothing (feed.py).

The slope between two numbers of batches: what the first batch waits for, e.g. the shuffle buffer, is not in it.
"""

from __future__ import annotations

from .data_sets import shards
from .measure import run_module
from .prepared_run import prepared_run
from .report import Row

# The book's. Prebake's default is 128.
BATCH_SIZE = 32
ROWS, SMALL_ROWS = 1_000_000, 100_000
# Batches by reader: some seconds each.
COUNTS = {
    "prebake": (2_000, 62_000),
    "prebake, kept": (2_000, 62_000),
    "book": (500, 3_500),
    "keras_layers": (500, 3_500),
    "parse_each": (500, 5_500),
    "floor": (2_000, 42_000),
}
_RIVALS = {
    "book": ("the book's csv_reader_dataset", 15.0),
    "keras_layers": ("Keras layers with adapt()", None),
    "parse_each": ("the same TFRecords, parsed one by one", None),
    "floor": ("floor: batches in memory", None),
}


def main(data: str, *, repeats: int, small: bool) -> list[Row]:
    rows = SMALL_ROWS if small else ROWS
    run, folder = prepared_run(data, rows), shards(data, "generated", rows)
    rates: dict[str, list[float]] = {reader: [] for reader in COUNTS}
    costs: dict[str, list[float]] = {reader: [] for reader in COUNTS}
    for repeat in range(repeats):
        for reader, counts in COUNTS.items():
            print(f"  run {repeat + 1}: training input by {reader}", flush=True)
            few, many = counts[0], counts[1] // (4 if small else 1)
            taken = run_module("feed", reader, run, folder, str(few), str(many))
            wall, cpu = (taken[1][clock] - taken[0][clock] for clock in ("wall", "cpu"))
            rates[reader].append(rate((many - few) * BATCH_SIZE, wall))
            costs[reader].append(1e6 * cpu / ((many - few) * BATCH_SIZE))
    table = []
    for ours, name in (("prebake", ""), ("prebake, kept", ", rows kept in memory")):
        work = f"training input, batches of {BATCH_SIZE}{name}"
        for reader, (beside, target) in _RIVALS.items():
            goal = target if ours == "prebake" else None
            table.append(
                Row(work, beside, rates[ours], rates[reader], "rows/s", 0, "ours ÷ other", at_least=goal)
            )
        # Other work on the machine disturbs this less.
        book, floor = (_RIVALS[reader][0] for reader in ("book", "floor"))
        cpu, inverse = "µs a row, CPU", "other ÷ ours"
        table.append(Row(work, book, costs[ours], costs["book"], cpu, 2, inverse))
        table.append(Row(work, floor, costs[ours], costs["floor"], cpu, 2, inverse))
    return table


def rate(rows: int, seconds: float) -> float:
    """Rows a second between two sizes; zero or less, i.e. noise, if the larger one took no longer."""
    return rows / seconds if seconds else 0.0
