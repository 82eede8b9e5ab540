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
    "prebake": (2_000, 22_000),
    "prebake, kept": (2_000, 22_000),
    "book": (500, 3_500),
    "keras_layers": (500, 3_500),
    "parse_each": (500, 5_500),
    "floor": (2_000, 42_000),
}
_RIVALS = {
    "book": ("the book's csv_reader_dataset", 15.0),
    "keras_layers": ("Keras layers with adapt()", None),
    "parse_each": ("the same TFRecords, parsed one by one", None),
}


def main(data: str, *, repeats: int, small: bool) -> list[Row]:
    rows = SMALL_ROWS if small else ROWS
    run, folder = prepared_run(data, rows), shards(data, "generated", rows)
    rates: dict[str, list[float]] = {reader: [] for reader in COUNTS}
    for repeat in range(repeats):
        for reader, counts in COUNTS.items():
            print(f"  run {repeat + 1}: training input by {reader}", flush=True)
            few, many = counts[0], counts[1] // (4 if small else 1)
            seconds = run_module("feed", reader, run, folder, str(few), str(many))
            rates[reader].append(rate(few, many, *seconds))
    work, unit = f"training input, batches of {BATCH_SIZE}", "rows/s"
    table = [
        Row(work, name, rates["prebake"], rates[reader], unit, 0, "ours ÷ other", at_least=target)
        for reader, (name, target) in _RIVALS.items()
    ]
    table.append(
        Row(work, "floor: batches in memory", rates["prebake"], rates["floor"], unit, 0, "ours ÷ other")
    )
    kept = f"{work}, rows kept in memory"
    return [
        *table,
        Row(kept, _RIVALS["book"][0], rates["prebake, kept"], rates["book"], unit, 0, "ours ÷ other"),
        Row(
            kept, "floor: batches in memory", rates["prebake, kept"], rates["floor"], unit, 0, "ours ÷ other"
        ),
    ]


def rate(few: int, many: int, seconds_of_few: float, seconds_of_many: float) -> float:
    """Rows a second between two numbers of batches; zero or less, i.e. noise, if the more took no longer than the fewer."""
    seconds = seconds_of_many - seconds_of_few
    return (many - few) * BATCH_SIZE / seconds if seconds else 0.0
