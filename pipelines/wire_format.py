"""In: numbers and messages. Out: their bytes in protobuf's wire format, and the frames of TFRecord files.

Wire format: https://protobuf.dev/programming-guides/encoding.
TFRecord: little-endian uint64 length, its masked CRC32C, the data, its masked CRC32C.
"""

from __future__ import annotations

import functools

import google_crc32c
import numpy as np

from ..schemas.manifest_pb2 import OUTPUT_FLOAT, OutputFeature

HEADER_BYTES, FOOTER_BYTES = 12, 4
_FLOAT_BYTES = 4
# Of a varint with 7 bits a byte; a negative int64 takes all ten.
_LONGEST_VARINT = 10


def varint(value: int) -> bytes:
    """As short as it can be; value ≥ 0."""
    parts = []
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])


def field_prefix(number: int, size: int) -> bytes:
    """What comes before the `size` bytes of a string or message that is this field."""
    return bytes([number << 3 | 2]) + varint(size)


def field(number: int, content: bytes) -> bytes:
    """A string or message that is this field; number < 16."""
    return field_prefix(number, len(content)) + content


def varint_width(cardinality: int) -> int:
    """Bytes that hold any id below `cardinality`; 0: any int64."""
    if not cardinality:
        return _LONGEST_VARINT
    return max(1, -(-(cardinality - 1).bit_length() // 7))


def value_width(feature: OutputFeature) -> int:
    """Bytes of each of the feature's values."""
    return _FLOAT_BYTES if feature.type == OUTPUT_FLOAT else varint_width(feature.cardinality)


def encode_values(feature: OutputFeature, values: np.ndarray) -> np.ndarray:
    """Every value in as many bytes, whatever it is.

    Args:
      feature: float or int64, and its cardinality.
      values: [n].

    Returns:
      uint8 [n, value_width(feature)].

    Raises:
      ValueError: the feature has a cardinality and a value is outside 0 … cardinality - 1.
    """
    if feature.type == OUTPUT_FLOAT:
        return np.ascontiguousarray(values, "<f4").view(np.uint8).reshape(len(values), _FLOAT_BYTES)
    # A larger id would lose its upper bits and come out as another one.
    if feature.cardinality and len(values) and (values.min() < 0 or values.max() >= feature.cardinality):
        raise ValueError(f"feature '{feature.name}' has ids outside 0 … {feature.cardinality - 1}")
    return _padded_varints(values, value_width(feature))


def _padded_varints(column: np.ndarray, width: int) -> np.ndarray:
    """uint8 [n, width]: padded to `width` by bytes that add nothing (0x85 0x80 0x00 is a valid 5)."""
    rest = column.astype(np.int64).view(np.uint64)
    out = np.empty((len(column), width), np.uint8)
    for place in range(width):
        out[:, place] = (rest & np.uint64(0x7F)) | np.uint64(0x80 if place < width - 1 else 0)
        rest = rest >> np.uint64(7)
    return out


def feature_prefix(feature: OutputFeature, size: int) -> bytes:
    """What makes a Feature of `size` bytes of values."""
    packed = field_prefix(1, size) if size else b""  # FloatList.value or Int64List.value
    kind = 2 if feature.type == OUTPUT_FLOAT else 3  # Feature.float_list, Feature.int64_list
    return field_prefix(kind, len(packed) + size) + packed


def entry_prefix(name: str, before: bytes, size: int) -> bytes:
    """What makes a map entry with this key of `before` and `size` bytes: the value's message."""
    key = field(1, name.encode())
    value = field_prefix(2, len(before) + size) + before
    return field_prefix(1, len(key) + len(value) + size) + key + value


def masked(checksums: np.ndarray) -> np.ndarray:
    """TFRecord's masked CRC32C of CRC32Cs, uint32 little-endian."""
    rotated = (checksums >> np.uint32(15)) | (checksums << np.uint32(17))
    return (rotated + np.uint32(0xA282EAD8)).astype("<u4")


@functools.lru_cache(maxsize=1 << 16)
def record_header(size: int) -> bytes:
    """Of a record of `size` bytes."""
    length = size.to_bytes(8, "little")
    return length + masked(np.array([google_crc32c.value(length)], np.uint32)).tobytes()


def record_footers(records: list[bytes]) -> np.ndarray:
    """uint8 [n, 4]."""
    checksums = np.fromiter(map(google_crc32c.value, records), np.uint32, len(records))
    return masked(checksums).view(np.uint8).reshape(len(records), FOOTER_BYTES)


def frame_records(records: list[bytes]) -> bytes:
    """Records of any length, as they lie in a TFRecord file."""
    footers = record_footers(records).tobytes()
    pieces: list[bytes] = []
    for place, record in enumerate(records):
        pieces += (record_header(len(record)), record, footers[4 * place : 4 * place + 4])
    return b"".join(pieces)
