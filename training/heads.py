"""In: the labels of a model, and what its last hidden layer gives. Out: what the model says, a head for each label."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from ..schemas.manifest_pb2 import LabelEntry
from ..schemas.spec_pb2 import Model
from .layer_names import LayerNames
from .outputs import units_of
from .regularisation import kernel_regularizer


class Heads:
    """A linear layer for each label, `head` of the first one, `head_<name>` of the others.

    Args:
      model: resolved.
      labels: the first one first.
      names: of the model's layers.
      prefix: of the names.

    Attributes:
      units: of all heads together.
    """

    def __init__(self, model: Model, labels: Sequence[LabelEntry], names: LayerNames, prefix: str = ""):
        self._names, self._prefix = names, prefix
        self.units = sum(map(units_of, labels))
        self._layers = [
            keras.layers.Dense(
                units_of(label),
                kernel_regularizer=kernel_regularizer(model),
                name=names(f"{prefix}head{f'_{label.name}' if label.name else ''}"),
                dtype="float32",
            )
            for label in labels
        ]

    def __call__(self, x: keras.KerasTensor) -> keras.KerasTensor:
        """float [batch, width] → float32 [batch, units], side by side in the order of the labels."""
        said = [layer(x) for layer in self._layers]
        if len(said) == 1:
            return said[0]
        return keras.layers.Concatenate(name=self._names(f"{self._prefix}heads"), dtype="float32")(said)
