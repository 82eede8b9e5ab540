"""In: a function that fails on some rows, and rows. Out: on which ones it does not, in the graph.

No operation catches another one's error but tf.data's, and making a dataset costs about half a millisecond.
"""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf


def succeeds(function: Callable[[tf.Tensor], tf.Tensor], rows: tf.Tensor) -> tf.Tensor:
    """bool [n].

    Args:
      function: of one row, gives a tensor of any kind.
      rows: [n], one value each.
    """
    # Something that hangs on every value which the function gives, or some of them would not be computed at all.
    tried = tf.data.Dataset.from_tensor_slices(rows).enumerate()
    tried = tried.map(lambda number, row: (number, _trace(function(row)))).ignore_errors()
    places = tried.map(lambda number, _: number)
    none = tf.data.Dataset.from_tensors(tf.constant(-1, tf.int64))
    found = places.concatenate(none).batch(2**40).get_single_element()[:-1]
    count = tf.shape(rows, tf.int64)
    return tf.scatter_nd(found[:, tf.newaxis], tf.ones_like(found, tf.bool), count)


def _trace(x: tf.Tensor) -> tf.Tensor:
    return tf.strings.length(tf.io.serialize_tensor(x))


def whole(
    function: Callable[[tf.Tensor], dict[str, tf.Tensor]], rows: tf.Tensor, otherwise: dict[str, tf.Tensor]
):
    """What the function gives of all rows at once, and True; `otherwise` and False if it fails.

    Args:
      function: of `rows`.
      rows: [n].
      otherwise: of the dtypes and ranks that the function gives.
    """
    tried = tf.data.Dataset.from_tensors(rows).map(lambda x: (function(x), True)).ignore_errors()
    failed = tf.data.Dataset.from_tensors((otherwise, False))
    return tried.concatenate(failed).take(1).get_single_element()
