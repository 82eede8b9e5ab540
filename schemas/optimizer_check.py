"""In: the optimizers of a resolved spec. Out: nothing, or the SpecError of the first thing that cannot work."""

from __future__ import annotations

import math

from . import spec_pb2
from .spec_source import SpecSource, enum_name, enum_names, listed, quote

_ADAMS = ("nadam", "adam", "adamax", "adamw")
_ALL = tuple(enum_names(spec_pb2.OptimizerKind.DESCRIPTOR))
# Option → the optimizers that have it.
_READ_BY = {
    "momentum": ("momentum", "nesterov", "rmsprop"),
    "rho": ("rmsprop",),
    "beta_1": _ADAMS,
    "beta_2": _ADAMS,
    "epsilon": (*_ADAMS, "adagrad", "rmsprop"),
    # FTRL computes each weight anew from sums of gradients, so what is taken away from it would come back.
    "weight_decay": tuple(name for name in _ALL if name != "ftrl"),
    "l1": ("ftrl",),
    "l2": ("ftrl",),
}
_SHARES = ("momentum", "rho", "beta_1", "beta_2")


def check_optimizer(training: spec_pb2.Training, source: SpecSource) -> None:
    """Learning rates, clipping, optimizers of the whole and of parts, and the average of the weights.

    Raises:
      SpecError: the first mistake.
    """
    _check_rate(training.learning_rate, "training.learning_rate", source)
    _check_one(training.optimizer, "training.optimizer", source)
    _check_clipping(training, source)
    average = training.weight_average
    source.require(0 <= average < 1, "training.weight_average", "at least 0 and below 1", average)
    seen: set[str] = set()
    for part in training.parts:
        path = f"training.parts.{part.name}"
        if not part.name or "/" in part.name:
            hint = "e.g. wide*, a pattern of names of layers"
            raise source.error("training.parts", f"{quote(part.name)} names no layer", hint)
        if part.name in seen:
            raise source.error(path, "is given twice")
        seen.add(part.name)
        _check_rate(part.learning_rate, f"{path}.learning_rate", source)
        _check_one(part.optimizer, f"{path}.optimizer", source)


def _check_rate(rate: float, path: str, source: SpecSource) -> None:
    source.require(0 < rate < math.inf, path, "a number above 0", rate)


def _check_one(optimizer: spec_pb2.Optimizer, path: str, source: SpecSource) -> None:
    kind = enum_name(spec_pb2.OptimizerKind.DESCRIPTOR, optimizer.kind)
    for name, kinds in _READ_BY.items():
        if not optimizer.HasField(name):
            continue
        value, at = getattr(optimizer, name), f"{path}.{name}"
        if kind not in kinds:
            hint = f"it is of {listed(kinds)}"
            if (kind, name) == ("ftrl", "weight_decay"):
                hint = "its l2 keeps weights small"
            elif (kind, name) == ("sgd", "momentum"):
                hint = "kind: momentum, or nesterov"
            raise source.error(at, f"has no meaning with {kind}", hint)
        if name in _SHARES:
            source.require(0 <= value < 1, at, "at least 0 and below 1", value)
        elif name == "epsilon":
            source.require(0 < value < math.inf, at, "a number above 0", value)
        else:
            source.require(0 <= value < math.inf, at, "a number of at least 0", value)


def _check_clipping(training: spec_pb2.Training, source: SpecSource) -> None:
    names = ("clipnorm", "clipvalue", "global_clipnorm")
    for name in names:
        value = getattr(training, name)
        source.require(0 <= value < math.inf, f"training.{name}", "a number of at least 0", value)
    given = [name for name in names if getattr(training, name)]
    if len(given) > 1:
        raise source.error(
            f"training.{given[1]}",
            f"is given beside {given[0]}",
            "gradients are clipped by one rule: keep one",
        )
    if training.global_clipnorm and training.parts:
        raise source.error(
            "training.global_clipnorm",
            "has no meaning beside parts: each optimizer sees the gradients of its part alone",
            "clipnorm, or clipvalue",
        )
