"""In: numbers side by side. Out: their sum from left to right.

TensorFlow's own sums add in an order that depends on the batch and on the number of threads, so that the last bits of a
row's sum would differ between a request and the training examples.
"""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf


def sum_columns(x: tf.Tensor, value: Callable[[tf.Tensor], tf.Tensor]) -> tf.Tensor:
    """value(x[:, 0]) + value(x[:, 1]) + …, 0 if there is no column.

    Args:
      x: [batch, n].
      value: from a column, [batch], to what is added, [batch, …].

    Returns:
      Of the shape and dtype of what `value` gives. Where `value` gives 0, as for padding, the sum stays as it is.
    """
    columns = tf.transpose(x)

    def add(place: tf.Tensor, total: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return place + 1, total + value(tf.gather(columns, place))

    zero = tf.zeros_like(value(tf.zeros(tf.shape(x)[:1], x.dtype)))
    return tf.while_loop(lambda place, _: place < tf.shape(columns)[0], add, (tf.constant(0), zero))[1]
