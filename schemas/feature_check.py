"""In: the features and columns of a resolved spec. Out: nothing, or the SpecError of the first faulty one."""

from __future__ import annotations

import math
import re

from . import spec_pb2
from .column_check import NUMBERS, column_of, fits, type_name
from .propose import RESERVED_NAMES
from .spec_defaults import ID_TRANSFORMS
from .spec_source import TRANSFORMS, SpecSource, enum_name, listed, nearest, quote

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
# Column types that a transform reads, and what to do about another.
_READS = {
    "as_is": (NUMBERS, "vocabulary or hash"),
    "standardize": (NUMBERS, "vocabulary or hash"),
    "min_max": (NUMBERS, "vocabulary or hash"),
    "buckets": (NUMBERS, "vocabulary or hash"),
    "vocabulary": ((spec_pb2.STRING, spec_pb2.INT), "buckets, or declare the column int or string"),
    "hash": ((spec_pb2.STRING, spec_pb2.INT), "buckets, or declare the column int or string"),
}


def check_features(spec: spec_pb2.Spec, columns: dict[str, spec_pb2.Column], source: SpecSource) -> None:
    """Raises SpecError at the first mistake; `columns` are checked and by name."""
    features = _check_names(spec, source)
    for name, feature in features.items():
        path = f"features.{name}"
        transform = feature.WhichOneof("transform")
        if transform is None:
            raise source.error(path, "has no transform", f"one of {listed(TRANSFORMS)}")
        if transform == "cross":
            _check_cross(feature, path, features, columns, source)
        else:
            _check_column(feature, transform, path, spec.data, columns, source)
            _check_missing(feature, transform, path, columns[feature.column], source)
        _check_numbers(feature, transform, path, columns, source)
        _check_encode(feature, transform, path, source)
    _check_cycles(features, source)
    crossed = {name for feature in features.values() for name in feature.cross.of}
    for name, feature in features.items():
        if feature.intermediate and name not in crossed:
            raise source.error(
                f"features.{name}.intermediate", "no cross uses this feature", "leave `intermediate` out"
            )
    if all(feature.intermediate for feature in features.values()):
        raise source.error("features", "no feature reaches the model", "name at least one")


def _check_names(spec: spec_pb2.Spec, source: SpecSource) -> dict[str, spec_pb2.Feature]:
    features: dict[str, spec_pb2.Feature] = {}
    for index, feature in enumerate(spec.features):
        name = feature.name
        path = f"features.{name}" if name else f"features[{index}]"
        if not name:
            raise source.error(path, "has no name", "give it a `name`")
        if name in features:
            raise source.error(path, "is given twice")
        if name in RESERVED_NAMES:
            hint = f"call it otherwise, and give `column: {name}`"
            raise source.error(path, f"the name {quote(name)} is taken by prebake", hint)
        if not _NAME.fullmatch(name):
            hint = "letters, digits, _ . and -, the first a letter or _; any name may stand in `column`"
            raise source.error(path, f"{quote(name)} cannot be a feature's name", hint)
        features[name] = feature
    for name, feature in features.items():
        if feature.missing.indicator and f"{name}_missing" in features:
            raise source.error(
                f"features.{name}.missing.indicator",
                f"its indicator '{name}_missing' is the name of another feature",
                "rename that one",
            )
    return features


def _check_column(
    feature: spec_pb2.Feature,
    transform: str,
    path: str,
    data: spec_pb2.Data,
    columns: dict[str, spec_pb2.Column],
    source: SpecSource,
) -> None:
    name = feature.column
    column = column_of(name, f"{path}.column", columns, source)
    if name == data.label.column:
        reason = f"{quote(name)} is the label: the model would be told the answer"
        raise source.error(f"{path}.column", reason, "leave this feature out")
    if name == data.weight:
        raise source.error(f"{path}.column", f"{quote(name)} is the row weight", "leave this feature out")
    types, instead = _READS[transform]
    if column.type not in types:
        wanted = " or ".join(type_name(t) for t in types)
        reason = f"needs a {wanted} column, and {quote(name)} is {type_name(column.type)}"
        raise source.error(f"{path}.{transform}", reason, f"use {instead}")


