"""In: the name of an activation. Out: the Keras layer that applies it. With a softplus of our own as a worked example.

An activation is a function of a tensor. To be saved with a model it is registered by name; nothing else is needed, and
whoever imports this module loads the model. In a file of your own (`model_fn`) prebake registers it for you.
"""

from __future__ import annotations

import inspect
from typing import Any

import keras
from keras import ops

from ..schemas.spec_pb2 import Model
from .user_model import own


@keras.saving.register_keras_serializable(package="prebake")
@ops.custom_gradient
def _softplus(x):
    def gradient(*arguments, upstream=None):
        (upstream,) = (upstream,) if upstream is not None else arguments
        # The derivative of ln(1 + e^x) is e^x / (1 + e^x): infinity / infinity from x = 89 on, unless it is written so.
        return upstream * ops.sigmoid(x)

    return ops.maximum(x, 0) + ops.log1p(ops.exp(-ops.abs(x))), gradient


@keras.saving.register_keras_serializable(package="prebake")
def safe_softplus(x):
    """ln(1 + e^x), right for every x.

    Written as it reads, e^x is infinite in float32 from x = 89 on, and the gradient that TensorFlow derives is NaN. So the
    value is computed as max(x, 0) + ln(1 + e^-|x|), and the gradient is given (HOML, chapter 12).

    Args:
      x: float [...].

    Returns:
      The same shape and dtype; above x, and above 0.
    """
    return _softplus(x)


def activation_layer(model: Model, name: str) -> keras.layers.Layer:
    """The layer that applies a model's activation.

    Args:
      model: resolved; names the activation and, of leaky_relu, the slope.
      name: of the layer.

    Raises:
      SpecError: the activation is neither Keras' nor prebake's, and the file of `model_fn` does not define it.
    """
    if model.activation == "leaky_relu":
        return keras.layers.LeakyReLU(negative_slope=model.slope, name=name)
    if model.activation == "safe_softplus":
        return keras.layers.Activation(safe_softplus, name=name)
    try:
        return keras.layers.Activation(model.activation, name=name)
    except ValueError:
        found = own(model.activation, "model.activation")
    kind: Any = found
    if inspect.isclass(found):
        return kind(name=name)
    return keras.layers.Activation(found, name=name)
