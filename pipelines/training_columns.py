"""In: blocks of raw rows. Out: what one pass of the analysis reads of the training split's, in the form that TFT takes."""

from __future__ import annotations

from collections.abc import Mapping

import apache_beam as beam
import numpy as np
import pyarrow as pa
import tensorflow as tf
from tensorflow_transform.tf_metadata import schema_utils
from tfx_bsl.tfxio import tensor_adapter
from tfx_bsl.tfxio.tensor_representation_util import InferTensorRepresentationsFromSchema

from ..schemas import identity
from ..schemas.csv_file import FileBlock
from ..schemas.labels import label_feature
from ..schemas.raw_columns import fold_of_rows, raw_column, raw_texts, split_of_rows
from ..schemas.spec_pb2 import REGRESSION, STRING, Label, Spec
from ..transforms.count_analyzer import count_values
from ..transforms.cross_ids import CrossIds
from ..transforms.learnt import Learnt
from ..transforms.needs import Needs, columns_by_name, in_order
from ..transforms.pass_inputs import (
    FOLD,
    LABEL,
    ROW_HASH,
    WEIGHT,
    counted_ahead,
    input_names,
    more_labels,
    needs_label,
    stacks,
)
from ..transforms.source_arrays import Elements, SourceArrays

SPLIT_ROWS = "split_rows"
_ARROW = {tf.float32: pa.float32(), tf.int64: pa.int64(), tf.string: pa.large_binary()}


class TrainingColumns(beam.DoFn):
    """FileBlock → RecordBatch of the pass' inputs, rows of the training split only.

    Tagged SPLIT_ROWS: one dict a block, how many rows each split has.

    Args:
      spec: resolved.
      needs: of the pass.
      learnt: in the passes before.
      user: raw columns that the user's own function reads, by input name.
    """

    def __init__(
        self,
        spec: Spec,
        needs: Needs,
        learnt: Learnt,
        user: Mapping[str, str],
    ):
        self._spec, self._needs, self._learnt, self._user = spec, needs, learnt, dict(user)

    def setup(self) -> None:
        self._columns = columns_by_name(self._spec)
        self._ahead = counted_ahead(self._spec, self._needs)
        # Counted as Arrow has them; the others become arrays.
        self._texts = [
            source
            for source in self._needs.of_columns
            if source.name in self._ahead and source.column.type == STRING and not source.steps
        ]
        self._others = [source for source in self._needs.of_columns if source not in self._texts]
        self._arrays = SourceArrays(self._others, self._learnt.of)
        crosses = self._needs.crosses
        self._crosses = CrossIds(in_order(self._spec), crosses, self._learnt) if crosses else None
        self._names, self._matrices = input_names(self._needs), stacks(self._spec, self._needs)

    def process(self, rows: FileBlock):
        splits = split_of_rows(rows, self._spec)
        counts = np.bincount(splits, minlength=3).tolist()
        yield beam.pvalue.TaggedOutput(SPLIT_ROWS, {"path": rows.file.relative, "rows": counts})
        chosen = np.flatnonzero(splits == 0)
        if not len(chosen):
            return
        row = self._of_rows(rows, chosen)
        names = {source.column.name for source in self._others}
        if self._crosses:
            names.update(self._crosses.columns)
        raw = {name: self._raw(rows, name, chosen) for name in sorted(names)}
        inputs: dict[str, np.ndarray | Elements] = dict(row)
        values = self._arrays(raw)
        if self._crosses:
            values |= self._crosses(raw)
        for source, value in values.items():
            name = self._names[source]
            if source in self._ahead and not isinstance(value, Elements):
                inputs |= _counted(name, value)
                continue
            inputs[name] = value
            if isinstance(value, Elements):
                inputs |= self._of_elements(source, name, value, row)
        for text in self._texts:
            column = raw_texts(rows.block.batch, text.column).take(pa.array(chosen))
            inputs |= _counted(self._names[text.name], column)
        for name, read in self._user.items():
            inputs[name] = self._raw(rows, read, chosen)
        yield list_batch(inputs, self._matrices, len(chosen))

    def _raw(self, rows: FileBlock, name: str, chosen: np.ndarray) -> np.ndarray:
        return raw_column(rows.block.batch, self._columns[name])[chosen]

    def _of_rows(self, rows: FileBlock, chosen: np.ndarray) -> dict[str, np.ndarray]:
        data = self._spec.data
        key = identity.path_key(rows.file.relative, self._spec.seed)
        hashes = identity.row_hashes(key, rows.block.rows[chosen], identity.SAMPLE)
        found = {ROW_HASH: hashes.view(np.int64)}
        if data.weight:
            found[WEIGHT] = self._raw(rows, data.weight, chosen).astype(np.float32)
        if self._needs.targets:
            found[FOLD] = fold_of_rows(rows, self._spec)[chosen]
        if needs_label(self._needs):
            found[LABEL] = learnt_label(self._raw(rows, data.label.column, chosen), data.label)
        for label in more_labels(self._spec, self._needs):
            found[label_feature(label)] = learnt_label(self._raw(rows, label.column, chosen), label)
        return found

    def _of_elements(
        self, source: str, name: str, value: Elements, row: Mapping[str, np.ndarray]
    ) -> dict[str, Elements]:
        """What goes with the elements of a list: their hashes, their rows' weights, each value once a row."""
        found = {}
        if source in self._needs.numbers:
            hashes = value.hashes(row[ROW_HASH].view(np.uint64)).view(np.int64)
            found[f"{name}_hash"] = Elements(hashes, value.rows)
        if WEIGHT in row:
            found[f"{name}_weight"] = Elements(row[WEIGHT][value.rows], value.rows)
        if source in self._needs.distinct | self._needs.pairs:
            distinct = value.distinct()
            found[f"{name}_distinct"] = distinct
            if WEIGHT in row:
                found[f"{name}_distinct_weight"] = Elements(row[WEIGHT][distinct.rows], distinct.rows)
            if source in self._needs.pairs:
                found[f"{name}_distinct_label"] = Elements(row[LABEL][distinct.rows], distinct.rows)
        return found


