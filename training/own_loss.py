"""In: the name of a loss or metric that the user's file defines. Out: a Keras loss or metric of that name.

The file may define a class, or a function (y_true, y_pred) → [batch]; Keras takes the mean over the rows, by their weights.
Labels are as the model learns them, float [batch, 1] of a regression and int class ids else; predictions are the model's
output, [batch, units]: logits of classes.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import keras

from .user_model import find_own


@keras.saving.register_keras_serializable(package="prebake")
class OwnLoss(keras.losses.Loss):
    """A loss by a function.

    Args:
      function: (y_true, y_pred) → [batch].
    """

    def __init__(self, function: Callable[..., Any], name: str | None = None, **kwargs: Any):
        super().__init__(name=name or function.__name__, **kwargs)
        self.function = function

    def call(self, y_true, y_pred):
        return self.function(y_true, y_pred)

    def get_config(self):
        function = keras.saving.serialize_keras_object(self.function)
        return {**super().get_config(), "function": function}

    @classmethod
    def from_config(cls, config):
        function = keras.saving.deserialize_keras_object(config["function"])
        return cls(**{**config, "function": function})


def own_loss(name: str) -> keras.losses.Loss | None:
    """None if the user's file does not define it."""
    found = find_own(name)
    if found is None:
        return None
    return found() if inspect.isclass(found) else OwnLoss(found)


def own_metric(name: str) -> keras.metrics.Metric | None:
    """None if the user's file does not define it."""
    found = find_own(name)
    if found is None:
        return None
    made: Any = found
    return made(name=name) if inspect.isclass(found) else keras.metrics.MeanMetricWrapper(found, name=name)
