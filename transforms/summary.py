"""In: a transform directory. Out: a few lines for a person about what was learnt."""

from __future__ import annotations

import os

from ..schemas.manifest import read_manifest
from ..schemas.spec_pb2 import EMBEDDING, NUMBER, ONE_HOT, REGRESSION
from ..schemas.statistics_pb2 import Statistics


def statistics_summary(transform_dir: str) -> str:
    """Rows, features by kind, vocabularies."""
    manifest = read_manifest(transform_dir, "transform", verify=False)
    with open(os.path.join(transform_dir, "statistics.pb"), "rb") as file:
        statistics = Statistics.FromString(file.read())
    kinds = [feature.encode for feature in manifest.features]
    counts = [
        (kinds.count(NUMBER), "numbers"),
        (kinds.count(ONE_HOT), "one-hot"),
        (kinds.count(EMBEDDING), "embeddings"),
    ]
    parts = ", ".join(
        f"{count} {name.removesuffix('s') if count == 1 else name}" for count, name in counts if count
    )
    label = manifest.label
    classes = "" if label.kind == REGRESSION else f", {len(label.classes)} classes"
    return (
        f"statistics of {statistics.rows:,} training rows; features: {parts}; "
        f"label {label.column}{classes}; in {transform_dir}"
    )
