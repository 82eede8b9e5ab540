"""In: a model whose lower layers are frozen, and the examples. Out: what those layers give, computed once.

As long as they are frozen they give the same for a row in each epoch, and the rest can be trained on that. The rows come in
the order of any other training.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from ..schemas.errors import PrebakeError
from .cache import Kept, ShardKey, free_memory, key_of
from .dataset import Examples, evaluation_batches
from .frozen import Frozen
from .split_model import SplitModel, split_model

_FIELD = "training.warm_start.cache"
_ROWS_AT_A_TIME = 4096
# Of what is free, outputs in memory may take so much; else they lie in a file.
_SHARE = 0.25

Rows = tuple[Any, ...]


class KeptOutputs(NamedTuple):
    """Rows as `cache.Kept` has them, as numpy arrays in memory or of a file.

    Attributes:
      arrays: [rows, …] each.
      structure: the batch that they are columns of.
      first: by shard, where its rows begin.
      pad: as `cache.Kept` has it: there are no lists.
    """

    arrays: list[np.ndarray]
    structure: Rows
    first: dict[ShardKey, int]
    pad: None = None

    def take(self, numbers: tf.Tensor) -> Rows:
        """The rows with these numbers, int64 [any], as a batch."""
        columns = tf.numpy_function(
            lambda rows: [array[rows] for array in self.arrays],
            [numbers],
            [tf.as_dtype(array.dtype) for array in self.arrays],
        )
        for column, array in zip(columns, self.arrays, strict=True):
            column.set_shape([None, *array.shape[1:]])
        return tf.nest.pack_sequence_as(self.structure, columns)


def split_frozen(model: keras.Model) -> SplitModel:
    """The frozen part below everything that learns or draws random numbers.

    Raises:
      PrebakeError: something below the frozen layers learns or draws, so that their outputs are not the same each time.
    """
    frozen = [layer for layer in model.layers if layer.weights and not layer.trainable]
    try:
        split = split_model(model, lambda operation: _varies(operation) is not None)
    except ValueError:
        raise PrebakeError(f"{_FIELD}: needs a model of Keras' functional API: leave it out") from None
    below = split.below.layers if split.below is not None else []
    outside = [layer for layer in frozen if layer not in below]
    if outside:
        others = [_varies(layer) for layer in model.layers if layer not in below and _varies(layer)]
        reason = next((text for text in others if text), "")
        raise PrebakeError(
            f"{_FIELD}: what lies below the frozen layer {outside[0].name!r} is not the same each time ({reason}): "
            "leave cache out"
        )
    return split


def _varies(operation: keras.Operation) -> str | None:
    """Why an operation may give something else the next time; None if it may not."""
    if not isinstance(operation, keras.layers.Layer):
        return None
    normalizes = isinstance(operation, keras.layers.BatchNormalization) and operation.trainable
    if operation.trainable_variables or normalizes:
        return f"{operation.name!r} learns"
    if any(variable.name == "seed_generator_state" for variable in operation.variables):
        return f"{operation.name!r} draws random numbers"
    return None


def keep_outputs(
    examples: Examples, split: SplitModel, splits: Sequence[str] = ("train", "valid"), directory: str | None = None
) -> Examples:  # fmt: skip
    """The examples, with what the frozen part makes of each row instead of its features.

    Args:
      examples: whose rows are read once.
      split: see `split_frozen`.
      splits: to be kept.
      directory: for a file that is gone when the process ends, if memory is short.

    Raises:
      PrebakeError: what learns reads lists, which have another length in each row.
    """
    for tensor in split.above.inputs:
        if None in tensor.shape[1:]:
            raise PrebakeError(
                f"{_FIELD}: a layer that learns reads lists of features, which have no fixed length: leave cache out"
            )
    kept: dict[ShardKey, Kept | KeptOutputs] = {}
    run = tf.function(split.run_below, reduce_retracing=True)
    for name in splits:
        entry = examples.split(name)
        columns: list[_Column] = []
        structure: Rows = ()
        for features, *rest in evaluation_batches(examples, name, batch_size=_ROWS_AT_A_TIME):
            structure = (run(features), *rest)
            values = tf.nest.flatten(structure)
            columns = columns or [_Column(value, entry.rows, len(values), directory) for value in values]
            for column, value in zip(columns, values, strict=True):
                column.add(value.numpy())
        shards = [shard for shard in entry.shards if shard.rows]
        starts = np.cumsum([0, *(shard.rows for shard in shards)])
        first = {key_of(shard): int(start) for shard, start in zip(shards, starts, strict=False)}
        outputs = KeptOutputs([column.array() for column in columns], structure, first)
        kept |= dict.fromkeys(first, outputs)
    return examples._replace(kept=kept)


class _Column:
    """Rows that are added one batch after the other, in memory or in a file without a name."""

    def __init__(self, sample: tf.Tensor, rows: int, columns: int, directory: str | None):
        self._shape, self._dtype = (rows, *sample.shape[1:]), sample.dtype.as_numpy_dtype
        size = int(np.prod(self._shape)) * sample.dtype.size
        self._parts: list[np.ndarray] = []
        self._file = None
        if directory is not None and size * columns > _SHARE * free_memory():
            self._file = tempfile.TemporaryFile(dir=directory)  # noqa: SIM115 -- read until the training ends

    def add(self, part: np.ndarray) -> None:
        if self._file is None:
            self._parts.append(part)
        else:
            self._file.write(part.tobytes())

    def array(self) -> np.ndarray:
        if self._file is None:
            return np.concatenate(self._parts)
        with self._file:  # what is mapped stays
            self._file.flush()
            return np.memmap(self._file, self._dtype, "r", shape=self._shape)


class _Upper:
    """A model that runs only what lies above, for Keras' steps: everything else is the model's own."""

    def __init__(self, model: keras.Model, split: SplitModel):
        self._model, self._split = model, split

    def __call__(self, values: Mapping[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        return self._split.run_above(values, training=training)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)


def train_above(frozen: Frozen, split: SplitModel) -> None:
    """The steps of the model take what `keep_outputs` kept, until the frozen layers learn again."""
    model = frozen.model
    upper = _Upper(model, split)
    model.train_step = lambda data: type(model).train_step(upper, data)
    model.test_step = lambda data: type(model).test_step(upper, data)

    def end() -> None:
        del model.train_step, model.test_step
        model.make_test_function(force=True)

    frozen.on_thaw.append(end)
