"""In: a feature and what was learnt. Out: one line for a person: what the transform does with which numbers."""

from __future__ import annotations

import math

from ..schemas.spec_pb2 import Feature
from ..schemas.statistics_pb2 import ColumnStatistics
from .learnt import Learnt

_SHOWN = 6


def describe_transform(feature: Feature, learnt: Learnt, size: int) -> str:
    """E.g. "standardize: mean 38.58, deviation 13.64". `size`: ids that the feature gives."""
    kind = feature.WhichOneof("transform")
    if kind == "cross":
        return f"cross of {' × '.join(feature.cross.of)}: {size:,} ids"
    if feature.columns:
        return f"{kind} of {len(feature.columns)} columns"
    text = _numbers(feature, kind, learnt.of(learnt.source(feature).name))
    if text:
        return f"{kind}: {text}"
    return f"{kind}: {size:,} ids" if size else kind


def _numbers(feature: Feature, kind: str, found: ColumnStatistics) -> str:
    ranks = {entry.rank: entry.value for entry in found.ranks}
    if kind in ("standardize", "min_max") and getattr(feature, kind).by:
        return f"within each {getattr(feature, kind).by}"
    if kind == "standardize":
        return f"mean {found.mean:.6g}, deviation {math.sqrt(found.variance):.6g}"
    if kind == "min_max":
        return f"{found.min:.6g} … {found.max:.6g} to {feature.min_max.low:.6g} … {feature.min_max.high:.6g}"
    if kind == "robust":
        return f"median {found.median:.6g}, quartiles {ranks.get(0.25, 0):.6g} and {ranks.get(0.75, 0):.6g}"
    if kind == "buckets" and feature.buckets.boundaries:
        return _listed(list(feature.buckets.boundaries))
    if kind == "buckets" and feature.buckets.quantiles:
        return _listed(
            [
                value
                for entry in found.quantiles
                if entry.buckets == feature.buckets.quantiles
                for value in entry.boundaries
            ]
        )
    return ""


def _listed(values: list[float]) -> str:
    shown = ", ".join(f"{value:.6g}" for value in values[:_SHOWN])
    return f"boundaries {shown}{', …' if len(values) > _SHOWN else ''}"
