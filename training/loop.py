"""In: a compiled model, batches and callbacks, and where to begin. Out: the model trained, with a pause after every step."""

from __future__ import annotations

import time
from collections.abc import Iterator

import keras
import tensorflow as tf

from .schedule import last_rates
from .state import Progress
from .weight_average import averaged, use_averages


def train_epochs(
    model: keras.Model,
    batches: tf.data.Dataset,
    validation: tf.data.Dataset,
    callbacks: keras.callbacks.CallbackList,
    progress: Progress,
    *,
    epochs: int,
    steps: int,
) -> Iterator[None]:
    """Does what `keras.Model.fit` does, bit for bit, but begins at any step.

    Yields after each step that does not end an epoch, and after each epoch, with `progress` up to date; only then may
    a checkpoint be written. `fit` would keep the step within the epoch and the sums of the metrics to itself.

    Args:
      model: compiled; its metrics hold the sums of `progress.step` steps.
      batches: those that are left, one epoch after the other.
      validation: one pass of it after each epoch.
      callbacks: of the model, after `on_train_begin`.
      progress: changed in place; its history gets each epoch's values and the learning rate of the epoch's last step.
      epochs: at most.
      steps: of an epoch.
    """
    model.make_train_function()
    model.stop_training = progress.stopped
    iterator = iter(batches)
    while progress.epoch < epochs and not progress.stopped:
        if not progress.step:
            model.reset_metrics()
        callbacks.on_epoch_begin(progress.epoch)
        while True:
            callbacks.on_train_batch_begin(progress.step)
            logs = model.train_function(iterator)
            callbacks.on_train_batch_end(progress.step, logs)
            progress.step += 1
            if progress.step == steps:
                break
            yield
        values = {name: float(value) for name, value in model.get_metrics_result().items()}
        measured = validate(model, validation, callbacks)
        values.update({f"val_{name}": value for name, value in measured.items()})
        values.update(last_rates(model.optimizer))
        callbacks.on_epoch_end(progress.epoch, dict(values))
        progress.history.append(values)
        progress.ended.append(time.time())
        progress.epoch, progress.step, progress.stopped = progress.epoch + 1, 0, model.stop_training
        yield
    use_averages(model)


def validate(
    model: keras.Model, validation: tf.data.Dataset, callbacks: keras.callbacks.CallbackList | None = None
) -> dict[str, float]:
    """The values of one pass of the validation split, by name; of the averages of the weights, if there are some."""
    with averaged(model):
        values = model.evaluate(validation, callbacks=callbacks, return_dict=True, verbose=0)
    return {name: float(value) for name, value in values.items()}
