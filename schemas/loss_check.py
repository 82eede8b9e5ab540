"""In: loss, metrics and weights of a resolved spec. Out: nothing, or the SpecError of the first thing that cannot work."""

from __future__ import annotations

import math

from . import spec_pb2
from .labels import label_path, labels_of, part_of, part_path, prefix_of
from .spec_source import SpecSource, listed, nearest, quote

REGRESSION_LOSSES = ("mse", "mae", "huber", "log_cosh", "quantile")
CLASS_LOSSES = ("cross_entropy", "focal")
_REGRESSION_METRICS = ("rmse", "mae", "mse", "huber", "coverage")
_CLASS_METRICS = ("accuracy", "log_loss", "precision", "recall", "auc", "pr_auc")
# Field of the loss → the losses that read it.
_READ_BY = {
    "delta": ("huber",),
    "quantile": ("quantile",),
    "gamma": ("focal",),
    "alpha": ("focal",),
    "label_smoothing": CLASS_LOSSES,
}


def default_metrics(kind: spec_pb2.LabelKind, loss: str = "") -> tuple[str, ...]:
    """The metrics that need not be asked for, by the label's kind (and of quantiles how well they are met)."""
    if kind == spec_pb2.REGRESSION:
        return ("rmse", "mae", "coverage") if loss == "quantile" else ("rmse", "mae")
    return ("accuracy", "auc", "log_loss") if kind == spec_pb2.BINARY else ("accuracy", "log_loss")


def metric_names(spec: spec_pb2.Spec) -> list[str]:
    """What a training measures on each split besides the loss, in order."""
    return [name for label in labels_of(spec.data) for name in metrics_of_label(spec.training, label)]


def metrics_of_label(training: spec_pb2.Training, label: spec_pb2.Label) -> list[str]:
    """The metrics of one label, with its name before them."""
    part = part_of(training, label)
    names = dict.fromkeys([*default_metrics(label.kind, part.loss.kind), *part.metrics])
    return [f"{prefix_of(label)}{name}" for name in names]


def check_loss(spec: spec_pb2.Spec, source: SpecSource) -> None:
    """Loss, metrics and class weights against each label, and slices.

    Raises:
      SpecError: the first mistake.
    """
    for label in labels_of(spec.data):
        part, path = part_of(spec.training, label), part_path(label)
        _check_kind(label, part, path, bool(spec.model_fn), source)
        _check_options(label, part, path, source)
        _check_metrics(label, part, path, bool(spec.model_fn), source)
        _check_class_weights(label, part, path, spec.data, source)
    _check_slices(spec, source)


def _check_kind(
    label: spec_pb2.Label, part: spec_pb2.Training, at: str, own: bool, source: SpecSource
) -> None:
    regression = label.kind == spec_pb2.REGRESSION
    losses, others = (REGRESSION_LOSSES, CLASS_LOSSES) if regression else (CLASS_LOSSES, REGRESSION_LOSSES)
    kind = part.loss.kind
    # Names that are not prebake's are looked for in the user's file, when it runs.
    if kind not in losses and (kind in others or not own):
        what = "of a regression" if regression else "of classes"
        raise source.error(f"{at}.loss.kind", f"{quote(kind)} is no loss {what}", f"one of {listed(losses)}")


def _check_options(label: spec_pb2.Label, part: spec_pb2.Training, at: str, source: SpecSource) -> None:
    loss = part.loss
    for name, kinds in _READ_BY.items():
        given = bool(loss.label_smoothing) if name == "label_smoothing" else loss.HasField(name)
        if given and loss.kind not in kinds:
            raise source.error(
                f"{at}.loss.{name}", f"has no meaning with {loss.kind}", f"it is of {listed(kinds)}"
            )
    if loss.HasField("alpha") and label.kind == spec_pb2.MULTICLASS:
        hint = f"{at}.class_weights weigh the classes of a multiclass label"
        raise source.error(f"{at}.loss.alpha", "is of a binary label", hint)
    rules = {
        "delta": (0 < loss.delta < math.inf, "a number above 0"),
        "quantile": (0 < loss.quantile < 1, "above 0 and below 1"),
        "gamma": (0 <= loss.gamma < math.inf, "a number of at least 0"),
        "alpha": (0 < loss.alpha < 1, "above 0 and below 1"),
    }
    for name, (ok, rule) in rules.items():
        if loss.HasField(name):
            source.require(ok, f"{at}.loss.{name}", rule, getattr(loss, name))
    smoothing = loss.label_smoothing
    source.require(0 <= smoothing < 1, f"{at}.loss.label_smoothing", "at least 0 and below 1", smoothing)


def _check_metrics(
    label: spec_pb2.Label, part: spec_pb2.Training, at: str, own: bool, source: SpecSource
) -> None:
    regression = label.kind == spec_pb2.REGRESSION
    known, others = (
        (_REGRESSION_METRICS, _CLASS_METRICS) if regression else (_CLASS_METRICS, _REGRESSION_METRICS)
    )
    for index, name in enumerate(part.metrics):
        path = f"{at}.metrics[{index}]"
        if name in part.metrics[:index]:
            raise source.error(path, f"{quote(name)} is given twice")
        if name in known or (own and name not in others):
            continue
        if name in others:
            what = "classes, and the label is a regression" if regression else "a regression, not of classes"
            raise source.error(path, f"{quote(name)} is a metric of {what}", f"one of {listed(known)}")
        raise source.error(path, f"unknown metric {quote(name)}", nearest(name, known))


def _check_slices(spec: spec_pb2.Spec, source: SpecSource) -> None:
    features = {feature.name: feature for feature in spec.features}
    for index, name in enumerate(spec.training.slices):
        path = f"training.slices[{index}]"
        if name in spec.training.slices[:index]:
            raise source.error(path, f"{quote(name)} is given twice")
        # What the user's own function returns shows when it runs.
        if name not in features and not spec.preprocessing_fn:
            raise source.error(path, f"no feature {quote(name)}", nearest(name, list(features)))
        if name in features and features[name].intermediate:
            hint = "leave out intermediate, or slice by another feature"
            raise source.error(path, f"{quote(name)} is intermediate: the examples do not hold it", hint)


def _check_class_weights(
    label: spec_pb2.Label, part: spec_pb2.Training, at: str, data: spec_pb2.Data, source: SpecSource
) -> None:
    given = part.class_weights
    if not given:
        return
    path = f"{at}.class_weights"
    if label.kind == spec_pb2.REGRESSION:
        others = [
            one for one in data.more_labels if one.kind != spec_pb2.REGRESSION and one.name != label.name
        ]
        hint = f"those of {quote(others[0].name)}: {part_path(others[0])}.class_weights" if others else ""
        raise source.error(
            path, "the label is a regression: it has no classes", hint or "data.weight weighs the rows"
        )
    seen: set[str] = set()
    for entry in given:
        where = f"{path}.{entry.name}"
        if entry.name in seen:
            raise source.error(where, f"{quote(entry.name)} is given twice")
        seen.add(entry.name)
        if label.classes and entry.name not in label.classes:
            owners = [one for one in labels_of(data) if entry.name in one.classes]
            hint = nearest(entry.name, list(label.classes))
            if owners:
                hint = f"a class of {quote(owners[0].column)}: {part_path(owners[0])}.class_weights"
            raise source.error(where, f"{label_path(label)}.classes has no {quote(entry.name)}", hint)
        source.require(0 <= entry.weight < math.inf, where, "a number of at least 0", entry.weight)
    if label.classes and seen.issuperset(label.classes) and not any(entry.weight for entry in given):
        raise source.error(path, "are all 0: no row would count", "give one class a weight above 0")
