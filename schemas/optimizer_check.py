"""In: optimizer and schedule of a resolved spec. Out: nothing, or the SpecError of the first thing that cannot work."""

from __future__ import annotations

import math

from . import spec_pb2
from .spec_source import SpecSource


def check_optimizer(training: spec_pb2.Training, source: SpecSource) -> None:
    """Learning rate, clipping, optimizers and schedule.

    Raises:
      SpecError: the first mistake.
    """
    rate, norm, schedule = training.learning_rate, training.clipnorm, training.schedule
    source.require(0 < rate < math.inf, "training.learning_rate", "a number above 0", rate)
    source.require(0 <= norm < math.inf, "training.clipnorm", "a number of at least 0", norm)
    if schedule.HasField("factor"):
        factor = schedule.factor
        source.require(0 < factor < 1, "training.schedule.factor", "above 0 and below 1", factor)
    if schedule.HasField("patience"):
        source.require(schedule.patience >= 1, "training.schedule.patience", "at least 1", schedule.patience)
