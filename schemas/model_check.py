"""In: the model part of a resolved spec. Out: nothing, or the SpecError of the first thing that cannot work."""

from __future__ import annotations

import fnmatch
import math

from . import spec_pb2
from .spec_source import SpecSource, enum_name, listed, nearest, quote

# fmt: off
ACTIVATIONS = (
    "selu", "relu", "elu", "leaky_relu", "gelu", "silu", "swish", "mish", "celu", "relu6", "softplus", "safe_softplus",
    "softsign", "tanh", "sigmoid", "hard_sigmoid", "hard_silu", "hard_swish", "exponential", "linear",
)
INITIALIZERS = (
    "lecun_normal", "lecun_uniform", "glorot_normal", "glorot_uniform", "he_normal", "he_uniform",
    "orthogonal", "truncated_normal", "random_normal", "random_uniform", "variance_scaling", "zeros", "ones",
)
# fmt: on
CONSTRAINTS = ("non_neg", "unit_norm")
# Fields that mean something for one architecture alone.
_OF_KIND = {
    "wide": spec_pb2.WIDE_AND_DEEP,
    "deep": spec_pb2.WIDE_AND_DEEP,
    "reconstruction": spec_pb2.RECONSTRUCTING,
    "members": spec_pb2.ENSEMBLE,
}
# Fields of hidden layers, which a linear model has not.
_OF_HIDDEN = (
    "hidden", "activation", "initializer", "slope", "normalization", "dropout", "max_norm", "constraint",
)  # fmt: skip


def check_model(spec: spec_pb2.Spec, source: SpecSource) -> None:
    """Architecture, layers and their regularisation.

    Raises:
      SpecError: the first mistake.
    """
    model = spec.model
    _check_kind(model, source)
    if model.kind == spec_pb2.LINEAR:
        for name in _OF_HIDDEN:
            if getattr(model, name):
                hint = "leave it out, or take kind: dnn"
                raise source.error(f"model.{name}", "is of hidden layers, and a linear model has none", hint)
    elif not model.hidden:
        # Only a spec that was not resolved.
        raise source.error("model.hidden", "is empty", "e.g. [100, 100], or take kind: linear")
    for index, units in enumerate(model.hidden):
        source.require(units >= 1, f"model.hidden[{index}]", "at least 1", units)
    _check_names(spec, source)
    source.require(0 <= model.dropout < 1, "model.dropout", "at least 0 and below 1", model.dropout)
    for name in ("l1", "l2", "max_norm", "input_noise"):
        value = getattr(model, name)
        source.require(0 <= value < math.inf, f"model.{name}", "a number of at least 0", value)
    _check_instead(model, source)
    for name in ("wide", "deep"):
        _check_patterns(spec, name, source)


def _check_kind(model: spec_pb2.Model, source: SpecSource) -> None:
    for name, kind in _OF_KIND.items():
        value = getattr(model, name)
        given = model.HasField(name) if name == "reconstruction" else bool(value)
        if given and model.kind != kind:
            is_of = enum_name(spec_pb2.ModelKind.DESCRIPTOR, kind)
            kind_is = enum_name(spec_pb2.ModelKind.DESCRIPTOR, model.kind)
            reason = f"is of the kind {is_of}, and this model is {kind_is}"
            raise source.error(f"model.{name}", reason, f"kind: {is_of}, or leave it out")
    if model.kind == spec_pb2.RECONSTRUCTING:
        weight = model.reconstruction
        source.require(0 < weight < math.inf, "model.reconstruction", "a number above 0", weight)
    if model.kind == spec_pb2.ENSEMBLE:
        source.require(model.members >= 2, "model.members", "at least 2", model.members)


def _check_names(spec: spec_pb2.Spec, source: SpecSource) -> None:
    """Activation, initializer, regularizer, constraint. Names that are not Keras' are looked for in the user's file."""
    model = spec.model
    if model.HasField("slope"):
        if model.activation != "leaky_relu":
            raise source.error("model.slope", f"is of leaky_relu, not of {model.activation}", "leave it out")
        source.require(0 <= model.slope < 1, "model.slope", "at least 0 and below 1", model.slope)
    if spec.model_fn:
        return
    known = {"activation": ACTIVATIONS, "initializer": INITIALIZERS, "constraint": CONSTRAINTS}
    for name, names in known.items():
        value = getattr(model, name)
        # A linear model has neither.
        if value not in names and (value or (name != "constraint" and model.kind != spec_pb2.LINEAR)):
            raise source.error(f"model.{name}", f"unknown {name} {quote(value)}", nearest(value, names))
    if model.regularizer:
        reason = f"{quote(model.regularizer)} is one of your own, and the spec names no Python file"
        raise source.error("model.regularizer", reason, "model_fn: and the file, or l1 and l2")


def _check_instead(model: spec_pb2.Model, source: SpecSource) -> None:
    """Fields that stand for one another."""
    for own, fields in (("regularizer", ("l1", "l2")), ("constraint", ("max_norm",))):
        for name in fields:
            if getattr(model, own) and getattr(model, name):
                raise source.error(f"model.{own}", f"is given beside {name}", "keep one of the two")
    axis = model.max_norm_axis
    if axis not in (0, 1):
        rule = "0 (the weights into each unit) or 1 (those out of each input)"
        raise source.error("model.max_norm_axis", f"must be {rule}, not {axis}")
    if axis and not model.max_norm:
        raise source.error("model.max_norm_axis", "is given without max_norm", "max_norm: and a number")
    if model.kind == spec_pb2.ENSEMBLE:
        for name in ("max_norm", "constraint"):
            if getattr(model, name):
                reason = "limits the weights of a unit, and those of a member are shared ones times its own"
                raise source.error(f"model.{name}", reason, "leave it out, or l2 instead")


def _check_patterns(spec: spec_pb2.Spec, field: str, source: SpecSource) -> None:
    if spec.preprocessing_fn:
        return  # It gives features that nobody knows yet.
    names = [feature.name for feature in spec.features if not feature.intermediate]
    names += [f"{feature.name}_missing" for feature in spec.features if feature.missing.indicator]
    for index, pattern in enumerate(getattr(spec.model, field)):
        if not fnmatch.filter(names, pattern):
            hint = nearest(pattern, names) if "*" not in pattern else f"the features are {listed(names)}"
            raise source.error(
                f"model.{field}[{index}]", f"{quote(pattern)} matches no feature of the model", hint
            )
