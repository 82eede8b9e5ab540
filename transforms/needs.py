"""In: a spec. Out: which statistics of which sources its features and its label need, pass by pass."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from ..schemas.labels import label_feature, labels_of
from ..schemas.spec_pb2 import (
    MEAN,
    MEDIAN,
    MOST_FREQUENT,
    MUTUAL_INFORMATION,
    REGRESSION,
    Column,
    Feature,
    Label,
    Spec,
)
from .cross_source import CrossSource
from .number_need import NumberNeed
from .sources import Source, source_of, sources_of

# What a regression model learns, as a source; no column can have such a name.
LABEL_NUMBER = "#label"
NUMBER_TRANSFORMS = (
    "as_is",
    "standardize",
    "min_max",
    "robust",
    "gaussian",
    "buckets",
    "piecewise_linear",
)


@dataclasses.dataclass
class Needs:
    """Statistics to learn in one pass.

    Attributes:
      sources: all that are read, by name.
      numbers: what is needed of each number source.
      counts: sources whose values are counted.
      distinct: list sources whose values are counted once a row.
      vocabularies: source by feature, or by a label's name in the examples.
      groups: key column and source of features that are scaled within groups.
      targets: source and number of folds of target encodings.
      pairs: sources that are counted by class of the label.
      covariances: sources by feature.
    """

    sources: dict[str, Source | CrossSource] = dataclasses.field(default_factory=dict)
    numbers: dict[str, NumberNeed] = dataclasses.field(default_factory=dict)
    counts: set[str] = dataclasses.field(default_factory=set)
    distinct: set[str] = dataclasses.field(default_factory=set)
    vocabularies: dict[str, str] = dataclasses.field(default_factory=dict)
    groups: dict[str, tuple[str, str]] = dataclasses.field(default_factory=dict)
    targets: dict[str, tuple[str, int]] = dataclasses.field(default_factory=dict)
    pairs: set[str] = dataclasses.field(default_factory=set)
    covariances: dict[str, list[str]] = dataclasses.field(default_factory=dict)

    @property
    def of_columns(self) -> list[Source]:
        """The sources but for crosses."""
        return [source for source in self.sources.values() if isinstance(source, Source)]

    @property
    def crosses(self) -> list[str]:
        """Names of the crosses whose combinations are counted, sorted."""
        return sorted(source.feature for source in self.sources.values() if isinstance(source, CrossSource))

    def read(self, source: Source | CrossSource) -> str:
        self.sources[source.name] = source
        return source.name

    def number(self, source: Source) -> NumberNeed:
        return self.numbers.setdefault(self.read(source), NumberNeed())


def columns_by_name(spec: Spec) -> dict[str, Column]:
    return {column.name: column for column in spec.data.columns}


def passes_of(spec: Spec) -> list[Needs]:
    """What each pass learns; the first one is there even if nothing is needed (rows are counted)."""
    columns = columns_by_name(spec)
    passes = [Needs()]

    def at(level: int) -> Needs:
        while len(passes) <= level:
            passes.append(Needs())
        return passes[level]

    # How many passes must come before a feature's ids are known; how deep its lists are.
    known: dict[str, int] = {}
    depth: dict[str, int] = {}
    for feature in in_order(spec):
        if feature.HasField("cross"):
            of = feature.cross.of
            known[feature.name] = max(known[name] for name in of)
            depth[feature.name] = max(depth[name] for name in of)
            if learns_combinations(feature):
                needs = at(known[feature.name])
                source_name = needs.read(CrossSource(feature.name, depth[feature.name]))
                needs.counts.add(source_name)
                needs.vocabularies[feature.name] = source_name
                known[feature.name] += 1
            continue
        sources = sources_of(feature, columns)
        known[feature.name] = max(source.level for source in sources) + _ids_are_learnt(feature)
        depth[feature.name] = max(source.depth for source in sources)
        for source in sources:
            for limited, clip in source.prefixes():
                ranks = at(limited.level).number(limited).ranks
                ranks.update(
                    getattr(clip, name) for name in ("low_quantile", "high_quantile") if clip.HasField(name)
                )
        _feature_needs(feature, columns, at)
    pairs = any(needs.pairs for needs in passes)
    for label in labels_of(spec.data):
        if label.kind == REGRESSION:
            if label.standardize:
                passes[0].numbers[label_number(label)] = NumberNeed()
            continue
        source = Source(columns[label.column])
        if not label.classes:
            passes[0].vocabularies[label_feature(label)] = source.name
        if not label.classes or (pairs and not label.name):
            passes[0].counts.add(passes[0].read(source))
    return passes


def label_number(label: Label) -> str:
    """A regression label as a source."""
    return f"#{label_feature(label)}"


def standardized_labels(spec: Spec) -> list[Label]:
    """The further labels whose mean and variance are learnt."""
    return [label for label in spec.data.more_labels if label.standardize]


def _feature_needs(feature: Feature, columns: Mapping[str, Column], at) -> None:
    kind = feature.WhichOneof("transform")
    if kind == "pca":
        sources = sources_of(feature, columns)
        level = max(source.level for source in sources)
        for source in sources:
            at(source.level).number(source)
        after = at(level + 1)
        after.covariances[feature.name] = [after.read(source) for source in sources]
        return
    for source in sources_of(feature, columns):
        needs = at(source.level)
        if kind in NUMBER_TRANSFORMS:
            _number_needs(feature, needs.number(source))
        if feature.missing.fill == MOST_FREQUENT:
            needs.counts.add(needs.read(source))
    if kind in ("standardize", "min_max") and getattr(feature, kind).by:
        source = source_of(feature, columns)
        key = Source(columns[getattr(feature, kind).by])
        needs = at(source.level)
        needs.groups[feature.name] = (needs.read(key), needs.read(source))
    elif kind == "vocabulary":
        _vocabulary_needs(feature, source_of(feature, columns), at)
    elif kind == "target":
        needs = at(source_of(feature, columns).level)
        needs.targets[feature.name] = (needs.read(source_of(feature, columns)), feature.target.folds)


def _number_needs(feature: Feature, need: NumberNeed) -> None:
    kind = feature.WhichOneof("transform")
    if kind == "buckets" and feature.buckets.quantiles:
        need.quantiles.add(feature.buckets.quantiles)
    elif kind == "piecewise_linear":
        need.quantiles.add(feature.piecewise_linear.quantiles)
    elif kind == "robust":
        need.ranks.update((0.25, 0.75))
    elif kind == "gaussian":
        need.l_moments = True


def _vocabulary_needs(feature: Feature, source: Source, at) -> None:
    needs = at(source.level)
    vocabulary = feature.vocabulary
    if not (vocabulary.tokens or vocabulary.file):
        needs.counts.add(needs.read(source))
        if vocabulary.rank == MUTUAL_INFORMATION:
            needs.pairs.add(needs.read(source))
    if not vocabulary.tokens:
        needs.vocabularies[feature.name] = needs.read(source)
    if feature.tf_idf:
        needs.distinct.add(needs.read(source))
        needs.vocabularies[feature.name] = source.name


def learns_combinations(feature: Feature) -> bool:
    """Whether the feature is a cross by vocabulary."""
    return bool(feature.cross.top_k or feature.cross.min_frequency)


def _ids_are_learnt(feature: Feature) -> bool:
    """Whether ids of a feature that is no cross depend on statistics of its source."""
    kind = feature.WhichOneof("transform")
    if feature.missing.fill in (MEAN, MEDIAN, MOST_FREQUENT):
        return True
    if kind == "vocabulary":
        return not feature.vocabulary.tokens
    return kind not in ("hash", "identity", "time_part") and not feature.buckets.boundaries


def columns_of(feature: Feature) -> set[str]:
    """The raw columns that a feature reads; none if it is a cross."""
    if feature.HasField("cross"):
        return set()
    names = {feature.standardize.by, feature.min_max.by, feature.value_weights}
    return names - {""} | set(feature.columns or [feature.column])


def reasons(passes: list[Needs]) -> list[str]:
    """Of each pass: what it is for, as a person would say it."""
    said = ["statistics of raw columns"]
    for needs in passes[1:]:
        parts = [f"the covariances of {name}" for name in sorted(needs.covariances)]
        if needs.crosses:
            parts.append(f"the combinations of {', '.join(needs.crosses)}")
        limited = sorted(
            source.column.name
            for source in needs.of_columns
            if source.level and source.name in _learnt_of(needs)
        )
        parts += [f"statistics of {name} after its clip by quantiles" for name in dict.fromkeys(limited)]
        *others, last = parts
        said.append(f"{', '.join(others)} and {last}" if others else last)
    return said


def _learnt_of(needs: Needs) -> set[str]:
    grouped = {source for pair in needs.groups.values() for source in pair}
    return set(needs.numbers) | needs.counts | needs.distinct | needs.pairs | grouped


def in_order(spec: Spec) -> list[Feature]:
    """The features, each cross after the features that it crosses."""
    by_name = {feature.name: feature for feature in spec.features}
    done: dict[str, Feature] = {}

    def visit(feature: Feature) -> None:
        if feature.name not in done:
            for name in feature.cross.of:
                visit(by_name[name])
            done[feature.name] = feature

    for feature in spec.features:
        visit(feature)
    return list(done.values())
