"""In: a regression label as the model learns it. Out: the label in the user's unit, and metrics there."""

from __future__ import annotations

import keras
import tensorflow as tf

from ..schemas.manifest_pb2 import LabelEntry


def in_unit(x: tf.Tensor, label: LabelEntry) -> tf.Tensor:
    """The inverse of what the transform graph does to the label; float32, of the shape of `x`."""
    if not (label.log or label.deviation):
        return x
    # binary64: a binary32 exponential has other last bits at other places in a batch.
    wide = tf.cast(x, tf.float64) * (label.deviation or 1.0) + label.mean
    return tf.cast(tf.math.expm1(wide) if label.log else wide, tf.float32)


def unit_metrics(label: LabelEntry) -> list[keras.metrics.Metric]:
    """rmse and mae in the user's unit, of labels and predictions as the model learns them."""
    if not (label.log or label.deviation):
        return [
            keras.metrics.RootMeanSquaredError(name="rmse"),
            keras.metrics.MeanAbsoluteError(name="mae"),
        ]
    return [UnitError(name, label.log, label.mean, label.deviation) for name in ("rmse", "mae")]


@keras.saving.register_keras_serializable(package="prebake")
class UnitError(keras.metrics.Metric):
    """Error in the user's unit.

    Args:
      name: "rmse" or "mae".
      log, mean, deviation: of the LabelEntry.
    """

    def __init__(self, name: str, log: bool, mean: float, deviation: float, **kwargs):
        super().__init__(name=name, **kwargs)
        self._label = LabelEntry(log=log, mean=mean, deviation=deviation)
        metric = keras.metrics.RootMeanSquaredError if name == "rmse" else keras.metrics.MeanAbsoluteError
        self._error = metric(name=f"{name}_of_units")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self._error.update_state(in_unit(y_true, self._label), in_unit(y_pred, self._label), sample_weight)

    def result(self):
        return self._error.result()

    def reset_state(self):
        self._error.reset_state()

    def get_config(self):
        scale = {"log": self._label.log, "mean": self._label.mean, "deviation": self._label.deviation}
        return {**super().get_config(), **scale}
