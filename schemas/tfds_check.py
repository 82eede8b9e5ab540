"""In: the data part of a spec whose rows are those of TensorFlow Datasets. Out: nothing, or the SpecError of a mistake."""

from __future__ import annotations

import math

from . import spec_pb2
from .spec_source import SpecSource


def check_tfds(spec: spec_pb2.Spec, source: SpecSource) -> None:
    """What such a spec may say under `data`: the label and its kind, shares of splits, and features to leave out.

    Args:
      spec: resolved or not.
      source: lines for the errors.

    Raises:
      SpecError: the first mistake.
    """
    data, label = spec.data, spec.data.label
    given = {
        "data.files": bool(data.files),
        "data.split.files": data.split.HasField("files"),
        "data.split.time": data.split.HasField("time"),
        "data.split.group": bool(data.split.group),
        "data.weight": bool(data.weight),
        "features": bool(spec.features),
        "preprocessing_fn": bool(spec.preprocessing_fn),
        "data.label.classes": bool(label.classes),
        "data.label.log": label.log,
        "data.label.standardize": label.standardize,
        "data.more_labels": bool(data.more_labels),
    }
    for path, is_given in given.items():
        if is_given:
            raise source.error(
                path,
                f"has no meaning with source: {spec.training.source}, whose rows are read as they are",
                "leave it out",
            )
    for place, column in enumerate(data.columns):
        if column.type != spec_pb2.IGNORE:
            raise source.error(
                f"data.columns[{place}]",
                f"'{column.name}': with source: {spec.training.source} the types are those of the data set",
                "ignore, for a feature that the model must not read",
            )
    if not label.column:
        raise source.error("data", "has no label", "label: and the name of the feature to predict")
    if label.kind == spec_pb2.LABEL_AUTO:
        raise source.error(
            "data.label.kind",
            "cannot be told before the data set is opened",
            "regression, binary or multiclass",
        )
    for name in ("train", "valid", "test"):
        value = getattr(data.split, name)
        source.require(0 <= value < math.inf, f"data.split.{name}", "a number of at least 0", value)
    if data.split.HasField("train") and not data.split.train:
        raise source.error("data.split", "gives no row to train", "e.g. train: 0.9, valid: 0.1")
