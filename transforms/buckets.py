"""In: a float32 column without missing values. Out: int64 ids of the intervals that its values lie in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from ..schemas.statistics_pb2 import ColumnStatistics
from .device import wide, widen
from .missing import SMALLEST, flush


def bucketize(x: tf.Tensor, boundaries: np.ndarray) -> tf.Tensor:
    """The number of boundaries that are <= x.

    A sum of comparisons rather than a Bucketize operation, which neither LiteRT nor TF.js has.

    Args:
      x: float32 [batch].
      boundaries: float32 [n], strictly increasing; may be empty.

    Returns:
      int64 [batch], 0 … n.
    """
    reached = tf.greater_equal(x[:, tf.newaxis], tf.constant(boundaries, tf.float32)[tf.newaxis, :])
    return tf.reduce_sum(tf.cast(reached, tf.int64), axis=1)


def interpolate(x: tf.Tensor, boundaries: np.ndarray) -> tf.Tensor:
    """The place of x in the intervals, from 0 at the first boundary to 1 at the last, linear between two.

    0 if there are fewer than two boundaries.

    Args:
      x: float32 [batch].
      boundaries: float32 [n], strictly increasing.

    Returns:
      float32 [batch].
    """
    if len(boundaries) < 2:
        return tf.zeros_like(x)
    shares = _limited(_shares(x, boundaries))
    total = shares[:, 0]
    # Added one by one: the order of a sum over an axis is the processor's choice.
    for place in range(1, len(boundaries) - 1):
        total += shares[:, place]
    return flush(tf.cast(total * wide(1.0 / (len(boundaries) - 1)), tf.float32))


def piecewise_linear(x: tf.Tensor, edges: np.ndarray) -> tf.Tensor:
    """For each interval 0 below it, 1 above it, linear in it; the first goes on below 0, the last above 1.

    Gorishniy, Rubachev, Babenko, "On Embeddings for Numerical Features in Tabular Deep Learning", 2022, eq. 1.

    Args:
      x: float32 [batch].
      edges: float32 [n], strictly increasing.

    Returns:
      float32 [batch, max(1, n - 1)]; 0 if there are fewer than two edges.
    """
    if len(edges) < 2:
        return tf.zeros_like(x)[:, tf.newaxis]
    shares = _shares(x, edges)
    if len(edges) == 2:
        return flush(tf.cast(shares, tf.float32))
    first = tf.minimum(shares[:, :1], wide(1))
    last = tf.maximum(shares[:, -1:], wide(0))
    return flush(tf.cast(tf.concat([first, _limited(shares[:, 1:-1]), last], axis=1), tf.float32))


def piecewise_linear_edges(statistics: ColumnStatistics, buckets: int) -> np.ndarray:
    """The smallest value, the boundaries between the quantiles, the largest; float32, increasing."""
    inner = [entry.boundaries for entry in statistics.quantiles if entry.buckets == buckets]
    return as_boundaries([statistics.min, *(inner[0] if inner else []), statistics.max])


def equal_width(statistics: ColumnStatistics, buckets: int) -> np.ndarray:
    """The boundaries between `buckets` intervals of equal width from the smallest to the largest value; float64."""
    return np.linspace(statistics.min, statistics.max, buckets + 1)[1:-1]


def _shares(x: tf.Tensor, edges: np.ndarray) -> tf.Tensor:
    """Wide [batch, n - 1]: how far x is from each edge to the next, not limited to 0 … 1."""
    exact = edges.astype(np.float64)
    factors = 1.0 / np.diff(exact)
    return (widen(x)[:, tf.newaxis] - wide(exact[np.newaxis, :-1])) * wide(factors[np.newaxis, :])


def _limited(shares: tf.Tensor) -> tf.Tensor:
    return tf.minimum(tf.maximum(shares, wide(0)), wide(1))


def as_boundaries(values: Sequence[float] | np.ndarray) -> np.ndarray:
    """float32, what columns are compared in (see `to_float`), increasing; those that are equal then are merged."""
    boundaries = np.asarray(values, np.float32)
    return np.unique(np.where(np.abs(boundaries) < SMALLEST, np.float32(0), boundaries))
