"""In: an int64 or string column. Out: int64 ids, from a vocabulary."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import tensorflow as tf

from ..schemas import numerals
from .device import IntegerSearch, is_on_device
from .hashing import hash_ids


class TokenTable(tf.Module):
    """Ids of tokens: 0 … n - 1 in the order given, then `oov_buckets` ids for all others, by hash.

    Args:
      tokens: distinct; as they would stand in a CSV.
      dtype: of the column, tf.int64 or tf.string.
      oov_buckets: at least 1, or 0: others get -1.
    """

    def __init__(self, tokens: list[bytes], dtype: tf.DType, oov_buckets: int):
        super().__init__(name="tokens")
        self.size = len(tokens) + oov_buckets
        self._known = len(tokens)
        self._oov_buckets = oov_buckets
        keys: list[int | bytes] = [int(token) if dtype == tf.int64 else token for token in tokens]
        ids = list(range(len(keys)))
        if not keys:
            # A table cannot be empty: this one knows the missing value, as unknown.
            keys, ids = [numerals.INT_MISSING if dtype == tf.int64 else b""], [-1]
        self._lookup: Callable[[tf.Tensor], tf.Tensor]
        if is_on_device() and dtype == tf.int64:
            self._lookup = IntegerSearch(cast("list[int]", keys), ids)
            return
        # From tensors, not from a file: the graph then needs nothing beside it, and LiteRT and TF.js can run it.
        self._table = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(tf.constant(keys, dtype), tf.constant(ids, tf.int64)),
            default_value=-1,
        )
        self._lookup = self._table.lookup

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        """int64 ids, of the shape of `x`."""
        ids = self._lookup(x)
        if self._oov_buckets == 0:
            return ids
        if self._oov_buckets == 1:
            other = tf.fill(tf.shape(ids), tf.constant(self._known, tf.int64))
        else:
            other = self._known + hash_ids(x, self._oov_buckets)
        return tf.where(ids < 0, other, ids)
