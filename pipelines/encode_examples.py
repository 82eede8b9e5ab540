"""In: columns of numbers. Out: the bytes of TFRecord files of tf.Examples or tf.SequenceExamples, many rows at a time.

Where every feature is one value or a vector, all Examples of a data set have the same length and layout: one record is a
template in which the values are the only bytes that change. A chunk is a matrix of bytes, a record a row of it, and numpy
writes column by column. Lists vary in length: then a record is joined from the entries of its features, neighbours of
fixed width still from one template. Keys are sorted; the same rows always give the same bytes, which protobuf's own map
serialisation does not promise.

Messages: tensorflow/core/example/example.proto, feature.proto.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Generator, Mapping, Sequence
from typing import Any

import numpy as np

from ..schemas.manifest_pb2 import OutputFeature
from ..schemas.ragged import Ragged
from .encode_lists import ListEntry, SequenceEntry
from .wire_format import (
    FOOTER_BYTES,
    HEADER_BYTES,
    encode_values,
    entry_prefix,
    feature_prefix,
    field,
    field_prefix,
    frame_records,
    record_footers,
    record_header,
    value_width,
)

# A chunk of records stays within the processor's cache.
_CHUNK_ROWS = 4096
_LISTS = ([-1], [-1, -1])
# Example.features and SequenceExample.context; SequenceExample.feature_lists.
_FEATURES, _FEATURE_LISTS = 1, 2


class FixedEntries:
    """Entries of Features.feature, one after the other, of features that have as many values in every row.

    Args:
      features: of shapes without -1.

    Attributes:
      template: the entries' bytes, all values 0.
    """

    def __init__(self, features: Sequence[OutputFeature]):
        self.template, self._slots = b"", []
        for feature in features:
            count = math.prod(feature.shape)
            size = count * value_width(feature)
            self.template += entry_prefix(feature.name, feature_prefix(feature, size), size)
            self._slots.append((feature, count, slice(len(self.template), len(self.template) + size)))
            self.template += bytes(size)

    def fill(self, entries: np.ndarray, columns: Mapping[str, np.ndarray]) -> None:
        """Writes the values into uint8 [rows, len(template)] that holds the template in every row.

        Raises:
          ValueError: an id is outside 0 … cardinality - 1.
        """
        for feature, count, place in self._slots:
            values = columns[feature.name].reshape(len(entries) * count)
            entries[:, place] = encode_values(feature, values).reshape(len(entries), -1)


class ExampleEncoder:
    """Encodes rows with these features: as tf.SequenceExamples if any of them is a `sequence`, else as tf.Examples.

    Args:
      features: name, type and shape of each.

    Raises:
      ValueError: a shape or a `sequence` that no Example can hold.
    """

    def __init__(self, features: Sequence[OutputFeature]):
        for feature in features:
            _check_shape(feature)
        ordered = sorted(features, key=lambda feature: feature.name.encode())
        context = [feature for feature in ordered if not feature.sequence]
        self._context: list[tuple[str, FixedEntries | ListEntry]] = []
        for is_list, group in itertools.groupby(context, key=lambda feature: list(feature.shape) in _LISTS):
            if is_list:
                self._context += [(feature.name, ListEntry(feature)) for feature in group]
            else:
                self._context.append(("", FixedEntries(list(group))))
        self._sequences = [(feature.name, SequenceEntry(feature)) for feature in ordered if feature.sequence]

    def encode(self, columns: Mapping[str, np.ndarray | Ragged], rows: int) -> Generator[bytes, None, None]:
        """Records of `rows` rows, some thousand at a time.

        Args:
          columns: by feature name float32 or int64 [rows], vectors [rows, …] with as many values as the shape says, lists
            Ragged.
          rows: how many.

        Raises:
          ValueError: a feature with a cardinality has a value outside 0 … cardinality - 1.
        """
        fixed = self._context[0][1] if len(self._context) == 1 and not self._sequences else None
        records = _blank_records(fixed, min(rows, _CHUNK_ROWS)) if isinstance(fixed, FixedEntries) else None
        for start in range(0, rows, _CHUNK_ROWS):
            stop = min(start + _CHUNK_ROWS, rows)
            chunk: dict[str, Any] = {name: _rows_of(column, start, stop) for name, column in columns.items()}
            if isinstance(fixed, FixedEntries) and records is not None:
                yield _fill_records(records[: stop - start], fixed, chunk)
            else:
                yield frame_records(self._encode_lists(chunk, stop - start))

    def _encode_lists(self, columns: Mapping[str, Any], rows: int) -> list[bytes]:
        context = []
        for name, entries in self._context:
            if isinstance(entries, ListEntry):
                context.append(entries.encode(columns[name]))
            else:
                block = np.tile(np.frombuffer(entries.template, np.uint8), (rows, 1))
                entries.fill(block, columns)
                context.append(_as_bytes(block, 0, len(entries.template)))
        messages = _messages(_FEATURES, context, rows)
        if self._sequences:
            lists = [entries.encode(columns[name]) for name, entries in self._sequences]
            pairs = zip(messages, _messages(_FEATURE_LISTS, lists, rows), strict=True)
            messages = [features + feature_lists for features, feature_lists in pairs]
        return messages


def _blank_records(entries: FixedEntries, rows: int) -> np.ndarray:
    """uint8 [rows, bytes of a record]: all values 0, no checksum of the data."""
    example = field(_FEATURES, entries.template)
    record = record_header(len(example)) + example + bytes(FOOTER_BYTES)
    return np.tile(np.frombuffer(record, np.uint8), (rows, 1))


def _fill_records(records: np.ndarray, entries: FixedEntries, columns: Mapping[str, np.ndarray]) -> bytes:
    entries.fill(records[:, -FOOTER_BYTES - len(entries.template) : -FOOTER_BYTES], columns)
    size = records.shape[1] - HEADER_BYTES - FOOTER_BYTES
    records[:, -FOOTER_BYTES:] = record_footers(_as_bytes(records, HEADER_BYTES, size))
    return records.tobytes()


def _as_bytes(rows: np.ndarray, start: int, size: int) -> list[bytes]:
    """Bytes [start, start + size) of each row of a matrix; a tenth of the time of slicing in Python."""
    if not size:
        return [b""] * len(rows)
    it = np.dtype({"names": ["it"], "formats": [f"V{size}"], "offsets": [start], "itemsize": rows.shape[1]})
    return rows.view(it)["it"][:, 0].tolist()


def _messages(number: int, entries: Sequence[list[bytes]], rows: int) -> list[bytes]:
    """Field `number` of each row's record, made of its entries."""
    joined = list(map(b"".join, zip(*entries, strict=True))) if entries else [b""] * rows
    return [field_prefix(number, len(content)) + content for content in joined]


def _rows_of(column: np.ndarray | Ragged, start: int, stop: int) -> np.ndarray | Ragged:
    return column.take(np.arange(start, stop)) if isinstance(column, Ragged) else column[start:stop]


def _check_shape(feature: OutputFeature) -> None:
    shape = list(feature.shape)
    if shape not in _LISTS and min(shape, default=1) < 1:
        raise ValueError(f"feature '{feature.name}' has shape {shape}, which no Example can hold")
    if shape not in _LISTS and feature.sequence:
        raise ValueError(f"feature '{feature.name}' is a sequence of shape {shape}, not a list")
    if shape == [-1, -1] and not feature.sequence:
        raise ValueError(f"feature '{feature.name}' is a list of lists and no sequence")
