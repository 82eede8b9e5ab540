"""In: the model part of a resolved spec. Out: nothing, or the SpecError of the first thing that cannot work."""

from __future__ import annotations

from . import spec_pb2
from .spec_source import SpecSource, nearest, quote

# fmt: off
ACTIVATIONS = (
    "selu", "relu", "elu", "leaky_relu", "gelu", "silu", "swish", "mish", "celu", "relu6", "softplus",
    "softsign", "tanh", "sigmoid", "hard_sigmoid", "hard_silu", "hard_swish", "exponential", "linear",
)
INITIALIZERS = (
    "lecun_normal", "lecun_uniform", "glorot_normal", "glorot_uniform", "he_normal", "he_uniform",
    "orthogonal", "truncated_normal", "random_normal", "random_uniform", "variance_scaling", "zeros", "ones",
)
# fmt: on


def check_model(spec: spec_pb2.Spec, source: SpecSource) -> None:
    """Architecture, layers and their regularisation.

    Raises:
      SpecError: the first mistake.
    """
    model = spec.model
    for index, units in enumerate(model.hidden):
        source.require(units >= 1, f"model.hidden[{index}]", "at least 1", units)
    # Names that are not Keras' are looked for in the user's file, when it runs.
    if not spec.model_fn:
        if model.activation not in ACTIVATIONS:
            hint = nearest(model.activation, ACTIVATIONS)
            raise source.error("model.activation", f"unknown activation {quote(model.activation)}", hint)
        if model.initializer not in INITIALIZERS:
            hint = nearest(model.initializer, INITIALIZERS)
            raise source.error("model.initializer", f"unknown initializer {quote(model.initializer)}", hint)
    source.require(0 <= model.dropout < 1, "model.dropout", "at least 0 and below 1", model.dropout)
