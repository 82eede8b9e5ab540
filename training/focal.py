"""In: class labels and logits. Out: focal losses, which count rows that are already sure less (Lin et al., 2017).

Keras' own take a probability, cut off at 1e-7: a row that is surely wrong would have no gradient. These work on logits.
"""

from __future__ import annotations

import keras
from keras import ops

# Keeps the gradient of a power below 1 finite where a probability is 1.
_LEAST = 1e-12


@keras.saving.register_keras_serializable(package="prebake")
class BinaryFocal(keras.losses.Loss):
    """-sum over both classes k of alpha_k t_k (1 - p_k)**gamma ln p_k, with t the label, smoothed.

    Args:
      gamma: at least 0; 0 is cross-entropy times alpha.
      alpha: weight of the second class; the first has 1 - alpha.
      label_smoothing: t is 1 - label_smoothing / 2 for the true class.
    """

    def __init__(
        self,
        gamma: float = 2.0,
        alpha: float = 0.25,
        label_smoothing: float = 0.0,
        name: str = "binary_focal",
        **kwargs,
    ):
        super().__init__(name=name, **kwargs)
        self.gamma, self.alpha, self.label_smoothing = gamma, alpha, label_smoothing

    def call(self, y_true, y_pred):
        """Labels 0 or 1 and logits, [batch, 1] each → [batch]."""
        second = y_true * (1.0 - self.label_smoothing) + 0.5 * self.label_smoothing
        # -ln p and -ln (1 - p), exact however large the logit is.
        if_second, if_first = ops.softplus(-y_pred), ops.softplus(y_pred)
        losses = self.alpha * second * ops.exp(-self.gamma * if_first) * if_second
        losses += (1.0 - self.alpha) * (1.0 - second) * ops.exp(-self.gamma * if_second) * if_first
        return ops.mean(losses, axis=-1)

    def get_config(self):
        own = {"gamma": self.gamma, "alpha": self.alpha, "label_smoothing": self.label_smoothing}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable(package="prebake")
class SparseFocal(keras.losses.Loss):
    """-sum over the classes k of t_k (1 - p_k)**gamma ln p_k, with t the label, smoothed.

    Args:
      gamma: at least 0; 0 is cross-entropy.
      label_smoothing: t is label_smoothing / classes for each class, and the rest for the true one.
    """

    def __init__(
        self, gamma: float = 2.0, label_smoothing: float = 0.0, name: str = "sparse_focal", **kwargs
    ):
        super().__init__(name=name, **kwargs)
        self.gamma, self.label_smoothing = gamma, label_smoothing

    def call(self, y_true, y_pred):
        """Class ids [batch, 1] and logits [batch, classes] → [batch]."""
        log_p = ops.log_softmax(y_pred)
        classes = y_pred.shape[-1]
        target = ops.one_hot(ops.cast(ops.reshape(y_true, (-1,)), "int32"), classes, dtype=log_p.dtype)
        target = target * (1.0 - self.label_smoothing) + self.label_smoothing / classes
        others = ops.maximum(-ops.expm1(log_p), _LEAST)
        return -ops.sum(target * ops.power(others, self.gamma) * log_p, axis=-1)

    def get_config(self):
        return {**super().get_config(), "gamma": self.gamma, "label_smoothing": self.label_smoothing}
