"""In: what Keras reports after each batch and epoch. Out: a progress bar, scalar logs, an error on a loss that is none."""

from __future__ import annotations

import math
import time

import keras
import tqdm

from ..schemas.errors import PrebakeError
from .scalar_log import ScalarLog
from .state import Progress


class NonFiniteLossError(PrebakeError):
    """The loss became infinite or NaN, or grew without end.

    Args:
      seen: what became of it, and when.

    Attributes:
      name: "loss" or "val_loss".
      good: (epoch, step), counted from 0, before which all was well; (0, 0) if that was not looked at.
      limit: a loss above it is too large.
      cause: what went wrong first, "" if that is not known.
      kept: where the best model is kept, "" if there is none.
    """

    def __init__(self, name: str, seen: str, good: tuple[int, int], limit: float):
        self.name, self.good, self.limit = name, good, limit
        self.cause = self.kept = ""
        super().__init__(f"training: {name} {seen}")


class StopOnNonFinite(keras.callbacks.Callback):
    """Raises where Keras' TerminateOnNaN stops without a word and leaves the run looking finished.

    Looks at the mean loss of the epoch so far every 50 steps, and at its end. Too large is a loss that is more than a
    million times what it was at the first look (or 1, if that is more): no training comes back from there.
    """

    STATE = ("first",)
    EVERY = 50
    _GROWTH = 1e6

    def __init__(self) -> None:
        super().__init__()
        self.first: float | None = None
        self._epoch, self._good = 0, (0, 0)

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        if (batch + 1) % self.EVERY == 0 and logs and "loss" in logs:
            self._look("loss", float(logs["loss"]), f"{self._epoch + 1}, by step {batch + 1}")
            self._good = (self._epoch, batch)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        for name in ("loss", "val_loss"):
            self._look(name, (logs or {}).get(name, 0.0), str(epoch + 1))
        self._good = (epoch + 1, 0)

    def _look(self, name: str, value: float, place: str) -> None:
        first = value if self.first is None else self.first
        limit = self._GROWTH * max(first, 1.0)
        if not math.isfinite(value):
            raise NonFiniteLossError(name, f"became {value} in epoch {place}", self._good, math.inf)
        if name == "loss" and value > limit:
            seen = f"grew from {first:.3g} to {value:.3g} in epoch {place}"
            raise NonFiniteLossError(name, seen, self._good, limit)
        self.first = first


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
        # And losses of the model's own layers, such as that of a reconstruction.
        inner = [metric.name for layer in self.model.layers for metric in layer.metrics]
        values = [f"{name} {(logs or {}).get(name, math.nan):.4g}" for name in ("loss", "val_loss", *inner)]
        self._bar.set_postfix_str(", ".join([f"epoch {epoch + 1}", *values]))

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        self._bar.close()
