"""In: an int64 or string column. Out: int64 ids 0 … buckets - 1 by hash, the same on every machine.

Text: FarmHash64, modulo the buckets (tf.strings.to_hash_bucket_fast). Integers: h = ((a1·lo + a2·hi + c) mod p) mod buckets
over the two 31-bit limbs of the number, Carter & Wegman, "Universal classes of hash functions", 1979: nothing but
multiplications, additions and remainders that fit into int64, so that every target of the export can compute it.
"""

from __future__ import annotations

import tensorflow as tf

PRIME = 2**31 - 1
_A1, _A2, _A3, _C = 1_103_515_245, 1_597_334_677, 747_796_405, 1_013_904_223


def hash_ids(x: tf.Tensor, buckets: int) -> tf.Tensor:
    """int64 ids, of the shape of `x` (int64 or string)."""
    if x.dtype == tf.string:
        return tf.strings.to_hash_bucket_fast(x, buckets)
    limb = tf.constant(2**31, tf.int64)
    low = tf.math.floormod(x, limb)
    rest = tf.math.floordiv(x, limb)
    middle = tf.math.floormod(rest, limb)
    high = tf.math.floormod(tf.math.floordiv(rest, limb), limb)
    mixed = tf.math.floormod(low * _A1, PRIME) + tf.math.floormod(middle * _A2, PRIME) + high * _A3 + _C
    return tf.math.floormod(tf.math.floormod(mixed, PRIME), buckets)
