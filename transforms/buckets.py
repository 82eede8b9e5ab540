"""In: a float32 column without missing values. Out: int64 ids of the intervals that its values lie in."""

from __future__ import annotations

import numpy as np
import tensorflow as tf


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


def given_boundaries(values: list[float]) -> np.ndarray:
    """Boundaries from a spec as float32, the dtype that they are compared in; equal ones after rounding are merged."""
    return np.unique(np.asarray(values, np.float32))
