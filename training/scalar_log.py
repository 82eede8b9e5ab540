"""In: metrics of each epoch. Out: event files that TensorBoard shows, `train` and `valid` as two curves in one chart.

tf.summary.scalar and Keras' own callback need the tensorboard package; an event file is a TFRecord file of Event messages.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Mapping, Sequence

import tensorflow as tf

_VALIDATION = "val_"


class ScalarLog:
    """Event files below `directory`, one folder a curve; a log that is there is replaced."""

    def __init__(self, directory: str):
        shutil.rmtree(directory, ignore_errors=True)
        self._writers = {curve: _writer(os.path.join(directory, curve)) for curve in ("train", "valid")}

    def write(self, epoch: int, values: Mapping[str, float], wall_time: float) -> None:
        """Adds a point to each chart: names that begin with `val_` to the curve `valid`, all others to `train`."""
        for name, value in values.items():
            curve = "valid" if name.startswith(_VALIDATION) else "train"
            point = tf.compat.v1.Summary.Value(tag=name.removeprefix(_VALIDATION), simple_value=value)
            event = tf.compat.v1.Event(
                wall_time=wall_time, step=epoch, summary=tf.compat.v1.Summary(value=[point])
            )
            self._writers[curve].write(event.SerializeToString())
        for writer in self._writers.values():
            writer.flush()

    def close(self) -> None:
        for writer in self._writers.values():
            writer.close()


def write_scalars(
    directory: str, history: Sequence[Mapping[str, float]], wall_times: Sequence[float]
) -> None:
    """Writes the log of a training that has ended.

    Args:
      directory: of the log.
      history: the values of each epoch, by name.
      wall_times: when each epoch ended, in seconds since 1970.
    """
    log = ScalarLog(directory)
    for epoch, (values, wall_time) in enumerate(zip(history, wall_times, strict=True), 1):
        log.write(epoch, values, wall_time)
    log.close()


def _writer(directory: str) -> tf.io.TFRecordWriter:
    os.makedirs(directory)
    writer = tf.io.TFRecordWriter(os.path.join(directory, "events.out.tfevents.prebake"))
    writer.write(tf.compat.v1.Event(wall_time=time.time(), file_version="brain.Event:2").SerializeToString())
    return writer
