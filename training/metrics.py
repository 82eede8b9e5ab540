"""In: the label of the examples. Out: the metrics that a model is measured by."""

from __future__ import annotations

import keras

from ..schemas.manifest_pb2 import LabelEntry
from ..schemas.spec_pb2 import BINARY, REGRESSION
from .label_unit import unit_metrics


def metrics_of(label: LabelEntry) -> list[keras.metrics.Metric]:
    """rmse and mae in the label's own unit; accuracy, auc and log_loss; accuracy and log_loss. A fresh list on each call."""
    if label.kind == REGRESSION:
        return unit_metrics(label)
    if label.kind == BINARY:
        return [
            keras.metrics.BinaryAccuracy(name="accuracy", threshold=0.0),
            keras.metrics.AUC(name="auc", from_logits=True),
            keras.metrics.BinaryCrossentropy(name="log_loss", from_logits=True),
        ]
    return [
        keras.metrics.SparseCategoricalAccuracy(name="accuracy"),
        keras.metrics.SparseCategoricalCrossentropy(name="log_loss", from_logits=True),
    ]
