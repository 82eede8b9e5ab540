"""In: a column of the training split, as a TFT graph sees it. Out: how often each value is there, and its weight."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import tensorflow as tf
import tensorflow_transform as tft

from ..schemas import numerals
from .exact_weights import from_units, to_units

# Distinct values that a worker holds before it hands their counts on.
_PARTIAL_COUNTS = 200_000
# Rows, and their weight in the units of exact_weights.py (0 without weights).
Count = tuple[int, int]


class Counts(NamedTuple):
    """Of the distinct values, as they would stand in a CSV (missing is b""); heaviest first, ties by bytes ascending.

    Attributes:
      rows: how often each is there.
      weights: how much that weighs; the same without weights.
    """

    rows: dict[bytes, int]
    weights: dict[bytes, float]


class CountBatch(beam.DoFn):
    """Batch (values[, weights]), or (texts, how often each is there), → (value, Count), counted per bundle first."""

    def __init__(self, weighted: bool, counted: bool = False):
        self._weighted, self._counted = weighted, counted

    def start_bundle(self) -> None:
        self._counts: dict[bytes, Count] = {}

    def process(self, batch: Sequence[np.ndarray]) -> Iterator[tuple[bytes, Count]]:
        for value, (rows, weight) in self._counts_of(batch).items():
            before = self._counts.get(value, (0, 0))
            self._counts[value] = (before[0] + rows, before[1] + weight)
        if len(self._counts) > _PARTIAL_COUNTS:
            yield from self._counts.items()
            self._counts = {}

    def _counts_of(self, batch: Sequence[np.ndarray]) -> dict[bytes, Count]:
        values, *more = (np.asarray(one) for one in batch)
        if not self._counted:
            return count_values(values, more[0] if self._weighted else None)
        return {value: (rows, 0) for value, rows in zip(values.tolist(), more[0].tolist(), strict=True)}

    def finish_bundle(self):
        for item in self._counts.items():
            yield beam.transforms.window.GlobalWindows.windowed_value(item)
        self._counts = {}


def count_values(x: np.ndarray | pa.Array, weights: np.ndarray | None = None) -> dict[bytes, Count]:
    """Rows and weight of each distinct value. Tokens with a newline have no line in a vocabulary file and are left out.

    Args:
      x: float32, int64, object (bytes) or Arrow's binary [n], without nulls.
      weights: float32 [n].
    """
    if isinstance(x, np.ndarray):
        # -0.0 and 0.0 are one value.
        x = pa.array(x + np.float32(0) if x.dtype == np.float32 else x)
    encoded = pc.dictionary_encode(x)
    places = encoded.indices.to_numpy()
    rows = np.bincount(places, minlength=len(encoded.dictionary)).tolist()
    totals = [0] * len(rows)
    if weights is not None:
        for place, weight in zip(places.tolist(), to_units(weights), strict=True):
            totals[place] += weight
    counts: dict[bytes, Count] = {}
    for value, count, weight in zip(_texts(encoded.dictionary), rows, totals, strict=True):
        if b"\n" not in value:
            before = counts.get(value, (0, 0))  # two NaN payloads are one missing value
            counts[value] = (before[0] + count, before[1] + weight)
    return counts


def as_text(x: np.ndarray) -> list[bytes]:
    """float32, int64 or object (bytes) [n], each value as it would stand in a CSV; missing is b""."""
    if x.dtype == object:
        return x.tolist()
    # str() of a binary32 number is its shortest decimal.
    return [b"" if value == numerals.INT_MISSING or value != value else str(value).encode() for value in x]


def _texts(dictionary: pa.Array) -> list[bytes]:
    is_text = pa.types.is_binary(dictionary.type)
    return dictionary.to_pylist() if is_text else as_text(dictionary.to_numpy(zero_copy_only=False))


class SumCounts(beam.CombineFn):
    """Counts of one value → their sum."""

    def create_accumulator(self) -> Count:
        return 0, 0

    def add_input(self, accumulator: Count, count: Count) -> Count:
        return accumulator[0] + count[0], accumulator[1] + count[1]

    def merge_accumulators(self, accumulators) -> Count:
        total = (0, 0)
        for one in accumulators:
            total = self.add_input(total, one)
        return total

    def extract_output(self, accumulator: Count) -> Count:
        return accumulator


class GatherCounts(beam.CombineFn):
    """(value, Count), each value once → serialised table."""

    def create_accumulator(self) -> list[tuple[bytes, Count]]:
        return []

    def add_input(self, accumulator, pair):
        accumulator.append(pair)
        return accumulator

    def merge_accumulators(self, accumulators):
        return [pair for accumulator in accumulators for pair in accumulator]

    def extract_output(self, accumulator) -> np.ndarray:
        return np.array(_serialize(dict(accumulator)), object)


class _Count(beam.PTransform):
    """Counts of the distinct values of one column, as `ptransform_analyzer` wants it."""

    def __init__(self, weighted: bool, counted: bool):
        super().__init__()
        self._weighted, self._counted = weighted, counted

    def expand(self, batches):
        return (
            batches
            | "CountBatch" >> beam.ParDo(CountBatch(self._weighted, self._counted))
            # (bytes, Count)
            | "SumCounts" >> beam.CombinePerKey(SumCounts())
            | "Gather" >> beam.CombineGlobally(GatherCounts())
        )


def analyze_counts(
    values: tf.Tensor, weights: tf.Tensor | None, name: str, times: tf.Tensor | None = None
) -> tf.Tensor:
    """Scalar string: serialised counts.

    Args:
      values: float32, int64 or string [n].
      weights: float32 [n], or None.
      name: of the analyzer in the graph.
      times: int64 [n], how often each value, which is a text, is there; without weights.
    """
    inputs = [one for one in (values, weights, times) if one is not None]
    transform = _Count(weights is not None, times is not None)
    (output,) = tft.experimental.ptransform_analyzer(inputs, transform, [tf.string], [[]], name=name)
    return output


def merge_counts(parts: Sequence[bytes]) -> bytes:
    """The counts of all rows, from those of parts of them."""
    total: dict[bytes, Count] = {}
    for part in parts:
        for value, (rows, weight) in _parse(part):
            before = total.get(value, (0, 0))
            total[value] = (before[0] + rows, before[1] + weight)
    return _serialize(total)


def finish_counts(data: bytes) -> Counts:
    """What the analysis found."""
    counts = _parse(data)
    weighted = any(weight for _, (_, weight) in counts)
    weights = {value: from_units(weight) if weighted else rows for value, (rows, weight) in counts}
    in_order = sorted(weights, key=lambda value: (-weights[value], value))
    rows_of = {value: rows for value, (rows, _) in counts}
    return Counts(
        {value: rows_of[value] for value in in_order}, {value: weights[value] for value in in_order}
    )


def _serialize(counts: dict[bytes, Count]) -> bytes:
    values = sorted(counts)
    table = pa.record_batch(
        {
            "value": pa.array(values, pa.large_binary()),
            "rows": pa.array([counts[value][0] for value in values], pa.int64()),
            "weight": pa.array([str(counts[value][1]) for value in values], pa.large_string()),
        }
    )
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_batch(table)
    return sink.getvalue().to_pybytes()


def _parse(data: bytes) -> list[tuple[bytes, Count]]:
    table = pa.ipc.open_stream(data).read_all()
    weights = map(int, table["weight"].to_pylist())
    counts = zip(table["rows"].to_pylist(), weights, strict=True)
    return list(zip(table["value"].to_pylist(), counts, strict=True))
