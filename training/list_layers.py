"""In: lists as dense batches, padded with -1 (ids) or NaN (numbers). Out: one vector a row, whatever the padding.

Keras layers of our own; a saved model loads wherever this module has been imported, and an export needs none of it.
"""

from __future__ import annotations

import keras
from keras import ops

_NUMBERS = 4
_LEAST, _MOST = float("-inf"), float("inf")


def _present(ids: keras.KerasTensor) -> keras.KerasTensor:
    return ops.cast(ids >= 0, "float32")


def _flat(x: keras.KerasTensor) -> keras.KerasTensor:
    """[batch, longest] of a list or of a list of lists."""
    return x if len(x.shape) == 2 else ops.reshape(x, (ops.shape(x)[0], -1))


@keras.saving.register_keras_serializable(package="prebake")
class BagOfIds(keras.layers.Layer):
    """Ids [batch, longest], and perhaps weights of the same shape, to a vector of the ids that are there.

    Args:
      size: ids are 0 … size - 1.
      counts: how often each id is there, with weights the sum of its weights; else 1, with weights the largest.

    Returns:
      float32 [batch, size].
    """

    def __init__(self, size: int, counts: bool, **kwargs):
        super().__init__(**kwargs)
        self.size, self.counts = size, counts

    def call(self, ids, weights=None):
        ids = _flat(ids)
        value = _present(ids) if weights is None else ops.where(ids >= 0, _flat(weights), 0.0)
        if self.counts or weights is None:
            # -1 is no id: its row of the one-hot matrix is all 0.
            found = ops.einsum("bl,bls->bs", value, ops.one_hot(ids, self.size))
            return found if self.counts else ops.minimum(found, 1.0)
        there = ops.one_hot(ids, self.size) > 0
        largest = ops.max(ops.where(there, value[:, :, None], _LEAST), axis=1, initial=_LEAST)
        return ops.where(ops.any(there, axis=1), largest, 0.0)

    def get_config(self):
        return {**super().get_config(), "size": self.size, "counts": self.counts}


@keras.saving.register_keras_serializable(package="prebake")
class PoolEmbeddings(keras.layers.Layer):
    """Embeddings [batch, longest, dimension] of ids [batch, longest], and perhaps weights, to one vector.

    With weights w (or 1) and embeddings e: sum Σ w e, mean Σ w e / Σ w, sqrtn Σ w e / sqrt(Σ w²); 0 for an empty list.

    Args:
      combiner: "mean", "sum" or "sqrtn".

    Returns:
      float32 [batch, dimension].
    """

    def __init__(self, combiner: str, **kwargs):
        super().__init__(**kwargs)
        self.combiner = combiner

    def call(self, embeddings, ids, weights=None):
        ids = _flat(ids)
        value = _present(ids) if weights is None else ops.where(ids >= 0, _flat(weights), 0.0)
        total = ops.einsum("bl,bld->bd", value, embeddings)
        if self.combiner == "sum":
            return total
        divisor = (
            ops.sum(value, axis=1) if self.combiner == "mean" else ops.sqrt(ops.sum(value * value, axis=1))
        )
        nothing = divisor == 0
        # Before the division, not after: the gradient of 0 / 0 is NaN whatever is chosen then.
        return total / ops.where(nothing, 1.0, divisor)[:, None] * ops.cast(~nothing, "float32")[:, None]

    def get_config(self):
        return {**super().get_config(), "combiner": self.combiner}


@keras.saving.register_keras_serializable(package="prebake")
class IdsOrFirst(keras.layers.Layer):
    """Ids [batch, longest] with 0 for the padding, which an embedding can look up; `PoolEmbeddings` leaves it out again."""

    def call(self, ids):
        return ops.maximum(_flat(ids), 0)


@keras.saving.register_keras_serializable(package="prebake")
class DescribeNumbers(keras.layers.Layer):
    """Numbers [batch, longest] to their mean, smallest, largest and ln(1 + how many); all 0 for an empty list.

    Returns:
      float32 [batch, 4].
    """

    def call(self, x):
        x = _flat(x)
        present = ops.logical_not(ops.isnan(x))
        count = ops.sum(ops.cast(present, "float32"), axis=1)
        total = ops.sum(ops.where(present, x, 0.0), axis=1)
        largest = ops.max(ops.where(present, x, _LEAST), axis=1, initial=_LEAST)
        smallest = ops.min(ops.where(present, x, _MOST), axis=1, initial=_MOST)
        ends = [ops.where(count > 0, end, 0.0) for end in (smallest, largest)]
        return ops.stack([total / ops.maximum(count, 1.0), *ends, ops.log1p(count)], axis=1)

    def compute_output_shape(self, shape):
        return (shape[0], _NUMBERS)
