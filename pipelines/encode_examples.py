"""In: columns of numbers. Out: the bytes of TFRecord files of tf.Examples, a whole chunk of rows at a time.

Every feature is one float or one integer, so all Examples of a data set have the same length and layout: one record is a
template in which the values are the only bytes that change. A chunk is a matrix of bytes, a record a row of it, and numpy
writes column by column. Keys are sorted; the same rows always give the same bytes, which protobuf's own map
serialisation does not promise.

Wire format: https://protobuf.dev/programming-guides/encoding; tensorflow/core/example/example.proto, feature.proto.
TFRecord: little-endian uint64 length, its masked CRC32C, the data, its masked CRC32C.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

import google_crc32c
import numpy as np

from ..schemas.manifest_pb2 import OUTPUT_FLOAT, OutputFeature

# A chunk of records stays within the processor's cache.
_CHUNK_ROWS = 4096
_FLOAT_BYTES = 4
# Of a varint with 7 bits a byte; a negative int64 takes all ten.
_LONGEST_VARINT = 10
_HEADER_BYTES, _FOOTER_BYTES = 12, 4


@dataclasses.dataclass(frozen=True)
class _Slot:
    """Where one feature's value lies in the record, and how."""

    name: str
    is_float: bool
    start: int
    width: int
    cardinality: int


class ExampleEncoder:
    """Encodes rows with these features.

    Args:
      features: name and type of each.
    """

    def __init__(self, features: Sequence[OutputFeature]):
        entries, self._slots = b"", []
        for feature in sorted(features, key=lambda feature: feature.name.encode()):
            entry, offset, width = _entry(feature)
            is_float = feature.type == OUTPUT_FLOAT
            # Its tag and length come before the entry; the two lengths before all entries are added below.
            self._slots.append(
                _Slot(feature.name, is_float, len(entries) + offset, width, feature.cardinality)
            )
            entries += entry
        example = b"\x0a" + _varint(len(entries)) + entries
        shift = len(example) - len(entries)
        self._slots = [dataclasses.replace(slot, start=slot.start + shift) for slot in self._slots]
        length = len(example).to_bytes(8, "little")
        header = length + _masked(np.array([google_crc32c.value(length)], np.uint32)).tobytes()
        self._size = len(example)
        self._template = np.frombuffer(header + example + bytes(_FOOTER_BYTES), np.uint8)

    def encode(self, columns: Mapping[str, np.ndarray], rows: int) -> Iterator[bytes]:
        """Records of `rows` rows, some thousand at a time.

        Args:
          columns: float32 or int64 [rows], by feature name.
          rows: how many.

        Raises:
          ValueError: a feature with a cardinality has a value outside 0 … cardinality - 1.
        """
        for start in range(0, rows, _CHUNK_ROWS):
            stop = min(start + _CHUNK_ROWS, rows)
            yield self._encode_chunk(
                {name: column[start:stop] for name, column in columns.items()}, stop - start
            )

    def _encode_chunk(self, columns: Mapping[str, np.ndarray], rows: int) -> bytes:
        records = np.tile(self._template, (rows, 1))
        for slot in self._slots:
            start = _HEADER_BYTES + slot.start
            column = columns[slot.name]
            if slot.is_float:
                value = np.ascontiguousarray(column, "<f4").view(np.uint8).reshape(rows, _FLOAT_BYTES)
            else:
                _check_ids(column, slot)
                value = _varints(column, slot.width)
            records[:, start : start + slot.width] = value
        examples = np.ascontiguousarray(records[:, _HEADER_BYTES : _HEADER_BYTES + self._size])
        data, size = examples.tobytes(), self._size
        checksums = [google_crc32c.value(data[at : at + size]) for at in range(0, rows * size, size)]
        records[:, -_FOOTER_BYTES:] = _masked(np.array(checksums, np.uint32)).view(np.uint8).reshape(rows, 4)
        return records.tobytes()


def _entry(feature: OutputFeature) -> tuple[bytes, int, int]:
    """One entry of Features.feature: its bytes with a zero value, the value's offset in them, and its width."""
    width = _FLOAT_BYTES if feature.type == OUTPUT_FLOAT else varint_width(feature.cardinality)
    packed = b"\x0a" + _varint(width) + bytes(width)  # FloatList.value or Int64List.value, packed
    kind = b"\x12" if feature.type == OUTPUT_FLOAT else b"\x1a"  # Feature.float_list, Feature.int64_list
    value = kind + _varint(len(packed)) + packed
    name = feature.name.encode()
    content = b"\x0a" + _varint(len(name)) + name + b"\x12" + _varint(len(value)) + value
    entry = b"\x0a" + _varint(len(content)) + content
    return entry, len(entry) - width, width


def varint_width(cardinality: int) -> int:
    """Bytes that hold any id below `cardinality`; 0: any int64."""
    if not cardinality:
        return _LONGEST_VARINT
    return max(1, -(-(cardinality - 1).bit_length() // 7))


def _varint(value: int) -> bytes:
    parts = []
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])


def _check_ids(column: np.ndarray, slot: _Slot) -> None:
    # A larger id would lose its upper bits in the slot and come out as another one.
    if slot.cardinality and (column.min() < 0 or column.max() >= slot.cardinality):
        raise ValueError(f"feature '{slot.name}' has ids outside 0 … {slot.cardinality - 1}")


def _varints(column: np.ndarray, width: int) -> np.ndarray:
    """uint8 [rows, width]: padded to `width` by bytes that add nothing (0x85 0x80 0x00 is a valid 5)."""
    rest = column.astype(np.int64).view(np.uint64)
    out = np.empty((len(column), width), np.uint8)
    for place in range(width):
        out[:, place] = (rest & np.uint64(0x7F)) | np.uint64(0x80 if place < width - 1 else 0)
        rest = rest >> np.uint64(7)
    return out


def _masked(checksums: np.ndarray) -> np.ndarray:
    """TFRecord's masked CRC32C, uint32 little-endian."""
    rotated = (checksums >> np.uint32(15)) | (checksums << np.uint32(17))
    return (rotated + np.uint32(0xA282EAD8)).astype("<u4")
