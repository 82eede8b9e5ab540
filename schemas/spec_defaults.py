"""In: a spec as the user wrote it and what a sample shows. Out: the resolved spec, every default written out.

What only the analysis can know stays open: the encoding of ids and the dimension of embeddings (cardinality),
the numbers of shards (bytes per split), the classes of a label that names none.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Mapping

from . import spec_pb2
from .infer import ColumnProfile
from .labels import label_columns, labels_of, reserved_names
from .propose import propose_features, propose_label_kind
from .spec_source import FORMAT_VERSION
from .training_defaults import resolve_training

ID_TRANSFORMS = ("buckets", "vocabulary", "identity", "hash", "cross", "time_part")
# They treat missing values in their own way.
FILL_THEMSELVES = ("target", "pca", "word_vectors", "image", "tensor", "cyclical")
TIME_FORMAT = "%Y-%m-%d %H:%M:%S"


def gives_ids(feature: spec_pb2.Feature) -> bool:
    """Whether the feature's values are ids."""
    return feature.WhichOneof("transform") in ID_TRANSFORMS and not feature.buckets.interpolate


def resolve(
    spec: spec_pb2.Spec,
    profiles: Mapping[str, ColumnProfile] | None = None,
    notice: Callable[[str], None] = lambda text: None,
) -> spec_pb2.Spec:
    """Writes every default out. Takes any spec, valid or not; a resolved one comes back as it is.

    Args:
      spec: with columns; not changed.
      profiles: by column, as far as a sample was read; without them features and label kind go by type alone.
      notice: called with one line about each guess that the user may want to know of.
    """
    resolved = spec_pb2.Spec()
    resolved.CopyFrom(spec)
    resolved.format_version = resolved.format_version or FORMAT_VERSION
    _default(resolved, seed=0)
    _resolve_data(resolved.data, profiles or {}, notice)
    if not resolved.features and not resolved.preprocessing_fn:
        data = resolved.data
        without = {*label_columns(data), data.weight, data.split.group, data.split.time.column}
        taken = reserved_names(resolved)
        features, notes = propose_features(data.columns, without, profiles or {}, taken)
        resolved.features.extend(features)
        for note in notes:
            notice(note)
    for feature in resolved.features:
        _resolve_columns(feature, resolved.data)
        _resolve_feature(feature)
    if resolved.examples.compression == spec_pb2.COMPRESSION_AUTO:
        resolved.examples.compression = spec_pb2.COMPRESSION_NONE
    resolve_training(resolved)
    _default(resolved.examples, sample_rows=512)
    _default(resolved.export, prediction_tolerance=1e-5, samples=0)
    return resolved


def resolve_dialect(dialect: spec_pb2.Dialect) -> None:
    """Writes the defaults into the message."""
    dialect.delimiter = dialect.delimiter or ","
    _default(dialect, quoting=True, header=True)


def _default(message, **values) -> None:
    """Sets the optional fields that are not given."""
    for name, value in values.items():
        if not message.HasField(name):
            setattr(message, name, value)


def _resolve_data(
    data: spec_pb2.Data, profiles: Mapping[str, ColumnProfile], notice: Callable[[str], None]
) -> None:
    resolve_dialect(data.dialect)
    # A row without one of these could be neither learnt from, weighed nor put into a split.
    for label in data.more_labels:
        label.column = label.column or label.name
        label.name = label.name or label.column
    needed = {*label_columns(data), data.weight, data.split.time.column}
    for column in data.columns:
        _default(column, required=column.name in needed)
        if column.type == spec_pb2.TIME:
            column.format = column.format or TIME_FORMAT
    types = {column.name: column.type for column in data.columns}
    for label in labels_of(data):
        if label.kind == spec_pb2.LABEL_AUTO:
            name = label.column
            label.kind = propose_label_kind(
                types.get(name, spec_pb2.COLUMN_TYPE_UNSPECIFIED), label.classes, profiles.get(name)
            )
            if label.kind == spec_pb2.REGRESSION and types[name] == spec_pb2.INT:
                notice(
                    f"label '{name}' is taken as a number: give `kind: multiclass` if its values are classes"
                )
    split = data.split
    if not (split.HasField("time") or split.HasField("files")):
        given = any(split.HasField(name) for name in ("train", "valid", "test"))
        shares = (0.0, 0.0, 0.0) if given else (0.8, 0.1, 0.1)
        _default(split, train=shares[0], valid=shares[1], test=shares[2])
    _default(data.bad_rows, reject_up_to=0.0)


def _resolve_columns(feature: spec_pb2.Feature, data: spec_pb2.Data) -> None:
    """Patterns in `columns` become names, in the order of the file."""
    if not any("*" in pattern for pattern in feature.columns):
        return
    without = (*label_columns(data), data.weight)
    names = [column.name for column in data.columns if column.name not in without]
    expanded: list[str] = []
    for pattern in feature.columns:
        # A pattern that matches nothing stays, for the check to name it.
        found = (
            [name for name in names if fnmatch.fnmatchcase(name, pattern)] if "*" in pattern else [pattern]
        )
        expanded += found or [pattern]
    feature.columns[:] = expanded


def _resolve_feature(feature: spec_pb2.Feature) -> None:
    transform = feature.WhichOneof("transform")
    ids = gives_ids(feature)
    if transform == "min_max":
        _default(feature.min_max, low=0.0, high=1.0)
    elif transform == "vocabulary":
        _default(feature.vocabulary, oov_buckets=1)
        if not (feature.vocabulary.tokens or feature.vocabulary.file):
            feature.vocabulary.min_frequency = feature.vocabulary.min_frequency or 1
    elif transform == "cross":
        if feature.cross.top_k or feature.cross.min_frequency:
            feature.cross.min_frequency = feature.cross.min_frequency or 1
        else:
            feature.cross.buckets = feature.cross.buckets or 1000
    elif transform == "piecewise_linear":
        feature.piecewise_linear.quantiles = feature.piecewise_linear.quantiles or 8
    elif transform == "target":
        _default(feature.target, smoothing=10.0, folds=5)
    elif transform == "image":
        feature.image.channels = feature.image.channels or 3
    if transform != "cross":
        if not feature.columns:
            feature.column = feature.column or feature.name
        if feature.missing.fill == spec_pb2.FILL_AUTO and transform not in FILL_THEMSELVES:
            by_transform = spec_pb2.OWN_ID if ids else spec_pb2.MEAN
            if transform == "robust":
                by_transform = spec_pb2.MEDIAN
            feature.missing.fill = spec_pb2.CONSTANT if feature.missing.HasField("constant") else by_transform
    if feature.encode.kind == spec_pb2.ENCODE_AUTO and ids:
        feature.encode.one_hot_up_to = feature.encode.one_hot_up_to or 50
    elif not ids and feature.encode.kind == spec_pb2.ENCODE_AUTO:
        feature.encode.kind = spec_pb2.NUMBER
