"""In: where the rows of a resolved spec come from, and its folds. Out: nothing, or the SpecError of the first mistake."""

from __future__ import annotations

from . import spec_pb2
from .spec_source import SpecSource, nearest, quote

_SOURCES = ("examples", "csv", "tfds:NAME")
TFDS = "tfds:"


def is_tfds(spec: spec_pb2.Spec) -> bool:
    """Whether the rows are those of a data set of TensorFlow Datasets, so that there are no CSV files."""
    return spec.training.source.startswith(TFDS)


def check_source(spec: spec_pb2.Spec, source: SpecSource) -> None:
    """Source, data_dir and folds.

    Raises:
      SpecError: the first mistake.
    """
    training = spec.training
    path = "training.source"
    if training.source not in ("examples", "csv") and not is_tfds(spec):
        hint = nearest(training.source, _SOURCES)
        raise source.error(path, f"{quote(training.source)} is no source of rows", hint)
    if is_tfds(spec) and not training.source.removeprefix(TFDS).strip():
        raise source.error(path, "names no data set", "tfds:mnist, or tfds:NAME/CONFIG:VERSION")
    if training.data_dir and not is_tfds(spec):
        raise source.error(
            "training.data_dir", f"has no meaning with source: {training.source}", "source: tfds:NAME"
        )
    if training.folds:
        _check_folds(spec, source)


def _check_folds(spec: spec_pb2.Spec, source: SpecSource) -> None:
    folds, path = spec.training.folds, "training.folds"
    source.require(folds >= 2, path, "at least 2 (0: none)", folds)
    if is_tfds(spec):
        raise source.error(
            path,
            "does not go with tfds: the rows of a data set are in a shard by their place, not by their identity",
            "leave it out",
        )
    split = spec.data.split
    if split.group:
        raise source.error(
            path,
            f"does not go with data.split.group: rows of one {quote(split.group)} would be in several folds",
            "leave it out",
        )
    if split.HasField("time"):
        raise source.error(
            path, "does not go with data.split.time: a model would be measured on rows before its own", "leave it out"
        )  # fmt: skip
    shards = spec.examples.train_shards
    if 0 < shards < folds:
        raise source.error(
            "examples.train_shards",
            f"is {shards}, and training.folds needs a shard for each of the {folds} folds",
            f"train_shards: {folds}, or a multiple",
        )
