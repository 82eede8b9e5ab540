"""In: what a column may hold. Out: which values are something else, in the graph, as schemas/csv_cells.py has it."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa
import tensorflow as tf

from ..schemas import numerals, timestamps
from ..schemas.spec_pb2 import BASE64, FLOAT, INT, TIME, Column
from .categorical import TokenTable
from .missing import SMALLEST, flush, is_missing

_LARGEST = float(np.finfo(np.float32).max)


class Allowed(tf.Module):
    """The values that a column may have."""

    def __init__(self, column: Column):
        super().__init__(name="allowed")
        self._numbers: tf.Tensor | None = None
        texts = [value.encode() for value in column.values]
        if column.type == FLOAT:
            # Few, and a table of floats is not to be had.
            self._numbers = flush(tf.constant([float(text) for text in texts], tf.float32))
            return
        if column.type == TIME:
            seconds, _ = timestamps.parse_times(pa.array(texts, pa.binary()), column.format)
            texts = [str(one).encode() for one in seconds.to_pylist()]
        if column.type == BASE64:
            texts = [base64.b64decode(text) for text in texts]
        number = column.type in (INT, TIME)
        # 7 and 07 are one number.
        tokens = [str(int(text)).encode() for text in texts] if number else texts
        self._table = TokenTable(
            list(dict.fromkeys(tokens)), tf.int64 if number else tf.string, oov_buckets=0
        )

    def refuses(self, x: tf.Tensor) -> tf.Tensor:
        """bool, of the shape of `x`; missing values are not refused."""
        if self._numbers is None:
            return (self._table(x) < 0) & ~is_missing(x)
        equal = tf.equal(flush(x)[..., tf.newaxis], self._numbers)
        return ~tf.reduce_any(equal, axis=-1) & ~is_missing(x)


def outside_floats(columns: Sequence[Column], x: tf.Tensor) -> tf.Tensor:
    """bool, of the shape of `x` [columns, n]: infinite, or outside its column's limits."""
    if not any(column.HasField("min") or column.HasField("max") for column in columns):
        return tf.math.is_inf(x)
    low, high = np.array([limits(column) for column in columns], np.float32).T[..., np.newaxis]
    # TensorFlow's threads see subnormal numbers as 0 or as what they are: only limits at 0 can tell.
    if (np.abs([low, high]) < SMALLEST).any():
        x = flush(x)
    return (x < low) | (x > high)


def outside_ints(columns: Sequence[Column], x: tf.Tensor) -> tf.Tensor | None:
    """bool, of the shape of `x` [columns, n]; None if no column has limits."""
    found = [limits(column) for column in columns]
    if all(one == (numerals.INT_MISSING, 2**63 - 1) for one in found):
        return None
    low, high = np.array(found, np.int64).T[..., np.newaxis]
    return ((x < low) & tf.not_equal(x, numerals.INT_MISSING)) | (x > high)


def limits(column: Column) -> tuple[float, float] | tuple[int, int]:
    """Smallest and largest value of the column's dtype, the reader's limits."""
    if column.type == TIME:
        return timestamps.FIRST, timestamps.LAST
    low = column.min if column.HasField("min") else -math.inf
    high = column.max if column.HasField("max") else math.inf
    if column.type == FLOAT:
        with np.errstate(over="ignore", under="ignore"):
            low, high = float(np.float32(low)), float(np.float32(high))
        low, high = (0.0 if abs(one) < SMALLEST else one for one in (low, high))
        return max(low, -_LARGEST), min(high, _LARGEST)
    return _whole(low, math.ceil), _whole(high, math.floor)


def _whole(limit: float, towards: Callable[[float], int]) -> int:
    if math.isinf(limit):
        return numerals.INT_MISSING if limit < 0 else 2**63 - 1
    return min(max(towards(limit), numerals.INT_MISSING), 2**63 - 1)