def _counted(name: str, values: np.ndarray | pa.Array) -> dict[str, Elements]:
    """The distinct values of a block and how often each is there, as lists of its first row."""
    counts = count_values(values)
    texts = np.empty(len(counts), object)
    texts[:] = list(counts)
    times = np.array([rows for rows, _ in counts.values()], np.int64)
    first = np.zeros(len(counts), np.int64)
    return {f"{name}_value": Elements(texts, first), f"{name}_times": Elements(times, first)}


def learnt_label(values: np.ndarray, label: Label) -> np.ndarray:
    """A regression label as float32, after `log`; a class as it stands in the CSV, object [n]."""
    if label.kind == REGRESSION:
        number = values.astype(np.float32)
        return np.log1p(number.astype(np.float64)).astype(np.float32) if label.log else number
    if values.dtype == object:
        return values
    texts = np.empty(len(values), object)
    texts[:] = [str(value).encode() for value in values.tolist()]
    return texts


def list_batch(
    inputs: Mapping[str, np.ndarray | Elements], matrices: Mapping[str, list[str]], rows: int
) -> pa.RecordBatch:
    """Columns as lists, the only form that TFT's adapter reads.

    Args:
      inputs: one value a row [rows], or lists.
      matrices: by name, the inputs that are its columns.
      rows: of all of them.
    """
    one_each = pa.array(np.arange(rows + 1))
    inputs, lists = dict(inputs), {}
    for name, columns in matrices.items():
        values = np.stack([inputs.pop(column) for column in columns], axis=1)
        offsets = pa.array(np.arange(rows + 1) * len(columns))
        lists[name] = pa.LargeListArray.from_arrays(offsets, pa.array(values.reshape(-1)))
    for name, value in inputs.items():
        offsets = one_each
        if isinstance(value, Elements):
            lengths = np.bincount(value.rows, minlength=rows)
            offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]))
            value = value.values
        array = pa.array(value, pa.large_binary()) if value.dtype == object else pa.array(value)
        lists[name] = pa.LargeListArray.from_arrays(offsets, array)
    return pa.record_batch({name: lists[name] for name in sorted(lists)})


def adapter_config(
    features: Mapping[str, tf.io.FixedLenFeature | tf.io.VarLenFeature],
) -> tensor_adapter.TensorAdapterConfig:
    """How TFT reads the batches of `list_batch`."""
    schema = schema_utils.schema_from_feature_spec(dict(features))
    return tensor_adapter.TensorAdapterConfig(
        pa.schema([(name, pa.large_list(_ARROW[features[name].dtype])) for name in sorted(features)]),
        dict(InferTensorRepresentationsFromSchema(schema)),
    )


def select(batch: pa.RecordBatch, names: list[str]) -> pa.RecordBatch:
    """Some of a batch's columns."""
    return batch.select(names)
