"""In: one TFRecord frame, and what its Example must hold. Out: where everything lies in frames of the same length.

What prebake writes of features of fixed shape has one length, so that a file is a matrix of bytes, a row each. Numbers lie
at the same place in each row, and ids are varints of the same width. Where that is so, columns can be cut out of the matrix
in a fraction of what parsing Examples takes; records of which other bytes are not those of the first must be parsed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from .record_checksum import RecordChecksum, stated_checksum

# Of a frame: eight bytes of length and their checksum before the record, the record's checksum behind it.
HEADER_BYTES, FOOTER_BYTES = 12, 4
# Beyond that, checking the bytes that differ would cost more than parsing.
_MOST_BYTES = 512


class Field(NamedTuple):
    """What a feature of a record must be.

    Attributes:
      dtype: float32 or int64.
      shape: of a row's value.
    """

    dtype: str
    shape: Sequence[int]


class RecordLayout:
    """Where the values lie in frames of one length.

    Args:
      frame: bytes of one frame of that length.
      fields: what its Example must hold, and nothing else, by name.

    Raises:
      ValueError: the frame is not such an Example, is damaged, or too many of its bytes may differ.
    """

    def __init__(self, frame: bytes, fields: Mapping[str, Field]):
        self._fields = fields
        end = len(frame) - FOOTER_BYTES
        # Filled up with zeros to a multiple of eight.
        template = np.frombuffer(frame + bytes(-len(frame) % 8), np.uint8)
        # The bits that all frames have in common.
        common = np.where(np.arange(len(template)) < end, 0xFF, 0).astype(np.uint8)
        self._spans: dict[str, slice] = {}
        for name, is_float, start, stop in _values(frame):
            if name not in fields or name in self._spans or is_float != (fields[name].dtype == "float32"):
                raise ValueError(f"feature '{name}' is not what it should be")
            count = math.prod(fields[name].shape)
            width = (stop - start) // count
            # Of a varint the first bit of each byte says whether another one follows.
            more = np.array([0x80] * (width - 1) + [0], np.uint8)
            values = template[start : start + width * count].reshape(count, width)
            if stop - start != width * count or (
                width != 4 if is_float else width == 0 or (values & 0x80 != more).any()
            ):
                raise ValueError(f"feature '{name}' does not have {count} values of one width")
            common[start:stop] = 0 if is_float else 0x80
            self._spans[name] = slice(start, stop)
        if self._spans.keys() != fields.keys():
            raise ValueError(f"features {sorted(self._spans)} instead of {sorted(fields)}")
        # Compared eight at a time: that takes a tenth.
        self._template, self._common = ((part & common).view(np.int64) for part in (template, common))
        self._end = end
        variable = np.concatenate([np.arange(span.start, span.stop) for span in self._spans.values()])
        if len(variable) > _MOST_BYTES:
            raise ValueError(f"{len(variable)} bytes may differ")
        record = frame[HEADER_BYTES:end]
        if frame[8:HEADER_BYTES] + frame[end:] != stated_checksum(frame[:8]) + stated_checksum(record):
            raise ValueError("a checksum is not that of the record")
        self._checksum = RecordChecksum(record, variable - HEADER_BYTES)

    def fits(self, frames: tf.Tensor) -> tf.Tensor:
        """Whether all frames, uint8 [n, length], have this layout and the checksums that they state; bool."""
        filled = tf.pad(frames, [[0, 0], [0, 8 * len(self._common) - self._end - FOOTER_BYTES]])
        words = tf.bitcast(tf.reshape(filled, [-1, len(self._common), 8]), tf.int64)
        alike = tf.bitwise.bitwise_and(words, self._common) == self._template
        values = tf.concat([frames[:, span] for span in self._spans.values()], axis=1)
        stated = frames[:, self._end : self._end + FOOTER_BYTES]
        return tf.reduce_all(alike) & tf.reduce_all(self._checksum(values) == stated)

    def columns(self, frames: tf.Tensor) -> dict[str, tf.Tensor]:
        """The values of frames that fit: float32 or int64 [n, …] by name."""
        return {name: self._column(frames[:, span], name) for name, span in self._spans.items()}

    def _column(self, values: tf.Tensor, name: str) -> tf.Tensor:
        shape, size = [-1, *self._fields[name].shape], math.prod(self._fields[name].shape)
        parts = tf.reshape(values, [-1, size, values.shape[1] // size])
        if self._fields[name].dtype == "float32":
            return tf.reshape(tf.bitcast(parts, tf.float32), shape)
        # Seven bits a byte, the lowest first.
        bits = tf.cast(tf.bitwise.bitwise_and(parts, np.uint8(0x7F)), tf.int64)
        shifted = tf.bitwise.left_shift(bits, 7 * np.arange(parts.shape[2]))
        return tf.reshape(tf.reduce_sum(shifted, axis=2), shape)


def _values(frame: bytes) -> Iterator[tuple[str, bool, int, int]]:
    """Name, whether it is a float_list, and first and last place of the packed values of each feature."""
    end = len(frame) - FOOTER_BYTES
    if int.from_bytes(frame[:8], "little") != end - HEADER_BYTES:
        raise ValueError("the length is not that of the record")
    ((_, start, end),) = _parts(frame, HEADER_BYTES, end, 1)
    for _, entry, entry_end in _parts(frame, start, end, 1):
        (_, key, key_end), (_, feature, feature_end) = _parts(frame, entry, entry_end, 1, 2)
        ((kind, values, values_end),) = _parts(frame, feature, feature_end, 2, 3)
        ((_, first, last),) = _parts(frame, values, values_end, 1)
        yield frame[key:key_end].decode(), kind == 2, first, last


def _parts(frame: bytes, place: int, end: int, *numbers: int) -> Iterator[tuple[int, int, int]]:
    """Number, first and last place of the fields of a message, which must all have a length and one of these numbers."""
    while place < end:
        tag, place = frame[place], place + 1
        if tag & 7 != 2 or tag >> 3 not in numbers:
            raise ValueError(f"tag {tag} at byte {place - 1}")
        size = next((size for size in range(1, end - place + 1) if frame[place + size - 1] < 0x80), 0)
        length = sum((byte & 0x7F) << 7 * number for number, byte in enumerate(frame[place : place + size]))
        place += size
        if not size or place + length > end:
            raise ValueError(f"a field beyond its message at byte {place}")
        yield tag >> 3, place, place + length
        place += length
