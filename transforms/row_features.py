"""In: a block of raw rows and a transform graph. Out: the features of its good rows, and what is wrong with the others.

What becomes of a row is decided here alone: for the pipeline that writes examples, and for a training that reads CSV files.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from ..schemas import identity
from ..schemas.cell_reasons import unequal_weights
from ..schemas.csv_file import FileBlock
from ..schemas.errors import DataError
from ..schemas.feature_spec import WEIGHT
from ..schemas.labels import LABEL, label_columns, label_feature, label_path, labels_of
from ..schemas.manifest_pb2 import OUTPUT_FLOAT, OutputFeature
from ..schemas.ragged import Ragged, from_padded
from ..schemas.raw_columns import fold_of_rows, raw_column, read_files, split_of_rows, unequal_lists
from ..schemas.spec_pb2 import FILE, REGRESSION, Spec
from . import images
from .graph import NO_FOLD
from .needs import columns_by_name
from .saved_graph import input_columns

UNKNOWN_CLASS = "is a class that no row of the training split has: name it in {}.classes or drop the row"


class RowFeatures(NamedTuple):
    """The good rows of a block.

    Attributes:
      kept: places of the rows in the block, int64 [n].
      splits: 0 (train), 1 (valid) or 2 (test), int8 [n].
      folds: int64 [n], see `fold_of_rows`; -1 of rows that are not of the training split.
      shard, order: uint64 [n], hashes that decide a row's shard and its place in the shard.
      columns: what an Example holds, by name [n, …]; lists Ragged.
      contents: of the files that columns name, object (bytes) [rows of the block].
      bad: errors of the other rows.
    """

    kept: np.ndarray
    splits: np.ndarray
    folds: np.ndarray
    shard: np.ndarray
    order: np.ndarray
    columns: dict[str, np.ndarray | Ragged]
    contents: dict[str, np.ndarray]
    bad: list[DataError]


class TransformBlock:
    """FileBlock → RowFeatures.

    Args:
      spec: resolved.
      graph: of `load_saved_graph`.
      features: what an Example holds, labels and weight included.
      read: a path → the bytes of a file that a cell names; raises OSError.
    """

    def __init__(
        self, spec: Spec, graph: Any, features: Sequence[OutputFeature], read: Callable[[str], bytes]
    ):
        self._spec, self._graph, self._features, self._read = spec, graph, list(features), read
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
        self.out_of_fold = any(feature.out_of_fold for feature in self._features)

    def __call__(self, rows: FileBlock) -> RowFeatures:
        labels = self._labels(rows)
        good = np.ones(len(rows.block.rows), bool)
        bad: list[DataError] = []
        for label in labels_of(self._spec.data):
            if label.kind != REGRESSION:
                unknown, reason = labels[label_feature(label)] < 0, UNKNOWN_CLASS.format(label_path(label))
                for place in np.flatnonzero(unknown & good):
                    bad.append(self._bad(rows, int(place), label.column, reason))
                good &= ~unknown
        contents, unread = self._contents(rows, good)
        for error in unread:
            good[error[0]] = False
            bad.append(self._bad(rows, *error))
        for name, weights in self._weights_of:
            lists = self._columns[name], self._columns[weights]
            for place in unequal_lists(rows.block.batch, *lists):
                if good[place]:
                    bad.append(self._bad(rows, int(place), weights, unequal_weights(name)))
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
            bad += [self._bad(rows, place, name, reason) for place, (name, reason) in faults.items()]
            decoded = ~np.isin(kept, list(faults))
            kept, splits, folds = kept[decoded], splits[decoded], folds[decoded]
            columns = self._transform(rows, kept, folds, contents)
        columns |= {name: label[kept] for name, label in labels.items()}
        numbers = rows.block.rows[kept]
        key = identity.path_key(rows.file.relative, self._spec.seed)
        shard, order = (
            identity.row_hashes(key, numbers, stream) for stream in (identity.SHARD, identity.ORDER)
        )
        return RowFeatures(kept, splits, folds, shard, order, columns, contents, bad)

    def raw_row(self, rows: FileBlock, found: RowFeatures, place: int) -> dict[str, Any]:
        """A good row as it stands in the file, for the parity gate; `place` counts the good ones."""
        row = int(found.kept[place])
        entry: dict[str, Any] = {
            "file": rows.file.relative,
            "row": int(rows.block.rows[row]),
            "header": rows.header,
            "record": rows.block.raw(row).decode(),
        }
        if self.out_of_fold:
            entry["fold"] = int(found.folds[place])
        if found.contents:
            entry["files"] = {
                name: base64.b64encode(column[row]).decode() for name, column in found.contents.items()
            }
        return entry

    def _labels(self, rows: FileBlock) -> dict[str, np.ndarray]:
        """By their names in the examples, [rows]."""
        first, *more = [
            tf.constant(raw_column(rows.block.batch, self._columns[name]))
            for name in label_columns(self._spec.data)
        ]
        found = {LABEL: self._graph.label(first)}
        if more:
            names = label_columns(self._spec.data)[1:]
            found |= self._graph.more_labels(dict(zip(names, more, strict=True)))
        return {name: value.numpy() for name, value in found.items()}

    def _contents(
        self, rows: FileBlock, good: np.ndarray
    ) -> tuple[dict[str, np.ndarray], list[tuple[int, str, str]]]:
        """The contents of the files that columns name, object (bytes) [rows]; (row, column, reason) of those that cannot be
        read."""
        contents, unread = {}, []
        for name in self._files_of:
            paths = raw_column(rows.block.batch, self._columns[name])
            contents[name], faults = read_files(np.where(good, paths, b""), rows.file, self._read)
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
        found = graph.training_features(raw, tf.constant(folds)) if self.out_of_fold else graph.features(raw)
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

    def _bad(self, rows: FileBlock, place: int, name: str, reason: str) -> DataError:
        """Of a row that was good when it was read."""
        value = raw_column(rows.block.batch, self._columns[name])[place]
        text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
        return DataError(rows.file.path, int(rows.block.rows[place]), name, text, reason)
