"""In: an int64 or string column. Out: int64 ids 0 … buckets - 1 by hash, the same on every machine.

Text: FarmHash64, modulo the buckets (tf.strings.to_hash_bucket_fast). Integers: Carter & Wegman, "Universal classes of
hash functions", 1979, over three limbs of 31 bits,

    h(x) = ((a1·x0 + a2·x1 + a3·x2 + c) mod p) mod buckets,   x0 + 2^31·x1 + 2^62·x2 ≡ x (mod 2^93), 0 <= xi < 2^31:

nothing but multiplications, additions and remainders that fit into int64.
"""

from __future__ import annotations

import tensorflow as tf

# The smallest prime above 2^31: with 2^31 - 1 the limbs 0 and 2^31 - 1 would be one, and 0 and -1 always collide.
PRIME = 2**31 + 11
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
