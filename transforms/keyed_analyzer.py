"""In: keys and numbers of the training split, as a TFT graph sees them. Out: sums by key, fold and class.

Sums are integers of arbitrary size (exact_weights.py), so that they are the same in every order.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction

import apache_beam as beam
import numpy as np
import tensorflow as tf
import tensorflow_transform as tft

from ..schemas.statistics_pb2 import Group, LabelSums, TargetStatistics, TargetValue
from .count_analyzer import as_text
from .exact_weights import ONE, from_units, to_units

_PARTIAL_KEYS = 200_000
# (key, fold, class): what is summed, in units of exact_weights.py.
Key = tuple[bytes, int, bytes]
Sums = tuple[int, ...]
# Class of a label that is a number.
_NUMBER = b""


class SumGroups(beam.DoFn):
    """Batch (keys, x[, weights]) → (Key, (Σw, Σwx, Σwx², min, max)), summed per bundle first."""

    def __init__(self, weighted: bool):
        self._weighted = weighted

    def start_bundle(self) -> None:
        self._sums: dict[Key, Sums] = {}

    def rows(self, batch: Sequence[np.ndarray]) -> Iterator[tuple[Key, Sums]]:
        x = np.asarray(batch[1]).astype(np.float32)
        present = ~np.isnan(x)
        keys = np.asarray(batch[0])[present]
        values = to_units(x[present])
        weights = to_units(np.asarray(batch[2])[present]) if self._weighted else [ONE] * len(values)
        for key, value, weight in zip(as_text(keys), values, weights, strict=True):
            yield (key, 0, _NUMBER), (weight, weight * value, weight * value * value, value, value)

    def process(self, batch: Sequence[np.ndarray]) -> Iterator[tuple[Key, Sums]]:
        for key, sums in self.rows(batch):
            self._sums[key] = add(self._sums[key], sums) if key in self._sums else sums
        if len(self._sums) > _PARTIAL_KEYS:
            yield from self._sums.items()
            self._sums = {}

    def finish_bundle(self):
        for item in self._sums.items():
            yield beam.transforms.window.GlobalWindows.windowed_value(item)
        self._sums = {}


class SumTargets(SumGroups):
    """Batch (keys, folds, labels[, weights]) → (Key, (Σw, Σw·label)); the second is of labels that are numbers."""

    def rows(self, batch: Sequence[np.ndarray]) -> Iterator[tuple[Key, Sums]]:
        keys, folds, labels = (
            as_text(np.asarray(batch[0])),
            np.asarray(batch[1]).tolist(),
            np.asarray(batch[2]),
        )
        weights = to_units(np.asarray(batch[3])) if self._weighted else [ONE] * len(keys)
        if labels.dtype == object:
            for key, fold, label, weight in zip(keys, folds, labels.tolist(), weights, strict=True):
                yield (key, fold, label), (weight, 0)
            return
        for key, fold, label, weight in zip(keys, folds, to_units(labels), weights, strict=True):
            yield (key, fold, _NUMBER), (weight, weight * label)


def add(one: Sums, other: Sums) -> Sums:
    """Sums of two sets of rows together."""
    if len(one) == 2:
        return one[0] + other[0], one[1] + other[1]
    sums = tuple(a + b for a, b in zip(one[:3], other[:3], strict=True))
    return *sums, min(one[3], other[3]), max(one[4], other[4])


class MergeSums(beam.CombineFn):
    """Sums of one key → one."""

    def create_accumulator(self) -> list[Sums]:
        return []

    def add_input(self, accumulator: list[Sums], sums: Sums) -> list[Sums]:
        return [add(accumulator[0], sums)] if accumulator else [sums]

    def merge_accumulators(self, accumulators: Iterable[list[Sums]]) -> list[Sums]:
        merged: list[Sums] = []
        for accumulator in accumulators:
            for sums in accumulator:
                merged = self.add_input(merged, sums)
        return merged

    def extract_output(self, accumulator: list[Sums]) -> Sums:
        return accumulator[0]


class GatherSums(beam.CombineFn):
    """(Key, Sums), each key once → serialised."""

    def create_accumulator(self) -> list[tuple[Key, Sums]]:
        return []

    def add_input(self, accumulator, pair):
        accumulator.append(pair)
        return accumulator

    def merge_accumulators(self, accumulators):
        return [pair for accumulator in accumulators for pair in accumulator]

    def extract_output(self, accumulator) -> np.ndarray:
        return np.array(_serialize(dict(accumulator)), object)


class _SumByKey(beam.PTransform):
    """As `ptransform_analyzer` wants it."""

    def __init__(self, sums: SumGroups):
        super().__init__()
        self._sums = sums

    def expand(self, batches):
        return (
            batches
            | "SumBatch" >> beam.ParDo(self._sums)
            # (Key, Sums)
            | "MergeSums" >> beam.CombinePerKey(MergeSums())
            | "Gather" >> beam.CombineGlobally(GatherSums())
        )


def analyze_groups(keys: tf.Tensor, x: tf.Tensor, weights: tf.Tensor | None, name: str) -> tf.Tensor:
    """Scalar string: sums of x by key. keys string or int64 [n], x float32 [n] (NaN is left out), weights float32 [n]."""
    return _analyze([keys, tf.cast(x, tf.float32)], SumGroups(weights is not None), weights, name)


def analyze_targets(
    keys: tf.Tensor, folds: tf.Tensor, labels: tf.Tensor, weights: tf.Tensor | None, name: str
) -> tf.Tensor:
    """Scalar string: sums of labels by key and fold. keys string or int64 [n], folds int64 [n], labels float32 [n] or class
    names string [n], weights float32 [n]."""
    return _analyze([keys, folds, labels], SumTargets(weights is not None), weights, name)


def _analyze(inputs: list[tf.Tensor], sums: SumGroups, weights: tf.Tensor | None, name: str) -> tf.Tensor:
    if weights is not None:
        inputs.append(weights)
    (output,) = tft.experimental.ptransform_analyzer(inputs, _SumByKey(sums), [tf.string], [[]], name=name)
    return output


def merge_sums(parts: Sequence[bytes]) -> bytes:
    """The sums of all rows, from those of parts of them."""
    total: dict[Key, Sums] = {}
    for part in parts:
        for key, sums in _parse(part).items():
            total[key] = add(total[key], sums) if key in total else sums
    return _serialize(total)


def finish_groups(data: bytes) -> list[Group]:
    """Mean, variance and range within each key that weighs something, sorted by key."""
    groups = []
    for (key, _, _), (weight, total, squares, low, high) in sorted(_parse(data).items()):
        if weight:
            # W·Σwx² - (Σwx)² in integers: no cancellation.
            spread = Fraction(weight * squares - total * total, weight * weight)
            mean = from_units(Fraction(total, weight))
            variance = from_units(spread, 2)
            groups.append(
                Group(
                    key=key,
                    mean=mean,
                    variance=variance,
                    min=from_units(low),
                    max=from_units(high),
                )
            )
    return groups


def finish_targets(data: bytes, folds: int, classes: Sequence[bytes] | None) -> TargetStatistics:
    """Label sums by key and fold; classes None: of a label that is a number."""
    by_key: dict[bytes, list[LabelSums]] = {}
    width = 1 if classes is None or len(classes) == 2 else len(classes)
    places = {name: place for place, name in enumerate(classes or ())}
    total: dict[tuple[bytes, int], list[int]] = {}
    for (key, fold, label), (weight, labels) in _parse(data).items():
        sums = total.setdefault((key, fold), [0] * (width + 1))
        sums[0] += weight
        if classes is None:
            sums[1] += labels
        elif width > 1:
            sums[1 + places[label]] += weight * ONE
        elif places[label] == 1:
            sums[1] += weight * ONE
    everything = [[0] * (width + 1) for _ in range(folds)]
    for (key, fold), sums in sorted(total.items()):
        by_key.setdefault(key, [_label_sums([0] * (width + 1)) for _ in range(folds)])[fold] = _label_sums(
            sums
        )
        everything[fold] = [a + b for a, b in zip(everything[fold], sums, strict=True)]
    statistics = TargetStatistics(folds=folds, all=[_label_sums(sums) for sums in everything])
    statistics.values.extend(TargetValue(key=key, folds=sums) for key, sums in sorted(by_key.items()))
    return statistics


def finish_pairs(data: bytes) -> dict[bytes, dict[bytes, float]]:
    """Weight of the rows with each key, by class."""
    pairs: dict[bytes, dict[bytes, float]] = {}
    for (key, _, label), (weight, _) in sorted(_parse(data).items()):
        pairs.setdefault(key, {})[label] = from_units(weight)
    return pairs


def _label_sums(sums: Sequence[int]) -> LabelSums:
    return LabelSums(weight=from_units(sums[0]), label=[from_units(one, 2) for one in sums[1:]])


def _serialize(sums: Mapping[Key, Sums]) -> bytes:
    rows = [
        [key.decode("latin-1"), fold, label.decode("latin-1"), *(hex(one) for one in values)]
        for (key, fold, label), values in sorted(sums.items())
    ]
    return json.dumps(rows, separators=(",", ":")).encode()


def _parse(data: bytes) -> dict[Key, Sums]:
    return {
        (key.encode("latin-1"), fold, label.encode("latin-1")): tuple(int(one, 16) for one in values)
        for key, fold, label, *values in json.loads(data)
    }
