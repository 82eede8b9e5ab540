"""In: a float32 column without missing values. Out: int64 ids of the intervals that its values lie in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from .missing import SMALLEST


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


def as_boundaries(values: Sequence[float]) -> np.ndarray:
    """float32, what columns are compared in (see `to_float`), increasing; those that are equal then are merged."""
    boundaries = np.asarray(values, np.float32)
    return np.unique(np.where(np.abs(boundaries) < SMALLEST, np.float32(0), boundaries))
