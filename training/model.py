"""In: the model part of a spec and the features of the examples. Out: an uncompiled Keras model.

The model returns the number itself for regression and logits for classes: losses are exact on logits, and rounding a
probability to 0 or 1 would lose what they need. `answers` turns either into what a client is told.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from ..schemas.manifest_pb2 import LabelEntry, OutputFeature
from ..schemas.spec_pb2 import (
    BINARY,
    ENSEMBLE,
    LINEAR,
    RECONSTRUCTING,
    REGRESSION,
    RESIDUAL,
    WIDE_AND_DEEP,
    Model,
)
from .ensemble import EnsembleModel, ensemble
from .heads import Heads
from .hidden_layers import HiddenLayers
from .input_layer import encode_inputs, feature_inputs
from .label_unit import in_unit
from .layer_names import LayerNames
from .outputs import units_of
from .reconstructing import Reconstruct, ReconstructingModel
from .residual import residual_blocks
from .wide_and_deep import wide_and_deep


def build_model(
    model: Model,
    features: Sequence[OutputFeature],
    label: LabelEntry,
    own: Callable[..., keras.Model] | None = None,
    more_labels: Sequence[LabelEntry] = (),
) -> keras.Model:
    """Input layer, hidden layers and head, of the architecture that the spec names.

    Args:
      model: resolved.
      features: of the examples.
      label: its kind and classes decide the head.
      own: makes a user's own model of (features, inputs, units, names), see `call_model_fn`.
      more_labels: each has a head too; not with `own` and not of an ensemble.

    Returns:
      A model of features by name, [batch] each → float32 [batch, units]; units is 1 for regression and binary, the
      number of classes for multiclass. Of several labels the units of each, side by side, see outputs.py.

    Raises:
      SpecError: the spec names a feature or a piece of the user's own that is not there.
    """
    names = LayerNames(feature.name for feature in features)
    inputs = feature_inputs(features)
    units, labels = units_of(label), [label, *more_labels]
    if own is not None:
        return own(features, inputs, units, names)
    if model.kind == WIDE_AND_DEEP:
        return keras.Model(inputs, wide_and_deep(model, features, inputs, labels, names))
    encoded = x = encode_inputs(features, inputs, names)
    if model.input_noise:
        x = keras.layers.GaussianNoise(model.input_noise, name=names("input_noise"))(x)
    if model.kind == ENSEMBLE:
        return EnsembleModel(inputs, ensemble(x, model, label, units, names))
    hidden = HiddenLayers(model, names)
    if model.kind == RESIDUAL:
        x = residual_blocks(x, hidden, model.hidden, names)
    elif model.kind != LINEAR:
        x = hidden.stack(x, model.hidden)
    if model.kind == RECONSTRUCTING:
        x = Reconstruct(model.reconstruction, name=names("reconstruct"))(encoded, x)
    heads = Heads(model, labels, names)
    kind = ReconstructingModel if model.kind == RECONSTRUCTING else keras.Model
    return kind(inputs, heads(x))


def answers(output: tf.Tensor, label: LabelEntry) -> dict[str, tf.Tensor]:
    """What a client is told.

    Args:
      output: of the model, float32 [batch, units].
      label: kind and class names.

    Returns:
      Regression: "prediction" float32 [batch], in the label's own unit.
      Binary: "probability" float32 [batch] of the second class, and "class",
      string [batch], its name at 0.5 and above. Multiclass: "probabilities" float32 [batch, classes], and "class", the
      name of the most probable, the first of equals.
    """
    if label.kind == REGRESSION:
        return {"prediction": in_unit(output[:, 0], label)}
    if label.kind == BINARY:
        probability = tf.sigmoid(output[:, 0])
        # From the probability, not the logit: what is sent must not contradict itself.
        ids = tf.cast(probability >= 0.5, tf.int64)
        return {"probability": probability, "class": tf.gather(tf.constant(list(label.classes)), ids)}
    probabilities = tf.nn.softmax(output)
    ids = tf.argmax(probabilities, axis=1)
    return {"probabilities": probabilities, "class": tf.gather(tf.constant(list(label.classes)), ids)}
