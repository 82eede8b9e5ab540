"""In: a model and a batch that its loss went wrong on. Out: what went wrong first: a feature, a layer, a gradient.

A training is the same each time, so that it is enough to go back to the last checkpoint, do the same steps again, and look
at every layer in those where it must have happened. A training that goes well pays nothing for it.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from ..schemas.errors import PrebakeError
from .callbacks import NonFiniteLossError
from .state import Progress, is_finite

# Features are scaled; a value above this is named.
_LARGE = 1e4
# A layer whose outputs grew this much is where an explosion began.
_GREW = 100.0


class FoundFaultError(Exception):
    """What went wrong, as a text, and the model as it was when all was well."""

    def __init__(self, text: str, model: keras.Model):
        super().__init__(text)
        self.model = model


class _Layer(NamedTuple):
    """What one call of a layer took and gave: largest absolute values, NaN if one was none."""

    name: str
    inputs: float
    outputs: float


def explain_failure(
    error: NonFiniteLossError, again: Callable[[NonFiniteLossError], object] | None, path: str
) -> PrebakeError:
    """The error that a user reads: what became of the loss, what went wrong first, what to do, and what is kept where.

    Args:
      error: with `cause` and `kept`, as far as they are known.
      again: trains again from the last checkpoint, and `watch`es the steps; None: nobody can.
      path: for the model as it was before, if none is kept yet.
    """
    cause, kept = error.cause, error.kept
    if not cause and error.name == "loss" and again is not None:
        try:
            again(error)
        except FoundFaultError as fault:
            cause = str(fault)
            if not kept and is_finite(fault.model):
                fault.model.save(path)
                kept = f"; the model as it was before is kept in {path}"
        except NonFiniteLossError:
            pass
    advice = "lower training.learning_rate, set training.clipnorm, or look for extreme values in features that are not"
    return PrebakeError(f"{error}: {f'{cause}: ' if cause else ''}{advice} scaled{kept}")


def watch(
    model: keras.Model,
    batches: tf.data.Dataset,
    steps: Iterator[None],
    so_far: Progress,
    failed: NonFiniteLossError,
) -> Iterator[None]:
    """Does the steps of a training again, and from where all was well looks at every layer before each.

    Args:
      model: in training.
      batches: that the steps take, from the next one on.
      steps: each `next` is a step.
      so_far: where the training stands.
      failed: what it ended with.

    Raises:
      FoundFaultError: something went wrong.
    """
    first: list[_Layer] | None = None
    good: list[np.ndarray] | None = None
    ended = object()
    for batch in batches:
        if (so_far.epoch, so_far.step) >= failed.good:
            where = f"in step {so_far.step + 1} of epoch {so_far.epoch + 1}"
            with _put_back(model):
                text, layers = look(model, batch, where, limit=failed.limit, before=first)
            if text:
                if good is not None and not is_finite(model):
                    model.set_weights(good)
                raise FoundFaultError(text, model)
            first, good = first or layers, model.get_weights()
        if next(steps, ended) is ended:
            return
        yield


def look_at_validation(model: keras.Model, batches: tf.data.Dataset) -> str:
    """What went wrong first in a pass of the validation split; "" if nothing did."""
    for batch in batches:
        with _put_back(model):
            text, _ = look(model, batch, "on the validation split", training=False)
        if text:
            return text
    return ""


def look(
    model: keras.Model, batch: tuple, where: str, *, training: bool = True, limit: float = math.inf,
    before: Sequence[_Layer] | None = None,
) -> tuple[str, list[_Layer]]:  # fmt: skip
    """A step without its end: what would go wrong in it ("" if nothing), and the layers in the order of their calls.

    Args:
      model: compiled.
      batch: (features, label) or (features, label, weight).
      where: of the text.
      training: with dropout, and gradients too.
      limit: a loss above it is a fault.
      before: the layers when all was well; the one that grew is named if the loss is too large.
    """
    x, y, weight = keras.utils.unpack_x_y_sample_weight(batch)
    fault = _data_fault(x, y, weight) or _weight_fault(model)
    if fault:
        return f"{fault} {where}", []
    layers: list[_Layer] = []
    with _recorded(model, layers), tf.GradientTape() as tape:
        y_pred = model(x, training=training)
        loss = model.compute_loss(x, y, y_pred, weight, training=training)
    for layer in layers:
        if not math.isfinite(layer.outputs):
            taken = (
                f"from inputs of up to {layer.inputs:.2g}"
                if math.isfinite(layer.inputs)
                else "as its inputs were"
            )
            text = f"the first to go wrong is layer '{layer.name}': its outputs became {layer.outputs} {where}, {taken}"
            return text + _large(x), layers
    value = float(loss)
    outputs = _largest(y_pred)
    if not math.isfinite(value):
        return f"the loss itself became {value} {where}, of outputs of up to {outputs:.2g}{_large(x)}", layers
    if value > limit:
        return f"{_grown(layers, before)} {where}{_large(x)}", layers
    if training:
        variables = model.trainable_variables
        gradients = tape.gradient(loss, variables)
        # Backwards, as they are computed: a gradient that is none spoils those of the layers below.
        for variable, gradient in zip(reversed(variables), reversed(gradients), strict=True):
            if gradient is not None and not math.isfinite(_largest(tf.convert_to_tensor(gradient))):
                text = f"the first to go wrong is the gradient of '{variable.path}' {where}"
                return f"{text}: it became {_largest(tf.convert_to_tensor(gradient))}{_large(x)}", layers
    return "", layers


def _grown(layers: Sequence[_Layer], before: Sequence[_Layer] | None) -> str:
    earlier = {layer.name: layer.outputs for layer in before or ()}
    growth = [(layer.outputs / max(earlier.get(layer.name, layer.outputs), 1e-30), layer) for layer in layers]
    grown = next((one for one in growth if one[0] >= _GREW), None) or max(growth, key=lambda one: one[0])
    layer = grown[1]
    text = f"the outputs of layer '{layer.name}' are up to {layer.outputs:.2g}"
    if grown[0] < 2:
        return text
    sizes = f"from {earlier[layer.name]:.2g} to {layer.outputs:.2g}"
    return f"the first to grow is layer '{layer.name}': its outputs went {sizes}"


def _data_fault(x: dict[str, tf.Tensor], y: tf.Tensor, weight: tf.Tensor | None) -> str:
    for name, value in x.items():
        if value.dtype.is_floating:
            largest = _largest(value)
            # Lists are padded with NaN.
            if math.isinf(largest) or (math.isnan(largest) and value.shape.rank == 1):
                return f"the feature '{name}' holds {largest}"
    for name, value in (("label", y), ("weight", weight)):
        if value is not None and value.dtype.is_floating and not math.isfinite(_largest(value)):
            return f"the {name} holds {_largest(value)}"
    return ""


def _weight_fault(model: keras.Model) -> str:
    spoiled = {
        variable.path: largest
        for variable in model.trainable_variables
        if not math.isfinite(largest := _largest(variable.value))
    }
    if not spoiled:
        return ""
    path = next(iter(spoiled))
    more = f" and {len(spoiled) - 1} more" if len(spoiled) > 1 else ""
    return (
        f"the first to go wrong are the weights '{path}'{more}, made {spoiled[path]} by the step before: seen"
    )


def _large(x: dict[str, tf.Tensor]) -> str:
    """Names the feature with the largest value, if that is large."""
    numbers = {
        name: np.nanmax(np.abs(value.numpy()), initial=0)
        for name, value in x.items()
        if value.dtype.is_floating
    }
    name = max(numbers, key=lambda one: numbers[one], default="")
    return f"; the feature '{name}' goes up to {numbers[name]:.2g}" if name and numbers[name] > _LARGE else ""


def _largest(value: Any) -> float:
    """The largest absolute value of a structure's numbers; NaN if one is NaN, else infinite if one is."""
    arrays = [np.asarray(keras.ops.convert_to_numpy(one)) for one in keras.tree.flatten(value)]
    floats = [
        array.astype(np.float64)
        for array in arrays
        if array.dtype.kind == "f" or array.dtype.name == "bfloat16"
    ]
    return float(max((np.abs(array).max(initial=0) for array in floats), default=0.0, key=_order))


def _order(value: float) -> float:
    return math.inf if math.isnan(value) else value


@contextlib.contextmanager
def _recorded(model: keras.Model, layers: list[_Layer]) -> Iterator[None]:
    """Adds every call of a layer to `layers`, inner ones before those around them."""
    found = [layer for layer in model._flatten_layers(include_self=False)]
    for layer in found:
        layer.__dict__["call"] = _recording(layer, layer.call, layers)
    try:
        yield
    finally:
        for layer in found:
            del layer.__dict__["call"]


def _recording(layer: keras.layers.Layer, call: Any, layers: list[_Layer]) -> Any:
    def recording(*args: Any, **kwargs: Any) -> Any:
        outputs = call(*args, **kwargs)
        layers.append(_Layer(layer.name, _largest([args]), _largest(outputs)))
        return outputs

    return recording


@contextlib.contextmanager
def _put_back(model: keras.Model) -> Iterator[None]:
    """What a forward pass changes is as before: moving statistics, the states of random generators, metrics."""
    variables = [variable for variable in model.variables if not variable.trainable]
    variables += [variable for metric in model.metrics for variable in metric.variables]
    values = [variable.value.numpy() for variable in variables]
    try:
        yield
    finally:
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
