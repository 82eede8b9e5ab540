"""In: a tensor and hidden layers. Out: the tensor behind blocks of two layers with a connection around each.

He et al., "Deep Residual Learning for Image Recognition", 2015: y = f(x + W2 f(W1 x)), each W with its bias and
normalization. A block that has learnt nothing yet passes its input on, so many of them can be trained.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras

from .hidden_layers import HiddenLayers
from .layer_names import LayerNames


def residual_blocks(
    x: keras.KerasTensor, hidden: HiddenLayers, widths: Sequence[int], names: LayerNames
) -> keras.KerasTensor:
    """Block after block.

    Args:
      x: float [batch, width].
      hidden: makes the layers: two for each block.
      widths: units of both layers of each block. Where the width changes, a projection stands in the connection.
      names: of the model's layers.

    Returns:
      float [batch, widths[-1]].
    """
    for number, units in enumerate(widths, 1):
        y = hidden.weigh(hidden.stack(x, [units]), units)
        if x.shape[-1] != units:
            x = hidden.project(x, units)
        x = hidden.activate(keras.layers.Add(name=names(f"block_{number}"))([x, y]))
    return x
