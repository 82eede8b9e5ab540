"""In: the label of the examples. Out: the loss that a model is trained by."""

from __future__ import annotations

import keras

from ..schemas.manifest_pb2 import LabelEntry
from ..schemas.spec_pb2 import BINARY, REGRESSION


def loss_of(label: LabelEntry) -> keras.losses.Loss:
    """Squared error, or cross entropy of logits."""
    if label.kind == REGRESSION:
        return keras.losses.MeanSquaredError()
    if label.kind == BINARY:
        return keras.losses.BinaryCrossentropy(from_logits=True)
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)
