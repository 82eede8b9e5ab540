"""In: a spec, the statistics and vocabularies that it needs. Out: the graph from raw columns to features.

This one graph prepares the training examples and sits in the exported model. It is built from the statistics alone, so
whoever has them (a trainer without TensorFlow Transform, an export for another target) builds the same.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf
from google.protobuf import text_format

from ..schemas.manifest import read_manifest
from ..schemas.manifest_pb2 import OUTPUT_FLOAT, OUTPUT_INT64, LabelEntry, OutputFeature
from ..schemas.spec_pb2 import (
    EMBEDDING,
    ENCODE_AUTO,
    FLOAT,
    INT,
    NUMBER,
    ONE_HOT,
    OWN_ID,
    REGRESSION,
    Column,
    Feature,
    Spec,
)
from ..schemas.statistics_pb2 import ColumnStatistics, Statistics
from . import buckets, crosses, missing, numeric
from .categorical import TokenTable
from .hashing import hash_ids
from .needs import LABEL, columns_by_name
from .vocabulary_files import read_vocabularies

Raw = Mapping[str, tf.Tensor]
_ONE_HOT_UP_TO = 50
_EMBEDDING_UP_TO = 64


class TransformGraph(tf.Module):
    """Raw columns to features.

    Args:
      spec: resolved; its data and features are used.
      statistics: of the training split.
      vocabularies: tokens by feature name, and the label's classes by "label".

    Attributes:
      features: what `apply` returns, sorted by name.
      label: the label's column, kind and classes.
      raw_spec: tensors that `apply` takes, by column name, shape [None].
    """

    def __init__(self, spec: Spec, statistics: Statistics, vocabularies: Mapping[str, list[bytes]]):
        super().__init__(name="transform")
        self.spec = spec
        self._columns = columns_by_name(spec)
        self._statistics = {entry.name: entry for entry in statistics.columns}
        self._vocabularies = vocabularies
        self._steps: dict[str, Callable[[Raw, dict[str, tf.Tensor]], tf.Tensor]] = {}
        self._sizes: dict[str, int] = {}
        # Graphs keep their lookup tables alive only through the module that owns them.
        self._tables: list[TokenTable] = []
        # Every cross after its ingredients: `apply` runs the steps in this order.
        for feature in in_order(spec):
            self._steps[feature.name], self._sizes[feature.name] = self._build(feature)
        self.features = sorted(self._outputs(), key=lambda output: output.name)
        self.label = self._label()
        self.raw_spec = {
            column.name: tf.TensorSpec([None], dtype_of(column), name=column.name)
            for column in raw_columns(spec)
        }

    def apply(self, raw: Raw) -> dict[str, tf.Tensor]:
        """Features of a batch.

        Args:
          raw: by column name, shape [batch]; float32 (NaN is missing), int64 (the smallest is missing) or string
            (empty is missing).

        Returns:
          By feature name, shape [batch]; float32 or int64 as `features` says.
        """
        values: dict[str, tf.Tensor] = {}
        for name, step in self._steps.items():
            values[name] = step(raw, values)
        return {output.name: values[output.name] for output in self.features}

    def apply_label(self, raw: tf.Tensor) -> tf.Tensor:
        """The raw label column [batch] as float32, or as int64 class ids (-1: a class the training split lacks)."""
        if self.label.kind == REGRESSION:
            return missing.to_float(raw)
        return self._classes(raw)

    def _label(self) -> LabelEntry:
        label = self.spec.data.label
        entry = LabelEntry(column=label.column, kind=label.kind)
        if label.kind != REGRESSION:
            tokens = [name.encode() for name in label.classes] or self._vocabularies[LABEL]
            entry.classes.extend(token.decode() for token in tokens)
            self._classes = TokenTable(tokens, dtype_of(self._columns[label.column]), oov_buckets=0)
        return entry

    def _outputs(self) -> list[OutputFeature]:
        outputs = []
        for feature in self.spec.features:
            if feature.missing.indicator:
                name = f"{feature.name}_missing"
                self._steps[name] = _indicator(feature.column)
                outputs.append(OutputFeature(name=name, type=OUTPUT_FLOAT, encode=NUMBER))
            if not feature.intermediate:
                outputs.append(output_of(feature, self._sizes[feature.name]))
        return outputs

    def _build(self, feature: Feature) -> tuple[Callable[[Raw, dict[str, tf.Tensor]], tf.Tensor], int]:
        """The step that computes a feature, and how many ids it gives (0: a number)."""
        if feature.HasField("cross"):
            of = list(feature.cross.of)
            sizes = [self._sizes[name] for name in of]
            most = feature.cross.buckets
            return (
                lambda _, values: crosses.cross([values[name] for name in of], sizes, most),
                crosses.cross_size(sizes, most),
            )
        column = self._columns[feature.column]
        statistics = self._statistics.get(column.name, ColumnStatistics())
        kind = feature.WhichOneof("transform")
        if kind in ("as_is", "standardize", "min_max"):
            return self._build_number(feature, column, statistics), 0
        return self._build_id(feature, column, statistics)

    def _build_number(self, feature: Feature, column: Column, statistics: ColumnStatistics):
        value = missing.number_fill(feature, statistics)
        kind = feature.WhichOneof("transform")

        def step(raw: Raw, _: dict[str, tf.Tensor]) -> tf.Tensor:
            x = missing.fill(missing.to_float(raw[column.name]), value)
            if kind == "standardize":
                return numeric.standardize(x, statistics)
            return numeric.min_max(x, statistics, feature.min_max) if kind == "min_max" else x

        return step

    def _build_id(self, feature: Feature, column: Column, statistics: ColumnStatistics):
        to_id, size = self._id_function(feature, column, statistics)
        # Buckets are of numbers, whatever the column; the mean of integers is none.
        numeric_ids = feature.HasField("buckets")
        value: float | int | bytes | None
        if not numeric_ids:
            value = missing.token_fill(feature, column, statistics)
        else:
            value = None if feature.missing.fill == OWN_ID else missing.number_fill(feature, statistics)
        own_id = value is None and not column.required

        def step(raw: Raw, _: dict[str, tf.Tensor]) -> tf.Tensor:
            x = missing.to_float(raw[column.name]) if numeric_ids else raw[column.name]
            ids = to_id(x if value is None else missing.fill(x, value))
            return tf.where(missing.is_missing(x), tf.constant(size, tf.int64), ids) if own_id else ids

        return step, size + own_id

    def _id_function(
        self, feature: Feature, column: Column, statistics: ColumnStatistics
    ) -> tuple[Callable[[tf.Tensor], tf.Tensor], int]:
        """A function from a column without missing values to its ids, and how many ids."""
        kind = feature.WhichOneof("transform")
        if kind == "buckets":
            boundaries = bucket_boundaries(feature, statistics)
            return lambda x: buckets.bucketize(x, boundaries), len(boundaries) + 1
        if kind == "hash":
            return lambda x: hash_ids(x, feature.hash.buckets), feature.hash.buckets
        tokens = [token.encode() for token in feature.vocabulary.tokens] or self._vocabularies[feature.name]
        table = TokenTable(tokens, dtype_of(column), feature.vocabulary.oov_buckets)
        self._tables.append(table)
        return table, table.size


def _indicator(column: str) -> Callable[[Raw, dict[str, tf.Tensor]], tf.Tensor]:
    return lambda raw, _: tf.cast(missing.is_missing(raw[column]), tf.float32)


def dtype_of(column: Column) -> tf.DType:
    """float32, int64 or string."""
    return {FLOAT: tf.float32, INT: tf.int64}.get(column.type, tf.string)


def raw_columns(spec: Spec) -> list[Column]:
    """The columns that the features are made of, in the spec's order."""
    used = {feature.column for feature in spec.features if not feature.HasField("cross")}
    return [column for column in spec.data.columns if column.name in used]


