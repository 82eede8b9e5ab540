"""In: statistics before and after more rows came. Out: what moved, for a person, one line each."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from ..schemas.statistics_pb2 import ColumnStatistics, Statistics

# A number that moved by less than this share of the standard deviation is not worth a line.
_WORTH = 1e-3
_SHOWN = 3


def moved(
    before: Statistics,
    after: Statistics,
    tokens_before: Mapping[str, list[bytes]],
    tokens_after: Mapping[str, list[bytes]],
) -> list[str]:
    """E.g. "age: mean 38.6 → 39.1", "vocabulary of city: 3 new (…), 1 gone (…), 12 other ids"."""
    known = {column.name: column for column in before.columns}
    lines = [f"training rows: {before.rows:,} → {after.rows:,}"]
    for column in after.columns:
        if column.name in known:
            lines += _numbers(known[column.name], column)
    for feature in sorted(tokens_after):
        lines += _tokens(feature, tokens_before.get(feature, []), tokens_after[feature])
    return lines


def _numbers(before: ColumnStatistics, after: ColumnStatistics) -> Iterator[str]:
    if not after.HasField("variance"):
        return
    unit = math.sqrt(before.variance) or 1.0
    parts = []
    for name in ("mean", "median", "min", "max"):
        old, new = getattr(before, name), getattr(after, name)
        if abs(new - old) > _WORTH * unit:
            parts.append(f"{name} {old:.6g} → {new:.6g}")
    old, new = math.sqrt(before.variance), math.sqrt(after.variance)
    if abs(new - old) > _WORTH * unit:
        parts.append(f"deviation {old:.6g} → {new:.6g}")
    if parts:
        yield f"{after.name}: {', '.join(parts)}"


def _tokens(feature: str, before: list[bytes], after: list[bytes]) -> Iterator[str]:
    places = {token: place for place, token in enumerate(before)}
    new = [token for token in after if token not in places]
    gone = sorted(set(before) - set(after))
    other = sum(places.get(token, place) != place for place, token in enumerate(after))
    parts = [f"{len(one)} {what} ({_listed(one)})" for one, what in ((new, "new"), (gone, "gone")) if one]
    if other:
        parts.append(f"{other} with another id")
    if parts:
        yield f"vocabulary of {feature}: {', '.join(parts)}"


def _listed(tokens: list[bytes]) -> str:
    shown = ", ".join(token.decode("utf-8", "backslashreplace") for token in tokens[:_SHOWN])
    return shown + (", …" if len(tokens) > _SHOWN else "")
