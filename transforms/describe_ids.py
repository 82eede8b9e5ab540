"""In: a feature whose transform gives ids, what was learnt, and one row. Out: what each of the row's ids stands for."""

from __future__ import annotations

import calendar
from collections.abc import Callable

from ..schemas.spec_pb2 import DAY_OF_WEEK, MONTH, Feature, Part
from .batch import Batch
from .describe import interval_text
from .learnt import Learnt
from .needs import learns_combinations
from .number_features import bucket_boundaries
from .timestamps import part_size
from .value_text import elements, listed, number, token_text, value_text

_SHOWN = 4
Meaning = Callable[[int], str]


def describe_ids(feature: Feature, learnt: Learnt, batch: Batch) -> str:
    """E.g. "vocabulary of 3 tokens: 2 is 'Rome'"; `batch` as `TransformGraph.explain` gives it."""
    head, known, meaning = _meaning(feature, learnt, batch)
    ids = dict.fromkeys(elements(batch.features[feature.name]))
    texts = [meaning(one) if one < known else "missing" for one in ids]
    shown = listed([f"{one} is {text}" for one, text in zip(ids, texts, strict=True) if text], _SHOWN)
    return f"{head}: {shown}" if shown else head


def name_ids(feature: Feature, learnt: Learnt) -> Meaning:
    """What each id of the feature stands for: "'Rome'", "unseen", "from 20 to below 40", "missing"; "" if nobody knows."""
    if feature.WhichOneof("transform") == "cross":
        return lambda one: ""
    _, known, meaning = _meaning(feature, learnt, Batch({}, None))
    return lambda one: meaning(one) if one < known else "missing"


def _meaning(feature: Feature, learnt: Learnt, batch: Batch) -> tuple[str, int, Meaning]:
    """What the transform is, how many ids it has without the one for missing values, and what such an id stands for."""
    kind = feature.WhichOneof("transform")
    if kind == "cross":
        return _cross(feature, learnt, batch)
    if kind == "buckets":
        boundaries = bucket_boundaries(feature, learnt.source(feature), learnt)
        head = f"{len(boundaries) + 1} buckets, boundaries {listed([number(one) for one in boundaries])}"
        return head, len(boundaries) + 1, lambda one: interval_text(boundaries, one)
    if kind == "vocabulary":
        tokens = [token.encode() for token in feature.vocabulary.tokens] or learnt.tokens(feature.name)
        head = f"vocabulary of {len(tokens):,} token{'s' * (len(tokens) != 1)}"
        known = len(tokens) + feature.vocabulary.oov_buckets
        return head, known, lambda one: token_text(tokens[one]) if one < len(tokens) else "unseen"
    if kind == "identity":
        size = feature.identity.size
        return f"identity, ids below {size:,}", size + 1, lambda one: "any other" if one == size else ""
    if kind == "time_part":
        part = feature.time_part.part
        return f"time_part: {Part.Name(part).lower()}", part_size(part), lambda one: _name_of(part, one)
    return f"hash into {feature.hash.buckets:,}", feature.hash.buckets, lambda one: ""


def _cross(feature: Feature, learnt: Learnt, batch: Batch) -> tuple[str, int, Meaning]:
    of = " x ".join(f"{name} {value_text(batch.features[name])}" for name in feature.cross.of)
    if not learns_combinations(feature):
        return f"cross of {of}", 1 << 62, lambda one: ""
    size = len(learnt.tokens(feature.name))
    head = f"cross of {of}, {size:,} combinations learnt"
    return head, size + 1, lambda one: "another" if one == size else ""


def _name_of(part: Part, one: int) -> str:
    if part == DAY_OF_WEEK:
        return calendar.day_name[one]
    return calendar.month_name[one + 1] if part == MONTH else ""
