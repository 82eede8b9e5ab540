"""In: the training part of a spec. Out: the Keras callbacks of a training, in their order."""

from __future__ import annotations

import os

import keras

from ..schemas.spec_pb2 import Training
from .callbacks import ProgressBar, StopOnNonFinite, WriteScalars
from .pruning import Prune
from .result import LOGS
from .schedule import build_schedule
from .state import Progress


def build_callbacks(
    training: Training, so_far: Progress, directory: str, rows: int, bar: bool
) -> list[keras.callbacks.Callback]:
    """What a training is told of after each batch and epoch.

    Args:
      training: resolved.
      so_far: how far it has come.
      directory: of its logs.
      rows: of the training split.
      bar: shows a progress bar if stderr is a terminal.
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
    schedule = build_schedule(training.schedule)
    if schedule is not None:
        callbacks.append(schedule)
    if bar:
        done = so_far.epoch * rows + so_far.step * training.batch_size
        callbacks.append(ProgressBar(rows, training.batch_size, done))
    return callbacks
