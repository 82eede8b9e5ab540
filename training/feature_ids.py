"""In: a transform graph. Out: for each feature a digest of what its ids mean: two that agree may share an embedding."""

from __future__ import annotations

import hashlib

from ..schemas.spec_pb2 import Feature
from ..transforms.graph import TransformGraph
from ..transforms.learnt import Learnt


def id_digests(graph: TransformGraph) -> dict[str, str]:
    """SHA-256 by name of each feature of ids.

    It covers how the feature is made and what that has learnt: tokens in the order of their ids, boundaries. It does not
    cover how the model encodes it, or counts of the data, which are never the same twice. Features of a user's own
    `preprocessing_fn` are digests of all that was learnt.
    """
    features = {feature.name: feature for feature in graph.spec.features}
    found = {}
    for output in graph.features:
        if output.cardinality:
            feature = features.get(output.name)
            digest = hashlib.sha256(str(output.cardinality).encode())
            if feature is None:
                digest.update(graph.learnt.statistics.SerializeToString(deterministic=True))
            else:
                _add(digest, feature, features, graph.learnt)
            found[output.name] = digest.hexdigest()
    return found


def _add(digest, feature: Feature, features: dict[str, Feature], learnt: Learnt) -> None:
    made = Feature()
    made.CopyFrom(feature)
    made.ClearField("encode")
    kind = feature.WhichOneof("transform")
    if kind == "vocabulary":
        # Not where the tokens came from or how they were chosen.
        made.vocabulary.Clear()
        made.vocabulary.oov_buckets = feature.vocabulary.oov_buckets
    digest.update(made.SerializeToString(deterministic=True))
    given = [token.encode() for token in feature.vocabulary.tokens]
    for token in given or learnt.vocabularies.get(feature.name, []):
        digest.update(len(token).to_bytes(8, "little") + token)
    if kind == "cross":
        for name in feature.cross.of:
            _add(digest, features[name], features, learnt)
    elif kind == "buckets" and not feature.buckets.boundaries:
        for source in learnt.sources(feature):
            found = learnt.of(source.name)
            wanted = [entry for entry in found.quantiles if entry.buckets == feature.buckets.quantiles]
            edges = [list(wanted[0].boundaries)] if wanted else [found.min, found.max]
            digest.update(repr(edges).encode())
