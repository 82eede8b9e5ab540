"""In: float32 numbers of any shape, NaN is missing. Out: a function of each; NaN where it has no value.

In binary64: TensorFlow's binary32 log and pow give other last bits at other places in a batch.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from .device import wide, widen
from .missing import flush


def log1p(x: tf.Tensor) -> tf.Tensor:
    """ln(1 + x), NaN for x <= -1."""
    valid = x > -1.0
    found = tf.math.log1p(widen(tf.where(valid, x, tf.zeros_like(x))))
    return tf.where(valid, _narrow(found), tf.constant(np.nan, tf.float32))


def power(x: tf.Tensor, exponent: float) -> tf.Tensor:
    """|x| ** exponent with the sign of x; NaN where binary32 cannot hold it."""
    found = tf.sign(widen(x)) * tf.pow(widen(tf.abs(x)), wide(exponent))
    narrow = _narrow(found)
    return tf.where(tf.math.is_finite(narrow), narrow, tf.constant(np.nan, tf.float32))


def clip(x: tf.Tensor, low: float | None, high: float | None) -> tf.Tensor:
    """x limited to [low, high]; None: no limit on that side."""
    for bound, beyond in ((low, tf.less), (high, tf.greater)):
        if bound is not None:
            limit = tf.constant(bound, tf.float32)
            x = tf.where(beyond(x, limit), limit, x)
    return x


def _narrow(x: tf.Tensor) -> tf.Tensor:
    return flush(tf.cast(x, tf.float32))
