"""A model of one's own, with an activation, a loss and a metric, for gated.yaml or any other spec.

    prebake run examples/housing/gated.yaml --code examples/housing/gated.py

Nothing here is registered or decorated: prebake does that when it runs the file.
"""

import keras
from keras import ops


class Gate(keras.layers.Layer):
    """Each number of a row times how much it matters in this row, between 0 and 1."""

    def build(self, shape):
        self.opening = keras.layers.Dense(shape[-1], activation="sigmoid")
        self.opening.build(shape)

    def call(self, x):
        return x * self.opening(x)


def model_fn(inputs, spec, encode):
    """Hidden layers as the spec says, behind a gate. prebake adds the head."""
    x = Gate()(encode())
    for units in spec.model.hidden:
        x = keras.layers.Dense(units, activation=bent, kernel_initializer="he_normal")(x)
    return x


def bent(x):
    """An activation: the identity with a bend at 0 (Carlile et al., 2017)."""
    return (ops.sqrt(x * x + 1) - 1) / 2 + x


def pseudo_huber(y_true, y_pred):
    """A loss: squares near 0, absolute values far from it, and smooth."""
    return ops.sqrt(1 + ops.square(y_true - y_pred)) - 1


def within_tenth(y_true, y_pred):
    """A metric: the share of rows whose prediction is off by a tenth at most."""
    return ops.cast(ops.abs(y_pred - y_true) <= 0.1 * ops.abs(y_true), "float32")
