"""In: int64 id columns and how many ids each has. Out: int64 ids of their combinations.

Integer arithmetic: a cross by joining and hashing strings costs more than all the rest of a transform.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import tensorflow as tf

from .hashing import PRIME, hash_ids


def cross_size(sizes: list[int], buckets: int) -> int:
    """How many ids a cross has: one per combination while these fit into the buckets, else the buckets."""
    return min(math.prod(sizes), buckets)


def cross(ids: list[tf.Tensor], sizes: list[int], buckets: int) -> tf.Tensor:
    """Row-major index of the combination, or its hash if there are more combinations than buckets.

    Args:
      ids: int64 [batch] each, 0 … size - 1.
      sizes: of each, below 2^31.
      buckets: most ids that the cross may have.

    Returns:
      int64 [batch], 0 … cross_size(sizes, buckets) - 1.
    """
    if math.prod(sizes) <= buckets:
        return combine(ids, sizes)
    combined = ids[0]
    for one, size in zip(ids[1:], sizes[1:], strict=True):
        # The remainder keeps the next product within int64.
        combined = tf.math.floormod(combined * size + one, PRIME)
    return hash_ids(combined, buckets)


def combine(ids: list[tf.Tensor], sizes: list[int]) -> tf.Tensor:
    """Row-major index of the combination, int64 [batch]; the product of the sizes must fit into int64."""
    combined = ids[0]
    for one, size in zip(ids[1:], sizes[1:], strict=True):
        combined = combined * size + one
    return combined


def cross_each(
    ids: list[tf.Tensor | tf.RaggedTensor], to_id: Callable[[list[tf.Tensor]], tf.Tensor]
) -> tf.Tensor | tf.RaggedTensor:
    """The id of the combination; where lists are crossed, of every combination of their values.

    Args:
      ids: int64 [batch] or ragged [batch, (n)] each.
      to_id: from int64 [batch] each to int64 [batch].

    Returns:
      int64 [batch], or ragged [batch, (n1 * n2 * …)], the last list's values going round fastest.
    """
    if not any(isinstance(one, tf.RaggedTensor) for one in ids):
        return to_id(ids)
    dense = [one.to_tensor(-1) if isinstance(one, tf.RaggedTensor) else one[:, tf.newaxis] for one in ids]
    rows = tf.shape(dense[0])[0]
    counts = [tf.shape(one)[1] for one in dense]
    spread = []
    for place, one in enumerate(dense):
        shape = [rows] + [counts[axis] if axis == place else 1 for axis in range(len(dense))]
        spread.append(tf.broadcast_to(tf.reshape(one, shape), [rows, *counts]))
    flat = [tf.reshape(one, [rows, tf.reduce_prod(counts)]) for one in spread]
    present = tf.reduce_all(tf.stack([one >= 0 for one in flat]), axis=0)
    crossed = to_id([tf.where(present, one, 0) for one in flat])
    return tf.ragged.boolean_mask(crossed, present)
