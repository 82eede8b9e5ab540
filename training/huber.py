"""In: numbers and predictions. Out: Huber's loss (1964), whose threshold is saved with the model."""

from __future__ import annotations

import keras


@keras.saving.register_keras_serializable(package="prebake")
class Huber(keras.losses.Huber):
    """Half the squared error up to `delta`, above that linear: a few far labels do not decide.

    Keras' own forgets `delta` in its config (3.15): a model that is loaded goes on with 1.

    Args:
      delta: above 0, in the unit of what the model learns.
    """

    def __init__(self, delta: float = 1.0, name: str = "huber", **kwargs):
        super().__init__(delta, name=name, **kwargs)
        self.delta = delta

    def get_config(self):
        return {**super().get_config(), "delta": self.delta}
