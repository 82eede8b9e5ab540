"""In: the distinct values of a text column. Out: the time format that all of them follow, or the separator of their lists.

A wrong guess is worse than none: a format must fit every value, and a separator must cut the values into few parts that come
again and again.
"""

from __future__ import annotations

from collections import Counter
from itertools import product

import pyarrow as pa

from .timestamps import parse_times

_DATES = ("%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%m-%d-%Y", "%d-%m-%Y")
_TIMES = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f")
_ISO_TIMES = ("T%H:%M", "T%H:%M:%S", "T%H:%M:%S.%f", "T%H:%M:%S%z", "T%H:%M:%S.%f%z", " %H:%M:%S%z")
TIME_FORMATS = (
    *(date + time for date, time in product(_DATES, _TIMES)),
    *(_DATES[0] + time for time in _ISO_TIMES),
)
# A first look at so many values rules nearly every format out.
_FIRST = 20

_SEPARATORS = ("|", ";")
# Of the present rows, this many and this share must have more than one part.
_LIST_ROWS, _LIST_SHARE = 10, 0.1
# How often each part occurs on average, and the most words that it has on average.
_PART_REPEATS, _PART_WORDS = 5, 3


def time_formats(counts: Counter[str]) -> list[str]:
    """Those that every value follows; more than one if day and month cannot be told apart."""
    if not counts or not all(any(c.isdigit() for c in value) for value in list(counts)[:_FIRST]):
        return []
    values = pa.array(list(counts), pa.string())
    return [
        one
        for one in TIME_FORMATS
        if not parse_times(values[:_FIRST], one)[1].any() and not parse_times(values, one)[1].any()
    ]


def list_separator(counts: Counter[str]) -> str:
    """`|` or `;`, perhaps with spaces around it, if the values are lists of a small vocabulary; else "".

    Args:
      counts: how often each present value occurs.
    """
    for mark in _SEPARATORS:
        with_mark = [value for value in counts if mark in value]
        rows = sum(counts[value] for value in with_mark)
        if rows < max(_LIST_ROWS, _LIST_SHARE * counts.total()):
            continue
        separator = next(
            (wide for wide in (f" {mark} ", f"{mark} ") if all(_only(wide, mark, one) for one in with_mark)),
            mark,
        )
        parts: Counter[str] = Counter()
        for value, count in counts.items():
            for part in value.split(separator):
                parts[part] += count
        parts.pop("", None)
        words = sum(len(part.split()) * count for part, count in parts.items())
        if (
            len(parts) * _PART_REPEATS <= parts.total()
            and len(parts) <= len(counts)
            and words <= _PART_WORDS * parts.total()
        ):
            return separator
    return ""


def _only(separator: str, mark: str, value: str) -> bool:
    """Whether the mark never stands in the value but as the separator."""
    return value.count(mark) == value.count(separator)
