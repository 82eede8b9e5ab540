"""In: the training part of a spec. Out: the callback that changes the learning rate between epochs, or none."""

from __future__ import annotations

import keras

from ..schemas.spec_pb2 import CONSTANT_RATE, Schedule

_FACTOR = 0.5
_PATIENCE = 4


def build_schedule(schedule: Schedule) -> keras.callbacks.Callback | None:
    """Performance scheduling: multiplies the rate by `factor` after `patience` epochs without a better `val_loss`."""
    if schedule.kind == CONSTANT_RATE:
        return None
    return keras.callbacks.ReduceLROnPlateau(
        monitor="val_loss",
        factor=schedule.factor if schedule.HasField("factor") else _FACTOR,
        patience=schedule.patience if schedule.HasField("patience") else _PATIENCE,
    )
