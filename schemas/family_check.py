"""In: a feature of a resolved spec. Out: nothing, or the SpecError of the first faulty field of its transform."""

from __future__ import annotations

import math
from collections.abc import Callable

from . import spec_pb2
from .column_check import check_scalar, column_of, fits, type_name
from .labels import label_columns
from .spec_source import SpecSource, enum_name, listed, quote

Columns = dict[str, spec_pb2.Column]
_CYCLES = (spec_pb2.MINUTE, spec_pb2.HOUR, spec_pb2.DAY_OF_WEEK, spec_pb2.DAY_OF_YEAR)


def check_family(
    feature: spec_pb2.Feature,
    transform: str,
    path: str,
    spec: spec_pb2.Spec,
    columns: Columns,
    source: SpecSource,
) -> None:
    """Checks the fields of the transform; the columns that it reads have been checked."""
    at = f"{path}.{transform}"
    message = getattr(feature, transform)
    if transform in ("standardize", "min_max") and message.by:
        _check_key(feature, message.by, f"{at}.by", spec.data, columns, source)
    if transform == "vocabulary":
        _check_vocabulary(message, at, columns[feature.column], spec.data.label, source)
    check = _CHECKS.get(transform)
    if check is not None:
        check(message, at, source)
    if transform == "pca":
        most = len(feature.columns)
        source.require(
            message.dimension <= most, f"{at}.dimension", f"at most the {most} columns", message.dimension
        )


def _check_key(
    feature: spec_pb2.Feature,
    name: str,
    at: str,
    data: spec_pb2.Data,
    columns: Columns,
    source: SpecSource,
) -> None:
    column = column_of(name, at, columns, source)
    check_scalar(name, "a group", columns, source, at)
    if column.type not in (spec_pb2.STRING, spec_pb2.INT):
        reason = f"{quote(name)} is {type_name(column.type)}, and groups are values of a string or int column"
        raise source.error(at, reason)
    if name in (*label_columns(data), data.weight):
        is_label = name != data.weight
        what = "the label: the model would be told the answer" if is_label else "the row weight"
        raise source.error(at, f"{quote(name)} is {what}", "name another column")
    if feature.columns or columns[feature.column].separators:
        what = "several columns" if feature.columns else "lists"
        raise source.error(
            at, f"groups are of one number a row, and this feature reads {what}", "leave `by` out"
        )


def _check_min_max(bounds: spec_pb2.MinMax, at: str, source: SpecSource) -> None:
    source.require(math.isfinite(bounds.low), f"{at}.low", "a finite number", bounds.low)
    source.require(math.isfinite(bounds.high), f"{at}.high", "a finite number", bounds.high)
    source.require(
        bounds.low < bounds.high, f"{at}.high", f"above low, which is {bounds.low:.12g}", bounds.high
    )


def _check_buckets(buckets: spec_pb2.Buckets, at: str, source: SpecSource) -> None:
    given = [name for name in ("quantiles", "boundaries", "equal_width") if getattr(buckets, name)]
    if len(given) > 1:
        raise source.error(at, f"has both {given[0]} and {given[1]}", "keep one of the two")
    if not given:
        raise source.error(at, "has no number of buckets", "e.g. buckets: 10")
    for name in ("quantiles", "equal_width"):
        count = getattr(buckets, name)
        if name in given:
            source.require(count >= 2, f"{at}.{name}", "at least 2", count)
    previous = -math.inf
    for index, bound in enumerate(buckets.boundaries):
        place = f"{at}.boundaries[{index}]"
        source.require(math.isfinite(bound), place, "a finite number", bound)
        source.require(bound > previous, place, f"above the one before, {previous:.12g}", bound)
        previous = bound


def _check_piecewise(piecewise: spec_pb2.PiecewiseLinear, at: str, source: SpecSource) -> None:
    source.require(piecewise.quantiles >= 2, f"{at}.quantiles", "at least 2", piecewise.quantiles)


def _check_hash(hashed: spec_pb2.Hash, at: str, source: SpecSource) -> None:
    if hashed.buckets == 0:
        raise source.error(at, "has no number of buckets", "e.g. hash: 1000")
    source.require(hashed.buckets >= 1, f"{at}.buckets", "at least 1", hashed.buckets)


def _check_cross(cross: spec_pb2.Cross, at: str, source: SpecSource) -> None:
    for name in ("top_k", "min_frequency"):
        source.require(getattr(cross, name) >= 0, f"{at}.{name}", "at least 1", getattr(cross, name))
        if cross.buckets and getattr(cross, name):
            raise source.error(f"{at}.{name}", "has no meaning beside buckets", "keep one of the two")
    if not (cross.top_k or cross.min_frequency):
        source.require(cross.buckets >= 1, f"{at}.buckets", "at least 1", cross.buckets)


def _check_identity(identity: spec_pb2.Identity, at: str, source: SpecSource) -> None:
    if identity.size == 0:
        raise source.error(at, "has no size", "e.g. identity: 24")
    source.require(identity.size >= 1, f"{at}.size", "at least 1", identity.size)


