"""In: a schedule and how long an epoch is. Out: what the learning rate is multiplied by at each step, a pure function.

Written once, for numpy and for TensorFlow: the graph of a training and the table and plot of `prebake lr` compute the same.
Steps count from 0 over all epochs; a resumed training asks for the step that it has come to, so the schedule goes on there.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from ..schemas import spec_pb2
from ..schemas.spec_pb2 import Schedule

# Of one_cycle: where the rate is highest, and where the last part begins, in which it falls to nearly nothing. Its ends.
_TOP, _LAST = 0.45, 0.9
_START, _END = 0.1, 0.001
# Of its momentum (Smith, 2018).
_HIGH, _LOW = 0.95, 0.85


@dataclasses.dataclass(frozen=True)
class RateShape:
    """A schedule with all times in steps.

    Attributes:
      kind: constant, power, exponential, piecewise, one_cycle or cosine.
      length: steps; what that means depends on the kind.
      power: of power.
      factor: of exponential.
      boundaries: of piecewise: the first steps with the next factor, rising.
      factors: of piecewise, one more than boundaries.
      floor: of cosine.
      warmup: steps of the line before all that.
    """

    kind: str = "constant"
    length: float = 1.0
    power: float = 1.0
    factor: float = 1.0
    boundaries: tuple[float, ...] = ()
    factors: tuple[float, ...] = ()
    floor: float = 0.0
    warmup: float = 0.0


def rate_shape(schedule: Schedule, *, steps_per_epoch: int, epochs: int) -> RateShape:
    """The shape of a schedule; that of performance is constant, for what it does no function of the step can say.

    Args:
      schedule: resolved.
      steps_per_epoch: batches of the training split.
      epochs: of the training, at most.
    """
    warmup = schedule.warmup_steps or schedule.warmup_epochs * steps_per_epoch
    length = schedule.steps or schedule.epochs * steps_per_epoch
    # What is left after the warm-up.
    length = float(length or max(epochs * steps_per_epoch - warmup, 1.0))
    if schedule.kind == spec_pb2.POWER_RATE:
        return RateShape("power", length, power=schedule.power, warmup=warmup)
    if schedule.kind == spec_pb2.EXPONENTIAL_RATE:
        return RateShape("exponential", length, factor=schedule.factor, warmup=warmup)
    if schedule.kind == spec_pb2.PIECEWISE_RATE:
        boundaries = tuple(boundary * steps_per_epoch for boundary in schedule.boundaries)
        return RateShape("piecewise", boundaries=boundaries, factors=tuple(schedule.factors), warmup=warmup)
    if schedule.kind == spec_pb2.ONE_CYCLE:
        return RateShape("one_cycle", length)
    if schedule.kind == spec_pb2.COSINE_RATE:
        return RateShape("cosine", length, floor=schedule.floor, warmup=warmup)
    return RateShape(warmup=warmup)


def multiplier(shape: RateShape, step: Any, ops: Any = np) -> Any:
    """What the rate is multiplied by.

    The warm-up is a line that would be 0 one step before the first (a step at a rate of 0 would be a wasted one, and FTRL
    divides by the rate), and reaches the schedule's first value at step `warmup`; the schedule begins there.

    Args:
      shape: of the schedule.
      step: float64, any shape: steps before this one.
      ops: numpy, or tensorflow if `step` is a tensor.

    Returns:
      float64, of the shape of `step`.
    """
    value = _KINDS[shape.kind](shape, ops.maximum(step - shape.warmup, 0.0 * step), ops)
    return value * ops.minimum((step + 1.0) / (shape.warmup + 1.0), 1.0 + 0.0 * step)


def cycled_momentum(length: float, step: Any, ops: Any = np) -> Any:
    """The momentum of one_cycle: falls from 0.95 to 0.85 while the rate rises, rises again while it falls, and stays.

    Args:
      length: of the cycle, in steps.
      step: float64, any shape.
      ops: numpy, or tensorflow if `step` is a tensor.
    """
    x = ops.minimum(step / length, _LAST + 0.0 * step)
    return _HIGH - (_HIGH - _LOW) * (1.0 - ops.abs(x - _TOP) / _TOP)


def _constant(shape: RateShape, step: Any, ops: Any) -> Any:
    return 1.0 + 0.0 * step


def _power(shape: RateShape, step: Any, ops: Any) -> Any:
    return 1.0 / (1.0 + step / shape.length) ** shape.power


def _exponential(shape: RateShape, step: Any, ops: Any) -> Any:
    return (shape.factor + 0.0 * step) ** (step / shape.length)


def _piecewise(shape: RateShape, step: Any, ops: Any) -> Any:
    value = shape.factors[0] + 0.0 * step
    for boundary, factor in zip(shape.boundaries, shape.factors[1:], strict=True):
        value = ops.where(step >= boundary, factor + 0.0 * step, value)
    return value


def _one_cycle(shape: RateShape, step: Any, ops: Any) -> Any:
    x = ops.minimum(step / shape.length, 1.0 + 0.0 * step)
    height = 1.0 - _START
    up_and_down = _START + height * (1.0 - ops.abs(x - _TOP) / _TOP)
    last = _END + (_START - _END) * (1.0 - x) / (1.0 - _LAST)
    return ops.where(x < _LAST, up_and_down, last)


def _cosine(shape: RateShape, step: Any, ops: Any) -> Any:
    x = ops.minimum(step / shape.length, 1.0 + 0.0 * step)
    return shape.floor + (1.0 - shape.floor) * 0.5 * (1.0 + ops.cos(math.pi * x))


_KINDS = {
    "constant": _constant,
    "power": _power,
    "exponential": _exponential,
    "piecewise": _piecewise,
    "one_cycle": _one_cycle,
    "cosine": _cosine,
}