def _check_missing(
    feature: spec_pb2.Feature, transform: str, path: str, column: spec_pb2.Column, source: SpecSource
) -> None:
    missing = feature.missing
    path = f"{path}.missing"
    fill = enum_name(spec_pb2.Fill.DESCRIPTOR, missing.fill)
    if fill in ("mean", "median") and transform in ("vocabulary", "hash"):
        raise source.error(
            path, f"{fill} needs numbers, and {transform} reads tokens", "own_id or most_frequent"
        )
    if fill == "own_id" and transform not in ID_TRANSFORMS:
        raise source.error(
            path,
            f"own_id needs ids, and {transform} gives a number",
            "mean, median, most_frequent or constant",
        )
    given = missing.HasField("constant")
    if given and fill != "constant":
        raise source.error(f"{path}.constant", f"is given, and fill is {fill}", "keep one of the two")
    if fill == "constant":
        if not given or not missing.constant:
            raise source.error(path, "has no constant", "missing: {constant: …}")
        if not fits(missing.constant, column.type):
            raise source.error(
                f"{path}.constant",
                f"{quote(missing.constant)} is no value of the {type_name(column.type)} column "
                f"{quote(column.name)}",
            )


def _check_numbers(
    feature: spec_pb2.Feature,
    transform: str,
    path: str,
    columns: dict[str, spec_pb2.Column],
    source: SpecSource,
) -> None:
    """The transform's own fields."""
    path = f"{path}.{transform}"
    if transform == "min_max":
        low, high = feature.min_max.low, feature.min_max.high
        source.require(math.isfinite(low), f"{path}.low", "a finite number", low)
        source.require(math.isfinite(high), f"{path}.high", "a finite number", high)
        source.require(low < high, f"{path}.high", f"above low, which is {low:.12g}", high)
    elif transform == "buckets":
        _check_buckets(feature.buckets, path, source)
    elif transform == "vocabulary":
        _check_vocabulary(feature.vocabulary, path, columns[feature.column], source)
    elif transform == "hash":
        count = feature.hash.buckets
        if count == 0:
            raise source.error(path, "has no number of buckets", "e.g. hash: 1000")
        source.require(count >= 1, f"{path}.buckets", "at least 1", count)
    elif transform == "cross":
        count = feature.cross.buckets
        source.require(count >= 1, f"{path}.buckets", "at least 1", count)


def _check_buckets(buckets: spec_pb2.Buckets, path: str, source: SpecSource) -> None:
    if buckets.quantiles and buckets.boundaries:
        raise source.error(path, "has both quantiles and boundaries", "keep one of the two")
    if not buckets.quantiles and not buckets.boundaries:
        raise source.error(path, "has no number of buckets", "e.g. buckets: 10")
    if buckets.quantiles:
        source.require(buckets.quantiles >= 2, f"{path}.quantiles", "at least 2", buckets.quantiles)
    previous = -math.inf
    for index, bound in enumerate(buckets.boundaries):
        at = f"{path}.boundaries[{index}]"
        source.require(math.isfinite(bound), at, "a finite number", bound)
        source.require(bound > previous, at, f"above the one before, {previous:.12g}", bound)
        previous = bound


