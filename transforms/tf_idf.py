"""In: lists of ids and in how many rows each id is. Out: the tf-idf weight of every element.

    value of an id in a row = (times in the row) * idf,   idf = ln((1 + rows) / (1 + rows with the id)) + 1

and a row's values are scaled to a Euclidean norm of 1. Each element gets its share of its id's value, so that the weights
of an id's elements add up to the value.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from .ordered_sum import sum_columns


def idf(rows: float, document_frequency: np.ndarray) -> np.ndarray:
    """Inverse document frequency, float64 [ids].

    Args:
      rows: of the training split, by weight.
      document_frequency: [ids], rows with the id, by weight.
    """
    return np.log((1 + rows) / (1 + np.asarray(document_frequency, np.float64))) + 1


def tf_idf_weights(ids: tf.RaggedTensor, idf: np.ndarray) -> tf.RaggedTensor:
    """The weight of each element: float32 [batch, (n)].

    Args:
      ids: int64 [batch, (n)], from 0 to len(idf) - 1.
      idf: float64 [ids].
    """
    rows = ids.value_rowids()
    _, place, count = tf.unique_with_counts(rows * len(idf) + ids.values, tf.int64)
    each = tf.gather(tf.constant(idf, tf.float64), ids.values)
    # An id that is `count` times in the row adds (count * idf)² in `count` equal parts.
    parts = ids.with_values(tf.cast(tf.gather(count, place), tf.float64) * each * each)
    norm = tf.sqrt(sum_columns(parts.to_tensor(0), tf.identity))
    return ids.with_values(tf.cast(each / tf.gather(norm, rows), tf.float32))
