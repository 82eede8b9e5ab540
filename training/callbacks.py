"""In: what Keras reports after each batch and epoch. Out: a progress bar, scalar logs, an error on a loss of NaN."""

from __future__ import annotations

import math
import time

import keras
import tqdm

from ..schemas.errors import PrebakeError
from .scalar_log import ScalarLog
from .state import Progress


class NonFiniteLossError(PrebakeError):
    """The loss became infinite or NaN."""


class StopOnNonFinite(keras.callbacks.Callback):
    """Raises where Keras' TerminateOnNaN stops without a word and leaves the run looking finished."""

    STATE = ()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        for name in ("loss", "val_loss"):
            value = (logs or {}).get(name, 0.0)
            if not math.isfinite(value):
                raise NonFiniteLossError(
                    f"training: {name} became {value} in epoch {epoch + 1}: lower training.learning_rate, set "
                    "training.clipnorm, or look for extreme values in features that are not scaled"
                )


class WriteScalars(keras.callbacks.Callback):
    """Writes each epoch's values to a log that can be watched.

    Args:
      directory: of the log; what is there is replaced.
      so_far: what the log begins with.
    """

    STATE = ()

    def __init__(self, directory: str, so_far: Progress):
        super().__init__()
        self._directory, self._so_far = directory, so_far

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        self._log = ScalarLog(self._directory)
        for epoch, values in enumerate(self._so_far.history, 1):
            self._log.write(epoch, values, self._so_far.ended[epoch - 1])

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._log.write(epoch + 1, logs or {}, time.time())

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        self._log.close()


class ProgressBar(keras.callbacks.Callback):
    """One bar for the whole training, in rows, with rows per second; silent where stderr is not a terminal.

    Args:
      rows: of the training split.
      batch_size: rows per step.
      done: rows that a training which is resumed has seen already.
    """

    STATE = ()

    def __init__(self, rows: int, batch_size: int, done: int = 0):
        super().__init__()
        self._rows, self._batch_size, self._done = rows, batch_size, done

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        total = self._rows * self.params["epochs"]
        self._bar = tqdm.tqdm(
            total=total, initial=self._done, unit="row", unit_scale=True, desc="train", disable=None
        )

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        self._bar.update(min(self._batch_size, self._rows - batch * self._batch_size))

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        logs = logs or {}
        self._bar.set_postfix_str(
            f"epoch {epoch + 1}, loss {logs.get('loss', math.nan):.4g}, val_loss {logs.get('val_loss', math.nan):.4g}"
        )

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        self._bar.close()
