"""In: an int64 or string column. Out: int64 ids 0 … buckets - 1 by hash, the same on every machine.

Text: FarmHash64, modulo the buckets (tf.strings.to_hash_bucket_fast). Integers: Carter & Wegman, "Universal classes of
hash functions", 1979, over three limbs of 31 bits,

    h(x) = ((a1·x0 + a2·x1 + a3·x2 + c) mod p) mod buckets,   x0 + 2^31·x1 + 2^62·x2 ≡ x (mod 2^93), 0 <= xi < 2^31:

nothing but comparisons, multiplications, additions and remainders that fit into int64. (LiteRT divides no int64, so x1 is
not computed: 2^31·x1 is a remainder, and modulo p its factor 2^31 is undone by the inverse.)
"""

from __future__ import annotations

import tensorflow as tf

# The smallest prime above 2^31: with 2^31 - 1 the limbs 0 and 2^31 - 1 would be one, and 0 and -1 always collide.
PRIME = 2**31 + 11
_A1, _A2, _A3, _C = 1_103_515_245, 1_597_334_677, 747_796_405, 1_013_904_223
_LIMB = 2**31
_A2_BY_LIMB = _A2 * pow(_LIMB, -1, PRIME) % PRIME


def hash_ids(x: tf.Tensor, buckets: int) -> tf.Tensor:
    """int64 ids, of the shape of `x` (int64 or string)."""
    if x.dtype == tf.string:
        return tf.strings.to_hash_bucket_fast(x, buckets)
    low = tf.math.floormod(x, _LIMB)
    middle = tf.math.floormod(tf.math.floormod(x - low, _LIMB**2), PRIME)  # 2^31 * x1
    # floor(x / 2^62) is -2, -1, 0 or 1, which as limbs are 2^31 - 2, 2^31 - 1, 0 and 1.
    above = [tf.cast(tf.greater_equal(x, bound), tf.int64) for bound in (-(2**62), 0, 2**62)]
    high = (_LIMB - 2) + above[0] - above[1] * (_LIMB - 1) + above[2]
    mixed = tf.math.floormod(low * _A1, PRIME) + tf.math.floormod(middle * _A2_BY_LIMB, PRIME)
    return tf.math.floormod(tf.math.floormod(mixed + high * _A3 + _C, PRIME), buckets)
