"""In: blocks of raw rows. Out: features of these rows, cut into the shards that they go to, and the sample's raw text."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow as tf

from ..schemas import identity
from ..schemas.cell_reasons import unequal_weights
from ..schemas.errors import DataError
from ..schemas.manifest_pb2 import OUTPUT_FLOAT, OutputFeature
from ..schemas.spec_pb2 import FILE, REGRESSION, Spec
from ..transforms import images
from ..transforms.graph import NO_FOLD
from ..transforms.needs import columns_by_name
from ..transforms.saved_graph import input_columns, load_saved_graph
from .columns import fold_of_rows, raw_column, read_files, split_of_rows, unequal_lists
from .ragged import Ragged, from_padded
from .read import BAD_ROWS, FileBlock, bad_row
from .shuffle import Part, cut_into_parts, part_schema, shard_of_rows

LABEL, WEIGHT = "label", "weight"
SAMPLE, SPLIT_ROWS = "sample", "split_rows"


class TransformRows(beam.DoFn):
    """FileBlock → (shard, Part) for each shard.

    Tagged SAMPLE: dicts of raw records; BAD_ROWS: rows whose class the training split lacks, or that name a file which
    cannot be read; SPLIT_ROWS: rows kept of each file and split.

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
        self._columns = columns_by_name(self._spec)
        self._inputs = input_columns(self._graph)
        self._files_of = [name for name in self._inputs if self._columns[name].type == FILE]
        # One list may have several weights.
        self._weights_of = sorted(
            {
                (feature.column, feature.value_weights)
                for feature in self._spec.features
                if feature.value_weights
            }
        )
        self._out_of_fold = any(feature.out_of_fold for feature in self._features)
        self._numbers = {path: number for number, path in enumerate(self._files)}
        self._schema = part_schema(self._features)

    def process(self, rows: FileBlock) -> Iterator[Any]:
        label = self._label(rows)
        good = np.ones(len(rows.block.rows), bool)
        if self._spec.data.label.kind != REGRESSION:
            yield from self._unknown_classes(rows, label)
            good = label >= 0
        contents, unread = self._contents(rows, good)
        for error in unread:
            good[error[0]] = False
            yield beam.pvalue.TaggedOutput(BAD_ROWS, self._bad(rows, *error))
        for name, weights in self._weights_of:
            lists = self._columns[name], self._columns[weights]
            for place in unequal_lists(rows.block.batch, *lists):
                if good[place]:
                    reason = unequal_weights(name)
                    yield beam.pvalue.TaggedOutput(BAD_ROWS, self._bad(rows, int(place), weights, reason))
                good[place] = False
        kept = np.flatnonzero(good)
        splits = split_of_rows(rows, self._spec)[kept]
        folds = np.where(splits == 0, fold_of_rows(rows, self._spec)[kept], NO_FOLD)
        try:
            columns = self._transform(rows, kept, folds, contents)
        except tf.errors.InvalidArgumentError:
            faults = self._refused(rows, kept, contents)
            if not faults:
                raise
            for place, (name, reason) in faults.items():
                yield beam.pvalue.TaggedOutput(BAD_ROWS, self._bad(rows, place, name, reason))
            decoded = ~np.isin(kept, list(faults))
            kept, splits, folds = kept[decoded], splits[decoded], folds[decoded]
            columns = self._transform(rows, kept, folds, contents)
        columns[LABEL] = label[kept]
        numbers = rows.block.rows[kept]
        key = identity.path_key(rows.file.relative, self._spec.seed)
        shard = shard_of_rows(identity.row_hashes(key, numbers, identity.SHARD), splits, self._shards)
        order = identity.row_hashes(key, numbers, identity.ORDER)
        yield beam.pvalue.TaggedOutput(
            SPLIT_ROWS, {"path": rows.file.relative, "rows": np.bincount(splits, minlength=3).tolist()}
        )
        yield from self._sample(rows, kept, splits, shard, order, folds, contents)
        file = self._numbers[rows.file.relative]
        for one, count, data in cut_into_parts(columns, order, shard, self._schema):
            yield one, Part(file, int(numbers[0]), count, data)

    def _label(self, rows: FileBlock) -> np.ndarray:
        column = self._columns[self._spec.data.label.column]
        return self._graph.label(tf.constant(raw_column(rows.block.batch, column))).numpy()

    def _contents(
        self, rows: FileBlock, good: np.ndarray
    ) -> tuple[dict[str, np.ndarray], list[tuple[int, str, str]]]:
        """The contents of the files that columns name, object (bytes) [rows]; (row, column, reason) of those that cannot be
        read."""
        contents, unread = {}, []
        for name in self._files_of:
            paths = raw_column(rows.block.batch, self._columns[name])
            contents[name], faults = read_files(np.where(good, paths, b""), rows.file)
            unread += [(place, name, reason) for place, reason in faults]
        return contents, unread

    def _refused(
        self, rows: FileBlock, kept: np.ndarray, contents: dict[str, np.ndarray]
    ) -> dict[int, tuple[str, str]]:
        """The column and the fault of each row whose image or tensor cannot be decoded."""
        faults: dict[int, tuple[str, str]] = {}
        for feature in self._spec.features:
            if feature.WhichOneof("transform") in ("image", "tensor"):
                name = feature.column
                column = (
                    contents[name] if name in contents else raw_column(rows.block.batch, self._columns[name])
                )
                for place, reason in images.refused(column[kept], feature):
                    faults.setdefault(int(kept[place]), (name, reason))
        return faults

    def _transform(
        self, rows: FileBlock, kept: np.ndarray, folds: np.ndarray, contents: dict[str, np.ndarray]
    ) -> dict[str, np.ndarray | Ragged]:
        batch = rows.block.batch
        raw = {}
        for name in self._inputs:
            column = contents[name] if name in contents else raw_column(batch, self._columns[name])
            raw[name] = tf.constant(column[kept])
        graph = self._graph
        found = graph.training_features(raw, tf.constant(folds)) if self._out_of_fold else graph.features(raw)
        columns: dict[str, np.ndarray | Ragged] = {}
        for feature in self._features:
            if feature.name in found:
                value = found[feature.name].numpy()
                is_list = any(size < 0 for size in feature.shape)
                columns[feature.name] = from_padded(value, feature.type == OUTPUT_FLOAT) if is_list else value
        if self._spec.data.weight:
            weight = raw_column(batch, self._columns[self._spec.data.weight])
            columns[WEIGHT] = weight[kept].astype(np.float32)
        return columns

    def _unknown_classes(self, rows: FileBlock, label: np.ndarray) -> Iterator[beam.pvalue.TaggedOutput]:
        name = self._spec.data.label.column
        reason = (
            "is a class that no row of the training split has: name it in data.label.classes or drop the row"
        )
        for place in np.flatnonzero(label < 0):
            yield beam.pvalue.TaggedOutput(BAD_ROWS, self._bad(rows, int(place), name, reason))

    def _bad(self, rows: FileBlock, place: int, name: str, reason: str) -> dict[str, Any]:
        """A row that was good when it was read."""
        value = raw_column(rows.block.batch, self._columns[name])[place]
        text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
        error = DataError(rows.file.path, int(rows.block.rows[place]), name, text, reason)
        return bad_row(rows.file, error) | {"found_late": True}

    def _sample(
        self,
        rows: FileBlock,
        kept: np.ndarray,
        splits: np.ndarray,
        shard: np.ndarray,
        order: np.ndarray,
        folds: np.ndarray,
        contents: dict[str, np.ndarray],
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
            if self._out_of_fold:
                entry["fold"] = int(folds[place])
            if contents:
                row = int(kept[place])
                entry["files"] = {
                    name: base64.b64encode(column[row]).decode() for name, column in contents.items()
                }
            yield beam.pvalue.TaggedOutput(SAMPLE, entry)
