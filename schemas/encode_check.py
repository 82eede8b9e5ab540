"""In: a resolved feature and what its transform reads. Out: nothing, or the SpecError of its encoding or list options."""

from __future__ import annotations

from . import spec_pb2
from .column_check import NUMBERS, column_of, type_name
from .spec_defaults import gives_ids
from .spec_source import SpecSource, enum_name, quote
from .step_check import Kind

_OF_LISTS = ("multi_hot", "counts")


def check_encode(
    feature: spec_pb2.Feature,
    transform: str,
    path: str,
    is_list: bool,
    features: dict[str, spec_pb2.Feature],
    source: SpecSource,
) -> None:
    """Checks how the model reads the feature; `is_list`: the transform gives a list of ids."""
    encode = feature.encode
    path = f"{path}.encode"
    kind = enum_name(spec_pb2.EncodeKind.DESCRIPTOR, encode.kind)
    ids = gives_ids(feature)
    source.require(encode.dimension >= 0, f"{path}.dimension", "at least 1", encode.dimension)
    if kind in ("one_hot", "embedding", *_OF_LISTS) and not ids:
        reason = f"{kind} needs ids, and {transform} gives a number"
        raise source.error(path, reason, "use buckets, vocabulary or hash")
    if kind == "number" and ids:
        hint = "multi_hot, counts or embedding" if is_list else "one_hot or embedding"
        raise source.error(path, f"number needs a number, and {transform} gives ids", hint)
    if kind == "one_hot" and is_list:
        raise source.error(path, "one_hot is of one id, and this feature is a list", "multi_hot or counts")
    if kind in _OF_LISTS and not is_list:
        raise source.error(path, f"{kind} is of a list, and this feature is one id", "one_hot or embedding")
    if encode.dimension and kind not in ("embedding", "auto"):
        raise source.error(f"{path}.dimension", f"has no meaning for {kind}", "leave it out")
    if encode.combiner and not (is_list and kind in ("embedding", "auto")):
        what = kind if is_list else "one id"
        raise source.error(f"{path}.combiner", f"has no meaning for {what}", "leave it out")
    source.require(encode.one_hot_up_to >= 0, f"{path}.one_hot_up_to", "at least 1", encode.one_hot_up_to)
    if encode.one_hot_up_to and kind != "auto":
        raise source.error(f"{path}.one_hot_up_to", f"has no meaning for {kind}", "leave it out")
    if encode.share:
        _check_share(feature, kind, path, features, source)


def _check_share(
    feature: spec_pb2.Feature,
    kind: str,
    path: str,
    features: dict[str, spec_pb2.Feature],
    source: SpecSource,
) -> None:
    at, name = f"{path}.share", feature.encode.share
    if kind != "embedding":
        raise source.error(at, f"has no meaning for {kind}", "kind: embedding")
    other = features.get(name)
    if other is None or name == feature.name:
        raise source.error(at, f"no other feature {quote(name)}")
    if other.encode.kind != spec_pb2.EMBEDDING:
        raise source.error(at, f"{quote(name)} has no embedding for sure", f"give {name} `encode: embedding`")
    if other.encode.share:
        raise source.error(at, f"{quote(name)} itself shares another's", f"share: {other.encode.share}")
    if other.intermediate:
        raise source.error(at, f"{quote(name)} is intermediate: the model does not see it")
    if feature.encode.dimension and feature.encode.dimension != other.encode.dimension:
        raise source.error(f"{path}.dimension", f"is that of {quote(name)}", "leave it out")


def check_list_options(
    feature: spec_pb2.Feature,
    transform: str,
    path: str,
    kind: Kind,
    columns: dict[str, spec_pb2.Column],
    source: SpecSource,
) -> None:
    """`sequence`, `value_weights` and `tf_idf` are of lists."""
    for option in ("sequence", "value_weights", "tf_idf"):
        if getattr(feature, option) and (kind.depth == 0 or transform == "word_vectors"):
            hint = "give the column `separators`, or the feature `before: [{split: words}]`"
            raise source.error(f"{path}.{option}", "is of lists, and this feature is none", hint)
    for option in ("value_weights", "tf_idf"):
        if getattr(feature, option) and not gives_ids(feature):
            raise source.error(
                f"{path}.{option}", f"is of ids, and {transform} gives numbers", "leave it out"
            )
        if getattr(feature, option) and kind.depth > 1:
            raise source.error(
                f"{path}.{option}", "is of plain lists, and this is a list of lists", "leave it out"
            )
    if feature.tf_idf and transform != "vocabulary":
        raise source.error(
            f"{path}.tf_idf", f"needs a vocabulary, and this is {transform}", "vocabulary: {…}"
        )
    if feature.tf_idf and feature.vocabulary.tokens:
        raise source.error(
            f"{path}.tf_idf", "needs a vocabulary that is learnt or in a file", "leave `tokens` out"
        )
    if not feature.value_weights:
        return
    at = f"{path}.value_weights"
    if feature.tf_idf:
        raise source.error(at, "is given beside tf_idf", "keep one of the two")
    weights = column_of(feature.value_weights, at, columns, source)
    if weights.type not in NUMBERS or len(weights.separators) != 1:
        what = "lists of " * len(weights.separators) + type_name(weights.type)
        raise source.error(at, f"{quote(weights.name)} holds {what}, and a list of numbers is needed")
    if feature.before:
        raise source.error(at, "a feature with weights has no `before`", "leave the steps out")
