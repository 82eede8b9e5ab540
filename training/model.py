"""In: the model part of a spec and the features of the examples. Out: an uncompiled Keras model.

The model returns the number itself for regression and logits for classes: losses are exact on logits, and rounding a
probability to 0 or 1 would lose what they need. `answers` turns either into what a client is told.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf

from ..schemas.manifest_pb2 import LabelEntry, OutputFeature
from ..schemas.spec_pb2 import BINARY, REGRESSION, Model
from .input_layer import encode_inputs, feature_inputs
from .label_unit import in_unit


def build_model(model: Model, features: Sequence[OutputFeature], label: LabelEntry) -> keras.Model:
    """Input layer, hidden layers and head.

    Args:
      model: resolved.
      features: of the examples.
      label: its kind and classes decide the head.

    Returns:
      A model of features by name, [batch] each → float32 [batch, units]; units is 1 for regression and binary, the
      number of classes for multiclass.
    """
    inputs = feature_inputs(features)
    x = encode_inputs(features, inputs)
    for units in model.hidden:
        x = keras.layers.Dense(units, activation=model.activation, kernel_initializer=model.initializer)(x)
        if model.dropout:
            # Alpha dropout keeps the mean and variance that make selu normalise itself.
            drop = keras.layers.AlphaDropout if model.activation == "selu" else keras.layers.Dropout
            x = drop(model.dropout)(x)
    units = 1 if label.kind in (REGRESSION, BINARY) else len(label.classes)
    return keras.Model(inputs, keras.layers.Dense(units, name="head", dtype="float32")(x))


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
