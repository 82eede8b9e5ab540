"""In: number columns of the training split, as a TFT graph sees them. Out: their moments and order statistics.

Needs TensorFlow Transform and Beam, as the other analyzers do. What the graph gives is the serialised accumulator: the
driver merges it with those of earlier runs, and finishes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow as tf
import tensorflow_transform as tft

from ..schemas import numerals
from ..schemas.statistics_pb2 import ColumnStatistics
from .moments import ExactSum, Moments
from .number_need import NumberNeed
from .packed import pack, unpack
from .row_sample import Sample, l_moments, median, quantile_boundaries, value_at

Accumulator = tuple[list[Moments], Sample]


class SummarizeNumbers(beam.CombineFn):
    """Batches of (hashes, [weights,] column, column, …) → serialised accumulator.

    Args:
      columns: names, in the order of the arrays.
      weighted: the second array is the rows' weights.
    """

    def __init__(self, columns: Sequence[str], weighted: bool):
        self._columns, self._weighted = list(columns), weighted

    def create_accumulator(self) -> Accumulator:
        moments = [Moments.empty(self._weighted) for _ in self._columns]
        return moments, Sample.empty(len(self._columns) + self._weighted)

    def add_input(self, accumulator: Accumulator, batch: Sequence[Any]) -> Accumulator:
        moments, sample = accumulator
        hashes = np.asarray(batch[0]).view(np.uint64)
        weights = np.asarray(batch[1]).astype(np.float64) if self._weighted else None
        columns = [_to_float(np.asarray(x)) for x in batch[1 + self._weighted :]]
        for one, x in zip(moments, columns, strict=True):
            one.add(x, weights)
        if columns:
            sample.add(hashes, [*columns, *([weights] if weights is not None else [])])
        return accumulator

    def merge_accumulators(self, accumulators: Iterable[Accumulator]) -> Accumulator:
        moments, sample = self.create_accumulator()
        for other_moments, other_sample in accumulators:
            for one, other in zip(moments, other_moments, strict=True):
                one.merge(other)
            if self._columns:
                sample.merge(other_sample)
        return moments, sample

    def compact(self, accumulator: Accumulator) -> Accumulator:
        accumulator[1].cut()
        return accumulator

    def extract_output(self, accumulator: Accumulator) -> np.ndarray:
        return np.array(_pack(self._columns, self._weighted, accumulator), object)


class _Summarize(beam.PTransform):
    """SummarizeNumbers over the whole collection, as `ptransform_analyzer` wants it."""

    def __init__(self, combine: SummarizeNumbers):
        super().__init__()
        self._combine = combine

    def expand(self, batches):
        return batches | beam.CombineGlobally(self._combine)


def analyze_numbers(
    hashes: tf.Tensor, columns: Mapping[str, tf.Tensor], weights: tf.Tensor | None, name: str
) -> tf.Tensor:
    """Scalar string: the serialised accumulator of the columns.

    Args:
      hashes: the rows' uint64 hash as int64 [n].
      columns: float32 or int64 [n] by name.
      weights: float32 [n], or None.
      name: of the analyzer in the graph.
    """
    names = sorted(columns)
    transform = _Summarize(SummarizeNumbers(names, weights is not None))
    inputs = [hashes, *([weights] if weights is not None else []), *(columns[one] for one in names)]
    (output,) = tft.experimental.ptransform_analyzer(inputs, transform, [tf.string], [[]], name=name)
    return output


def merge_numbers(parts: Sequence[bytes]) -> bytes:
    """The accumulator of all rows, from those of parts of them."""
    unpacked = [_unpack(part) for part in parts]
    names, weighted, _ = unpacked[0]
    combine = SummarizeNumbers(names, weighted)
    merged = combine.merge_accumulators([accumulator for _, _, accumulator in unpacked])
    return _pack(names, weighted, merged)


def finish_numbers(data: bytes, needs: Mapping[str, NumberNeed]) -> dict[str, ColumnStatistics]:
    """Statistics by column."""
    names, weighted, (moments, sample) = _unpack(data)
    weights = sample.values[:, -1] if weighted else None
    return {
        name: _finish(name, moments[place], sample.values[:, place], weights, needs[name])
        for place, name in enumerate(names)
    }


def _finish(
    name: str, moments: Moments, sample: np.ndarray, weights: np.ndarray | None, need: NumberNeed
) -> ColumnStatistics:
    entry = ColumnStatistics(name=name, present=moments.present, missing=moments.missing)
    entry.mean = entry.variance = entry.min = entry.max = entry.median = 0.0
    if moments.present:
        entry.mean, entry.variance = moments.mean(), moments.variance()
        entry.min, entry.max = moments.min, moments.max
        entry.weight = float(moments.weight_sum())
        # The sample may hold none of a few values among very many rows.
        entry.median = median(sample, weights) if not np.isnan(sample).all() else moments.mean()
    for buckets in sorted(need.quantiles):
        boundaries = quantile_boundaries(sample, buckets, weights)
        entry.quantiles.add(buckets=buckets, boundaries=boundaries.tolist())
    for rank in sorted(need.ranks):
        entry.ranks.add(rank=rank, value=np.float32(value_at(sample, rank, weights)))
    if need.l_moments:
        entry.l_moments.extend(l_moments(sample, weights))
    return entry


def _pack(names: Sequence[str], weighted: bool, accumulator: Accumulator) -> bytes:
    moments, sample = accumulator
    sample.cut()
    order = np.argsort(sample.hashes, kind="stable")
    arrays: dict[str, np.ndarray] = {
        "columns": np.frombuffer("\0".join(names).encode(), np.uint8),
        "weighted": np.array([weighted, len(names)], np.int64),
        "hashes": sample.hashes[order],
        "values": sample.values[order],
    }
    for place, one in enumerate(moments):
        arrays[f"{place} counts"] = np.array([one.present, one.missing], np.int64)
        arrays[f"{place} range"] = np.array([one.min, one.max])
        for name, sums in (("total", one.total), ("squares", one.squares), ("weight", one.weight)):
            if sums is not None:
                arrays[f"{place} {name}"] = sums.to_bytes()
    return pack(arrays)


def _unpack(data: bytes) -> tuple[list[str], bool, Accumulator]:
    arrays = unpack(data)
    weighted, count = bool(arrays["weighted"][0]), int(arrays["weighted"][1])
    names = arrays["columns"].tobytes().decode().split("\0") if count else []
    moments = []
    for place in range(count):
        present, missing = arrays[f"{place} counts"].tolist()
        low, high = arrays[f"{place} range"].tolist()
        total, squares = (ExactSum.of(arrays[f"{place} {name}"]) for name in ("total", "squares"))
        weight = ExactSum.of(arrays[f"{place} weight"]) if weighted else None
        moments.append(Moments(present, missing, weight, total, squares, low, high))
    return names, weighted, (moments, Sample(arrays["hashes"], arrays["values"]))


def _to_float(x: np.ndarray) -> np.ndarray:
    """int64 as float64, float32 as it is; NaN is missing."""
    if x.dtype == np.int64:
        return np.where(x == numerals.INT_MISSING, np.nan, x.astype(np.float64))
    # -0.0 becomes 0.0: of two equal numbers, which one is the smallest would depend on their order.
    return x + np.float32(0)
