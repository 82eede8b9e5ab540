"""In: raw columns of the training split, as a TFT graph sees them. Out: their statistics, as serialised protobufs.

Only the analysis uses this file: it needs TensorFlow Transform and Beam, nothing else in transforms/ does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import tensorflow as tf
import tensorflow_transform as tft

from ..schemas import numerals
from ..schemas.statistics_pb2 import ColumnStatistics, Statistics
from .accumulators import Moments, Sample, median, quantile_boundaries

# Distinct values that a worker holds before it hands their counts on.
_PARTIAL_COUNTS = 200_000


class SummarizeNumbers(beam.CombineFn):
    """Batches of (hashes, column, column, …) → serialised Statistics of these columns.

    Args:
      columns: names, in the order of the arrays.
      buckets: for each column, the bucket counts to find quantiles for.
    """

    def __init__(self, columns: Sequence[str], buckets: Sequence[Sequence[int]]):
        self._columns = list(columns)
        self._buckets = [list(counts) for counts in buckets]

    def create_accumulator(self) -> tuple[list[Moments], Sample]:
        return [Moments.empty() for _ in self._columns], Sample.empty(len(self._columns))

    def add_input(self, accumulator, batch):
        moments, sample = accumulator
        hashes = np.asarray(batch[0]).view(np.uint64)
        values = np.stack([_to_float64(np.asarray(x)) for x in batch[1:]], axis=1) if len(batch) > 1 else None
        if values is not None:
            for column, one in enumerate(moments):
                one.add(values[:, column])
            sample.add(hashes, values)
        return accumulator

    def merge_accumulators(self, accumulators: Iterable[Any]):
        moments, sample = self.create_accumulator()
        for other_moments, other_sample in accumulators:
            for one, other in zip(moments, other_moments, strict=True):
                one.merge(other)
            sample.add(other_sample.hashes, other_sample.values)
        return moments, sample

    def compact(self, accumulator):
        accumulator[1].cut()
        return accumulator

    def extract_output(self, accumulator) -> np.ndarray:
        moments, sample = accumulator
        sample.cut()
        statistics = Statistics()
        for column, (name, one) in enumerate(zip(self._columns, moments, strict=True)):
            entry = statistics.columns.add(name=name, present=one.present, missing=one.missing)
            if not one.present:
                entry.mean = entry.variance = entry.min = entry.max = entry.median = 0.0
            else:
                entry.mean, entry.variance = one.mean(), one.variance()
                entry.min, entry.max = one.min, one.max
                values = sample.values[:, column]
                # The sample may hold none of a few values among very many rows.
                entry.median = median(values) if not np.isnan(values).all() else one.mean()
            for buckets in sorted(self._buckets[column]):
                boundaries = quantile_boundaries(sample.values[:, column], buckets)
                entry.quantiles.add(buckets=buckets, boundaries=boundaries.tolist())
        return np.array(statistics.SerializeToString(deterministic=True), object)


def _to_float64(x: np.ndarray) -> np.ndarray:
    if x.dtype == np.int64:
        return np.where(x == numerals.INT_MISSING, np.nan, x.astype(np.float64))
    # -0.0 becomes 0.0: of two equal numbers, which one is the smallest would depend on their order.
    return x.astype(np.float64) + 0.0


class SummarizeNumbersTransform(beam.PTransform):
    """SummarizeNumbers over the whole collection, as `ptransform_analyzer` wants it."""

    def __init__(self, columns: Sequence[str], buckets: Sequence[Sequence[int]]):
        super().__init__()
        self._combine = SummarizeNumbers(columns, buckets)

    def expand(self, batches):
        return batches | beam.CombineGlobally(self._combine)


class CountBatch(beam.DoFn):
    """Batch (column,) → (value as in a CSV, count), counted per bundle first. Missing values are counted as b""."""

    def start_bundle(self) -> None:
        self._counts: Counter[bytes] = Counter()

    def process(self, batch):
        self._counts.update(count_values(np.asarray(batch[0])))
        if len(self._counts) > _PARTIAL_COUNTS:
            yield from self._counts.items()
            self._counts = Counter()

    def finish_bundle(self):
        for item in self._counts.items():
            yield beam.transforms.window.GlobalWindows.windowed_value(item)
        self._counts = Counter()


def count_values(x: np.ndarray) -> dict[bytes, int]:
    """Count of each distinct value, written as it would stand in a CSV; missing is b"".

    Tokens with a newline have no line in a vocabulary file and are left out.
    """
    if x.dtype == np.float32:
        x = x + np.float32(0)  # -0.0 and 0.0 are one value
    values, counts = pc.value_counts(pa.array(x)).flatten()
    if x.dtype == object:
        pairs = zip(values.to_pylist(), counts.to_pylist(), strict=True)
        return {token: count for token, count in pairs if b"\n" not in token}
    # str() of a binary32 number is its shortest decimal; two NaN payloads are one missing value.
    named: Counter[bytes] = Counter()
    for value, count in zip(values.to_numpy(zero_copy_only=False), counts.to_pylist(), strict=True):
        missing = value == numerals.INT_MISSING or value != value
        named[b"" if missing else str(value).encode()] += count
    return named


class SummarizeCounts(beam.CombineFn):
    """(value, count), each value once → serialised pairs, in no particular order."""

    def create_accumulator(self) -> list[tuple[bytes, int]]:
        return []

    def add_input(self, accumulator, pair):
        accumulator.append(pair)
        return accumulator

    def merge_accumulators(self, accumulators):
        return [pair for accumulator in accumulators for pair in accumulator]

    def extract_output(self, accumulator) -> np.ndarray:
        accumulator.sort(key=lambda pair: (-pair[1], pair[0]))
        table = pa.record_batch(
            {
                "value": pa.array([value for value, _ in accumulator], pa.large_binary()),
                "count": pa.array([count for _, count in accumulator], pa.int64()),
            }
        )
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_batch(table)
        return np.array(sink.getvalue().to_pybytes(), object)


class SummarizeCountsTransform(beam.PTransform):
    """Counts of the distinct values of one column, as `ptransform_analyzer` wants it."""

    def expand(self, batches):
        return (
            batches
            | "CountBatch" >> beam.ParDo(CountBatch()).with_output_types(tuple[bytes, int])
            | "SumCounts" >> beam.CombinePerKey(sum)
            | "Gather" >> beam.CombineGlobally(SummarizeCounts())
        )


def parse_counts(serialized: bytes) -> dict[bytes, int]:
    """What SummarizeCounts wrote, most frequent first, ties by bytes ascending."""
    table = pa.ipc.open_stream(serialized).read_all()
    return dict(zip(table["value"].to_pylist(), table["count"].to_pylist(), strict=True))


def parse_numbers(serialized: bytes) -> list[ColumnStatistics]:
    """What SummarizeNumbers wrote."""
    return list(Statistics.FromString(serialized).columns)


def analyze_numbers(
    hashes: tf.Tensor, columns: dict[str, tf.Tensor], buckets: dict[str, set[int]]
) -> tf.Tensor:
    """Scalar string: serialised Statistics of the columns. `hashes` is the rows' uint64 hash as int64 [batch]."""
    names = sorted(columns)
    transform = SummarizeNumbersTransform(names, [sorted(buckets[name]) for name in names])
    inputs = [hashes, *(columns[name] for name in names)]
    (output,) = tft.experimental.ptransform_analyzer(inputs, transform, [tf.string], [[]], name="numbers")
    return output


def analyze_counts(column: tf.Tensor, index: int) -> tf.Tensor:
    """Scalar string: serialised counts of a column's distinct values."""
    (output,) = tft.experimental.ptransform_analyzer(
        [column], SummarizeCountsTransform(), [tf.string], [[]], name=f"counts_{index}"
    )
    return output
