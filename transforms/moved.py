"""In: statistics before and after more rows came. Out: what moved, for a person, one line each."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ..schemas.statistics_pb2 import (
    ColumnStatistics,
    Covariance,
    GroupStatistics,
    LabelStatistics,
    LabelSums,
    Statistics,
    TargetStatistics,
)

# A number that moved by less than this share of the standard deviation is not worth a line.
_WORTH = 1e-3
_SHOWN = 3


def moved(
    before: Statistics,
    after: Statistics,
    tokens_before: Mapping[str, list[bytes]],
    tokens_after: Mapping[str, list[bytes]],
) -> list[str]:
    """E.g. "age: mean 38.6 → 39.1", "vocabulary of city: 3 new (…), 1 gone (…), 12 with another id"."""
    lines = [f"training rows: {before.rows:,} → {after.rows:,}"]
    for column, old in _pairs(before.columns, after.columns, "name"):
        lines += _column(old, column)
    lines += _label(before, after)
    for group, old in _pairs(before.groups, after.groups, "feature"):
        lines += _groups(old, group)
    for target, old in _pairs(before.targets, after.targets, "feature"):
        lines += _targets(old, target)
    for covariance, old in _pairs(before.covariances, after.covariances, "feature"):
        lines += _covariance(old, covariance)
    for feature in sorted(tokens_after):
        lines += _tokens(feature, tokens_before.get(feature, []), tokens_after[feature])
    return lines


def _pairs(before: Iterable, after: Iterable, key: str) -> Iterator[tuple]:
    """Each entry with the earlier one of the same name."""
    known = {getattr(entry, key): entry for entry in before}
    return ((entry, known[getattr(entry, key)]) for entry in after if getattr(entry, key) in known)


class _Number(NamedTuple):
    """A statistic; it moved if it did by a share of the unit."""

    name: str
    before: float
    after: float
    unit: float

    @property
    def has_moved(self) -> bool:
        return abs(self.after - self.before) > _WORTH * self.unit

    def __str__(self) -> str:
        return f"{self.name} {self.before:.6g} → {self.after:.6g}".lstrip()


def _those_moved(numbers: Iterable[_Number]) -> list[str]:
    return [str(number) for number in numbers if number.has_moved]


def _unit(variance: float) -> float:
    return math.sqrt(variance) or 1.0


def _column(before: ColumnStatistics, after: ColumnStatistics) -> Iterator[str]:
    parts = _those_moved(_numbers(before, after))
    unit = _unit(before.variance)
    for quantiles, old in _pairs(before.quantiles, after.quantiles, "buckets"):
        same = len(old.boundaries) == len(quantiles.boundaries)
        pairs = zip(old.boundaries, quantiles.boundaries, strict=False)
        if not same or any(_Number("", *pair, unit).has_moved for pair in pairs):
            shown = " → ".join(_boundaries(one.boundaries) for one in (old, quantiles))
            parts.append(f"boundaries of {quantiles.buckets} quantiles {shown}")
    if before.most_frequent != after.most_frequent:
        parts.append(f"most frequent '{before.most_frequent}' → '{after.most_frequent}'")
    if parts:
        yield f"{after.name}: {', '.join(parts)}"


def _numbers(before: ColumnStatistics, after: ColumnStatistics) -> Iterator[_Number]:
    unit = _unit(before.variance)
    if after.HasField("variance"):
        for name in ("mean", "median", "min", "max"):
            yield _Number(name, getattr(before, name), getattr(after, name), unit)
        yield _Number("deviation", math.sqrt(before.variance), math.sqrt(after.variance), unit)
    for rank, old in _pairs(before.ranks, after.ranks, "rank"):
        yield _Number(f"quantile {rank.rank:g}", old.value, rank.value, unit)
    for number, pair in enumerate(zip(before.l_moments, after.l_moments, strict=False), 1):
        # The first is the mean.
        if number > 1:
            yield _Number(f"L-moment {number}", *pair, before.l_moments[1] or 1.0)


def _boundaries(values: Sequence[float]) -> str:
    shown = ", ".join(f"{value:.6g}" for value in values[:_SHOWN])
    return f"[{shown}{', …' if len(values) > _SHOWN else ''}]"


def _label(before: Statistics, after: Statistics) -> Iterator[str]:
    pairs: list[tuple[str, LabelStatistics, LabelStatistics]] = []
    if after.HasField("label_variance"):
        first, then = (
            LabelStatistics(mean=one.label_mean, variance=one.label_variance) for one in (before, after)
        )
        pairs.append(("label", first, then))
    for new, old in _pairs(before.more_labels, after.more_labels, "name"):
        pairs.append((f"label {new.name}", old, new))
    for name, old, new in pairs:
        unit = _unit(old.variance)
        numbers = [
            _Number("mean", old.mean, new.mean, unit),
            _Number("deviation", math.sqrt(old.variance), math.sqrt(new.variance), unit),
        ]
        parts = _those_moved(numbers)
        if parts:
            yield f"{name}: {', '.join(parts)}"


def _groups(before: GroupStatistics, after: GroupStatistics) -> Iterator[str]:
    changed = []
    for group, old in _pairs(before.groups, after.groups, "key"):
        unit = _unit(old.variance)
        deviations = math.sqrt(old.variance), math.sqrt(group.variance)
        numbers = [
            _Number(name, getattr(old, name), getattr(group, name), unit) for name in ("mean", "min", "max")
        ]
        parts = _those_moved([*numbers, _Number("deviation", *deviations, unit)])
        if parts:
            changed.append(f"{_shown(group.key)}: {', '.join(parts)}")
    old_keys, keys = ([group.key for group in entry.groups] for entry in (before, after))
    yield from _by_key(f"groups of {after.feature}", old_keys, keys, [], changed)


def _targets(before: TargetStatistics, after: TargetStatistics) -> Iterator[str]:
    means = _means(before.all), _means(after.all)
    units = [abs(mean) or 1.0 for mean in means[0]]
    changed = []
    for value, old in _pairs(before.values, after.values, "key"):
        parts = _those_moved(_of_classes(_means(old.folds), _means(value.folds), units))
        if parts:
            changed.append(f"{_shown(value.key)}: {', '.join(parts)}")
    old_keys, keys = ([value.key for value in entry.values] for entry in (before, after))
    everything = [f"mean of all {part}" for part in _those_moved(_of_classes(*means, units))]
    yield from _by_key(f"target means of {after.feature}", old_keys, keys, everything, changed)


def _means(folds: Sequence[LabelSums]) -> list[float]:
    """The mean label, of each class if there are classes."""
    weight = math.fsum(sums.weight for sums in folds) or 1.0
    width = max((len(sums.label) for sums in folds), default=0)
    return [math.fsum(sums.label[i] for sums in folds if sums.label) / weight for i in range(width)]


def _of_classes(before: list[float], after: list[float], units: list[float]) -> list[_Number]:
    names = [""] if len(units) == 1 else [f"class {number}" for number in range(len(units))]
    return [_Number(*parts) for parts in zip(names, before, after, units, strict=False)]


def _covariance(before: Covariance, after: Covariance) -> Iterator[str]:
    size = len(before.mean)
    if len(after.mean) != size:
        return
    old, new = (np.reshape(entry.covariance, (size, size)) for entry in (before, after))
    deviation = np.sqrt(np.diag(old))
    unit = np.where(deviation > 0, deviation, 1.0)
    shift = np.abs(np.asarray(after.mean) - np.asarray(before.mean)) / unit
    change = np.abs(new - old) / np.outer(unit, unit)
    parts = []
    for name, most in (("a mean", shift.max(initial=0.0)), ("a covariance", change.max(initial=0.0))):
        if most > _WORTH:
            parts.append(f"{name} by up to {most:.2g}")
    if parts:
        yield f"covariances of {after.feature}, as shares of the deviations: {', '.join(parts)}"


def _by_key(
    what: str, before: Sequence[bytes], after: Sequence[bytes], parts: list[str], changed: list[str]
) -> Iterator[str]:
    new, gone = sorted(set(after) - set(before)), sorted(set(before) - set(after))
    parts = parts + [
        f"{len(one)} {word} ({_listed(one)})" for one, word in ((new, "new"), (gone, "gone")) if one
    ]
    if changed:
        shown = "; ".join(changed[:_SHOWN]) + ("; …" if len(changed) > _SHOWN else "")
        parts.append(f"{len(changed)} moved ({shown})")
    if parts:
        yield f"{what}: {', '.join(parts)}"


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


def _listed(tokens: Sequence[bytes]) -> str:
    return ", ".join(map(_shown, tokens[:_SHOWN])) + (", …" if len(tokens) > _SHOWN else "")


def _shown(token: bytes) -> str:
    return token.decode("utf-8", "backslashreplace") or "missing"
