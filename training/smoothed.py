"""In: class ids and logits. Out: cross-entropy with label smoothing, which Keras has for one-hot labels alone."""

from __future__ import annotations

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="prebake")
class SmoothedCrossentropy(keras.losses.Loss):
    """Cross-entropy with a target of label_smoothing / classes for each class, and the rest for the true one
    (Szegedy et al., 2016).

    Args:
      label_smoothing: at least 0 and below 1.
    """

    def __init__(self, label_smoothing: float, name: str = "smoothed_crossentropy", **kwargs):
        super().__init__(name=name, **kwargs)
        self.label_smoothing = label_smoothing

    def call(self, y_true, y_pred):
        """Class ids [batch, 1] and logits [batch, classes] → [batch]."""
        log_p = ops.log_softmax(y_pred)
        ids = ops.cast(ops.reshape(y_true, (-1, 1)), "int32")
        of_class = ops.squeeze(ops.take_along_axis(log_p, ids, axis=-1), axis=-1)
        of_all = ops.mean(log_p, axis=-1)
        return -((1.0 - self.label_smoothing) * of_class + self.label_smoothing * of_all)

    def get_config(self):
        return {**super().get_config(), "label_smoothing": self.label_smoothing}
