"""In: records of one length, of which some bytes differ. Out: the checksums that a TFRecord file states for them.

A CRC of records of one length is linear: what a byte changes in it does not depend on the others. So it is the exclusive or
of one number for each byte, which are looked up for thousands of records at once.
"""

from __future__ import annotations

import google_crc32c
import numpy as np
import tensorflow as tf

_SHIFT = 0xA282EAD8


def stated_checksum(content: bytes) -> bytes:
    """The checksum of some bytes as it lies in a TFRecord file: a CRC32C, turned and shifted, four bytes."""
    crc = google_crc32c.value(content)
    return ((((crc >> 15) | (crc << 17)) + _SHIFT) % 2**32).to_bytes(4, "little")


class RecordChecksum:
    """Checksums of records that are equal but for some bytes.

    Args:
      record: any one of them.
      variable: places of the bytes that differ, at least one.
    """

    def __init__(self, record: bytes, variable: np.ndarray):
        blank = bytearray(record)
        for place in variable:
            blank[place] = 0
        self._zero = google_crc32c.value(bytes(blank))
        bits = np.zeros((len(variable), 8), np.uint32)
        for number, place in enumerate(variable):
            for bit in range(8):
                blank[place] = 1 << bit
                bits[number, bit] = google_crc32c.value(bytes(blank)) ^ self._zero
            blank[place] = 0
        has_bit = (np.arange(256)[:, np.newaxis] >> np.arange(8) & 1).astype(np.uint32)
        # What each value of each byte changes, one byte's 256 behind another's.
        self._table = np.bitwise_xor.reduce(has_bit * bits[:, np.newaxis, :], axis=2).ravel()

    def __call__(self, values: tf.Tensor) -> tf.Tensor:
        """The bytes that differ, uint8 [n, bytes] → checksums as they lie in the file, uint8 [n, 4]."""
        count = len(self._table) // 256
        # By byte, then by record: halves are cut without copying single bytes.
        places = (
            tf.cast(tf.transpose(values), tf.int32) + 256 * np.arange(count, dtype=np.int32)[:, np.newaxis]
        )
        changes = tf.gather(self._table.view(np.int32), places)
        while count > 1:
            half = count // 2
            both = tf.bitwise.bitwise_xor(changes[:half], changes[half : 2 * half])
            changes = tf.concat([both, changes[2 * half :]], axis=0) if count % 2 else both
            count -= half
        crc = tf.bitcast(tf.bitwise.bitwise_xor(changes[0], np.uint32(self._zero).view(np.int32)), tf.uint32)
        fifteen, seventeen = tf.constant(15, tf.uint32), tf.constant(17, tf.uint32)
        turned = tf.bitwise.bitwise_or(
            tf.bitwise.right_shift(crc, fifteen), tf.bitwise.left_shift(crc, seventeen)
        )
        return tf.bitcast(turned + tf.constant(_SHIFT, tf.uint32), tf.uint8)
