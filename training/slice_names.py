"""In: a run directory. Out: what the ids of its features stand for, as far as its transform knows."""

from __future__ import annotations

import os
from collections.abc import Callable

from ..schemas.errors import ArtifactError
from ..transforms.describe_ids import name_ids
from ..transforms.graph import load_graph


def names_of_ids(run_dir: str) -> Callable[[str], Callable[[int], str]]:
    """feature → id → its name, "" where that is not known: of hashes, of the user's own features, without `transform/`."""
    try:
        graph = load_graph(os.path.join(run_dir, "transform"))
    except ArtifactError:
        return lambda feature: _nameless
    features = {feature.name: feature for feature in graph.spec.features}
    return lambda name: name_ids(features[name], graph.learnt) if name in features else _nameless


def _nameless(one: int) -> str:
    return ""
