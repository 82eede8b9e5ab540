"""In: a feature and what was learnt. Out: one thing of it in words, as a worked example shows it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from prebake.schemas.spec_pb2 import Feature
from prebake.schemas.statistics_pb2 import ColumnStatistics
from prebake.transforms.buckets import piecewise_linear_edges
from prebake.transforms.graph import TransformGraph
from prebake.transforms.learnt import Learnt
from prebake.transforms.number_features import bucket_boundaries
from prebake.transforms.sources import clip_bounds


def number(value: float) -> str:
    """At most four decimals, no zeros behind."""
    text = f"{value:.4f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def learnt_words(graph: TransformGraph, name: str, what: str) -> str:
    """E.g. "mean 3".

    Args:
      graph: of a run.
      name: of a feature, or the label.
      what: "label", "classes" or a key of `_OF_FEATURES`.
    """
    if what == "label":
        return f"mean {number(graph.label.mean)}, deviation {number(graph.label.deviation)}, of ln(1 + x)"
    if what == "classes":
        return _numbered(graph.label.classes)
    feature = next(one for one in graph.spec.features if one.name == name)
    return _OF_FEATURES[what](feature, graph.learnt)


def _numbers(values: Iterable[float]) -> str:
    return ", ".join(number(value) for value in values)


def _numbered(tokens: Iterable[str]) -> str:
    return ", ".join(f"`{token}` = {place}" for place, token in enumerate(tokens))


def _of_source(word: str, read: Callable[[ColumnStatistics], float]) -> Callable[[Feature, Learnt], str]:
    def words(feature: Feature, learnt: Learnt) -> str:
        return f"{word} {number(read(learnt.of(learnt.source(feature).name)))}"

    return words


def _boundaries(feature: Feature, learnt: Learnt) -> str:
    return f"boundaries {_numbers(bucket_boundaries(feature, learnt.source(feature), learnt))}"


def _edges(feature: Feature, learnt: Learnt) -> str:
    statistics = learnt.of(learnt.source(feature).name)
    return f"edges {_numbers(piecewise_linear_edges(statistics, feature.piecewise_linear.quantiles))}"


def _quartiles(feature: Feature, learnt: Learnt) -> str:
    ranks = {entry.rank: entry.value for entry in learnt.of(learnt.source(feature).name).ranks}
    return f"quartiles {number(ranks[0.25])} and {number(ranks[0.75])}"


def _l_moments(feature: Feature, learnt: Learnt) -> str:
    return f"L-moments {_numbers(learnt.of(learnt.source(feature).name).l_moments)}"


def _limits(feature: Feature, learnt: Learnt) -> str:
    ((before, clip),) = learnt.source(feature).prefixes()
    low, high = clip_bounds(clip, learnt.of(before.name))
    return f"limits {number(low)} and {number(high)}"


def _groups(feature: Feature, learnt: Learnt) -> str:
    return ", ".join(
        f"of `{group.key.decode()}` mean {number(group.mean)}, deviation {number(math.sqrt(group.variance))}"
        for group in learnt.group(feature).groups
        if group.key
    )


def _tokens(feature: Feature, learnt: Learnt) -> str:
    return _numbered(token.decode() for token in learnt.tokens(feature.name))


def _rows_with_each(feature: Feature, learnt: Learnt) -> str:
    counts = learnt.vocabulary_file(feature).document_frequency
    pairs = zip(learnt.tokens(feature.name), counts, strict=True)
    found = ", ".join(f"{number(count)} with `{token.decode()}`" for token, count in pairs)
    return f"of {number(learnt.statistics.weight)} rows {found}"


def _target(feature: Feature, learnt: Learnt) -> str:
    found = learnt.target(feature)
    total = sum(sums.label[0] for sums in found.all), sum(sums.weight for sums in found.all)
    words = [f"all {number(total[0])} / {number(total[1])}"]
    for value in found.values:
        labels = sum(sums.label[0] for sums in value.folds)
        rows = sum(sums.weight for sums in value.folds)
        words.append(
            f"{f'`{value.key.decode()}`' if value.key else 'missing'} {number(labels)} / {number(rows)}"
        )
    return f"sum of the label / rows: {', '.join(words)}"


def _means(feature: Feature, learnt: Learnt) -> str:
    return f"means {_numbers(learnt.covariance(feature).mean)}"


def _covariance(feature: Feature, learnt: Learnt) -> str:
    values, size = learnt.covariance(feature).covariance, len(learnt.covariance(feature).mean)
    rows = [_numbers(values[begin : begin + size]) for begin in range(0, size * size, size)]
    return f"covariances [{'], ['.join(rows)}]"


_OF_FEATURES: dict[str, Callable[[Feature, Learnt], str]] = {
    "mean": _of_source("mean", lambda found: found.mean),
    "deviation": _of_source("deviation", lambda found: math.sqrt(found.variance)),
    "smallest": _of_source("smallest", lambda found: found.min),
    "largest": _of_source("largest", lambda found: found.max),
    "median": _of_source("median", lambda found: found.median),
    "most frequent": _of_source("most frequent", lambda found: float(found.most_frequent)),
    "boundaries": _boundaries,
    "edges": _edges,
    "quartiles": _quartiles,
    "L-moments": _l_moments,
    "limits": _limits,
    "groups": _groups,
    "tokens": _tokens,
    "combinations": _tokens,
    "rows with each": _rows_with_each,
    "target": _target,
    "means": _means,
    "covariance": _covariance,
}
