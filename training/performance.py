"""In: a metric of the validation split, after each epoch or every few steps. Out: a lower learning rate when it stalls."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import keras

from ..schemas.errors import PrebakeError
from .schedule import reduce_rate

# Of these more is better, of losses and errors less. By the words of a name: val_pr_auc, val_accuracy.
_HIGHER = {"accuracy", "auc", "precision", "recall", "f1", "r2"}
# A gain below this is none, as with Keras' ReduceLROnPlateau.
_LEAST_GAIN = 1e-4


def higher_is_better(metric: str) -> bool:
    """Whether a metric of this name should rise."""
    return not _HIGHER.isdisjoint(re.split(r"[^a-z0-9]+", metric.lower()))


class PerformanceSchedule(keras.callbacks.Callback):
    """Multiplies the learning rate by `factor` after `patience` looks without a better value.

    Does what Keras' ReduceLROnPlateau does, and can look more often than at each epoch's end, behind a warm-up too.

    Args:
      monitor: name of the value, `val_loss`.
      factor: above 0 and below 1.
      patience: looks.
      every: steps between two looks, counted over all epochs; 0: one at each epoch's end.
      measure: gives the values of the validation split, by name without `val_`; may begin the model's metrics anew.
      higher: more of it is better; None: told by its name.
    """

    STATE = ("best", "wait")

    def __init__(
        self, *, monitor: str, factor: float, patience: int, every: int,
        measure: Callable[[], Mapping[str, float]], higher: bool | None = None,
    ):  # fmt: skip
        super().__init__()
        self._monitor, self._factor, self._patience, self._every = monitor, factor, patience, every
        self._measure = measure
        self._sign = 1.0 if (higher_is_better(monitor) if higher is None else higher) else -1.0

    def on_train_begin(self, logs: Mapping[str, float] | None = None) -> None:
        self.best: float | None = None
        self.wait = 0

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        self._before = epoch * self.params["steps"]

    def on_train_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        # What falls on an epoch's end is measured there anyway.
        if self._is_due(batch + 1) and batch + 1 < self.params["steps"]:
            # The metrics of the epoch so far would be lost: training and validation share them.
            metrics = [variable for metric in self.model.metrics for variable in metric.variables]
            kept = [variable.numpy() for variable in metrics]
            values = self._measure()
            for variable, value in zip(metrics, kept, strict=True):
                variable.assign(value)
            self._look({f"val_{name}": value for name, value in values.items()})

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        if self._is_due(self.params["steps"]):
            self._look(logs or {})

    def _is_due(self, steps: int) -> bool:
        """Whether to look after so many steps of an epoch."""
        if not self._every:
            return steps == self.params["steps"]
        return (self._before + steps) % self._every == 0

    def _look(self, values: Mapping[str, float]) -> None:
        if self._monitor not in values:
            measured = ", ".join(sorted(name for name in values if name.startswith("val_")))
            raise PrebakeError(
                f"training.schedule.monitor: {self._monitor!r} is not measured; what is: {measured}"
            )
        value = float(values[self._monitor])
        if self.best is None or self._sign * (value - self.best) > _LEAST_GAIN:
            self.best, self.wait = value, 0
            return
        self.wait += 1
        if self.wait >= self._patience:
            reduce_rate(self.model.optimizer, self._factor)
            self.wait = 0
