"""In: the training part of a resolved spec. Out: nothing, or the SpecError of the first thing that cannot work.

Optimizers, schedules, losses and metrics are checked in files of their own.
"""

from __future__ import annotations

import math
import re

from . import spec_pb2
from .distribution_check import check_distribution
from .source_check import check_source
from .spec_source import SpecSource, quote
from .warm_start_check import check_warm_start

_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


def check_training(spec: spec_pb2.Spec, source: SpecSource) -> None:
    """Name, sizes, stopping and checkpoints.

    Raises:
      SpecError: the first mistake.
    """
    training = spec.training
    if not _FILE_NAME.fullmatch(training.name):
        raise source.error(
            "training.name",
            f"{quote(training.name)} is not a plain folder name",
            "letters, digits, _ . and -",
        )
    for name in ("batch_size", "epochs", "shuffle_buffer"):
        value = getattr(training, name)
        source.require(value >= 1, f"training.{name}", "at least 1", value)
    source.require(training.patience >= 0, "training.patience", "at least 0", training.patience)
    minutes, steps = training.checkpoint.minutes, training.checkpoint.steps
    source.require(0 <= minutes < math.inf, "training.checkpoint.minutes", "a number of at least 0", minutes)
    source.require(steps >= 0, "training.checkpoint.steps", "at least 0", steps)
    below = training.zero_below
    source.require(0 <= below < math.inf, "training.zero_below", "a number of at least 0", below)
    if training.HasField("pruning"):
        _check_pruning(training, source)
    check_source(spec, source)
    check_distribution(training, source)
    check_warm_start(spec, source)


def _check_pruning(training: spec_pb2.Training, source: SpecSource) -> None:
    pruning, path = training.pruning, "training.pruning"
    source.require(0 < pruning.share < 1, f"{path}.share", "above 0 and below 1", pruning.share)
    source.require(0 <= pruning.begin < math.inf, f"{path}.begin", "a number of at least 0", pruning.begin)
    source.require(pruning.every >= 1, f"{path}.every", "at least 1", pruning.every)
    if not pruning.begin < pruning.end <= training.epochs:
        raise source.error(
            f"{path}.end",
            f"{pruning.end:g} is not between begin, {pruning.begin:g}, and the {training.epochs} epochs",
            "leave it out for half of the epochs",
        )
