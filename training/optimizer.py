"""In: the training part of a spec. Out: a Keras optimizer."""

from __future__ import annotations

import keras

from ..schemas.spec_pb2 import ADAM, NADAM, SGD, Training

OPTIMIZERS: dict[int, type[keras.optimizers.Optimizer]] = {
    ADAM: keras.optimizers.Adam,
    NADAM: keras.optimizers.Nadam,
    SGD: keras.optimizers.SGD,
}


def build_optimizer(training: Training) -> keras.optimizers.Optimizer:
    """The optimizer at its first learning rate; each gradient is scaled down to at most `clipnorm` (0: never)."""
    return OPTIMIZERS[training.optimizer.kind](
        learning_rate=training.learning_rate, clipnorm=training.clipnorm or None
    )
