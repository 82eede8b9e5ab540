"""In: text of cells, or of the elements of lists. Out: float32 and int64 numbers by the reader's grammar.

The grammar is schemas/numerals.py's, checked in the graph, so that a text means the same in a training file and in a
request.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from ..schemas import numerals
from ..schemas.cell_reasons import FORM, OUT_OF_RANGE
from ..schemas.spec_pb2 import FLOAT, INT
from .apart import apart
from .refuse import accept

# Digits up to 2^63 - 1: for each of its digits, the numbers that agree before it and are smaller there, and itself.
_MOST = str(2**63 - 1)
_SMALLER = [
    f"{_MOST[:i]}[0-{int(digit) - 1}][0-9]{{{len(_MOST) - 1 - i}}}"
    for i, digit in enumerate(_MOST)
    if digit != "0"
]
_INT_IN_RANGE = f"-?0*([0-9]{{1,{len(_MOST) - 1}}}|{'|'.join(_SMALLER)}|{_MOST})"


def is_float(text: tf.Tensor) -> tf.Tensor:
    """Bool, of the shape of `text`: a number by the grammar, whatever its range."""
    return tf.strings.regex_full_match(text, numerals.FLOAT_PATTERN)


def is_int(text: tf.Tensor) -> tf.Tensor:
    """Bool, of the shape of `text`: a whole number by the grammar, whatever its range."""
    return tf.strings.regex_full_match(text, numerals.INT_PATTERN)


def is_int64(text: tf.Tensor) -> tf.Tensor:
    """Bool, of the shape of `text`: a whole number from INT64_MIN + 1 to INT64_MAX."""
    return tf.strings.regex_full_match(text, _INT_IN_RANGE)


def read_floats(text: tf.Tensor, missing: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """float32, NaN where `missing` or no number, infinite where out of range; bool: no number. All of one shape."""
    given = is_float(text) & ~missing
    # Rounded twice, as the reader does: to binary64, then to binary32.
    number = tf.cast(tf.strings.to_number(tf.where(given, text, "0"), tf.float64), tf.float32)
    return tf.where(given, number, tf.constant(np.nan, tf.float32)), ~(given | missing)


def read_ints(text: tf.Tensor, missing: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """int64, INT64_MIN where `missing` or no number of 64 bits; bool: no such number. All of one shape."""
    given = is_int64(text) & ~missing
    number = tf.strings.to_number(tf.where(given, text, "0"), tf.int64)
    return tf.where(given, number, tf.constant(numerals.INT_MISSING, tf.int64)), ~(given | missing)


def read_all(text: tf.Tensor, dtype: tf.DType) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Numbers of many cells, which are seldom malformed.

    Args:
      text: string of any shape, without NUL; empty is missing.
      dtype: float32 or int64.

    Returns:
      As `read_floats` or `read_ints`; and bool, a scalar: no cell is malformed.
    """
    missing = tf.equal(text, "")
    pattern, wide, read = (
        (numerals.FLOAT_PATTERN, tf.float64, read_floats)
        if dtype == tf.float32
        else (_INT_IN_RANGE, tf.int64, read_ints)
    )
    # One long text is matched in a fraction of the time that its cells take.
    joined = tf.strings.reduce_join(tf.reshape(text, [-1]), separator="\0")
    good = tf.strings.regex_full_match(joined, rf"(?:{pattern})?(?:\x00(?:{pattern})?)*")
    nothing = tf.constant(np.nan if dtype == tf.float32 else numerals.INT_MISSING, dtype)

    def all_read() -> tuple[tf.Tensor, tf.Tensor]:
        number = tf.cast(tf.strings.to_number(tf.where(missing, "0", text), wide), dtype)
        return tf.where(missing, nothing, number), tf.zeros_like(missing)

    x, malformed = tf.cond(good, all_read, apart(lambda: read(text, missing)))
    return x, malformed, good


def parse_floats(text: tf.Tensor, column: str, missing: tf.Tensor) -> tf.Tensor:
    """float32, of the shape of `text`; NaN where `missing` (bool, of the same shape).

    Raises:
      InvalidArgumentError (when it runs): a text is no number, or out of range; names the column.
    """
    number, malformed = read_floats(text, missing)
    text = accept(column, text, ~malformed, FORM[FLOAT])
    with tf.control_dependencies([accept(column, text, ~tf.math.is_inf(number), OUT_OF_RANGE[FLOAT])]):
        return tf.identity(number)


def parse_ints(text: tf.Tensor, column: str, missing: tf.Tensor) -> tf.Tensor:
    """int64, of the shape of `text`; INT64_MIN where `missing` (bool, of the same shape).

    Raises:
      InvalidArgumentError (when it runs): a text is no whole number, or out of range; names the column.
    """
    number, malformed = read_ints(text, missing)
    text = accept(column, text, is_int(text) | missing, FORM[INT])
    with tf.control_dependencies([accept(column, text, ~malformed, OUT_OF_RANGE[INT])]):
        return tf.identity(number)
