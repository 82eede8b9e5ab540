"""In: a feature whose transform gives numbers, what was learnt, and one row. Out: what the transform does with the row."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..schemas.spec_pb2 import Feature, Part
from ..schemas.statistics_pb2 import ColumnStatistics, Group, LabelSums
from . import buckets, gaussian
from .batch import Batch, Value
from .learnt import Learnt
from .number_features import bucket_boundaries
from .sources import Source
from .value_text import MISSING, elements, listed, number, scalar_text, token_text, value_text

_PERIODS = {"minute": "the hour", "hour": "the day", "day_of_week": "the week", "day_of_year": "the year"}


def describe_numbers(feature: Feature, learnt: Learnt, batch: Batch) -> str:
    """E.g. "standardize: mean 38.58, deviation 13.64"; `batch` as `TransformGraph.explain` gives it."""
    kind = feature.WhichOneof("transform")
    if kind in ("pca", "target", "word_vectors", "image", "tensor", "cyclical"):
        text = _OF_KIND[kind](feature, learnt, batch)
    else:
        sources = learnt.sources(feature)
        parts = [_scaling(feature, kind, source, learnt, batch) for source in sources]
        if len(parts) > 1:
            parts = [f"{source.name}: {part}" for source, part in zip(sources, parts, strict=True) if part]
        text = listed(parts, most=4) if len(parts) == 1 else "; ".join(parts[:4]) + ("; …" * (len(parts) > 4))
    return f"{kind}: {text}" if text else kind


def interval_text(boundaries: np.ndarray, place: int) -> str:
    """The interval with this many boundaries at or below it."""
    if not len(boundaries):
        return "any number"
    if place == 0:
        return f"below {number(boundaries[0])}"
    if place == len(boundaries):
        return f"{number(boundaries[-1])} and above"
    return f"from {number(boundaries[place - 1])} to below {number(boundaries[place])}"


def _scaling(feature: Feature, kind: str, source: Source, learnt: Learnt, batch: Batch) -> str:
    found = learnt.of(source.name)
    by = getattr(feature, kind).by if kind in ("standardize", "min_max") else ""
    entry, where = _group(feature, by, source, learnt, batch) if by else (learnt.of(source.name), "")
    if kind == "standardize":
        return f"mean {number(entry.mean)}, deviation {number(math.sqrt(entry.variance))}{where}"
    if kind == "min_max":
        low, high = number(feature.min_max.low), number(feature.min_max.high)
        return f"{number(entry.min)} … {number(entry.max)} to {low} … {high}{where}"
    if kind == "robust":
        ranks = {rank.rank: rank.value for rank in found.ranks}
        quartiles = " and ".join(number(ranks.get(rank, 0.0)) for rank in (0.25, 0.75))
        return f"median {number(found.median)}, quartiles {quartiles}"
    if kind == "gaussian":
        fit = gaussian.fit(found.l_moments)
        return (
            f"location {number(fit.location)}, scale {number(fit.scale)}, "
            f"tails {number(fit.left)} and {number(fit.right)}"
        )
    if kind == "buckets":
        return _place(bucket_boundaries(feature, source, learnt), feature, source, batch)
    if kind == "piecewise_linear":
        edges = buckets.piecewise_linear_edges(found, feature.piecewise_linear.quantiles)
        return _place(edges, feature, source, batch)
    return ""


def _group(
    feature: Feature, by: str, source: Source, learnt: Learnt, batch: Batch
) -> tuple[ColumnStatistics | Group, str]:
    (key,) = elements(Source(learnt.columns[by]).value(batch, learnt.of))
    shown = scalar_text(key)
    written = key if isinstance(key, bytes) else str(key).encode()
    for group in learnt.group(feature).groups:
        if group.key and group.key == written:
            return group, f", of rows with {by} {shown}"
    why = f"{by} is missing" if shown == MISSING else f"{by} {shown} is unseen"
    return learnt.of(source.name), f", of all rows: {why}"


def _place(edges: np.ndarray, feature: Feature, source: Source, batch: Batch) -> str:
    """The interval that the row's number lies in, of all."""
    x = elements(filled(feature, source, batch))
    where = (
        f"{interval_text(edges, int(np.searchsorted(edges, x[0], side='right')))}, " if len(x) == 1 else ""
    )
    return f"{where}of {listed([number(edge) for edge in edges])}"


def filled(feature: Feature, source: Source, batch: Batch) -> Value:
    """The source's values as the transform takes them."""
    assert batch.filled is not None
    return batch.filled.get((feature.name, source.name), batch.sources[source.name])


def _pca(feature: Feature, learnt: Learnt, batch: Batch) -> str:
    how = [word for word in ("standardize", "whiten") if getattr(feature.pca, word)]
    means = listed(number(mean) for mean in learnt.covariance(feature).mean)
    return ", ".join([f"{len(feature.columns)} columns less their means {means}", *how])


def _target(feature: Feature, learnt: Learnt, batch: Batch) -> str:
    (value,) = elements(learnt.source(feature).value(batch, learnt.of))
    shown = scalar_text(value)
    key = b"" if shown == MISSING else value if isinstance(value, bytes) else str(value).encode()
    statistics = learnt.target(feature)
    unit = " of ln(1 + label)" if learnt.spec.data.label.log else ""
    rows, mean = _mean(statistics.all)
    everything = f"the mean{unit} of all is {mean}"
    for entry in statistics.values:
        if entry.key == key:
            rows, mean = _mean(entry.folds)
            drawn = f"drawn to it by {number(feature.target.smoothing)} rows"
            return f"the mean{unit} of {rows} training rows with {shown} is {mean}; {everything}; {drawn}"
    return f"{shown} is unseen; {everything}"


def _mean(folds: Sequence[LabelSums]) -> tuple[str, str]:
    weight = math.fsum(sums.weight for sums in folds)
    width = max((len(sums.label) for sums in folds), default=0)
    means = [math.fsum(sums.label[i] for sums in folds if sums.label) / weight for i in range(width)]
    shown = [number(mean) for mean in means]
    return f"{weight:,.7g}", shown[0] if width == 1 else f"[{listed(shown)}]"


def _word_vectors(feature: Feature, learnt: Learnt, batch: Batch) -> str:
    tokens = list(dict.fromkeys(elements(learnt.source(feature).value(batch, learnt.of))))
    known = learnt.word_vectors(feature).tokens
    found, other = ([one for one in tokens if (one in known) is there] for there in (True, False))
    text = f"mean of the vectors of {listed(map(token_text, found))}" if found else "no token has a vector"
    return text + (f"; the file lacks {listed(map(token_text, other))}" if other else "")


def _image(feature: Feature, learnt: Learnt, batch: Batch) -> str:
    image = feature.image
    return f"to {image.height} x {image.width} pixels, {image.channels} channel{'s' * (image.channels > 1)}"


def _tensor(feature: Feature, learnt: Learnt, batch: Batch) -> str:
    return f"of shape {list(feature.tensor.shape)}"


def _cyclical(feature: Feature, learnt: Learnt, batch: Batch) -> str:
    if value_text(learnt.source(feature).value(batch, learnt.of)) == MISSING:
        return "0 for a missing time"
    return f"sine and cosine of the place in {_PERIODS[Part.Name(feature.cyclical.part).lower()]}"


_OF_KIND = {
    "pca": _pca,
    "target": _target,
    "word_vectors": _word_vectors,
    "image": _image,
    "tensor": _tensor,
    "cyclical": _cyclical,
}
