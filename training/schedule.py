"""In: a base learning rate and the shape of a schedule. Out: the rate at each step, computed in the training's graph."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from .rate_shape import RateShape, multiplier


@keras.saving.register_keras_serializable(package="prebake")
class ScheduledRate(keras.optimizers.schedules.LearningRateSchedule):
    """rate * multiplier(step) * reduced, in float64, then float32: TensorFlow's and numpy's values agree to 1 ulp.

    Args:
      rate: the optimizer's own; optimizers of parts follow the same shape from rates of their own.
      shape: a `RateShape` or, from a saved model, its fields.
      reduced: what performance scheduling has multiplied the rate by.

    Attributes:
      reduced: the same as a variable, which checkpoints hold.
    """

    def __init__(self, rate: float, shape: RateShape | dict[str, Any], reduced: float = 1.0):
        super().__init__()
        self.rate = float(rate)
        self.shape = RateShape(**_tuples(shape)) if isinstance(shape, dict) else shape
        self.reduced = keras.Variable(
            reduced, trainable=False, dtype="float64", aggregation="only_first_replica", name="reduced"
        )

    def __call__(self, step):
        """The rate, float32 scalar, of a step, int64 scalar: how many were done before it."""
        value = multiplier(self.shape, ops.cast(step, "float64"), tf)
        return ops.cast(self.rate * value * ops.convert_to_tensor(self.reduced), "float32")

    def get_config(self) -> dict[str, Any]:
        return {
            "rate": self.rate,
            "shape": dataclasses.asdict(self.shape),
            "reduced": float(self.reduced.numpy()),
        }


def _tuples(fields: dict[str, Any]) -> dict[str, Any]:
    """JSON knows no tuples."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}


def build_rate(rate: float, shape: RateShape) -> float | ScheduledRate:
    """What an optimizer takes as its learning rate: a number, which it keeps in a variable of its own, if that will do."""
    return rate if shape == RateShape() else ScheduledRate(rate, shape)


def every_optimizer(optimizer: keras.optimizers.Optimizer) -> list[keras.optimizers.Optimizer]:
    """Those that move weights: of a MultiOptimizer, and of one that scales the loss, the ones inside; its default last."""
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    return list(getattr(optimizer, "optimizers", [optimizer]))


def schedule_variables(optimizer: keras.optimizers.Optimizer) -> list[keras.Variable]:
    """What schedules remember. Optimizers do not count it among their own variables."""
    return [schedule.reduced for schedule in _schedules(optimizer) if schedule is not None]


def reduce_rate(optimizer: keras.optimizers.Optimizer, factor: float) -> None:
    """Multiplies the rate of each optimizer, for good."""
    for one, schedule in zip(every_optimizer(optimizer), _schedules(optimizer), strict=True):
        if schedule is None:
            one.learning_rate = _number(one.learning_rate) * factor
        else:
            schedule.reduced.assign(schedule.reduced * factor)


def last_rates(optimizer: keras.optimizers.Optimizer) -> dict[str, float]:
    """The rates of the last step: `learning_rate`, and with parts `learning_rate_<part>`."""
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    # Of all: a part's optimizer without a layer counts none.
    steps = int(_number(optimizer.iterations))
    rates = [
        _number(one.learning_rate if schedule is None else schedule(max(steps - 1, 0)))
        for one, schedule in zip(every_optimizer(optimizer), _schedules(optimizer), strict=True)
    ]
    names = [f"learning_rate_{part}" for part in getattr(optimizer, "part_names", ())]
    return dict(zip(["learning_rate", *names], [rates[-1], *rates[:-1]], strict=True))


def _number(value: Any) -> float:
    """Of a tensor, or of a variable, on however many devices it lies."""
    return float(keras.ops.convert_to_numpy(value))


def _schedules(optimizer: keras.optimizers.Optimizer) -> Iterator[ScheduledRate | None]:
    for one in every_optimizer(optimizer):
        found = one._learning_rate
        yield found if isinstance(found, ScheduledRate) else None
