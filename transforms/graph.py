"""In: a spec, the statistics and vocabularies that it needs. Out: the graph from raw columns to features.

This one graph prepares the training examples and sits in the exported model. It is built from the statistics alone, so
whoever has them (a trainer without TensorFlow Transform, an export for another target) builds the same.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

import tensorflow as tf
from google.protobuf import text_format

from ..schemas.labels import label_feature, labels_of
from ..schemas.manifest import read_manifest
from ..schemas.manifest_pb2 import OutputFeature
from ..schemas.spec_pb2 import FLOAT, INT, TIME, Column, Spec
from ..schemas.statistics_pb2 import Statistics
from . import lists, missing
from .batch import Batch, Raw, Value
from .build import build_features
from .labels import LearntLabel
from .learnt import Learnt, read_learnt
from .needs import columns_of, in_order
from .outputs import indicator_output, output_of, share_dimensions, weights_output
from .user_features import UserFeatures

NO_FOLD = -1


class TransformGraph(tf.Module):
    """Raw columns to features.

    Args:
      spec: resolved; its data and features are used.
      statistics: of the training split.
      vocabularies: tokens by feature name, and the labels' classes by their names in the examples.
      vectors: contents of word vector files by feature.
      user: the features of the user's own `preprocessing_fn`.

    Attributes:
      features: what `apply` returns, sorted by name.
      labels: from their raw columns to what a model learns, the first one first.
      label, more_labels: column, kind and classes of the first label, and of the further ones.
      raw_spec: tensors that `apply` takes, by column name, shape [None].
    """

    def __init__(
        self,
        spec: Spec,
        statistics: Statistics,
        vocabularies: Mapping[str, list[bytes]],
        vectors: Mapping[str, bytes] | None = None,
        user: UserFeatures | None = None,
    ):
        super().__init__(name="transform")
        self.spec = spec
        self.learnt = Learnt(spec, statistics, vocabularies, vectors)
        # Graphs keep their lookup tables alive only through the module that owns them.
        self._tables: list[tf.Module] = []
        self._user = user
        # Every cross after its ingredients: `apply` computes them in this order.
        self._built = build_features(in_order(spec), self.learnt, self._tables)
        user_outputs = user.features if user else []
        self.features = sorted([*self._outputs(), *user_outputs], key=lambda output: output.name)
        self.labels = [
            LearntLabel(label, self.learnt, dtype_of(self.learnt.columns[label.column]))
            for label in labels_of(spec.data)
        ]
        self.label, *self.more_labels = [one.entry for one in self.labels]
        user_columns = user.columns if user else []
        self.raw_spec = {
            column.name: tf.TensorSpec([None], dtype_of(column), name=column.name)
            for column in raw_columns(spec, user_columns)
        }

    @property
    def sizes(self) -> dict[str, int]:
        """How many ids each feature gives, intermediate ones too; 0: numbers."""
        return {name: built.size for name, built in self._built.items()}

    def apply(
        self, raw: Raw, folds: tf.Tensor | None = None, *, checked: bool = False
    ) -> dict[str, tf.Tensor]:
        """Features of a batch.

        Args:
          raw: by column name, shape [batch]; float32 (NaN is missing), int64 (the smallest is missing) or string
            (empty is missing).
          folds: int64 [batch], a training row's hash of its identity, which target encodings leave its fold out by; -1 for
            other rows. None: -1 for all, as when serving.
          checked: lists are not checked again, see `Batch`.

        Returns:
          By feature name; float32 or int64 [batch, …] as `features` says, lists padded (ids with -1, numbers with NaN).
        """
        values = self._compute(Batch(raw, folds, checked=checked))
        return {output.name: values[output.name] for output in self.features}

    def explain(self, raw: Raw) -> tuple[Batch, dict[str, tf.Tensor]]:
        """The features as `apply` gives them and those that are intermediate, and every value on the way to them."""
        batch = Batch(raw, None, filled={})
        return batch, self._compute(batch)

    def apply_label(self, raw: tf.Tensor) -> tf.Tensor:
        """The raw column [batch] of the first label, see `LearntLabel`."""
        return self.labels[0](raw)

    def apply_more_labels(self, raw: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """The raw columns [batch] of the further labels by column → as `LearntLabel` gives them, by name in the examples."""
        return {label_feature(one.entry): one(raw[one.entry.column]) for one in self.labels[1:]}

    def _compute(self, batch: Batch) -> dict[str, tf.Tensor]:
        outputs: dict[str, tf.Tensor] = {}
        for name, built in self._built.items():
            batch.features[name] = built.compute(batch)
            outputs[name] = _dense(batch.features[name], built.size)
            if built.weights:
                outputs[f"{name}_weights"] = _dense(built.weights(batch), 0)
        for feature in self.spec.features:
            if feature.missing.indicator:
                x = self.learnt.source(feature).value(batch, self.learnt.of)
                outputs[f"{feature.name}_missing"] = tf.cast(missing.is_missing(x), tf.float32)
        return outputs | (self._user.apply(batch.raw) if self._user else {})

    def _outputs(self) -> list[OutputFeature]:
        outputs = []
        for feature in self.spec.features:
            if feature.missing.indicator:
                outputs.append(indicator_output(feature))
            if not feature.intermediate:
                built = self._built[feature.name]
                outputs.append(output_of(feature, built))
                if built.weights:
                    outputs.append(weights_output(feature, built))
        share_dimensions(outputs)
        return outputs


def _dense(x: Value, size: int) -> tf.Tensor:
    return lists.to_dense(x, -1 if size else missing.NAN) if isinstance(x, tf.RaggedTensor) else x


def dtype_of(column: Column) -> tf.DType:
    """Of a raw column: float32, int64 or string."""
    if column.separators:
        return tf.string
    return {FLOAT: tf.float32, INT: tf.int64, TIME: tf.int64}.get(column.type, tf.string)


def raw_columns(spec: Spec, more: list[str] | None = None) -> list[Column]:
    """The columns that the features are made of, and those of these names, in the spec's order."""
    used = set(more or ())
    for feature in spec.features:
        used.update(columns_of(feature))
    return [column for column in spec.data.columns if column.name in used]


def load_graph(transform_dir: str) -> TransformGraph:
    """Builds the graph from `transform/`: spec.pbtxt, statistics.pb, the vocabularies, and the user's own TFT graph.

    Raises:
      ArtifactError: the directory is absent or does not match its manifest.
    """
    read_manifest(transform_dir, "transform")
    with open(os.path.join(transform_dir, "spec.pbtxt"), encoding="utf-8") as file:
        spec = text_format.Parse(file.read(), Spec())
    return graph_of(transform_dir, spec)


def graph_of(transform_dir: str, spec: Spec) -> TransformGraph:
    """As `load_graph`, from files that are not published yet."""
    learnt = read_learnt(transform_dir, spec)
    user = UserFeatures(transform_dir) if spec.preprocessing_fn else None
    return TransformGraph(spec, learnt.statistics, learnt.vocabularies, learnt.vectors, user)