def _check_target(target: spec_pb2.Target, at: str, source: SpecSource) -> None:
    smoothing = target.smoothing
    source.require(0 <= smoothing < math.inf, f"{at}.smoothing", "a number of at least 0", smoothing)
    source.require(target.folds >= 2, f"{at}.folds", "at least 2", target.folds)


def _check_time_part(part: spec_pb2.TimePart, at: str, source: SpecSource) -> None:
    if part.part == spec_pb2.PART_UNSPECIFIED:
        raise source.error(at, "has no part", "e.g. time_part: day_of_week")


def _check_cyclical(cyclical: spec_pb2.Cyclical, at: str, source: SpecSource) -> None:
    names = [enum_name(spec_pb2.Part.DESCRIPTOR, part) for part in _CYCLES]
    if cyclical.part == spec_pb2.PART_UNSPECIFIED:
        raise source.error(at, "has no part", "e.g. cyclical: day_of_year")
    if cyclical.part not in _CYCLES:
        part = enum_name(spec_pb2.Part.DESCRIPTOR, cyclical.part)
        raise source.error(at, f"a {part} has no cycle of its own", f"one of {listed(names)}")


def _check_pca(pca: spec_pb2.Pca, at: str, source: SpecSource) -> None:
    if pca.dimension == 0:
        raise source.error(at, "has no dimension", "e.g. pca: 3")
    source.require(pca.dimension >= 1, f"{at}.dimension", "at least 1", pca.dimension)


def _check_word_vectors(vectors: spec_pb2.WordVectors, at: str, source: SpecSource) -> None:
    if not vectors.file:
        raise source.error(at, "has no file", "e.g. word_vectors: glove.txt")


def _check_image(image: spec_pb2.Image, at: str, source: SpecSource) -> None:
    for name in ("height", "width"):
        value = getattr(image, name)
        if value == 0:
            raise source.error(at, f"has no {name}", "e.g. image: {height: 32, width: 32}")
        source.require(value >= 1, f"{at}.{name}", "at least 1", value)
    source.require(image.channels in (1, 3), f"{at}.channels", "1 or 3", image.channels)


def _check_tensor(tensor: spec_pb2.SerializedTensor, at: str, source: SpecSource) -> None:
    if not tensor.shape:
        raise source.error(at, "has no shape", "e.g. tensor: {shape: [16]}")
    for index, size in enumerate(tensor.shape):
        source.require(size >= 1, f"{at}.shape[{index}]", "at least 1", size)


_CHECKS: dict[str, Callable[..., None]] = {
    "min_max": _check_min_max,
    "buckets": _check_buckets,
    "piecewise_linear": _check_piecewise,
    "hash": _check_hash,
    "cross": _check_cross,
    "identity": _check_identity,
    "target": _check_target,
    "time_part": _check_time_part,
    "cyclical": _check_cyclical,
    "pca": _check_pca,
    "word_vectors": _check_word_vectors,
    "image": _check_image,
    "tensor": _check_tensor,
}


def _check_vocabulary(
    vocabulary: spec_pb2.Vocabulary,
    at: str,
    column: spec_pb2.Column,
    label: spec_pb2.Label,
    source: SpecSource,
) -> None:
    for name in ("top_k", "min_frequency"):
        value = getattr(vocabulary, name)
        source.require(value >= 0, f"{at}.{name}", "at least 1", value)
    # Without one, a token that is not in the vocabulary would have no id.
    source.require(vocabulary.oov_buckets >= 1, f"{at}.oov_buckets", "at least 1", vocabulary.oov_buckets)
    given = [name for name in ("tokens", "file") if getattr(vocabulary, name)]
    if len(given) == 2:
        raise source.error(at, "has both tokens and file", "keep one of the two")
    by_information = vocabulary.rank == spec_pb2.MUTUAL_INFORMATION
    learnt = {"top_k": vocabulary.top_k, "min_frequency": vocabulary.min_frequency, "rank": by_information}
    for name, value in learnt.items():
        if given and value:
            raise source.error(f"{at}.{name}", f"has no meaning beside {given[0]}", "leave it out")
    if by_information and label.kind == spec_pb2.REGRESSION:
        reason = f"mutual_information needs a label with classes, and {quote(label.column)} is a number"
        raise source.error(f"{at}.rank", reason, "leave it out")
    _check_tokens(vocabulary, at, column, source)


def _check_tokens(
    vocabulary: spec_pb2.Vocabulary, at: str, column: spec_pb2.Column, source: SpecSource
) -> None:
    seen: set[str | int] = set()
    for index, token in enumerate(vocabulary.tokens):
        place = f"{at}.tokens[{index}]"
        if not token or "\n" in token or "\r" in token:
            raise source.error(place, f"{quote(token)} cannot be a token", "one line of text, not empty")
        if not fits(token, column):
            reason = f"{quote(token)} is no value of the {type_name(column.type)} column {quote(column.name)}"
            raise source.error(place, reason)
        value = int(token) if column.type == spec_pb2.INT else token
        if value in seen:
            raise source.error(place, f"{quote(token)} is given twice")
        seen.add(value)
