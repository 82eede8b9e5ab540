"""In: a float32 column without missing values. Out: the column, scaled; float32.

Scaling multiplies by a stored factor: a division by a constant gives other last bits in a graph than eagerly.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from ..schemas.spec_pb2 import MinMax
from ..schemas.statistics_pb2 import ColumnStatistics
from .device import wide, widen
from .missing import SMALLEST, flush

# The difference of a number from one that is at least this large is 0 or normal.
_NEAR_SMALLEST = 2.0**25 * float(SMALLEST)


def standardize(x: tf.Tensor, statistics: ColumnStatistics) -> tf.Tensor:
    """(x - mean) * (1 / standard deviation); 0 for a constant or empty column."""
    factor = scale_factor(1.0, math.sqrt(statistics.variance))
    return scale(x, statistics.mean, factor)


def min_max(x: tf.Tensor, statistics: ColumnStatistics, bounds: MinMax) -> tf.Tensor:
    """low + (x - min) * ((high - low) / (max - min)); `low` for a constant or empty column."""
    low = np.float32(bounds.low)
    factor = scale_factor(bounds.high - bounds.low, statistics.max - statistics.min)
    return flush(low + scale(x, statistics.min, factor))


def robust(x: tf.Tensor, statistics: ColumnStatistics) -> tf.Tensor:
    """(x - median) * (1 / (quantile 0.75 - quantile 0.25)); x - median where the two are equal."""
    ranks = {entry.rank: entry.value for entry in statistics.ranks}
    factor = scale_factor(1.0, ranks.get(0.75, 0.0) - ranks.get(0.25, 0.0)) or 1.0
    return scale(x, statistics.median, factor)


def scale_factor(height: float, width: float) -> float:
    """height / width, or 0 where the width is so small that no binary32 number holds it."""
    factor = height / width if width > 0 else 0.0
    return factor if abs(factor) <= float(np.finfo(np.float32).max) else 0.0


def scale(
    x: tf.Tensor,
    shift: float | np.ndarray,
    factor: float | np.ndarray,
    pick: Callable[[tf.Tensor], tf.Tensor] = lambda values: values,
) -> tf.Tensor:
    """(x - shift) * factor; infinite where x is, but 0 where the factor is.

    Args:
      x: float32 of any shape.
      shift, factor: numbers, or binary64 [n] of which `pick` chooses.
      pick: gives from [n] what goes with each x.

    Returns:
      float32 of the shape of `x`.
    """
    shift, factor = np.asarray(shift, np.float64), np.asarray(factor, np.float64)
    tiny = (factor != 0) & (np.abs(factor) < SMALLEST) | (shift != 0) & (np.abs(shift) < _NEAR_SMALLEST)
    if tiny.any():
        # The factor or the difference is subnormal in binary32, which some threads take for 0.
        scaled = tf.cast((widen(x) - pick(wide(shift))) * pick(wide(factor)), tf.float32)
    else:
        scaled = (x - pick(tf.constant(shift, tf.float32))) * pick(tf.constant(factor, tf.float32))
    if (factor == 0).any():
        scaled = tf.where(pick(tf.constant(factor == 0)), tf.constant(0, tf.float32), scaled)
    return flush(scaled)
