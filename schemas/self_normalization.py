"""In: a resolved spec. Out: what keeps a network with SELU from normalising itself, one line each, with the reason.

Klambauer et al., "Self-Normalizing Neural Networks", 2017; HOML, chapter 11: the outputs of every layer keep a mean near 0
and a standard deviation near 1 only if the inputs have them, the kernels begin with LeCun's variance, the layers stand one
after the other, and nothing pulls at weights or outputs.
"""

from __future__ import annotations

from . import spec_pb2
from .spec_source import enum_name, listed

_INITIALIZERS = ("lecun_normal", "lecun_uniform")
# One after the other, all of them; a reconstruction hangs beside the last.
_SEQUENTIAL = (spec_pb2.DNN, spec_pb2.RECONSTRUCTING)
# Transforms that give numbers with mean 0 and deviation 1, or nearly.
_STANDARDISED = ("standardize", "gaussian", "robust", "pca")


def self_normalization_notes(spec: spec_pb2.Spec) -> list[str]:
    """One line for each rule that the spec breaks; empty if its activation is not selu.

    Args:
      spec: resolved.
    """
    model = spec.model
    if model.activation != "selu" or model.kind == spec_pb2.LINEAR or not model.hidden:
        return []
    return [f"model.{field}: selu will not normalise itself: {reason}" for field, reason in _reasons(spec)]


def _reasons(spec: spec_pb2.Spec) -> list[tuple[str, str]]:
    model, found = spec.model, []
    if model.initializer not in _INITIALIZERS:
        reason = (
            f"{model.initializer} gives kernels another variance than 1 / inputs (initializer: lecun_normal)"
        )
        found.append(("initializer", reason))
    if model.kind not in _SEQUENTIAL:
        kind = enum_name(spec_pb2.ModelKind.DESCRIPTOR, model.kind)
        reason = f"layers of {kind} do not simply follow each other, so means and variances add up (activation: elu)"
        found.append(("kind", reason))
    if model.normalization != spec_pb2.NORMALIZATION_NONE:
        reason = "another normalization does its work and undoes it (leave it out, or activation: elu)"
        found.append(("normalization", reason))
    for field in ("l1", "l2", "max_norm", "regularizer", "constraint"):
        if getattr(model, field):
            pull = "limits" if field in ("max_norm", "constraint") else "shrinks"
            found.append((field, f"it {pull} the kernels whose variance must stay (activation: elu)"))
    numbers = [
        feature.name
        for feature in spec.features
        if feature.encode.kind == spec_pb2.NUMBER
        and not feature.intermediate
        and feature.WhichOneof("transform") not in _STANDARDISED
    ]
    if numbers:
        reason = f"inputs must have mean 0 and deviation 1, and {listed(numbers, 3)} may not (standardize)"
        found.append(("activation", reason))
    return found
