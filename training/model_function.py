"""In: a user's `model_fn` and the inputs of a model. Out: the model that it makes of them, or one line about what is wrong.

`model_fn(inputs, spec)` or `model_fn(inputs, spec, encode)`:
inputs    Keras tensors by feature, as the examples hold them
spec      the resolved spec, for hidden, dropout and all the other numbers under `model`
encode    `encode()` gives all features side by side, float32 [batch, width], as prebake's own models read them;
          `encode("city*", "age")` some of them
It returns the last hidden layer, [batch, width], on which prebake puts the head; or a `keras.Model` of all inputs, whose
output is the answer itself: the number, or logits.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import keras

from ..schemas.errors import SpecError
from ..schemas.manifest_pb2 import OutputFeature
from ..schemas.spec_pb2 import Spec
from .input_layer import encode_inputs, matching
from .layer_names import LayerNames
from .regularisation import kernel_regularizer


def call_model_fn(
    function: Callable[..., Any],
    spec: Spec,
    features: Sequence[OutputFeature],
    inputs: dict[str, keras.KerasTensor],
    units: int,
    names: LayerNames,
) -> keras.Model:
    """The user's model.

    Args:
      function: the user's.
      spec: resolved.
      features: of the examples.
      inputs: by feature.
      units: of the output.
      names: of the model's layers.

    Returns:
      A model of features by name → float [batch, units].

    Raises:
      SpecError: the function returns something else.
    """

    def encode(*patterns: str) -> keras.KerasTensor:
        return encode_inputs(features, inputs, names, only=matching(features, patterns, "model_fn"))

    takes_encode = "encode" in inspect.signature(function).parameters
    made = function(dict(inputs), spec, **({"encode": encode} if takes_encode else {}))
    if isinstance(made, keras.Model):
        return _whole(made, set(inputs), units)
    if not isinstance(made, keras.KerasTensor):
        hint = "return the last hidden layer, or a keras.Model"
        raise _error(f"returns {type(made).__name__}", hint)
    if len(made.shape) != 2 or made.shape[1] is None or not made.dtype.startswith(("float", "bfloat")):
        hint = "the last hidden layer is float (None, width)"
        raise _error(f"returns a tensor {made.dtype} {tuple(made.shape)}", hint)
    head = keras.layers.Dense(
        units, kernel_regularizer=kernel_regularizer(spec.model), name=names("head"), dtype="float32"
    )
    return keras.Model(inputs, head(made))


def _whole(model: keras.Model, wanted: set[str], units: int) -> keras.Model:
    try:
        given, output = model.input, model.output
    except (AttributeError, ValueError):
        raise _error(
            "returns a keras.Model without inputs", "make it so: keras.Model(inputs, outputs)"
        ) from None
    if not isinstance(given, dict) or set(given) != wanted:
        raise _error("returns a keras.Model of other inputs", "make it so: keras.Model(inputs, outputs)")
    shape = tuple(getattr(output, "shape", ()))
    if shape != (None, units):
        hint = f"the label needs (None, {units})"
        raise _error(f"returns a keras.Model with the output {shape or type(output).__name__}", hint)
    return model


def _error(reason: str, hint: str) -> SpecError:
    return SpecError("spec", None, "model_fn", reason, hint)
