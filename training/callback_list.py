"""In: the training part of a spec. Out: the Keras callbacks of a training, in their order."""

from __future__ import annotations

import os
from collections.abc import Callable

import keras

from ..schemas.spec_pb2 import PERFORMANCE, Training
from .callbacks import ProgressBar, StopOnNonFinite, WriteScalars
from .performance import PerformanceSchedule, higher_is_better
from .pruning import Prune
from .result import LOGS
from .state import Progress


def build_callbacks(
    training: Training, so_far: Progress, directory: str, rows: int, bar: bool,
    measure: Callable[[], dict[str, float]],
) -> list[keras.callbacks.Callback]:  # fmt: skip
    """What a training is told of after each batch and epoch.

    Args:
      training: resolved.
      so_far: how far it has come.
      directory: of its logs.
      rows: of the training split.
      bar: shows a progress bar if stderr is a terminal.
      measure: gives the values of the validation split.
    """
    callbacks: list[keras.callbacks.Callback] = [
        # First: a model whose loss is not a number must not reach the others.
        StopOnNonFinite(),
        WriteScalars(os.path.join(directory, LOGS), so_far),
    ]
    if training.HasField("pruning"):
        callbacks.append(Prune(training.pruning, -(-rows // training.batch_size)))
    if training.patience:
        stopping = keras.callbacks.EarlyStopping(
            monitor="val_loss", patience=training.patience, start_from_epoch=so_far.best_from
        )
        callbacks.append(stopping)
    schedule = training.schedule
    if schedule.kind == PERFORMANCE:
        monitor = schedule.monitor or "val_loss"
        # A further label may be called `auc`, and its `auc_rmse` is an error all the same.
        of_outputs = [f"val_{output.name}_" for output in training.outputs]
        own_name = next((monitor.removeprefix(one) for one in of_outputs if monitor.startswith(one)), monitor)
        looks = PerformanceSchedule(
            monitor=monitor,
            higher=higher_is_better(own_name),
            factor=schedule.factor if schedule.HasField("factor") else 0.5,
            patience=schedule.patience if schedule.HasField("patience") else 4,
            every=schedule.steps,
            measure=measure,
        )
        callbacks.append(looks)
    if bar:
        done = so_far.epoch * rows + so_far.step * training.batch_size
        callbacks.append(ProgressBar(rows, training.batch_size, done))
    return callbacks
