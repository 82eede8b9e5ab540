"""In: the training part of a spec, and the model. Out: a Keras optimizer, with one of its own for each part that has one."""

from __future__ import annotations

from typing import Any

import keras

from ..schemas.spec_pb2 import (
    ADAGRAD,
    ADAM,
    ADAMAX,
    ADAMW,
    FTRL,
    MOMENTUM,
    NADAM,
    NESTEROV,
    ONE_CYCLE,
    RMSPROP,
    SGD,
    Optimizer,
    Training,
)
from .ftrl import Ftrl
from .momentum_cycle import CycledMomentum
from .parts import combine
from .rate_shape import RateShape, rate_shape
from .schedule import build_rate
from .weight_decay import DECAYING

OPTIMIZERS: dict[int, type[keras.optimizers.Optimizer]] = {
    ADAGRAD: keras.optimizers.Adagrad,
    ADAM: keras.optimizers.Adam,
    ADAMAX: keras.optimizers.Adamax,
    ADAMW: keras.optimizers.AdamW,
    FTRL: Ftrl,
    MOMENTUM: keras.optimizers.SGD,
    NADAM: keras.optimizers.Nadam,
    NESTEROV: keras.optimizers.SGD,
    RMSPROP: keras.optimizers.RMSprop,
    SGD: keras.optimizers.SGD,
}
# What Keras calls otherwise.
_NAMES = {"l1": "l1_regularization_strength", "l2": "l2_regularization_strength"}


def build_optimizer(
    training: Training, model: keras.Model, steps_per_epoch: int
) -> keras.optimizers.Optimizer:
    """The optimizer of a training.

    Args:
      training: resolved.
      model: built, not compiled.
      steps_per_epoch: batches of the training split.

    Raises:
      PrebakeError: a part has no layer, or a layer is in two parts.
    """
    shape = rate_shape(training.schedule, steps_per_epoch=steps_per_epoch, epochs=training.epochs)

    rest = _build_one(training, training.optimizer, training.learning_rate, shape)
    if not training.parts:
        return rest
    parts = {
        part.name: _build_one(training, part.optimizer, part.learning_rate, shape) for part in training.parts
    }
    return combine(rest, parts, model.trainable_variables)


def _build_one(
    training: Training, optimizer: Optimizer, rate: float, shape: RateShape
) -> keras.optimizers.Optimizer:
    kind, make = optimizer.kind, OPTIMIZERS[optimizer.kind]
    options: dict[str, Any] = {
        _NAMES.get(field.name, field.name): value
        for field, value in optimizer.ListFields()
        if field.name != "kind"
    }
    if kind in (MOMENTUM, NESTEROV):
        options["nesterov"] = kind == NESTEROV
        if training.schedule.kind == ONE_CYCLE and "momentum" not in options:
            make, options["length"] = CycledMomentum, shape.length
        options.setdefault("momentum", 0.9)
    if options.get("weight_decay"):
        make = DECAYING[make]
    elif kind != ADAMW:
        # With a decay of 0 there would be more to do at each step. AdamW wants a number.
        options.pop("weight_decay", None)
    if training.weight_average:
        options.update(use_ema=True, ema_momentum=training.weight_average)
    return make(
        learning_rate=build_rate(rate, shape),
        # Each gradient by itself, each number by itself, all together: 0 stands for none.
        clipnorm=training.clipnorm or None,
        clipvalue=training.clipvalue or None,
        global_clipnorm=training.global_clipnorm or None,
        **options,
    )
