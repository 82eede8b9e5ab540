"""In: the labels of a resolved spec. Out: nothing, or the SpecError of the first one that cannot be learnt."""

from __future__ import annotations

import math
import re
from collections import Counter

from . import spec_pb2
from .column_check import column_of, fits, type_name
from .labels import label_path, labels_of
from .loss_check import metric_names
from .spec_source import SpecSource, enum_name, nearest, quote

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def check_labels(spec: spec_pb2.Spec, columns: dict[str, spec_pb2.Column], source: SpecSource) -> None:
    """Column, kind and classes of each label; `columns` are checked and by name.

    Raises:
      SpecError: the first mistake.
    """
    data = spec.data
    if data.label.name:
        reason = "is of a further label: nothing stands before the answers of the first one"
        raise source.error("data.label.name", reason, "leave it out")
    _check_names(data, source)
    for label in labels_of(data):
        _check_label(label, columns, source)
    for index, label in enumerate(data.more_labels):
        path = label_path(label)
        if label.column == data.weight:
            raise source.error(path, f"{quote(label.column)} is the row weight", "name another column")
        for other in labels_of(data)[: index + 1]:
            if other.column == label.column:
                raise source.error(path, f"{quote(label.column)} is a label already", "name each column once")


def check_outputs(spec: spec_pb2.Spec, source: SpecSource) -> None:
    """How further labels are learnt, and what does not go with them.

    Raises:
      SpecError: the first mistake.
    """
    names = [label.name for label in spec.data.more_labels]
    seen: set[str] = set()
    for output in spec.training.outputs:
        path = f"training.outputs.{output.name}"
        if output.name == spec.data.label.column and output.name not in names:
            hint = "training.loss, training.metrics and training.class_weights are its own"
            raise source.error(path, f"{quote(output.name)} is the first label", hint)
        if output.name not in names:
            hint = nearest(output.name, names) or "data.more_labels: and the columns to predict as well"
            raise source.error(path, f"data.more_labels has no {quote(output.name)}", hint)
        if output.name in seen:
            raise source.error(path, "is given twice")
        seen.add(output.name)
        weight = output.loss_weight
        source.require(0 <= weight < math.inf, f"{path}.loss_weight", "a number of at least 0", weight)
    if names and spec.model.kind == spec_pb2.ENSEMBLE:
        reason = "does not go with data.more_labels: its members are averaged by what the first label is"
        raise source.error("model.kind", f"ensemble {reason}", "kind: dnn, or leave more_labels out")
    _check_metrics(spec, source)


def _check_names(data: spec_pb2.Data, source: SpecSource) -> None:
    names: set[str] = set()
    for index, label in enumerate(data.more_labels):
        if not label.column:
            raise source.error(f"data.more_labels[{index}]", "has no column", "column: the column to predict")
        path = label_path(label)
        if not _NAME.fullmatch(label.name):
            plain = re.sub(r"[^A-Za-z0-9_]+", "_", label.name)
            plain = plain if plain[:1].isalpha() else f"x{plain}"
            hint = f"letters, digits and _, the first a letter: {{name: {plain}, column: {label.column}}}"
            raise source.error(path, f"{quote(label.name)} cannot be the name of an output", hint)
        if label.name in names:
            raise source.error(path, "is given twice")
        names.add(label.name)


def _check_metrics(spec: spec_pb2.Spec, source: SpecSource) -> None:
    """Two values of one name could not be told apart in a history."""
    names = ["loss", *metric_names(spec)]
    if spec.model.kind == spec_pb2.RECONSTRUCTING:
        names.append("reconstruction")
    counts = Counter([*names, *(f"val_{name}" for name in names)])
    for label in spec.data.more_labels:
        for name in counts:
            if counts[name] > 1 and name.startswith(f"{label.name}_"):
                reason = f"its metric would be called {quote(name)}, as another one is"
                raise source.error(label_path(label), reason, "give it another name")


def _check_label(label: spec_pb2.Label, columns: dict[str, spec_pb2.Column], source: SpecSource) -> None:
    at = label_path(label)
    column = column_of(label.column, f"{at}.column", columns, source)
    kind = enum_name(spec_pb2.LabelKind.DESCRIPTOR, label.kind)
    if label.kind == spec_pb2.LABEL_AUTO:
        raise source.error(f"{at}.kind", "cannot be told", "give one of regression, binary, multiclass")
    for option in ("log", "standardize"):
        if getattr(label, option) and label.kind != spec_pb2.REGRESSION:
            reason = f"is of a regression, and this label is {kind}"
            raise source.error(f"{at}.{option}", reason, "leave it out")
    if column.type == spec_pb2.TIME:
        raise source.error(f"{at}.column", f"{quote(column.name)} is a time", "declare it int or string")
    if label.kind == spec_pb2.REGRESSION:
        if column.type == spec_pb2.STRING:
            hint = "binary or multiclass; or declare the column float"
            reason = f"regression needs numbers, and '{column.name}' is string"
            raise source.error(f"{at}.kind", reason, hint)
        if label.classes:
            hint = "leave them out, or give kind"
            raise source.error(f"{at}.classes", "a regression has no classes", hint)
        return
    if column.type == spec_pb2.FLOAT:
        hint = "declare the column int or string"
        raise source.error(f"{at}.kind", f"{kind} needs classes, and '{column.name}' is float", hint)
    _check_classes(label, column, source)


def _check_classes(label: spec_pb2.Label, column: spec_pb2.Column, source: SpecSource) -> None:
    path = f"{label_path(label)}.classes"
    seen: set[str | int] = set()
    for name in label.classes:
        if not name or not fits(name, column):
            raise source.error(path, f"{quote(name)} is no value of an {type_name(column.type)} column")
        value = int(name) if column.type == spec_pb2.INT else name
        if value in seen:
            raise source.error(path, f"{quote(name)} is given twice")
        seen.add(value)
    count = len(label.classes)
    if count and label.kind == spec_pb2.BINARY:
        source.require(count == 2, path, "2 classes for a binary label", count)
    if count and label.kind == spec_pb2.MULTICLASS:
        source.require(count >= 2, path, "at least 2 classes", count)
