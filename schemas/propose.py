"""In: columns and what a sample shows of them. Out: proposed features and the proposed label kind."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

from . import spec_pb2
from .infer import ColumnProfile

RESERVED_NAMES = ("label", "weight")

# An integer column with fewer values than this holds categories rather than amounts.
_FEW_VALUES = 10
# A text column looks like an identifier if of at least so many sampled values this share is distinct.
_IDENTIFIER_CELLS = 50
_IDENTIFIER_SHARE = 0.95


def propose_features(
    columns: Iterable[spec_pb2.Column],
    without: Collection[str],
    profiles: Mapping[str, ColumnProfile],
) -> tuple[list[spec_pb2.Feature], list[str]]:
    """One feature per column: FLOAT is standardized, STRING gets a vocabulary, INT one or the other.

    Args:
      columns: of the spec.
      without: columns that are no features: label, weight, group, time.
      profiles: by column, as far as a sample was read.

    Returns:
      Features in the order of the columns; notes about columns left out, one line each.
    """
    features: list[spec_pb2.Feature] = []
    notes: list[str] = []
    taken = set(RESERVED_NAMES)
    for column in columns:
        if column.name in without or column.type in (spec_pb2.IGNORE, spec_pb2.COLUMN_TYPE_UNSPECIFIED):
            continue
        profile = profiles.get(column.name)
        if profile and not profile.counts:
            notes.append(f"column '{column.name}' has no value in the sample: left out of the features")
            continue
        if column.type == spec_pb2.STRING and profile and _looks_like_identifier(profile):
            shown = f"{len(profile.counts)} distinct values in {profile.present} sampled rows"
            notes.append(
                f"column '{column.name}' looks like an identifier ({shown}): left out of the features"
            )
            continue
        feature = spec_pb2.Feature(name=_feature_name(column.name, taken), column=column.name)
        few = column.type == spec_pb2.INT and profile is not None and len(profile.counts) < _FEW_VALUES
        getattr(
            feature, "vocabulary" if column.type == spec_pb2.STRING or few else "standardize"
        ).SetInParent()
        taken.add(feature.name)
        features.append(feature)
    return features, notes


def propose_label_kind(
    type_: spec_pb2.ColumnType, classes: Collection[str], profile: ColumnProfile | None
) -> spec_pb2.LabelKind:
    """FLOAT: regression; STRING: by the number of classes; INT: binary if all 0 or 1, else regression.

    Args:
      type_: of the label's column.
      classes: as the spec gives them, perhaps none; given ones make an INT label a class.
      profile: of the label's column, if a sample was read.

    Returns:
      LABEL_AUTO where only a sample could tell and there is none.
    """
    if type_ == spec_pb2.FLOAT:
        return spec_pb2.REGRESSION
    values = set(classes) or (set(profile.counts) if profile else set())
    if type_ not in (spec_pb2.INT, spec_pb2.STRING) or not values:
        return spec_pb2.LABEL_AUTO
    if type_ == spec_pb2.INT and not classes:
        return spec_pb2.BINARY if values <= {"0", "1"} else spec_pb2.REGRESSION
    return spec_pb2.BINARY if len(values) <= 2 else spec_pb2.MULTICLASS


def _looks_like_identifier(profile: ColumnProfile) -> bool:
    return profile.present >= _IDENTIFIER_CELLS and len(profile.counts) >= _IDENTIFIER_SHARE * profile.present


def _feature_name(column: str, taken: Collection[str]) -> str:
    """The column's name in the characters of a feature name, numbered if another feature has it."""
    name = re.sub(r"[^A-Za-z0-9_.-]+", "_", column)
    name = name if re.match("[A-Za-z_]", name) else f"_{name}"
    unique, number = name, 1
    while unique in taken:
        number += 1
        unique = f"{name}_{number}"
    return unique
