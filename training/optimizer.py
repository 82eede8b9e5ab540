"""In: the training part of a spec, and the model. Out: a Keras optimizer, with one of its own for each part that has one."""

from __future__ import annotations

import functools
from collections.abc import Callable
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


def _nesterov(**options: Any) -> keras.optimizers.Optimizer:
    return keras.optimizers.SGD(nesterov=True, **options)


OPTIMIZERS: dict[int, Callable[..., keras.optimizers.Optimizer]] = {
    ADAGRAD: keras.optimizers.Adagrad,
    ADAM: keras.optimizers.Adam,
    ADAMAX: keras.optimizers.Adamax,
    ADAMW: keras.optimizers.AdamW,
    FTRL: Ftrl,
    MOMENTUM: keras.optimizers.SGD,
    NADAM: keras.optimizers.Nadam,
    NESTEROV: _nesterov,
    RMSPROP: keras.optimizers.RMSprop,
    SGD: keras.optimizers.SGD,
}
# What Keras calls otherwise.
_NAMES = {"l1": "l1_regularization_strength", "l2": "l2_regularization_strength"}
# Weights that only shift or scale: taking away from them would not make a model smoother.
_NOT_DECAYED = ("bias", "gamma", "beta")


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

    def build(optimizer: Optimizer, rate: float) -> keras.optimizers.Optimizer:
        built = _build_one(training, optimizer, rate, shape)
        if optimizer.weight_decay:
            kept = [v for v in model.trainable_variables if v.name in _NOT_DECAYED]
            built.exclude_from_weight_decay(var_list=kept)
        return built

    whole = build(training.optimizer, training.learning_rate)
    if not training.parts:
        return whole
    parts = {part.name: build(part.optimizer, part.learning_rate) for part in training.parts}
    return combine(whole, parts, model.trainable_variables)


def _build_one(
    training: Training, optimizer: Optimizer, rate: float, shape: RateShape
) -> keras.optimizers.Optimizer:
    make = OPTIMIZERS[optimizer.kind]
    options: dict[str, Any] = {
        _NAMES.get(field.name, field.name): value
        for field, value in optimizer.ListFields()
        if field.name != "kind" and (field.name != "weight_decay" or value or optimizer.kind == ADAMW)
    }
    if optimizer.kind in (MOMENTUM, NESTEROV) and training.schedule.kind == ONE_CYCLE:
        if not optimizer.HasField("momentum"):
            make = functools.partial(CycledMomentum, shape.length, nesterov=optimizer.kind == NESTEROV)
    elif optimizer.kind in (MOMENTUM, NESTEROV):
        options.setdefault("momentum", 0.9)
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
