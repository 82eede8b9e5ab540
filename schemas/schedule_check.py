"""In: the learning-rate schedule of a resolved spec. Out: nothing, or the SpecError of the first thing that cannot work."""

from __future__ import annotations

import math

from . import spec_pb2
from .labels import labels_of, prefix_of
from .loss_check import metric_names
from .spec_source import SpecSource, enum_name, listed, nearest, quote

_LONG = ("power", "exponential", "one_cycle", "cosine")
# Option → the schedules that have it.
_READ_BY = {
    "factor": ("performance", "exponential"),
    "patience": ("performance",),
    "epochs": _LONG,
    "steps": (*_LONG, "performance"),
    "power": ("power",),
    "boundaries": ("piecewise",),
    "factors": ("piecewise",),
    "floor": ("cosine",),
    "monitor": ("performance",),
}
_PATH = "training.schedule"


def check_schedule(spec: spec_pb2.Spec, source: SpecSource) -> None:
    """The schedule's options against its kind, and against each other.

    Raises:
      SpecError: the first mistake.
    """
    schedule = spec.training.schedule
    kind = enum_name(spec_pb2.ScheduleKind.DESCRIPTOR, schedule.kind)
    given = {field.name for field, _ in schedule.ListFields()}
    for name, kinds in _READ_BY.items():
        if name in given and kind not in kinds:
            hint = f"it is of {listed(kinds)}"
            if (kind, name) == ("performance", "epochs"):
                hint = "it looks at each epoch's end, or every so many `steps`"
            raise source.error(f"{_PATH}.{name}", f"has no meaning with {kind}", hint)
    if schedule.HasField("factor"):
        factor = schedule.factor
        source.require(0 < factor < 1, f"{_PATH}.factor", "above 0 and below 1", factor)
    if schedule.HasField("patience"):
        source.require(schedule.patience >= 1, f"{_PATH}.patience", "at least 1", schedule.patience)
    if schedule.HasField("power"):
        source.require(0 < schedule.power < math.inf, f"{_PATH}.power", "a number above 0", schedule.power)
    source.require(0 <= schedule.floor < 1, f"{_PATH}.floor", "at least 0 and below 1", schedule.floor)
    _check_lengths(spec.training, source)
    if kind == "one_cycle" and (schedule.warmup_epochs or schedule.warmup_steps):
        name = "warmup_epochs" if schedule.warmup_epochs else "warmup_steps"
        raise source.error(f"{_PATH}.{name}", "one_cycle has a warm-up of its own", "leave it out")
    if kind == "piecewise":
        _check_pieces(schedule, source)
    if schedule.monitor:
        _check_monitor(spec, source)


def _check_lengths(training: spec_pb2.Training, source: SpecSource) -> None:
    schedule = training.schedule
    for one, other in (("epochs", "steps"), ("warmup_epochs", "warmup_steps")):
        for name in (one, other):
            value = getattr(schedule, name)
            source.require(0 <= value < math.inf, f"{_PATH}.{name}", "a number of at least 0", value)
        if getattr(schedule, one) and getattr(schedule, other):
            raise source.error(f"{_PATH}.{other}", f"is given beside {one}", "keep one of the two")
    if schedule.warmup_epochs >= training.epochs:
        raise source.error(
            f"{_PATH}.warmup_epochs",
            f"the training has {training.epochs} epochs: its rate would never be reached",
            f"fewer than {training.epochs}",
        )


def _check_pieces(schedule: spec_pb2.Schedule, source: SpecSource) -> None:
    boundaries, factors = list(schedule.boundaries), list(schedule.factors)
    if not boundaries:
        hint = (
            "e.g. boundaries: [5, 15] and factors: [1, 0.3, 0.1], epochs and what the rate is multiplied by"
        )
        raise source.error(_PATH, "piecewise has no boundaries", hint)
    for index, boundary in enumerate(boundaries):
        before = boundaries[index - 1] if index else 0.0
        rule = f"above the one before it, which is {before:g}" if index else "a number above 0"
        source.require(before < boundary < math.inf, f"{_PATH}.boundaries[{index}]", rule, boundary)
    if len(factors) != len(boundaries) + 1:
        raise source.error(
            f"{_PATH}.factors",
            f"are {len(factors)}, and {len(boundaries)} boundaries part {len(boundaries) + 1}",
            "one before, between and behind the boundaries",
        )
    for index, factor in enumerate(factors):
        source.require(0 < factor < math.inf, f"{_PATH}.factors[{index}]", "a number above 0", factor)


def _check_monitor(spec: spec_pb2.Spec, source: SpecSource) -> None:
    path, monitor = f"{_PATH}.monitor", spec.training.schedule.monitor
    if not monitor.startswith("val_"):
        hint = f"val_{monitor}? Its value on the rows that are learnt says nothing about others"
        raise source.error(path, f"{quote(monitor)} is no value of the validation split", hint)
    if monitor in {f"val_{prefix_of(label)}coverage" for label in labels_of(spec.data)}:
        hint = "val_loss: coverage should be near the quantile, neither high nor low"
        raise source.error(path, f"{quote(monitor)} has no direction that is better", hint)
    names = ["val_loss", *(f"val_{name}" for name in metric_names(spec))]
    if spec.model.kind == spec_pb2.RECONSTRUCTING:
        names.append("val_reconstruction")
    # A model of the user's own may measure more.
    if monitor not in names and not spec.model_fn:
        raise source.error(path, f"{quote(monitor)} is not measured", nearest(monitor, names))
