"""In: a functional Keras model, and which of its layers vary. Out: the model below them, computed once, and the one above.

The two share the layers, and one after the other they are the model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import keras
import tensorflow as tf


class SplitModel(NamedTuple):
    """Two parts of a model.

    Attributes:
      below: inputs of the model by name → `fixed` by name; None if nothing with weights lies below what varies.
      above: `inputs`, in order → the model's output.
      inputs: names in `fixed` or of inputs of the model that `above` reads.
    """

    below: keras.Model | None
    above: keras.Model
    inputs: list[str]

    def run_below(self, features: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """What `above` reads, by name, from the model's inputs; layers are in inference mode."""
        fixed = {}
        if self.below is not None:
            wanted = {tensor.name for tensor in self.below.inputs}
            read = {name: value for name, value in features.items() if name in wanted}
            fixed = self.below(read, training=False)
        return {name: fixed[name] if name in fixed else features[name] for name in self.inputs}

    def run_above(self, values: Mapping[str, tf.Tensor], *, training: bool) -> tf.Tensor:
        """The model's output."""
        return self.above([values[name] for name in self.inputs], training=training)


def split_model(model: keras.Model, varies: Callable[[keras.Operation], bool]) -> SplitModel:
    """Cuts a model as high as possible below everything that varies.

    What has no weights and is read above is computed there: handing up ids costs less than one-hot vectors.

    Args:
      model: functional.
      varies: of a layer or operation, whether what it gives may change.

    Raises:
      ValueError: the model is not functional.
    """
    if not isinstance(model, keras.src.models.Functional):
        raise ValueError("not a functional model")
    graph = _Graph(varies)
    crossing: dict[int, keras.KerasTensor] = {}
    for tensor in model.outputs:
        graph.collect(tensor, crossing)
    fixed = [tensor for tensor in crossing.values() if not _is_input(tensor)]
    inputs = [tensor for tensor in crossing.values() if _is_input(tensor)]
    names = [f"below {number}" for number in range(len(fixed))]
    below = None
    if fixed:
        read: dict[int, keras.KerasTensor] = {}
        for tensor in fixed:
            _inputs_of(tensor, read)
        below = keras.Model(
            {tensor.name: tensor for tensor in read.values()}, dict(zip(names, fixed, strict=True))
        )
    histories = [(tensor, tensor._keras_history) for tensor in inputs]
    above = keras.Model([*fixed, *inputs], model.outputs[0] if len(model.outputs) == 1 else model.outputs)
    for tensor, history in histories:
        # Keras, making a model of inputs and of tensors in the middle, says of an input that it came from there.
        tensor._keras_history = history
    return SplitModel(below, above, [*names, *(tensor.name for tensor in inputs)])


class _Graph:
    """Which tensors vary, and which have weights below them."""

    def __init__(self, varies: Callable[[keras.Operation], bool]):
        self._varies = varies
        self._known: dict[int, tuple[bool, bool]] = {}

    def look(self, tensor: keras.KerasTensor) -> tuple[bool, bool]:
        """Whether it varies; whether something with weights gave it or lies below it."""
        if id(tensor) not in self._known:
            operation, _, _ = tensor._keras_history
            below = [self.look(parent) for parent in _parents(tensor)]
            self._known[id(tensor)] = (
                self._varies(operation) or any(varies for varies, _ in below),
                bool(getattr(operation, "weights", ())) or any(weighted for _, weighted in below),
            )
        return self._known[id(tensor)]

    def collect(self, tensor: keras.KerasTensor, crossing: dict[int, keras.KerasTensor]) -> None:
        """Adds the highest tensors that must be handed up for `tensor` to be computed above."""
        varies, weighted = self.look(tensor)
        if _is_input(tensor) or (weighted and not varies):
            crossing.setdefault(id(tensor), tensor)
            return
        for parent in _parents(tensor):
            self.collect(parent, crossing)


def _parents(tensor: keras.KerasTensor) -> list[keras.KerasTensor]:
    operation, node, _ = tensor._keras_history
    return operation._inbound_nodes[node].input_tensors


def _is_input(tensor: keras.KerasTensor) -> bool:
    return isinstance(tensor._keras_history[0], keras.layers.InputLayer)


def _inputs_of(tensor: keras.KerasTensor, found: dict[int, keras.KerasTensor]) -> None:
    if _is_input(tensor):
        found.setdefault(id(tensor), tensor)
    for parent in _parents(tensor):
        _inputs_of(parent, found)
