"""In: a spec. Out: which statistics of which raw columns its features and its label need."""

from __future__ import annotations

import dataclasses

from ..schemas.spec_pb2 import MOST_FREQUENT, REGRESSION, STRING, Column, Feature, Spec

LABEL = "label"


@dataclasses.dataclass
class Needs:
    """Statistics to learn.

    Attributes:
      numbers: number columns whose moments, range and median are needed, with the bucket counts to find quantiles for.
      counts: columns whose distinct values are to be counted.
      vocabularies: the columns to write vocabularies of, by feature (or "label").
    """

    numbers: dict[str, set[int]] = dataclasses.field(default_factory=dict)
    counts: set[str] = dataclasses.field(default_factory=set)
    vocabularies: dict[str, str] = dataclasses.field(default_factory=dict)


def columns_by_name(spec: Spec) -> dict[str, Column]:
    return {column.name: column for column in spec.data.columns}


def needs_of(spec: Spec) -> Needs:
    """What a resolved spec's features and label need."""
    needs = Needs()
    columns = columns_by_name(spec)
    for feature in spec.features:
        kind = feature.WhichOneof("transform")
        if kind == "cross":
            continue
        column = columns[feature.column]
        if _needs_numbers(feature, column):
            needs.numbers.setdefault(column.name, set())
        if kind == "buckets" and feature.buckets.quantiles:
            needs.numbers[column.name].add(feature.buckets.quantiles)
        if feature.missing.fill == MOST_FREQUENT:
            needs.counts.add(column.name)
        if kind == "vocabulary" and not feature.vocabulary.tokens:
            needs.counts.add(column.name)
            needs.vocabularies[feature.name] = column.name
    label = spec.data.label
    if label.kind != REGRESSION and not label.classes:
        needs.counts.add(label.column)
        needs.vocabularies[LABEL] = label.column
    return needs


def _needs_numbers(feature: Feature, column: Column) -> bool:
    if column.type == STRING:
        return False
    return feature.WhichOneof("transform") not in ("vocabulary", "hash")
