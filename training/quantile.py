"""In: numbers and predictions. Out: the loss that is least at a quantile (Koenker and Bassett, 1978), and its check."""

from __future__ import annotations

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="prebake")
class Quantile(keras.losses.Loss):
    """The pinball loss: q times what the prediction is too low, 1 - q times what it is too high.

    Args:
      quantile: q, above 0 and below 1. At 0.5 it is half the absolute error.
    """

    def __init__(self, quantile: float = 0.5, name: str = "quantile", **kwargs):
        super().__init__(name=name, **kwargs)
        self.quantile = quantile

    def call(self, y_true, y_pred):
        """[batch, 1] each → [batch]."""
        too_low = y_true - y_pred
        return ops.mean(ops.maximum(self.quantile * too_low, (self.quantile - 1.0) * too_low), axis=-1)

    def get_config(self):
        return {**super().get_config(), "quantile": self.quantile}


@keras.saving.register_keras_serializable(package="prebake")
class Coverage(keras.metrics.Mean):
    """Share of the rows whose label is at most the prediction, in any unit of the label: of a q-quantile about q."""

    def __init__(self, name: str = "coverage", **kwargs):
        super().__init__(name=name, **kwargs)

    def update_state(self, y_true, y_pred, sample_weight=None):
        super().update_state(ops.cast(y_true <= y_pred, "float32"), sample_weight)
