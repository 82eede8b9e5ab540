"""In: encoded inputs and what the hidden layers make of them. Out: the same, and a loss for what they have forgotten.

HOML, chapter 12, "Losses and metrics based on model internals": hidden layers that can reconstruct their inputs keep what is
in them, also where this task does not reward it yet; it acts as a regulariser.
"""

from __future__ import annotations

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="prebake")
class Reconstruct(keras.layers.Layer):
    """Adds `weight` times the mean squared difference between inputs and their linear reconstruction to the loss.

    Args:
      weight: above 0.

    Call arguments:
      inputs: encoded, float [batch, width]. They do not learn from this loss: embeddings would only shrink to be easy.
      hidden: float [batch, units].

    Returns:
      `hidden`, as it came.
    """

    def __init__(self, weight: float, **kwargs):
        super().__init__(**kwargs)
        self.weight = weight
        self.error = keras.metrics.Mean(name="reconstruction")

    def build(self, inputs_shape, hidden_shape):
        self.dense = keras.layers.Dense(inputs_shape[-1], dtype=self.dtype_policy, name="reconstruction")
        self.dense.build(hidden_shape)

    def call(self, inputs, hidden):
        difference = ops.cast(self.dense(hidden), "float32") - ops.cast(ops.stop_gradient(inputs), "float32")
        self.add_loss(self.weight * ops.mean(ops.square(difference)))
        return hidden

    def compute_output_shape(self, inputs_shape, hidden_shape):
        return hidden_shape

    def get_config(self):
        return {**super().get_config(), "weight": self.weight}


@keras.saving.register_keras_serializable(package="prebake")
class ReconstructingModel(keras.Model):
    """Shows the mean squared reconstruction error of the layers `Reconstruct` as the metric `reconstruction`.

    Here and not in the layer: a layer cannot tell an evaluation, which measures, from a request, which must change nothing.
    """

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        loss = super().compute_loss(x, y, y_pred, sample_weight, training=training)
        for layer in self.layers:
            if isinstance(layer, Reconstruct):
                # The first one is what `call` added.
                rows = ops.shape(y_pred)[0]
                # One of several devices may have no row of a batch, and a mean that is no number.
                error = ops.where(rows > 0, layer.losses[0] / layer.weight, 0.0)
                layer.error.update_state(error, sample_weight=rows)
        return loss
