"""In: a Keras model. Out: its layers with weights: embeddings of features, hidden layers from the inputs up, head.

Two models can share weights where their parts agree, whatever Keras has named the layers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import keras

# These belong to the layer whose numbers they normalise.
_NORMALIZATIONS = (
    keras.layers.BatchNormalization,
    keras.layers.LayerNormalization,
    keras.layers.GroupNormalization,
)
_HIDDEN = re.compile(r"(?:.*_)?hidden_(\d+)(?:_.*)?")


class LayerParts(NamedTuple):
    """The layers of a model that have weights.

    Attributes:
      embeddings: by the names of the features that read it, sorted, joined by ", "; a second one of the same features has
        " 2" behind that.
      hidden: from the inputs up; each a layer of units with its normalisation.
      head: what makes the answer of that, and all else.
    """

    embeddings: dict[str, keras.layers.Layer]
    hidden: list[list[keras.layers.Layer]]
    head: list[keras.layers.Layer]


def embedding_name(features: str) -> str:
    return f"embedding of {features}"


def hidden_name(number: int) -> str:
    return f"hidden layer {number}"


def layer_parts(model: keras.Model) -> LayerParts:
    """Sorts the layers of a model that have weights.

    Hidden layers are those that hidden_layers.py has named; in a model of one's own without such names, all that have
    weights but embeddings and head. Wide tables and what else is no hidden layer go with the head.
    """
    weighted = [layer for layer in model.layers if layer.weights]
    wide = [layer for layer in weighted if layer.name.startswith("wide")]
    embeddings: dict[str, keras.layers.Layer] = {}
    for layer in weighted:
        if isinstance(layer, keras.layers.Embedding) and layer not in wide:
            features = ", ".join(sorted(_inputs_of(layer)))
            number = 1 + sum(
                re.fullmatch(rf"{re.escape(features)}(\ \d+)?", key) is not None for key in embeddings
            )
            embeddings[features if number == 1 else f"{features} {number}"] = layer
    rest = [layer for layer in weighted if layer not in embeddings.values()]
    if any(_HIDDEN.fullmatch(layer.name) for layer in rest):
        hidden = _by_name(rest)
    else:
        hidden = _by_place([layer for layer in rest if layer not in wide])
    below = [layer for layers in hidden for layer in layers]
    return LayerParts(embeddings, hidden, [layer for layer in rest if layer not in below])


def _by_name(layers: list[keras.layers.Layer]) -> list[list[keras.layers.Layer]]:
    found: dict[int, list[keras.layers.Layer]] = {}
    for layer in layers:
        if match := _HIDDEN.fullmatch(layer.name):
            found.setdefault(int(match[1]), []).append(layer)
    # By name: Keras sorts layers of a graph by their depth, in which a connection around a block moves.
    return [sorted(found[number], key=lambda layer: layer.name) for number in sorted(found)]


def _by_place(layers: list[keras.layers.Layer]) -> list[list[keras.layers.Layer]]:
    """The last layer is the head, unless one is called so."""
    named = [layer for layer in layers if layer.name.startswith("head")]
    head = named or layers[-1:]
    hidden: list[list[keras.layers.Layer]] = []
    first: list[keras.layers.Layer] = []  # a normalisation of the inputs goes with the first hidden layer
    for layer in layers:
        if layer in head:
            continue
        if isinstance(layer, _NORMALIZATIONS):
            (hidden[-1] if hidden else first).append(layer)
        else:
            hidden.append([*first, layer])
            first = []
    return hidden


def _inputs_of(layer: keras.layers.Layer) -> set[str]:
    """Names of the model's inputs that a layer reads, directly or through layers without weights."""
    found: set[str] = set()
    for node in layer._inbound_nodes:
        found |= _names(node.input_tensors)
    return found


def _names(tensors: Sequence[keras.KerasTensor]) -> set[str]:
    found: set[str] = set()
    for tensor in tensors:
        operation, node, _ = tensor._keras_history
        if isinstance(operation, keras.layers.InputLayer):
            found.add(operation.name)
        elif not getattr(operation, "weights", None):
            found |= _names(operation._inbound_nodes[node].input_tensors)
    return found
