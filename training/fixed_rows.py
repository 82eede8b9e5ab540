"""In: shards whose records all have one length. Out: rows by number, cut out of the files, which lie in memory as they are.

The files are mapped, not read: what is not in memory comes from the disk, and goes when the memory is needed. So rows need
not be moved one by one to be shuffled, their numbers are. Each record is checked against its checksum whenever it is used.
All of it is TensorFlow's: Python that a thread of tf.data calls may hang when the process ends.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from ..schemas.feature_spec import WEIGHT, feature_spec
from ..schemas.manifest_pb2 import Manifest, ShardEntry, SplitEntry
from ..schemas.spec_pb2 import COMPRESSION_GZIP
from .cache import ShardKey, first_rows
from .parse_examples import ragged_parser, side_by_side
from .record_checksum import RecordChecksum
from .record_layout import FOOTER_BYTES, HEADER_BYTES, Field, RecordLayout

Rows = tuple[Any, ...]


class FixedRows:
    """Rows of mapped files, to be had as those of `cache.Kept`.

    Args:
      manifest: of the examples.
      fields: of each record.
      shards: with rows.
      paths: of their files, of which the records have one length.

    Raises:
      ValueError: see `RecordLayout`.
    """

    pad = None

    def __init__(
        self, manifest: Manifest, fields: Mapping[str, Field], shards: Sequence[ShardEntry], paths: Sequence[str]
    ):  # fmt: skip
        self.first: dict[ShardKey, int] = first_rows(shards)
        self._starts = np.array(list(self.first.values()))
        self._length = os.path.getsize(paths[0]) // shards[0].rows
        with open(paths[0], "rb") as file:
            self._frame = file.read(self._length)
        self._layout, self._weighted = RecordLayout(self._frame, fields), manifest.weighted
        self._labels = [label["name"] for label in _labels(feature_spec(manifest))]
        self._parse, self._paths = ragged_parser(manifest), list(paths)
        with tf.device("CPU:0"):
            self._files = self._map_files([shard.rows for shard in shards])

    def _map_files(self, rows: Sequence[int]) -> tf.Tensor:
        """A list of matrices, uint8 [rows, length], one of each file; nothing is copied."""
        files = tf.raw_ops.TensorListReserve(
            element_shape=[-1, self._length], num_elements=len(rows), element_dtype=tf.uint8
        )
        for number, (path, count) in enumerate(zip(self._paths, rows, strict=True)):
            # As one that could be written to, which alone may be handed over; no change would reach the file.
            matrix = np.asarray(np.memmap(path, np.uint8, "c", shape=(count, self._length)))
            tensor = tf.experimental.dlpack.from_dlpack(matrix.__dlpack__())
            files = tf.raw_ops.TensorListSetItem(input_handle=files, index=number, item=tensor)
        return files

    def take(self, numbers: tf.Tensor) -> Rows:
        """The rows with these numbers, int64 [at least one].

        Raises:
          tf.errors.InvalidArgumentError: a record is damaged; the text names the file and the record, counted from 1.
        """
        shards = tf.searchsorted(self._starts, numbers, side="right") - 1
        places = numbers - tf.gather(self._starts, shards)
        frames = self._frames(shards, places)
        return tf.cond(
            self._layout.fits(frames),
            lambda: self._cut(frames),
            lambda: self._parsed(frames, shards, places),
        )

    def _cut(self, frames: tf.Tensor) -> Rows:
        """The rows of records that have the first one's layout."""
        columns = self._layout.columns(frames)
        rows = (columns, side_by_side([columns.pop(name) for name in self._labels]))
        return (*rows, columns.pop(WEIGHT)) if self._weighted else rows

    def _frames(self, shards: tf.Tensor, places: tf.Tensor) -> tf.Tensor:
        """Records with their frames, uint8 [n, length]."""
        present, which = tf.unique(shards)
        count = tf.size(present)

        def of_one(number: tf.Tensor, parts: tf.TensorArray, order: tf.TensorArray) -> tuple:
            here = tf.where(tf.equal(which, number))[:, 0]
            matrix = tf.raw_ops.TensorListGetItem(
                input_handle=self._files,
                index=present[number],
                element_shape=[-1, self._length],
                element_dtype=tf.uint8,
            )
            part = tf.gather(matrix, tf.gather(places, here))
            return number + 1, parts.write(number, part), order.write(number, here)

        parts = tf.TensorArray(tf.uint8, count, infer_shape=False, element_shape=[None, self._length])
        order = tf.TensorArray(tf.int64, count, infer_shape=False, element_shape=[None])
        _, parts, order = tf.while_loop(
            lambda number, *_: number < count, of_one, (tf.constant(0), parts, order)
        )
        return tf.gather(parts.concat(), tf.math.invert_permutation(order.concat()))

    def _parsed(self, frames: tf.Tensor, shards: tf.Tensor, places: tf.Tensor) -> Rows:
        """The rows of records that are not all like the first one, or damaged."""
        header, record = self._frame[:HEADER_BYTES], self._frame[HEADER_BYTES:-FOOTER_BYTES]
        content = frames[:, HEADER_BYTES:-FOOTER_BYTES]
        checksum = RecordChecksum(record, np.arange(len(record)))
        stated = tf.concat([frames[:, :HEADER_BYTES], frames[:, -FOOTER_BYTES:]], axis=1)
        wanted = tf.concat(
            [
                tf.broadcast_to(tf.constant([*header], tf.uint8), [len(frames), HEADER_BYTES]),
                checksum(content),
            ],
            axis=1,
        )
        damaged = tf.where(tf.reduce_any(stated != wanted, axis=1))[:, 0][:1]
        told = [
            "damaged record: run the step again with --replace",
            tf.gather(self._paths, tf.gather(shards, damaged)),
            tf.gather(places, damaged) + 1,
        ]
        with tf.control_dependencies([tf.debugging.Assert(tf.equal(tf.size(damaged), 0), told)]):
            letters = tf.constant([bytes([byte]) for byte in range(256)])
            records = tf.strings.reduce_join(tf.gather(letters, tf.cast(content, tf.int32)), axis=1)
        return self._parse(records)


def fixed_rows(directory: str, manifest: Manifest, split: SplitEntry) -> FixedRows | None:
    """The rows of a split, if its records have one length and the values the same place in each of them.

    Args:
      directory: that the manifest's paths are relative to.
      manifest: of the examples.
      split: with rows.

    Returns:
      None: records must be read and parsed.
    """
    shards = [shard for shard in split.shards if shard.rows]
    paths = [os.path.join(directory, shard.path) for shard in shards]
    lists = any(size < 0 for feature in manifest.features for size in feature.shape)
    if lists or split.compression == COMPRESSION_GZIP or not all(map(os.path.isfile, paths)):
        return None
    length = os.path.getsize(paths[0]) // shards[0].rows
    if any(os.path.getsize(path) != shard.rows * length for path, shard in zip(paths, shards, strict=True)):
        return None
    try:
        return FixedRows(manifest, _fields(manifest), shards, paths)
    except ValueError:
        return None


def _fields(manifest: Manifest) -> dict[str, Field]:
    """What each record has: features, label and weight."""
    spec = feature_spec(manifest)
    fields = {name: Field(one["dtype"], one["shape"]) for name, one in spec["features"].items()}
    fields |= {label["name"]: Field(label["dtype"], [1]) for label in _labels(spec)}
    if manifest.weighted:
        fields[WEIGHT] = Field("float32", [])
    return fields


def _labels(spec: dict[str, Any]) -> list[dict[str, Any]]:
    return [spec["label"], *spec.get("more_labels", ())]
