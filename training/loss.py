"""In: the training part of a spec and the label of the examples. Out: the loss that a model is trained by.

A loss sees the label as the model learns it (label_unit.py), and for classes the model's logits.
"""

from __future__ import annotations

from collections.abc import Callable

import keras

from ..schemas.errors import PrebakeError
from ..schemas.labels import part_of, part_path
from ..schemas.manifest_pb2 import LabelEntry
from ..schemas.spec_pb2 import BINARY, REGRESSION, Loss, Training
from .class_weights import ClassWeighted, weights_by_id
from .focal import BinaryFocal, SparseFocal
from .huber import Huber
from .quantile import Quantile
from .smoothed import SmoothedCrossentropy

_GAMMA, _ALPHA = 2.0, 0.25


def loss_of(
    label: LabelEntry,
    training: Training | None = None,
    own: Callable[[str], keras.losses.Loss | None] | None = None,
) -> keras.losses.Loss:
    """The loss of one row, times the weight of its class; Keras multiplies by the row's own weight and takes the mean.

    Args:
      label: of the examples.
      training: resolved; None: squared error, or cross-entropy.
      own: losses of the user's file, by name.

    Raises:
      PrebakeError: there is no such loss, or no such class.
    """
    training = part_of(training or Training(), label)
    found = _regression(training.loss, label) if label.kind == REGRESSION else _classes(training.loss, label)
    if found is None and own is not None:
        found = own(training.loss.kind)
    if found is None:
        raise PrebakeError(f"{part_path(label)}.loss.kind: no loss '{training.loss.kind}'")
    if training.class_weights:
        return ClassWeighted(found, weights_by_id(training.class_weights, label.classes, part_path(label)))
    return found


def delta_of(loss: Loss, label: LabelEntry) -> float:
    """Huber's threshold in the unit of the label, or of ln(1 + label) if the model learns that; by default one standard
    deviation if the label is standardised, else 1."""
    return loss.delta if loss.HasField("delta") else label.deviation or 1.0


def _regression(loss: Loss, label: LabelEntry) -> keras.losses.Loss | None:
    if loss.kind == "huber":
        return Huber(delta_of(loss, label) / (label.deviation or 1.0))
    if loss.kind == "quantile":
        return Quantile(loss.quantile if loss.HasField("quantile") else 0.5)
    simple = {
        "": keras.losses.MeanSquaredError,
        "mse": keras.losses.MeanSquaredError,
        "mae": keras.losses.MeanAbsoluteError,
        "log_cosh": keras.losses.LogCosh,
    }
    return simple[loss.kind]() if loss.kind in simple else None


def _classes(loss: Loss, label: LabelEntry) -> keras.losses.Loss | None:
    binary, smoothing = label.kind == BINARY, loss.label_smoothing
    if loss.kind == "focal":
        gamma = loss.gamma if loss.HasField("gamma") else _GAMMA
        if binary:
            return BinaryFocal(gamma, loss.alpha if loss.HasField("alpha") else _ALPHA, smoothing)
        return SparseFocal(gamma, smoothing)
    if loss.kind not in ("", "cross_entropy"):
        return None
    if binary:
        return keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=smoothing)
    if smoothing:
        return SmoothedCrossentropy(smoothing)
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)
