"""In: features, each cross behind what it crosses, and what was learnt. Out: how to compute each of them."""

from __future__ import annotations

from collections.abc import Iterable

import tensorflow as tf

from ..schemas.spec_pb2 import Feature
from .batch import Built
from .id_features import build_cross, build_ids
from .learnt import Learnt
from .number_features import build_number, build_piecewise_linear
from .vector_features import build_bytes, build_cyclical, build_pca, build_target, build_word_vectors


def build_features(features: Iterable[Feature], learnt: Learnt, tables: list[tf.Module]) -> dict[str, Built]:
    """By name, in the same order.

    Args:
      features: resolved.
      learnt: all that they need of it.
      tables: lookup tables that the graph must keep alive are added here.
    """
    built: dict[str, Built] = {}
    for feature in features:
        built[feature.name] = _build(feature, learnt, tables, built)
    return built


def _build(feature: Feature, learnt: Learnt, tables: list[tf.Module], built: dict[str, Built]) -> Built:
    kind = feature.WhichOneof("transform")
    if kind == "cross":
        return build_cross(feature, [built[name] for name in feature.cross.of], learnt, tables)
    if kind == "piecewise_linear":
        return build_piecewise_linear(feature, learnt)
    if kind == "pca":
        return build_pca(feature, learnt)
    if kind == "cyclical":
        return build_cyclical(feature, learnt)
    if kind == "target":
        return build_target(feature, learnt, tables)
    if kind == "word_vectors":
        return build_word_vectors(feature, learnt, tables)
    if kind in ("image", "tensor"):
        return build_bytes(feature, learnt)
    if kind in ("vocabulary", "hash", "identity", "time_part") or (
        kind == "buckets" and not feature.buckets.interpolate
    ):
        return build_ids(feature, learnt, tables)
    return build_number(feature, learnt, tables)
