"""In: a feature whose transform is of numbers, and what was learnt. Out: how to compute it: fill, then scale."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from ..schemas.spec_pb2 import Feature
from ..schemas.statistics_pb2 import ColumnStatistics
from . import buckets, gaussian, grouped, lists, missing, numeric
from .batch import Batch, Built, Value, map_values
from .learnt import Learnt
from .sources import Source

Scale = Callable[[tf.Tensor], tf.Tensor]


def build_number(feature: Feature, learnt: Learnt, tables: list[tf.Module]) -> Built:
    """as_is, standardize, min_max, robust, gaussian, interpolated buckets; of a column, a list or several columns."""
    sources = learnt.sources(feature)
    if feature.columns:
        parts = [_one(feature, source, learnt, tables) for source in sources]
        return Built(lambda batch: tf.stack([part(batch) for part in parts], axis=1), shape=(len(parts),))
    (source,) = sources
    shape: tuple[int, ...] = (-1,) * source.depth
    if source.column.length and source.depth == 1:
        shape = (source.column.length,)
    return Built(_one(feature, source, learnt, tables), shape=shape)


def build_piecewise_linear(feature: Feature, learnt: Learnt) -> Built:
    """One number for each interval between quantiles."""
    source = learnt.source(feature)
    edges = buckets.piecewise_linear_edges(learnt.of(source.name), feature.piecewise_linear.quantiles)
    filled = filled_number(feature, source, learnt)

    def compute(batch: Batch) -> tf.Tensor:
        return buckets.piecewise_linear(filled(batch), edges)

    return Built(compute, shape=(max(1, len(edges) - 1),))


def filled_number(feature: Feature, source: Source, learnt: Learnt) -> Callable[[Batch], Value]:
    """The source as float32 numbers, missing ones filled."""
    value = missing.number_fill(feature, source, learnt)
    length = source.column.length if source.depth == 1 else 0

    def compute(batch: Batch) -> Value:
        x = map_values(missing.to_float, source.value(batch, learnt.of))
        if length:
            x = lists.to_dense(x, missing.NAN, length)
        x = map_values(lambda values: missing.fill(values, value), x)
        batch.note(feature.name, source.name, x)
        return x

    return compute


def _one(
    feature: Feature, source: Source, learnt: Learnt, tables: list[tf.Module]
) -> Callable[[Batch], Value]:
    filled = filled_number(feature, source, learnt)
    kind = feature.WhichOneof("transform")
    if kind in ("standardize", "min_max") and getattr(feature, kind).by:
        return _grouped(feature, source, learnt, filled, tables)
    scale = _scale(feature, source, learnt)
    return lambda batch: map_values(scale, filled(batch))


def _scale(feature: Feature, source: Source, learnt: Learnt) -> Scale:
    statistics = learnt.of(source.name)
    kind = feature.WhichOneof("transform")
    if kind == "standardize":
        return lambda x: numeric.standardize(x, statistics)
    if kind == "min_max":
        return lambda x: numeric.min_max(x, statistics, feature.min_max)
    if kind == "robust":
        return lambda x: numeric.robust(x, statistics)
    if kind == "gaussian":
        return lambda x: gaussian.to_gaussian(x, statistics)
    if kind == "buckets":
        boundaries = bucket_boundaries(feature, source, learnt)
        return lambda x: buckets.interpolate(x, boundaries)
    return lambda x: x


def _grouped(
    feature: Feature,
    source: Source,
    learnt: Learnt,
    filled: Callable[[Batch], Value],
    tables: list[tf.Module],
) -> Callable[[Batch], Value]:
    kind = feature.WhichOneof("transform")
    overall = learnt.of(source.name)
    key = Source(learnt.columns[getattr(feature, kind).by])
    table = grouped.GroupTable(learnt.group(feature), key.dtype)
    tables.append(table)

    def compute(batch: Batch) -> tf.Tensor:
        x, keys = filled(batch), key.value(batch, learnt.of)
        if kind == "standardize":
            return table.standardize(x, keys, overall)
        return table.min_max(x, keys, overall, feature.min_max)

    return compute


def bucket_boundaries(feature: Feature, source: Source, learnt: Learnt) -> np.ndarray:
    """float32 [n], strictly increasing: the spec's, or the training split's quantiles, or of equal width."""
    asked, statistics = feature.buckets, learnt.of(source.name)
    if asked.boundaries:
        return buckets.as_boundaries(asked.boundaries)
    if asked.equal_width:
        return buckets.as_boundaries(buckets.equal_width(statistics, asked.equal_width))
    return buckets.as_boundaries(quantiles(statistics, asked.quantiles))


def quantiles(statistics: ColumnStatistics, count: int) -> Sequence[float]:
    """The boundaries between `count` intervals of equal share."""
    for entry in statistics.quantiles:
        if entry.buckets == count:
            return entry.boundaries
    raise KeyError(f"statistics of {statistics.name} lack quantiles for {count} buckets")
