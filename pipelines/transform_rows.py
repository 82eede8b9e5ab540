"""In: blocks of raw rows. Out: features of these rows, cut into the shards that they go to, and the sample's raw text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow as tf

from ..schemas import identity
from ..schemas.errors import DataError
from ..schemas.manifest_pb2 import OutputFeature
from ..schemas.spec_pb2 import REGRESSION, Spec
from ..transforms.graph import raw_columns
from ..transforms.saved_graph import load_saved_graph
from .columns import raw_column, split_of_rows
from .read import BAD_ROWS, FileBlock, bad_row
from .shuffle import Part, cut_into_parts, part_schema, shard_of_rows

LABEL, WEIGHT = "label", "weight"
SAMPLE, SPLIT_ROWS = "sample", "split_rows"


class TransformRows(beam.DoFn):
    """FileBlock → (shard, Part) for each shard.

    Tagged SAMPLE: dicts of raw records; BAD_ROWS: rows whose class the training split lacks; SPLIT_ROWS: rows kept of
    each file and split.

    Args:
      spec: resolved.
      graph_dir: the saved transform graph.
      features: what an Example holds, label and weight included.
      files: relative paths of all inputs, sorted; a Part names its file by number.
      shards: number of shards of each split.
      sample_below: for each split, rows of its first shard with an ORDER hash below this are the sample.
    """

    def __init__(
        self,
        spec: Spec,
        graph_dir: str,
        features: Sequence[OutputFeature],
        files: Sequence[str],
        shards: Sequence[int],
        sample_below: Sequence[int],
    ):
        self._spec, self._graph_dir = spec, graph_dir
        self._features = list(features)
        self._files, self._shards, self._sample_below = list(files), list(shards), list(sample_below)

    def setup(self) -> None:
        self._graph = load_saved_graph(self._graph_dir)
        self._inputs = [column.name for column in raw_columns(self._spec)]
        self._numbers = {path: number for number, path in enumerate(self._files)}
        self._schema = part_schema(self._features)

    def process(self, rows: FileBlock) -> Iterator[Any]:
        columns = self._transform(rows)
        kept = np.arange(len(rows.block.rows))
        if self._spec.data.label.kind != REGRESSION and (columns[LABEL] < 0).any():
            yield from self._unknown_classes(rows, columns[LABEL])
            kept = np.flatnonzero(columns[LABEL] >= 0)
            columns = {name: column[kept] for name, column in columns.items()}
        splits = split_of_rows(rows, self._spec)[kept]
        numbers = rows.block.rows[kept]
        key = identity.path_key(rows.file.relative, self._spec.seed)
        shard = shard_of_rows(identity.row_hashes(key, numbers, identity.SHARD), splits, self._shards)
        order = identity.row_hashes(key, numbers, identity.ORDER)
        yield beam.pvalue.TaggedOutput(
            SPLIT_ROWS, {"path": rows.file.relative, "rows": np.bincount(splits, minlength=3).tolist()}
        )
        yield from self._sample(rows, kept, splits, shard, order)
        file = self._numbers[rows.file.relative]
        for one, count, data in cut_into_parts(columns, order, shard, self._schema):
            yield one, Part(file, int(numbers[0]), count, data)

    def _transform(self, rows: FileBlock) -> dict[str, np.ndarray]:
        batch = rows.block.batch
        raw = {name: tf.constant(raw_column(batch, name)) for name in self._inputs}
        columns = {name: value.numpy() for name, value in self._graph.features(raw).items()}
        label = raw_column(batch, self._spec.data.label.column)
        columns[LABEL] = self._graph.label(tf.constant(label)).numpy()
        if self._spec.data.weight:
            columns[WEIGHT] = raw_column(batch, self._spec.data.weight).astype(np.float32)
        return columns

    def _unknown_classes(self, rows: FileBlock, label: np.ndarray) -> Iterator[beam.pvalue.TaggedOutput]:
        name = self._spec.data.label.column
        values = raw_column(rows.block.batch, name)
        for place in np.flatnonzero(label < 0):
            value = values[place]
            text = value.decode() if isinstance(value, bytes) else str(value)
            reason = "is a class that no row of the training split has: name it in data.label.classes or drop the row"
            error = DataError(rows.file.path, int(rows.block.rows[place]), name, text, reason)
            yield beam.pvalue.TaggedOutput(BAD_ROWS, bad_row(rows.file, error) | {"unknown_class": True})

    def _sample(
        self, rows: FileBlock, kept: np.ndarray, splits: np.ndarray, shard: np.ndarray, order: np.ndarray
    ) -> Iterator[beam.pvalue.TaggedOutput]:
        first_shard = np.concatenate([[0], np.cumsum(self._shards)[:-1]])
        # The last threshold may be 2**64, which uint64 cannot hold.
        below = np.array([bound - 1 for bound in self._sample_below], np.uint64)
        for place in np.flatnonzero((shard == first_shard[splits]) & (order <= below[splits])):
            entry = {
                "split": int(splits[place]),
                "order": int(order[place]),
                "file": rows.file.relative,
                "row": int(rows.block.rows[kept[place]]),
                "header": rows.header,
                "record": rows.block.raw(int(kept[place])).decode(),
            }
            yield beam.pvalue.TaggedOutput(SAMPLE, entry)
