"""In: a label and what the training split taught about it. Out: the graph from its raw column to what a model learns."""

from __future__ import annotations

import math

import tensorflow as tf

from ..schemas.labels import label_feature
from ..schemas.manifest_pb2 import LabelEntry
from ..schemas.spec_pb2 import REGRESSION, Label
from ..schemas.statistics_pb2 import LabelStatistics
from . import elementwise, missing
from .categorical import TokenTable
from .learnt import Learnt


class LearntLabel(tf.Module):
    """Raw label to what a model learns.

    Args:
      label: of the resolved spec.
      learnt: its classes, by its name in the examples; mean and variance if it is standardised.
      dtype: of the raw column.

    Attributes:
      entry: column, kind, classes and unit.
      dtype: as given.
    """

    def __init__(self, label: Label, learnt: Learnt, dtype: tf.DType):
        super().__init__(name=label_feature(label))
        self.dtype = dtype
        self.entry = LabelEntry(column=label.column, kind=label.kind, name=label.name)
        if label.kind == REGRESSION:
            self.entry.log = label.log
            if label.standardize:
                mean, variance = _moments(label, learnt)
                # A constant label is learnt as 0.
                self.entry.mean, self.entry.deviation = mean, math.sqrt(variance) or 1.0
            return
        tokens = [name.encode() for name in label.classes] or learnt.tokens(label_feature(label))
        self.entry.classes.extend(token.decode() for token in tokens)
        self._classes = TokenTable(tokens, dtype, oov_buckets=0)

    def __call__(self, raw: tf.Tensor) -> tf.Tensor:
        """The raw column [batch] as float32 in the unit that the model learns, or as int64 class ids (-1: a class that the
        training split lacks)."""
        if self.entry.kind != REGRESSION:
            return self._classes(raw)
        x = missing.to_float(raw)
        if self.entry.log:
            x = elementwise.log1p(x)
        if self.entry.deviation:
            scale = tf.constant(1 / self.entry.deviation, tf.float32)
            x = (x - tf.constant(self.entry.mean, tf.float32)) * scale
        return x


def _moments(label: Label, learnt: Learnt) -> tuple[float, float]:
    statistics = learnt.statistics
    if not label.name:
        return statistics.label_mean, statistics.label_variance
    known = {entry.name: entry for entry in statistics.more_labels}
    found = known.get(label.name, LabelStatistics())
    return found.mean, found.variance
