"""In: a transform directory. Out: a few lines for a person about what was learnt."""

from __future__ import annotations

import os

from google.protobuf import text_format

from ..schemas.labels import label_entries
from ..schemas.manifest import read_manifest
from ..schemas.spec_pb2 import EMBEDDING, NUMBER, ONE_HOT, REGRESSION, Spec
from .learnt import read_statistics
from .needs import passes_of, reasons

_KINDS = {NUMBER: "number", ONE_HOT: "one-hot", EMBEDDING: "embedding"}


def statistics_summary(transform_dir: str) -> str:
    """Rows, features by kind, passes."""
    manifest = read_manifest(transform_dir, "transform", verify=False)
    statistics = read_statistics(transform_dir)
    with open(os.path.join(transform_dir, "spec.pbtxt"), encoding="utf-8") as file:
        why = reasons(passes_of(text_format.Parse(file.read(), Spec())))
    kinds = [
        "list"
        if any(size < 0 for size in feature.shape)
        else "vector"
        if feature.shape
        else _KINDS[feature.encode]
        for feature in manifest.features
        if not feature.weights_of
    ]
    parts = ", ".join(
        f"{kinds.count(kind)} {kind}{'s' * (kinds.count(kind) != 1 and kind != 'one-hot')}"
        for kind in ("number", "one-hot", "embedding", "vector", "list")
        if kind in kinds
    )
    labels = [
        label.column + ("" if label.kind == REGRESSION else f", {len(label.classes)} classes")
        for label in label_entries(manifest)
    ]
    told = f"label{'s' * (len(labels) > 1)} {'; '.join(labels)}"
    lines = [
        f"statistics of {statistics.rows:,} training rows; features: {parts}; {told}; in {transform_dir}"
    ]
    if len(why) > 1:
        steps = "; ".join(f"{place}. {text}" for place, text in enumerate(why, 1))
        lines.append(f"{len(why)} passes over the training split: {steps}")
    return "\n".join(lines)
