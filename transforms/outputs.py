"""In: a feature and how it is computed. Out: how it is stored in the examples and read by the model."""

from __future__ import annotations

from collections.abc import Sequence

from ..schemas.errors import SpecError
from ..schemas.manifest_pb2 import OUTPUT_FLOAT, OUTPUT_INT64, OutputFeature
from ..schemas.spec_pb2 import EMBEDDING, ENCODE_AUTO, MULTI_HOT, NUMBER, ONE_HOT, Feature
from .batch import Built

_EMBEDDING_UP_TO = 64


def output_of(feature: Feature, built: Built) -> OutputFeature:
    """Of the feature itself, its encoding resolved."""
    nested = len(built.shape) == 2 and built.shape[0] < 0
    output = OutputFeature(
        name=feature.name,
        shape=built.shape,
        sequence=feature.sequence or nested,
        out_of_fold=feature.HasField("target"),
    )
    if not built.size:
        output.type, output.encode = OUTPUT_FLOAT, NUMBER
        return output
    kind = feature.encode.kind
    if kind == ENCODE_AUTO:
        few = MULTI_HOT if built.shape else ONE_HOT
        kind = few if built.size <= (feature.encode.one_hot_up_to or 50) else EMBEDDING
    output.type, output.cardinality, output.encode = OUTPUT_INT64, built.size, kind
    if kind == EMBEDDING:
        output.dimension = feature.encode.dimension or embedding_dimension(built.size)
        output.share = feature.encode.share
        if built.shape:
            output.combiner = feature.encode.combiner
    return output


def id_output(name: str, size: int, shape: tuple[int, ...]) -> OutputFeature:
    """Of ids that no feature of the spec stands for: encoded by the rule of thumb."""
    return output_of(Feature(name=name), Built(lambda batch: batch.features[name], size, shape))


def embedding_dimension(size: int) -> int:
    """round(1.6 * ids ** 0.56), at most 64."""
    return min(_EMBEDDING_UP_TO, round(1.6 * size**0.56))


def indicator_output(feature: Feature) -> OutputFeature:
    """Of `<name>_missing`."""
    return OutputFeature(name=f"{feature.name}_missing", type=OUTPUT_FLOAT, encode=NUMBER)


def weights_output(feature: Feature, built: Built) -> OutputFeature:
    """Of `<name>_weights`, which lie beside the ids of a list."""
    return OutputFeature(
        name=f"{feature.name}_weights",
        type=OUTPUT_FLOAT,
        encode=NUMBER,
        shape=built.shape,
        sequence=feature.sequence,
        weights_of=feature.name,
    )


def share_dimensions(features: Sequence[OutputFeature]) -> None:
    """Gives each feature that reads another's embedding the dimension of that one."""
    by_name = {feature.name: feature for feature in features}
    for feature in features:
        if feature.share:
            feature.dimension = by_name[feature.share].dimension


def check_shares(features: Sequence[OutputFeature]) -> None:
    """Raises a SpecError where two features share an embedding and have not the same ids."""
    by_name = {feature.name: feature for feature in features}
    for feature in features:
        if feature.share and feature.cardinality != by_name[feature.share].cardinality:
            other = by_name[feature.share]
            raise SpecError(
                "spec",
                None,
                f"features.{feature.name}.encode.share",
                f"has {feature.cardinality:,} ids and '{other.name}' has {other.cardinality:,}: they cannot share one",
                "give both the same list or file of tokens, or hash both into as many buckets",
            )
