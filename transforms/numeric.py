"""In: a float32 column without missing values. Out: the column, scaled; float32.

Scaling multiplies by a stored factor: a division by a constant gives other last bits in a graph than eagerly.
"""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf

from ..schemas.spec_pb2 import MinMax
from ..schemas.statistics_pb2 import ColumnStatistics


def standardize(x: tf.Tensor, statistics: ColumnStatistics) -> tf.Tensor:
    """(x - mean) * (1 / standard deviation); 0 for a constant or empty column."""
    factor = scale_factor(1.0, math.sqrt(statistics.variance))
    return (x - np.float32(statistics.mean)) * factor if factor else tf.zeros_like(x)


def min_max(x: tf.Tensor, statistics: ColumnStatistics, bounds: MinMax) -> tf.Tensor:
    """low + (x - min) * ((high - low) / (max - min)); `low` for a constant or empty column."""
    low = np.float32(bounds.low)
    factor = scale_factor(bounds.high - bounds.low, statistics.max - statistics.min)
    return low + (x - np.float32(statistics.min)) * factor if factor else tf.fill(tf.shape(x), low)


def robust(x: tf.Tensor, statistics: ColumnStatistics) -> tf.Tensor:
    """(x - median) * (1 / (quantile 0.75 - quantile 0.25)); x - median where the two are equal."""
    ranks = {entry.rank: entry.value for entry in statistics.ranks}
    factor = scale_factor(1.0, ranks.get(0.75, 0.0) - ranks.get(0.25, 0.0)) or np.float32(1)
    return (x - np.float32(statistics.median)) * factor


def scale_factor(height: float, width: float) -> np.float32:
    """height / width, or 0 where the width is so small that no binary32 number holds it."""
    factor = height / width if width > 0 else 0.0
    return np.float32(factor if abs(factor) <= float(np.finfo(np.float32).max) else 0.0)