def in_order(spec: Spec) -> list[Feature]:
    """The features, each cross after the features that it crosses."""
    by_name = {feature.name: feature for feature in spec.features}
    done: dict[str, Feature] = {}

    def visit(feature: Feature) -> None:
        if feature.name not in done:
            for name in feature.cross.of:
                visit(by_name[name])
            done[feature.name] = feature

    for feature in spec.features:
        visit(feature)
    return list(done.values())


def bucket_boundaries(feature: Feature, statistics: ColumnStatistics) -> np.ndarray:
    """float32 [n], strictly increasing: the spec's, or the training split's quantiles."""
    if feature.buckets.boundaries:
        return buckets.as_boundaries(feature.buckets.boundaries)
    for entry in statistics.quantiles:
        if entry.buckets == feature.buckets.quantiles:
            return buckets.as_boundaries(entry.boundaries)
    raise KeyError(f"statistics of {feature.column} lack quantiles for {feature.buckets.quantiles} buckets")


def output_of(feature: Feature, size: int) -> OutputFeature:
    """How a feature is stored and read by the model; `size` ids, 0 for a number."""
    if not size:
        return OutputFeature(name=feature.name, type=OUTPUT_FLOAT, encode=NUMBER)
    kind = feature.encode.kind
    if kind == ENCODE_AUTO:
        kind = ONE_HOT if size <= _ONE_HOT_UP_TO else EMBEDDING
    output = OutputFeature(name=feature.name, type=OUTPUT_INT64, cardinality=size, encode=kind)
    if kind == EMBEDDING:
        output.dimension = feature.encode.dimension or min(_EMBEDDING_UP_TO, round(1.6 * size**0.56))
    return output


def load_graph(transform_dir: str) -> TransformGraph:
    """Builds the graph from `transform/`: spec.pbtxt, statistics.pb and the vocabularies.

    Raises:
      ArtifactError: the directory is absent or does not match its manifest.
    """
    read_manifest(transform_dir, "transform")
    with open(os.path.join(transform_dir, "spec.pbtxt"), encoding="utf-8") as file:
        spec = text_format.Parse(file.read(), Spec())
    with open(os.path.join(transform_dir, "statistics.pb"), "rb") as file:
        statistics = Statistics.FromString(file.read())
    return TransformGraph(spec, statistics, read_vocabularies(transform_dir, statistics))
