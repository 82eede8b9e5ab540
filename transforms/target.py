"""In: a column, and each row's fold. Out: the mean label of the training rows with the same value.

(Σ label + smoothing · mean) / (rows + smoothing), drawn to the mean of all (Micci-Barreca, "A preprocessing scheme for
high-cardinality categorical attributes", 2001, eq. 3 with λ = n / (n + m)). A training row must not see its own label: it
gets what the rows of the other folds say.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from ..schemas.statistics_pb2 import LabelSums, TargetStatistics
from .categorical import TokenTable
from .missing import is_missing


class TargetTable(tf.Module):
    """Means by value and fold.

    Args:
      statistics: of the training split.
      dtype: of the column, tf.int64 or tf.string.
      smoothing: rows of the overall mean that are added to each value's.
    """

    def __init__(self, statistics: TargetStatistics, dtype: tf.DType, smoothing: float):
        super().__init__(name="target")
        values = [value for value in statistics.values if value.key]
        absent = [value for value in statistics.values if not value.key]
        self._table = TokenTable([value.key for value in values], dtype, oov_buckets=1)
        self._folds = statistics.folds
        # Rows: the values, unseen values, the missing value; columns: fold 0 …, all of them.
        sums: list[Sequence[LabelSums]] = (
            [value.folds for value in values] + [[]] + [absent[0].folds if absent else []]
        )
        self._means = np.array(
            [
                [_mean(one, statistics.all, left_out, smoothing) for left_out in [*range(self._folds), None]]
                for one in sums
            ],
            np.float32,
        )
        self._missing = len(values) + 1

    def __call__(self, x: tf.Tensor, hashes: tf.Tensor | None) -> tf.Tensor:
        """float32 [batch], or [batch, classes] of a multiclass label.

        Args:
          x: int64 or string [batch].
          hashes: int64 [batch], which a row's fold is the remainder of; -1: a row that is in no fold. None: -1 for all.
        """
        fold = tf.constant(self._folds, tf.int64)
        if hashes is not None:
            fold = tf.where(hashes < 0, fold, tf.math.floormod(hashes, fold))
        row = tf.where(is_missing(x), tf.constant(self._missing, tf.int64), self._table(x))
        flat = self._means.reshape(-1, self._means.shape[-1])
        found = tf.gather(tf.constant(flat), row * (self._folds + 1) + fold)
        return found[:, 0] if flat.shape[1] == 1 else found


def _mean(
    folds: Sequence[LabelSums], everything: Sequence[LabelSums], left_out: int | None, smoothing: float
) -> list[float]:
    weight, labels = _add(folds, left_out)
    total, total_labels = _add(everything, left_out)
    overall = [label / total if total else 0.0 for label in total_labels]
    if not weight:
        return overall
    labels = labels or [0.0] * len(overall)
    return [
        (label + smoothing * mean) / (weight + smoothing) for label, mean in zip(labels, overall, strict=True)
    ]


def _add(folds: Sequence[LabelSums], left_out: int | None) -> tuple[float, list[float]]:
    kept = [sums for number, sums in enumerate(folds) if number != left_out]
    weight = math.fsum(sums.weight for sums in kept)
    width = max((len(sums.label) for sums in folds), default=0)
    return weight, [math.fsum(sums.label[place] for sums in kept) for place in range(width)]
