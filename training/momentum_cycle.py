"""In: gradients. Out: weights moved by momentum that rises and falls against the learning rate, as one_cycle wants it."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf
from keras import ops

from .rate_shape import cycled_momentum


@keras.saving.register_keras_serializable(package="prebake")
class CycledMomentum(keras.optimizers.SGD):
    """SGD with momentum, plain or Nesterov's; the momentum at each step is `cycled_momentum`'s (Smith, 2018).

    Adam and its kin have no such cycle here: they divide by 1 - beta ** t, which holds for a constant beta alone.

    Args:
      length: of the cycle, in steps.
      options: of `keras.optimizers.SGD`.
    """

    def __init__(self, length: float, **options: Any):
        # Anything but 0 makes the variables.
        super().__init__(**{**options, "momentum": cycled_momentum(length, 0.0)})
        self.length = length

    def update_step(self, gradient, variable, learning_rate):
        """v ← momentum(t) v - rate g; w ← w + v, or with Nesterov w + momentum(t) v - rate g."""
        step = ops.cast(self.iterations, "float64")
        momentum = ops.cast(cycled_momentum(self.length, step, tf), variable.dtype)
        change = ops.cast(gradient, variable.dtype) * ops.cast(learning_rate, variable.dtype)
        velocity = self.momentums[self._get_variable_index(variable)]
        self.assign(velocity, velocity * momentum - change)
        self.assign_add(variable, velocity * momentum - change if self.nesterov else velocity)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "length": self.length}
