"""In: a raw column with its missing values marked. Out: which are missing, and the column with them filled.

Missing is NaN in a float32 column, the smallest int64 in an int64 column, the empty text in a string column: the same in
the files' batches and in a serving request.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from ..schemas import numerals
from ..schemas.errors import SpecError
from ..schemas.spec_pb2 import CONSTANT, MEDIAN, MOST_FREQUENT, Feature

if TYPE_CHECKING:
    from .learnt import Learnt
    from .sources import Source

# The smallest normal binary32 number.
SMALLEST = np.finfo(np.float32).tiny
NAN = float("nan")


def is_missing(x: tf.Tensor) -> tf.Tensor:
    """Bool, of the shape of `x` (float32, int64 or string)."""
    if x.dtype == tf.float32:
        return tf.math.is_nan(x)
    if x.dtype == tf.int64:
        return tf.equal(x, numerals.INT_MISSING)
    return tf.equal(x, "")


def fill(x: tf.Tensor, value: float | int | bytes) -> tf.Tensor:
    """`x` with its missing values replaced by `value`, of the dtype of `x`."""
    return tf.where(is_missing(x), tf.constant(value, x.dtype), x)


def flush(x: tf.Tensor) -> tf.Tensor:
    """float32 `x`, where numbers below the smallest normal one become 0, and so does -0.

    TensorFlow flushes them in some threads and not in others, so that a row would differ between a request and the training
    examples.
    """
    return tf.where(tf.abs(x) < SMALLEST, tf.constant(0, tf.float32), x)


def to_float(x: tf.Tensor) -> tf.Tensor:
    """float32 without subnormal numbers, an int64 column rounded to it; missing is NaN in both."""
    if x.dtype == tf.float32:
        return flush(x)
    return tf.where(is_missing(x), tf.constant(np.nan, tf.float32), tf.cast(x, tf.float32))


def number_fill(feature: Feature, source: Source, learnt: Learnt) -> float:
    """What a missing number becomes, before it is scaled. A source without any value is filled with 0."""
    fill_with = feature.missing
    if fill_with.fill == CONSTANT:
        value = _narrow(float(source.constant(fill_with.constant, learnt.of)))
        if math.isnan(value):
            reason = f"'{fill_with.constant}' is missing itself after the steps of `before`: give another one"
            raise SpecError("spec", None, f"features.{feature.name}.missing.constant", reason)
        return value
    statistics = learnt.of(source.name)
    if not statistics.present:
        return 0.0
    if fill_with.fill == MEDIAN:
        return _narrow(statistics.median)
    if fill_with.fill == MOST_FREQUENT:
        return _narrow(float(statistics.most_frequent))
    return _narrow(statistics.mean)


def _narrow(value: float) -> float:
    """The nearest binary32 number that `flush` leaves as it is."""
    narrow = np.float32(value)
    return float(narrow) if not abs(narrow) < SMALLEST else 0.0


def token_fill(feature: Feature, source: Source, learnt: Learnt) -> float | int | bytes | None:
    """What a missing token is replaced by; None: it gets an id of its own, as where no token is the most frequent."""
    statistics = learnt.of(source.name)
    if feature.missing.fill == CONSTANT:
        return source.constant(feature.missing.constant, learnt.of)
    if feature.missing.fill == MOST_FREQUENT and statistics.HasField("most_frequent"):
        text = statistics.most_frequent
        return int(text) if source.dtype == tf.int64 else text.encode()
    return None
