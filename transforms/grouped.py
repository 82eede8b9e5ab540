"""In: numbers with the key of their group. Out: the numbers, scaled by the statistics of their group."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from ..schemas.spec_pb2 import MinMax
from ..schemas.statistics_pb2 import ColumnStatistics, Group, GroupStatistics
from .categorical import TokenTable
from .missing import flush
from .numeric import scale, scale_factor


class GroupTable(tf.Module):
    """Scales within groups; a key that the training split lacks, or a missing one, goes by all rows.

    Args:
      statistics: of the groups.
      dtype: of the keys, tf.int64 or tf.string.
    """

    def __init__(self, statistics: GroupStatistics, dtype: tf.DType):
        super().__init__(name="groups")
        # The group of missing keys is no group: whose rows are they?
        self._groups = [group for group in statistics.groups if group.key]
        self._table = TokenTable([group.key for group in self._groups], dtype, oov_buckets=1)

    def standardize(self, x: tf.Tensor, keys: tf.Tensor, overall: ColumnStatistics) -> tf.Tensor:
        """(x - mean) * (1 / standard deviation) of the group, float32 [batch]; 0 where the group is constant."""
        entries: Sequence[Group | ColumnStatistics] = [*self._groups, overall]
        mean = [entry.mean for entry in entries]
        factor = [scale_factor(1.0, math.sqrt(entry.variance)) for entry in entries]
        return self._scale(x, keys, mean, factor)

    def min_max(self, x: tf.Tensor, keys: tf.Tensor, overall: ColumnStatistics, bounds: MinMax) -> tf.Tensor:
        """low + (x - min) * ((high - low) / (max - min)) of the group, float32 [batch]."""
        entries: Sequence[Group | ColumnStatistics] = [*self._groups, overall]
        least = [entry.min for entry in entries]
        factor = [scale_factor(bounds.high - bounds.low, entry.max - entry.min) for entry in entries]
        return flush(np.float32(bounds.low) + self._scale(x, keys, least, factor))

    def _scale(
        self, x: tf.Tensor, keys: tf.Tensor, shifts: Sequence[float], factors: Sequence[float]
    ) -> tf.Tensor:
        group = self._table(keys)
        return scale(x, np.array(shifts), np.array(factors), lambda values: tf.gather(values, group))
