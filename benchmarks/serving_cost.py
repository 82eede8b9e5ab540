"""In: a model trained on generated rows. Out: what its answers take beside the model alone, and its start (serve.py)."""

from __future__ import annotations

from .measure import run_module
from .prepared_run import prepared_run
from .report import Row

ROWS = 20_000


def main(data: str, *, repeats: int, small: bool) -> list[Row]:
    # What a call takes does not depend on the rows that were trained on, but for the 1,000 tokens of a vocabulary.
    run = prepared_run(data, ROWS, ("preprocess", "train", "export"))
    found = []
    for repeat in range(1 if small else repeats):
        print(f"  run {repeat + 1}: serving", flush=True)
        found.append(run_module("serve", run))
    table = [
        Row(
            f"serving, {name}, raw features",
            "the model alone, transformed features",
            [one[rows]["whole"] for one in found],
            [one[rows]["alone"] for one in found],
            "ms a call",
            2,
            "ours ÷ other",
            at_most=1.3,
        )
        for rows, name in (("1", "one row"), ("1000", "1,000 rows"))
    ]
    starts = [one["start"] for one in found]
    return [
        *table,
        Row(
            "model start, load to first answer",
            "",
            [one["load to first answer"] for one in starts],
            [],
            "s",
            2,
        ),
        Row("imports before that", "", [one["imports"] for one in starts], [], "s", 2),
    ]
