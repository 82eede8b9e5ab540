"""In: columns and what a sample shows of them. Out: proposed features and the proposed label kind."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

from . import spec_pb2
from .infer import ColumnProfile
from .propose_text import is_distinct, is_free_text, is_named_id, is_row_number
from .propose_time import propose_time_features

# An integer column with fewer values than this holds categories rather than amounts.
_FEW_VALUES = 10
# Words of free text that are kept.
_WORDS = 10_000


def propose_features(
    columns: Iterable[spec_pb2.Column],
    without: Collection[str],
    profiles: Mapping[str, ColumnProfile],
    reserved: Collection[str] = ("label", "weight"),
) -> tuple[list[spec_pb2.Feature], list[str]]:
    """What each column is likely to be of use for.

    A number is standardized; text, and an integer of few values or named an id, gets a vocabulary; free text one of its
    words, with tf-idf; a list of text one of its elements; a time its age, season, weekday and hour, as far as they vary.

    Args:
      columns: of the spec.
      without: columns that are no features: labels, weight, group, time.
      profiles: by column, as far as a sample was read.
      reserved: names that no feature may have.

    Returns:
      Features in the order of the columns; notes about columns left out, one line each.
    """
    features: list[spec_pb2.Feature] = []
    notes: list[str] = []
    taken = set(reserved)
    for column in columns:
        if column.name in without or column.type in (spec_pb2.IGNORE, spec_pb2.COLUMN_TYPE_UNSPECIFIED):
            continue
        profile = profiles.get(column.name)
        why = _why_left_out(column, profile)
        if why:
            notes.append(f"column '{column.name}' {why}: left out of the features")
            continue
        for suffix, feature in _features_of(column, profile):
            feature.name = _feature_name(f"{column.name}_{suffix}" if suffix else column.name, taken)
            feature.column = column.name
            taken.add(feature.name)
            features.append(feature)
    return features, notes


def _why_left_out(column: spec_pb2.Column, profile: ColumnProfile | None) -> str:
    if column.type in (spec_pb2.FILE, spec_pb2.BASE64):
        return "holds bytes, which only image and tensor read"
    if profile is None:
        return ""
    if not profile.counts:
        return "has no value in the sample"
    if column.separators or not is_distinct(profile):
        return ""
    is_id = (column.type == spec_pb2.STRING and not is_free_text(profile)) or (
        column.type == spec_pb2.INT and (is_named_id(column.name) or is_row_number(profile))
    )
    shown = f"{len(profile.counts)} distinct values in {profile.present} sampled rows"
    return f"looks like an identifier ({shown})" if is_id else ""


def _features_of(
    column: spec_pb2.Column, profile: ColumnProfile | None
) -> Iterable[tuple[str, spec_pb2.Feature]]:
    """Suffix of the name, and the feature."""
    if column.type == spec_pb2.TIME:
        return propose_time_features(column, profile)
    feature = spec_pb2.Feature()
    if column.type == spec_pb2.STRING:
        feature.vocabulary.SetInParent()
        if profile and not column.separators and is_free_text(profile):
            feature.before.add().lower.SetInParent()
            feature.before.add().split.by = spec_pb2.WORDS
            feature.vocabulary.top_k = _WORDS
            feature.tf_idf = True
    elif column.type == spec_pb2.INT and not column.separators and profile and _is_category(column, profile):
        feature.vocabulary.SetInParent()
    else:
        feature.standardize.SetInParent()
    return [("", feature)]


def _is_category(column: spec_pb2.Column, profile: ColumnProfile) -> bool:
    return len(profile.counts) < _FEW_VALUES or is_named_id(column.name)


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


def _feature_name(column: str, taken: Collection[str]) -> str:
    """The column's name in the characters of a feature name, numbered if another feature has it."""
    name = re.sub(r"[^A-Za-z0-9_.-]+", "_", column)
    name = name if re.match("[A-Za-z_]", name) else f"_{name}"
    unique, number = name, 1
    while unique in taken:
        number += 1
        unique = f"{name}_{number}"
    return unique
