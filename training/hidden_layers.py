"""In: the model part of a spec and a tensor. Out: the tensor behind a hidden layer, with all that the spec says of one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from ..schemas.spec_pb2 import (
    NORMALIZATION_BATCH,
    NORMALIZATION_BATCH_AFTER,
    NORMALIZATION_LAYER,
    Model,
)
from .activations import activation_layer
from .layer_names import LayerNames
from .regularisation import kernel_constraint, kernel_initializer, kernel_regularizer


class HiddenLayers:
    """Makes the hidden layers of a model, counted from 1: weights, normalization, activation, dropout.

    Layers are named `hidden_1`, which has the weights, `hidden_1_norm`, `hidden_1_activation` and `hidden_1_dropout`.

    Args:
      model: resolved.
      names: of the model's layers.
      prefix: of the names.
    """

    def __init__(self, model: Model, names: LayerNames, prefix: str = ""):
        self._model, self._names, self._prefix = model, names, prefix
        self._count = 0

    def stack(self, x: keras.KerasTensor, widths: Sequence[int]) -> keras.KerasTensor:
        """One layer after the other.

        Args:
          x: float [batch, width].
          widths: units of each.

        Returns:
          float [batch, widths[-1]].
        """
        for units in widths:
            x = self.activate(self.weigh(x, units))
        return x

    def weigh(self, x: keras.KerasTensor, units: int) -> keras.KerasTensor:
        """The first half of the next layer: its weights, and a normalization that stands before the activation."""
        self._count += 1
        x = self.dense(x, units, **self.kernel())
        if self._model.normalization in (NORMALIZATION_BATCH, NORMALIZATION_LAYER):
            x = self.normalize(x)
        return x

    def activate(self, x: keras.KerasTensor) -> keras.KerasTensor:
        """The second half: activation, a normalization behind it, dropout."""
        x = activation_layer(self._model, self.name("_activation"))(x)
        if self._model.normalization == NORMALIZATION_BATCH_AFTER:
            x = self.normalize(x)
        if self._model.dropout:
            # Alpha dropout keeps the mean and variance that make selu normalise itself.
            drop = keras.layers.AlphaDropout if self._model.activation == "selu" else keras.layers.Dropout
            x = drop(self._model.dropout, name=self.name("_dropout"))(x)
        return x

    def project(self, x: keras.KerasTensor, units: int) -> keras.KerasTensor:
        """Weights alone, neither bias nor activation: for a connection between layers of different widths."""
        arguments = {**self.kernel(), "use_bias": False, "kernel_constraint": None}
        return keras.layers.Dense(units, **arguments, name=self.name("_projection"))(x)

    def dense(self, x: keras.KerasTensor, units: int, **kernel: Any) -> keras.KerasTensor:
        """The layer of the weights."""
        return keras.layers.Dense(units, **kernel, name=self.name(""))(x)

    def normalize(self, x: keras.KerasTensor) -> keras.KerasTensor:
        """The layer of the normalization."""
        if self._model.normalization == NORMALIZATION_LAYER:
            return keras.layers.LayerNormalization(name=self.name("_norm"))(x)
        return keras.layers.BatchNormalization(name=self.name("_norm"))(x)

    def kernel(self) -> dict[str, Any]:
        """Arguments of a layer with a kernel."""
        return {
            # Batch normalization right behind takes any bias away again, and adds its own.
            "use_bias": self._model.normalization != NORMALIZATION_BATCH,
            "kernel_initializer": kernel_initializer(self._model),
            "kernel_regularizer": kernel_regularizer(self._model),
            "kernel_constraint": kernel_constraint(self._model),
        }

    def name(self, ending: str) -> str:
        """The name of a part of the present layer."""
        return self._names(f"{self._prefix}hidden_{self._count}{ending}")
