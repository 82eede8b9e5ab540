"""In: a spec as the user wrote it and what a sample shows. Out: the resolved spec, every default written out.

What only the analysis can know stays open: the encoding of ids and the dimension of embeddings (cardinality),
the numbers of shards (bytes per split), the classes of a label that names none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from . import spec_pb2
from .infer import ColumnProfile
from .propose import propose_features, propose_label_kind
from .spec_source import FORMAT_VERSION

ID_TRANSFORMS = ("buckets", "vocabulary", "hash", "cross")


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
    if not resolved.features:
        data = resolved.data
        without = {data.label.column, data.weight, data.split.group, data.split.time.column}
        features, notes = propose_features(data.columns, without, profiles or {})
        resolved.features.extend(features)
        for note in notes:
            notice(note)
    for feature in resolved.features:
        _resolve_feature(feature)
    if resolved.examples.compression == spec_pb2.COMPRESSION_AUTO:
        resolved.examples.compression = spec_pb2.COMPRESSION_NONE
    _resolve_model(resolved.model)
    _resolve_training(resolved.training)
    _default(resolved.examples, sample_rows=512)
    _default(resolved.export, prediction_tolerance=1e-5)
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
    needed = {data.label.column, data.weight, data.split.time.column}
    for column in data.columns:
        _default(column, required=column.name in needed)
    if data.label.kind == spec_pb2.LABEL_AUTO:
        types = {column.name: column.type for column in data.columns}
        name = data.label.column
        data.label.kind = propose_label_kind(
            types.get(name, spec_pb2.COLUMN_TYPE_UNSPECIFIED), data.label.classes, profiles.get(name)
        )
        if data.label.kind == spec_pb2.REGRESSION and types[name] == spec_pb2.INT:
            notice(f"label '{name}' is taken as a number: give `kind: multiclass` if its values are classes")
    split = data.split
    if not (split.HasField("time") or split.HasField("files")):
        given = any(split.HasField(name) for name in ("train", "valid", "test"))
        shares = (0.0, 0.0, 0.0) if given else (0.8, 0.1, 0.1)
        _default(split, train=shares[0], valid=shares[1], test=shares[2])
    _default(data.bad_rows, reject_up_to=0.0)


def _resolve_feature(feature: spec_pb2.Feature) -> None:
    transform = feature.WhichOneof("transform")
    gives_ids = transform in ID_TRANSFORMS
    if transform == "min_max":
        _default(feature.min_max, low=0.0, high=1.0)
    elif transform == "vocabulary":
        _default(feature.vocabulary, oov_buckets=1)
        if not feature.vocabulary.tokens:
            feature.vocabulary.min_frequency = feature.vocabulary.min_frequency or 1
    elif transform == "cross":
        feature.cross.buckets = feature.cross.buckets or 1000
    if transform != "cross":
        feature.column = feature.column or feature.name
        if feature.missing.fill == spec_pb2.FILL_AUTO:
            by_transform = spec_pb2.OWN_ID if gives_ids else spec_pb2.MEAN
            feature.missing.fill = spec_pb2.CONSTANT if feature.missing.HasField("constant") else by_transform
    if not gives_ids and feature.encode.kind == spec_pb2.ENCODE_AUTO:
        feature.encode.kind = spec_pb2.NUMBER


def _resolve_model(model: spec_pb2.Model) -> None:
    if not model.hidden:
        model.hidden.extend([100, 100, 100])
    model.activation = model.activation or "selu"
    model.initializer = model.initializer or "lecun_normal"


def _resolve_training(training: spec_pb2.Training) -> None:
    training.name = training.name or "default"
    training.optimizer = training.optimizer or "nadam"
    _default(training, learning_rate=0.001, clipnorm=1.0, patience=10)
    training.batch_size = training.batch_size or 128
    training.epochs = training.epochs or 100
    training.shuffle_buffer = training.shuffle_buffer or 16384
    training.schedule.SetInParent()
    if training.schedule.kind == spec_pb2.PERFORMANCE:
        _default(training.schedule, factor=0.5, patience=4)
