"""In: a model whose optimizer keeps moving averages of the weights. Out: the model with the averages in their place.

What is measured, kept and exported is the average; what the next step starts from are the weights themselves. A checkpoint
holds both. Keras' SwapEMAWeights swaps by adding and subtracting, which is not exact.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import keras
import tensorflow as tf

from .schedule import every_optimizer


def use_averages(model: keras.Model) -> None:
    """Gives the weights their averages, for good; does nothing if the optimizer keeps none."""
    for weight, average in _averages(model):
        # The average is of weights as a step leaves them before their constraints (max-norm, pruning) hold.
        value = tf.convert_to_tensor(average)
        weight.assign(value if weight.constraint is None else weight.constraint(value))


@contextlib.contextmanager
def averaged(model: keras.Model) -> Iterator[None]:
    """Within the block the weights are their averages."""
    kept = [(weight, tf.identity(tf.convert_to_tensor(weight))) for weight, _ in _averages(model)]
    use_averages(model)
    try:
        yield
    finally:
        for weight, value in kept:
            weight.assign(value)


def _averages(model: keras.Model) -> list[tuple[keras.Variable, keras.Variable]]:
    """Weights and their averages."""
    return [
        (weight, average)
        for one in every_optimizer(model.optimizer)
        # Before the first step they are 0. With float16 that may be a while: steps are skipped until the loss has its scale.
        if one.use_ema and one.built and int(keras.ops.convert_to_numpy(one.iterations))
        for weight, average in zip(one._trainable_variables, one._model_variables_moving_average, strict=True)
    ]
