"""In: a feature. Out: why it needs the host, if it does; what graphs for a phone (LiteRT) or a browser (TF.js) are made of.

tests/transforms/test_portability.py converts every family that is not listed here for LiteRT without Flex, and compares it
with the host's graph on edge rows. TF.js does not run in Python: what stands here was held against its list of operations
(@tensorflow/tfjs-converter 4.22).
"""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from ..schemas.spec_pb2 import Feature, Spec
from .needs import columns_by_name
from .sources import source_of

# Of a DeviceGraph of features that do not need the host; no more than that. LiteRT runs all of them without Flex as the
# families use them (LogicalAnd, for one, but not the choice between texts), and TF.js knows all of them by name.
PORTABLE_OPS = frozenset(
    {
        "Abs", "AddV2", "Cast", "ConcatV2", "Const", "Cos", "Equal", "Fill", "FloorMod", "GatherV2", "Greater",
        "GreaterEqual", "Identity", "IsFinite", "IsNan", "Less", "Log", "Log1p", "LogicalAnd", "LookupTableFindV2",
        "Maximum", "Minimum", "Mul", "NoOp", "Pack", "Placeholder", "Pow", "RealDiv", "SelectV2", "Shape", "Sign",
        "Sin", "Sqrt", "StridedSlice", "Sub", "Sum", "ZerosLike",
    }
)  # fmt: skip

# Transforms, steps and column options that need more, by their name in a spec, and why. Whoever serves on a phone or in a
# browser computes them on the host. "hash of text" is `hash`, or `vocabulary` with more than one of `oov_buckets`, of text.
HOST_ONLY: Mapping[str, str] = {
    "separators": "cells are split",
    "split": "text is split",
    "ngrams": "tokens are joined",
    "lower": "text is changed",
    "replace": "text is changed",
    "hash of text": "text is hashed",
    "word_vectors": "reads split text",
    "image": "bytes are decoded",
    "tensor": "bytes are decoded",
}

# Formulas that the host computes in binary64 and a device in binary32: the largest difference of a value, as a share of
# values larger than 1. (Ids are the same everywhere, and so are all other numbers.)
DEVICE_DIFFERENCE: Mapping[str, float] = {
    "log1p": 1e-6,
    "power": 1e-5,
    "gaussian": 1e-5,
    "interpolate": 1e-6,
    "piecewise_linear": 1e-6,
    "pca": 1e-5,
    "cyclical": 1e-6,
    "age": 1e-6,
}

# What TF.js cannot do besides: its int64 are int32. (So the smallest integer, which stands for a missing one, is not there
# either: whoever makes the browser's inputs has to mark missing integers in another way.)
NOT_IN_A_BROWSER: Mapping[str, str] = {
    "int": "whole numbers below -2^31 or above 2^31 - 1",
    "hash": "multiplies in int64",
    "cross": "multiplies in int64 where there are more combinations than buckets",
    "oov_buckets": "more than one: hashed integers",
    "time": "seconds since 1970 leave int32 in 2038",
}


def needs_host(feature: Feature, spec: Spec) -> list[str]:
    """The keys of HOST_ONLY that keep a feature of the resolved spec off a device; none: it can run there."""
    if feature.HasField("cross"):
        by_name = {one.name: one for one in spec.features}
        return sorted({key for name in feature.cross.of for key in needs_host(by_name[name], spec)})
    columns = columns_by_name(spec)
    read = [*feature.columns] or [feature.column]
    kind = feature.WhichOneof("transform")
    found = {kind, *(step.WhichOneof("step") for step in feature.before)} & set(HOST_ONLY)
    if any(columns[name].separators for name in read):
        found.add("separators")
    hashed = kind == "hash" or (kind == "vocabulary" and feature.vocabulary.oov_buckets > 1)
    if hashed and source_of(feature, columns).dtype == tf.string:
        found.add("hash of text")
    return sorted(found)
