"""In: cells that hold lists, e.g. `a|b|c`. Out: ragged tensors of their elements; and ragged tensors made dense.

An empty cell is the empty list. Between separators an empty text is a missing element: `a||b` has three, `a|` two.
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from ..schemas.numerals import INT_MISSING
from ..schemas.spec_pb2 import FLOAT, INT, Column
from .batch import Value
from .missing import NAN, is_missing
from .parse_numerals import parse_floats, parse_ints
from .refuse import accept


def split_cells(x: tf.Tensor, separators: Sequence[str]) -> tf.RaggedTensor:
    """Elements as text.

    Args:
      x: string [batch], cells; empty is missing.
      separators: one, or two for lists of lists, the outer one first; taken literally.

    Returns:
      string [batch, (n)] or [batch, (n), (m)]. In a list of lists an empty inner text is a list of one missing element.
    """
    elements = tf.strings.split(x, separators[0])
    # An empty text splits into one empty element.
    lists = tf.ragged.boolean_mask(elements, elements.with_values(_of_rows(~is_missing(x), elements)))
    if len(separators) == 1:
        return lists
    return lists.with_values(tf.strings.split(lists.values, separators[1]))


def parse_elements(x: tf.RaggedTensor, column: Column, checked: bool = False) -> tf.RaggedTensor:
    """Elements of the column's type: float32 (NaN is missing), int64 (INT64_MIN is missing) or string (empty is missing).

    Args:
      x: as `split_cells` gives it.
      column: declared.
      checked: the cells are known to be good: nothing is checked again.

    Raises:
      InvalidArgumentError (when it runs): an element is no number of the type, or a list that is not missing has
        another number of elements than the column's `length`; names the column.
    """
    text = x.flat_values
    if checked:
        read = {FLOAT: tf.float32, INT: tf.int64}.get(column.type)
        return x.with_flat_values(_numbers(text, read)) if read else x
    if column.length:
        x = _of_length(x, column)
        text = x.flat_values
    if column.type == FLOAT:
        return x.with_flat_values(parse_floats(text, column.name, is_missing(text)))
    if column.type == INT:
        return x.with_flat_values(parse_ints(text, column.name, is_missing(text)))
    return x


def to_dense(x: Value, pad: float | int | bytes, length: int | None = None) -> tf.Tensor:
    """[batch, longest] or [batch, longest, longest], `pad` after the end of each list; a dense `x` as it is.

    Args:
      x: any dtype.
      pad: of the dtype of `x`.
      length: of the lists instead of the longest one's; what is longer is cut off.
    """
    if not isinstance(x, tf.RaggedTensor):
        return x
    return x.to_tensor(pad, shape=None if length is None else [None, length])


def mask(x: tf.RaggedTensor, kept: tf.Tensor) -> tf.RaggedTensor:
    """The elements where `kept`, bool [all elements], is true; as many lists as before."""
    return tf.ragged.boolean_mask(x, x.with_flat_values(kept))


def drop_missing(x: tf.RaggedTensor) -> tf.RaggedTensor:
    """The elements that are not missing; as many lists as before."""
    return mask(x, ~is_missing(x.flat_values))


def _numbers(text: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    missing = is_missing(text)
    text = tf.where(missing, "0", text)
    if dtype == tf.int64:
        return tf.where(missing, tf.constant(INT_MISSING, tf.int64), tf.strings.to_number(text, tf.int64))
    # Rounded twice, as the reader does.
    number = tf.cast(tf.strings.to_number(text, tf.float64), tf.float32)
    return tf.where(missing, tf.constant(NAN, tf.float32), number)


def _of_rows(x: tf.Tensor, lists: tf.RaggedTensor) -> tf.Tensor:
    """A value of each row, repeated for each element of the row."""
    return tf.gather(x, lists.value_rowids())


def _of_length(x: tf.RaggedTensor, column: Column) -> tf.RaggedTensor:
    innermost = x.values if x.ragged_rank > 1 else x
    counts = innermost.row_lengths()
    good = tf.equal(counts, column.length)
    if x.ragged_rank == 1:
        good |= tf.equal(counts, 0)
    with tf.control_dependencies(
        [accept(column.name, counts, good, f"has a list whose length is not {column.length}")]
    ):
        return x.with_flat_values(tf.identity(x.flat_values))


def with_ones(weights: tf.RaggedTensor, x: tf.RaggedTensor, reason: str) -> tf.RaggedTensor:
    """The weights of the elements of `x`; 1 each where a row has no weights.

    Args:
      weights: float32 [batch, (n)].
      x: [batch, (n)].
      reason: of the error.

    Raises:
      InvalidArgumentError (when it runs): a row has weights, and not one for each element.
    """
    given = weights.row_lengths() > 0
    good = tf.logical_or(~given, tf.equal(weights.row_lengths(), x.row_lengths()))
    check = tf.debugging.Assert(tf.reduce_all(good), [reason])
    with tf.control_dependencies([check] if check is not None else []):
        places = tf.where(tf.gather(given, x.value_rowids()))
    ones = tf.ones_like(x.flat_values, tf.float32)
    return x.with_flat_values(tf.tensor_scatter_nd_update(ones, places, weights.flat_values))
