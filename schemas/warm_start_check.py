"""In: the warm start of a resolved spec. Out: nothing, or the SpecError of the first thing that cannot work."""

from __future__ import annotations

import math

from . import spec_pb2
from .spec_source import SpecSource

_PATH = "training.warm_start"


def check_warm_start(spec: spec_pb2.Spec, source: SpecSource) -> None:
    """What may stand beside `warm_start`, and its parts beside each other.

    Raises:
      SpecError: the first mistake.
    """
    training, start = spec.training, spec.training.warm_start
    if not training.HasField("warm_start"):
        return
    if not getattr(start, "from"):
        raise source.error(
            _PATH, "has no from", "from: a run, the directory of a training, or an exported version"
        )
    if start.HasField("layers"):
        source.require(start.layers >= 1, f"{_PATH}.layers", "at least 1", start.layers)
        plain = spec.model.kind in (spec_pb2.DNN, spec_pb2.LINEAR, spec_pb2.WIDE_AND_DEEP, spec_pb2.ENSEMBLE)
        if plain and not spec.model_fn and start.layers > len(spec.model.hidden):
            raise source.error(
                f"{_PATH}.layers",
                f"is {start.layers}, and the model has {len(spec.model.hidden)} hidden layers",
            )
    if start.freeze and training.optimizer.kind == spec_pb2.FTRL:
        raise source.error(
            f"{_PATH}.freeze", "does not go with ftrl, whose sums begin with the weights of the first step",
            "choose another optimizer",
        )  # fmt: skip
    _check_freeze(spec, source)
    _check_cache(spec, source)


def _check_freeze(spec: spec_pb2.Spec, source: SpecSource) -> None:
    training, start = spec.training, spec.training.warm_start
    after = start.unfreeze_after
    source.require(0 <= after < math.inf, f"{_PATH}.unfreeze_after", "a number of at least 0", after)
    if after and not start.freeze:
        raise source.error(f"{_PATH}.unfreeze_after", "is given, and nothing is frozen", "freeze: true")
    if after >= training.epochs:
        raise source.error(
            f"{_PATH}.unfreeze_after", f"is {after:g}, and training ends after {training.epochs} epochs",
            "0: never",
        )  # fmt: skip
    if not start.freeze:
        return
    if spec.model.kind == spec_pb2.LINEAR and not spec.model_fn:
        raise source.error(
            f"{_PATH}.freeze", "has nothing to freeze: a linear model has no hidden layer", "leave it out"
        )
    if training.weight_average:
        raise source.error(
            f"{_PATH}.freeze", "does not go with training.weight_average, which averages all weights or none",
            "leave out one of the two",
        )  # fmt: skip
    if training.HasField("pruning"):
        raise source.error(
            f"{_PATH}.freeze", "does not go with training.pruning, which would change frozen weights",
            "leave out one of the two",
        )  # fmt: skip


def _check_cache(spec: spec_pb2.Spec, source: SpecSource) -> None:
    """The step that it needs is distribution_check.py's."""
    training, start, model = spec.training, spec.training.warm_start, spec.model
    if not start.cache:
        return
    path = f"{_PATH}.cache"
    if not start.freeze:
        raise source.error(
            path, "is given, and nothing is frozen: outputs change with each step", "freeze: true"
        )
    if start.unfreeze_after % 1:
        raise source.error(
            path,
            "needs a whole number of frozen epochs",
            f"unfreeze_after: {math.ceil(start.unfreeze_after)}",
        )
    frozen = start.layers if start.HasField("layers") else len(model.hidden)
    random = [
        name
        for name, given in (("dropout", model.dropout and frozen > 1), ("input_noise", model.input_noise))
        if given
    ]
    if random and not spec.model_fn:
        raise source.error(
            path, f"does not go with model.{random[0]}, which draws anew in each step below the last frozen layer",
            "leave out one of the two",
        )  # fmt: skip
    if training.source != "examples":
        raise source.error(path, f"needs source: examples, not {training.source}", "leave out one of the two")
    if training.folds:
        raise source.error(path, "does not go with folds", "leave out one of the two")
