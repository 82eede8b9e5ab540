"""In: text of cells, or of the elements of lists. Out: float32 and int64 numbers by the reader's grammar.

The grammar is schemas/numerals.py's, checked in the graph, so that a text means the same in a training file and in a
request. One that is no number stops the batch with an InvalidArgumentError that names the column.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from ..schemas import numerals
from .refuse import accept

# Digits up to 2^63 - 1: for each of its digits, the numbers that agree before it and are smaller there, and itself.
_MOST = str(2**63 - 1)
_SMALLER = [
    f"{_MOST[:i]}[0-{int(digit) - 1}][0-9]{{{len(_MOST) - 1 - i}}}"
    for i, digit in enumerate(_MOST)
    if digit != "0"
]
_INT_IN_RANGE = f"-?0*([0-9]{{1,{len(_MOST) - 1}}}|{'|'.join(_SMALLER)}|{_MOST})"


def is_int64(text: tf.Tensor) -> tf.Tensor:
    """Bool, of the shape of `text`: a whole number from INT64_MIN + 1 to INT64_MAX."""
    return tf.strings.regex_full_match(text, _INT_IN_RANGE)


def parse_ints(text: tf.Tensor, column: str, missing: tf.Tensor) -> tf.Tensor:
    """int64, of the shape of `text`; INT64_MIN where `missing` (bool, of the same shape)."""
    text = tf.where(missing, "0", text)
    text = accept(
        column, text, tf.strings.regex_full_match(text, numerals.INT_PATTERN), "is not a whole number"
    )
    # Before the conversion, whose own error names no column.
    text = accept(column, text, is_int64(text), "is out of range")
    return tf.where(
        missing, tf.constant(numerals.INT_MISSING, tf.int64), tf.strings.to_number(text, tf.int64)
    )


def parse_floats(text: tf.Tensor, column: str, missing: tf.Tensor) -> tf.Tensor:
    """float32, of the shape of `text`; NaN where `missing` (bool, of the same shape)."""
    text = tf.where(missing, "0", text)
    text = accept(column, text, tf.strings.regex_full_match(text, numerals.FLOAT_PATTERN), "is not a number")
    # Rounded twice, as the reader does: to binary64, then to binary32.
    number = tf.cast(tf.strings.to_number(text, tf.float64), tf.float32)
    with tf.control_dependencies([accept(column, text, tf.math.is_finite(number), "is out of range")]):
        return tf.where(missing, tf.constant(np.nan, tf.float32), number)
