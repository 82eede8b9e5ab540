"""In: the training part of a spec and the label of the examples. Out: the metrics that a model is measured by.

All are sums over the rows of a split, weighted by the rows' own weights and not by those of their classes.
"""

from __future__ import annotations

from collections.abc import Callable

import keras

from ..schemas.errors import PrebakeError
from ..schemas.labels import part_of, part_path
from ..schemas.loss_check import default_metrics
from ..schemas.manifest_pb2 import LabelEntry
from ..schemas.spec_pb2 import BINARY, REGRESSION, Training
from .confusion import OneAgainstRest, Precision, Recall
from .label_unit import UnitError
from .loss import delta_of
from .quantile import Coverage


def metrics_of(
    label: LabelEntry,
    training: Training | None = None,
    own: Callable[[str], keras.metrics.Metric | None] | None = None,
) -> list[keras.metrics.Metric]:
    """Those of the label's kind (`default_metrics`), then those that `training.metrics` adds. A fresh list on each call.

    Errors of a regression are in the label's own unit.

    Args:
      label: of the examples.
      training: resolved; None: the default ones.
      own: metrics of the user's file, by name.

    Raises:
      PrebakeError: there is no such metric.
    """
    training = part_of(training or Training(), label)
    names = dict.fromkeys([*default_metrics(label.kind, training.loss.kind), *training.metrics])
    found = []
    for name in names:
        metric = _metric(name, label, training) or (own(name) if own else None)
        if metric is None:
            raise PrebakeError(f"{part_path(label)}.metrics: no metric '{name}'")
        found.append(metric)
    return found


def _metric(name: str, label: LabelEntry, training: Training) -> keras.metrics.Metric | None:
    if label.kind == REGRESSION:
        if name == "coverage":
            return Coverage()
        return UnitError.of(name, label, delta_of(training.loss, label)) if name in UnitError.NAMES else None
    binary, classes = label.kind == BINARY, len(label.classes)
    if name == "accuracy":
        return (
            keras.metrics.BinaryAccuracy(name=name, threshold=0.0)
            if binary
            else keras.metrics.SparseCategoricalAccuracy(name=name)
        )
    if name == "log_loss":
        return (
            keras.metrics.BinaryCrossentropy(name=name, from_logits=True)
            if binary
            else keras.metrics.SparseCategoricalCrossentropy(name=name, from_logits=True)
        )
    if name in ("auc", "pr_auc"):
        curve = "PR" if name == "pr_auc" else "ROC"
        if binary:
            return keras.metrics.AUC(curve=curve, name=name, from_logits=True)
        return OneAgainstRest(classes, curve, name)
    if name in ("precision", "recall"):
        return (Precision if name == "precision" else Recall)(1 if binary else classes)
    return None
