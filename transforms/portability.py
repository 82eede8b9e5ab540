"""What a graph may be made of to run on a phone (LiteRT without Flex) and in a browser (TF.js); what needs the host."""

from __future__ import annotations

from collections.abc import Mapping

# LiteRT runs these without Flex, and TF.js knows them.
PORTABLE_OPS = frozenset(
    {
        "Abs", "Add", "AddV2", "BroadcastTo", "Cast", "Ceil", "ConcatV2", "Const", "Cos", "Equal", "Exp", "ExpandDims",
        "Fill", "Floor", "FloorDiv", "FloorMod", "GatherV2", "Greater", "GreaterEqual", "Identity", "IsFinite", "IsNan",
        "Less", "LessEqual", "Log", "Log1p", "LogicalAnd", "LogicalNot", "LogicalOr", "LookupTableFindV2", "Maximum",
        "Minimum", "Mul", "Neg", "NoOp", "NotEqual", "Pack", "Placeholder", "Pow", "PartitionedCall", "RealDiv", "Reshape",
        "Select", "SelectV2", "Shape", "Sign", "Sin", "Sqrt", "StatefulPartitionedCall", "StridedSlice", "Sub", "Sum",
        "Tile", "ZerosLike",
    }
)  # fmt: skip

# Transforms, steps and column options that need more, by their name in a spec, and why. Whoever serves on a phone or in a
# browser computes them on the host.
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