def _check_vocabulary(
    vocabulary: spec_pb2.Vocabulary, path: str, column: spec_pb2.Column, source: SpecSource
) -> None:
    for name in ("top_k", "min_frequency"):
        value = getattr(vocabulary, name)
        source.require(value >= 0, f"{path}.{name}", "at least 1", value)
    # Without one, a token that is not in the vocabulary would have no id.
    source.require(vocabulary.oov_buckets >= 1, f"{path}.oov_buckets", "at least 1", vocabulary.oov_buckets)
    if vocabulary.tokens and (vocabulary.top_k or vocabulary.min_frequency):
        name = "top_k" if vocabulary.top_k else "min_frequency"
        raise source.error(f"{path}.{name}", "has no meaning beside tokens", "leave it out")
    seen: set[str | int] = set()
    for index, token in enumerate(vocabulary.tokens):
        at = f"{path}.tokens[{index}]"
        if not token or "\n" in token or "\r" in token:
            raise source.error(at, f"{quote(token)} cannot be a token", "one line of text, not empty")
        if not fits(token, column.type):
            reason = f"{quote(token)} is no value of the {type_name(column.type)} column {quote(column.name)}"
            raise source.error(at, reason)
        value = int(token) if column.type == spec_pb2.INT else token
        if value in seen:
            raise source.error(at, f"{quote(token)} is given twice")
        seen.add(value)


def _check_encode(feature: spec_pb2.Feature, transform: str, path: str, source: SpecSource) -> None:
    encode = feature.encode
    path = f"{path}.encode"
    kind = enum_name(spec_pb2.EncodeKind.DESCRIPTOR, encode.kind)
    source.require(encode.dimension >= 0, f"{path}.dimension", "at least 1", encode.dimension)
    if kind in ("one_hot", "embedding") and transform not in ID_TRANSFORMS:
        reason = f"{kind} needs ids, and {transform} gives a number"
        raise source.error(path, reason, "use buckets, vocabulary or hash")
    if kind == "number" and transform in ID_TRANSFORMS:
        raise source.error(path, f"number needs a number, and {transform} gives ids", "one_hot or embedding")
    if encode.dimension and kind not in ("embedding", "auto"):
        raise source.error(f"{path}.dimension", f"has no meaning for {kind}", "leave it out")


def _check_cross(
    feature: spec_pb2.Feature,
    path: str,
    features: dict[str, spec_pb2.Feature],
    columns: dict[str, spec_pb2.Column],
    source: SpecSource,
) -> None:
    if feature.column:
        raise source.error(f"{path}.column", "a cross reads features, not a column", "leave it out")
    if feature.HasField("missing"):
        raise source.error(
            f"{path}.missing",
            "a cross has no missing values",
            "give `missing` to the features that it crosses",
        )
    at = f"{path}.cross.of"
    source.require(len(feature.cross.of) >= 2, at, "at least 2 features", len(feature.cross.of))
    for index, name in enumerate(feature.cross.of):
        other = features.get(name)
        if name in feature.cross.of[:index]:
            raise source.error(at, f"{quote(name)} is given twice")
        if other is None and name in columns:
            hint = "add a feature that makes ids of it: buckets, vocabulary or hash"
            raise source.error(at, f"{quote(name)} is a column, and a cross reads features", hint)
        if other is None:
            others = [known for known in features if known != feature.name]
            raise source.error(at, f"no feature {quote(name)}", nearest(name, others))
        transform = other.WhichOneof("transform")
        if transform is not None and transform not in ID_TRANSFORMS:
            hint = (
                f"cross a bucketised one: {name}_buckets: "
                f"{{column: {other.column}, buckets: 10, intermediate: true}}"
            )
            raise source.error(at, f"{quote(name)} gives a number ({transform}), and a cross needs ids", hint)


def _check_cycles(features: dict[str, spec_pb2.Feature], source: SpecSource) -> None:
    done: set[str] = set()
    for start in features:
        # Depth first with a stack of our own: a chain of crosses may be deeper than Python's recursion.
        chain: list[str] = []
        pending = [(start, False)]
        while pending:
            name, leaving = pending.pop()
            if leaving:
                chain.pop()
                done.add(name)
            elif name in chain:
                circle = " → ".join([*chain[chain.index(name) :], name])
                raise source.error(f"features.{name}.cross.of", f"is a circle: {circle}", "break it")
            elif name not in done:
                chain.append(name)
                pending.append((name, True))
                pending += [(other, False) for other in features[name].cross.of]
