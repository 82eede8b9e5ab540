"""In: nested Python lists. Out: Ragged columns of them, and back; strategies that draw such lists."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from hypothesis import strategies as st
from prebake.schemas.ragged import Ragged, row_splits

NUMBERS = st.floats(allow_nan=False, width=32)


def ragged(rows: list, depth: int, dtype: type) -> Ragged:
    """Of a list (depth 1) or a list of lists (depth 2) for each row."""
    splits, level = [], rows
    for _ in range(depth):
        splits.append(row_splits(np.array([len(one) for one in level], np.int64)))
        level = list(itertools.chain.from_iterable(level))
    return Ragged(np.array(level, dtype), tuple(splits))


def nested(column: Ragged) -> list:
    """Python lists of the column."""
    level: list[Any] = column.values.tolist()
    for split in reversed(column.splits):
        level = [level[start:stop] for start, stop in itertools.pairwise(split.tolist())]
    return level


def lists_of(values: st.SearchStrategy, depth: int) -> st.SearchStrategy:
    """One row's list, or list of lists."""
    for _ in range(depth):
        values = st.lists(values, max_size=4)
    return values
