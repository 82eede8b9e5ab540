"""In: bytes of image files and of serialised tensors. Out: float32 arrays of a fixed shape, all 0 where missing."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import tensorflow as tf

from ..schemas.spec_pb2 import Feature
from .missing import is_missing, to_float
from .refuse import accept

# How JPEG, PNG, GIF and BMP files begin.
_BEGINNINGS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8", b"BM")
# Where a BMP file says how many bits a pixel has (16 bits, little-endian).
_BMP_BITS = 28


def decode_image(x: tf.Tensor, height: int, width: int, channels: int, column: str) -> tf.Tensor:
    """Images, resized (bilinear): float32 [batch, height, width, channels] from 0 to 1.

    Args:
      x: string [batch], JPEG, PNG (without its transparency; of 16 bits the upper 8), GIF (its first frame) or BMP with 24
        bits a pixel; empty is missing.
      height: in pixels.
      width: in pixels.
      channels: 3, or 1 for luminance.
      column: named in errors.

    Raises:
      InvalidArgumentError (when it runs): bytes are no such image.
    """
    black = tf.io.encode_png(tf.zeros([1, 1, 3], tf.uint8))
    files = tf.where(is_missing(x), black, x)
    known = [tf.equal(tf.strings.substr(files, 0, len(begin)), begin) for begin in _BEGINNINGS]
    shown = tf.strings.substr(files, 0, 8)
    checked = accept(column, shown, tf.reduce_any(known, axis=0), "is not a JPEG, PNG, GIF or BMP image")
    # The kernel reads a BMP of other pixels as if they had three bytes each.
    header = tf.strings.join([tf.strings.substr(files, 0, _BMP_BITS + 2), "\0" * _BMP_BITS + "\0\0"])
    bits = tf.strings.substr(header, _BMP_BITS, 2)
    plain = tf.not_equal(tf.strings.substr(files, 0, 2), "BM") | tf.equal(bits, b"\x18\0")
    checked_bits = accept(column, shown, plain, "is a BMP image that has not 24 bits a pixel")

    def decode(file: tf.Tensor) -> tf.Tensor:
        # As three channels first: GIF and BMP give no other number.
        pixels = tf.io.decode_image(file, channels=3, expand_animations=False, name=_op_name(column))
        if channels == 1:
            red, green, blue = tf.unstack(tf.cast(pixels, tf.int32), 3, axis=-1)
            # Luminance by ITU-R BT.601, rounded.
            pixels = ((299 * red + 587 * green + 114 * blue + 500) // 1000)[..., tf.newaxis]
        return tf.image.resize(tf.cast(pixels, tf.float32), [height, width]) * (1 / 255)

    with tf.control_dependencies([checked, checked_bits]):
        files = tf.identity(files)
    return tf.map_fn(decode, files, fn_output_signature=tf.TensorSpec([height, width, channels], tf.float32))


def decode_tensor(x: tf.Tensor, shape: Sequence[int], column: str) -> tf.Tensor:
    """Serialised tensors: float32 [batch, *shape].

    Args:
      x: string [batch], tf.TensorProto of float32; empty is missing.
      shape: of each tensor.
      column: named in errors.

    Raises:
      InvalidArgumentError (when it runs): bytes are no tensor of this shape and type, or a number in it is not finite.
    """
    zeros = tf.io.serialize_tensor(tf.zeros(shape, tf.float32))
    wanted = ", ".join(map(str, shape))

    def parse(proto: tf.Tensor) -> tf.Tensor:
        tensor = tf.io.parse_tensor(proto, tf.float32, name=_op_name(column))
        found = tf.strings.reduce_join(tf.strings.as_string(tf.shape(tensor)), separator=", ")[tf.newaxis]
        checked = accept(
            column, found, tf.equal(found, wanted), f"has a tensor whose shape is not [{wanted}]"
        )
        with tf.control_dependencies([checked]):
            values = tf.reshape(tensor, [math.prod(shape)])
        values = accept(
            column, values, tf.math.is_finite(values), "has a tensor with a number that is not finite"
        )
        return to_float(tf.reshape(values, shape))

    return tf.map_fn(
        parse, tf.where(is_missing(x), zeros, x), fn_output_signature=tf.TensorSpec(shape, tf.float32)
    )


def refused(files: Sequence[bytes], feature: Feature) -> list[tuple[int, str]]:
    """The place and the fault of each file that an image or tensor feature cannot decode. One after the other: slow."""

    def is_good(file: bytes) -> bool:
        try:
            decode(tf.constant(file), feature)
        except tf.errors.InvalidArgumentError:
            return False
        return True

    good = {file: is_good(file) for file in dict.fromkeys(files)}
    return [(place, reason(feature)) for place, file in enumerate(files) if not good[file]]


def decode(file: tf.Tensor, feature: Feature) -> tf.Tensor:
    """One file, a string scalar, as an image or tensor feature decodes it; errors as there."""
    size = feature.image
    if feature.HasField("image"):
        return decode_image(file[tf.newaxis], size.height, size.width, size.channels, feature.column)
    return decode_tensor(file[tf.newaxis], list(feature.tensor.shape), feature.column)


def reason(feature: Feature) -> str:
    """Why a file that cannot be decoded is refused."""
    if feature.HasField("image"):
        return "is not an image that can be read: JPEG, PNG, GIF or BMP with 24 bits a pixel"
    wanted = ", ".join(map(str, feature.tensor.shape))
    return f"is not a serialised float32 tensor of shape [{wanted}] with finite numbers"


def _op_name(column: str) -> str:
    """The kernels' own errors show the operation's name, which has no other characters than these."""
    return "column_" + re.sub(r"[^A-Za-z0-9_.]", "_", column)
