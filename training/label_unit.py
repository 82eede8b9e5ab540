"""In: a regression label as the model learns it. Out: the label in the user's unit, and metrics there."""

from __future__ import annotations

import keras
import tensorflow as tf

from ..schemas.manifest_pb2 import LabelEntry

_SIMPLE = {
    "rmse": keras.metrics.RootMeanSquaredError,
    "mae": keras.metrics.MeanAbsoluteError,
    "mse": keras.metrics.MeanSquaredError,
}


def in_unit(x: tf.Tensor, label: LabelEntry) -> tf.Tensor:
    """The inverse of what the transform graph does to the label; float32, of the shape of `x`."""
    if not (label.log or label.deviation):
        return x
    # binary64: a binary32 exponential has other last bits at other places in a batch.
    wide = tf.cast(x, tf.float64) * (label.deviation or 1.0) + label.mean
    return tf.cast(tf.math.expm1(wide) if label.log else wide, tf.float32)


@keras.saving.register_keras_serializable(package="prebake")
class UnitError(keras.metrics.Metric):
    """Error in the user's unit; huber's is in that of ln(1 + label) if the model learns that.

    Args:
      name: one of NAMES.
      log, mean, deviation: of the LabelEntry.
      delta: of huber, in the same unit as that.
    """

    NAMES = (*_SIMPLE, "huber")

    def __init__(
        self, name: str, log: bool, mean: float, deviation: float, delta: float | None = None, **kwargs
    ):
        super().__init__(name=name, **kwargs)
        self._config = {"log": log, "mean": mean, "deviation": deviation, "delta": delta}
        self._label = LabelEntry(log=log and name != "huber", mean=mean, deviation=deviation)
        self._error = _error(name, delta, f"{name}_of_units")

    @staticmethod
    def of(name: str, label: LabelEntry, delta: float | None = None) -> keras.metrics.Metric:
        """Keras' own where the model learns the label as it is."""
        if not (label.log or label.deviation):
            return _error(name, delta, name)
        of_huber = delta if name == "huber" else None
        return UnitError(name, label.log, label.mean, label.deviation, of_huber)

    def update_state(self, y_true, y_pred, sample_weight=None):
        self._error.update_state(in_unit(y_true, self._label), in_unit(y_pred, self._label), sample_weight)

    def result(self):
        return self._error.result()

    def reset_state(self):
        self._error.reset_state()

    def get_config(self):
        return {**super().get_config(), **self._config}


def _error(kind: str, delta: float | None, name: str) -> keras.metrics.Metric:
    if kind == "huber":
        return keras.metrics.MeanMetricWrapper(keras.losses.huber, name=name, delta=delta)
    return _SIMPLE[kind](name=name)
