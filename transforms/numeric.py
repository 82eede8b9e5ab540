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
    deviation = math.sqrt(statistics.variance)
    factor = np.float32(1.0 / deviation) if deviation > 0 else np.float32(0)
    if not np.isfinite(factor):
        factor = np.float32(0)
    return (x - np.float32(statistics.mean)) * factor


def min_max(x: tf.Tensor, statistics: ColumnStatistics, bounds: MinMax) -> tf.Tensor:
    """low + (x - min) * ((high - low) / (max - min)); `low` for a constant or empty column."""
    width = statistics.max - statistics.min
    factor = np.float32((bounds.high - bounds.low) / width) if width > 0 else np.float32(0)
    if not np.isfinite(factor):
        factor = np.float32(0)
    return np.float32(bounds.low) + (x - np.float32(statistics.min)) * factor
