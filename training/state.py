"""In: a model in training, its callbacks and how far it has come. Out: a checkpoint of all that, and all that restored.

What the next step depends on: the model's variables, with the moving statistics of batch normalisation and the states of
the generators that dropout draws from; the optimizer's, with the learning rate and the number of steps; in the middle of an
epoch the sums of the metrics; of the callbacks what they wait for. The order of the rows needs nothing: it is a function of
(seed, epoch).
"""

from __future__ import annotations

import dataclasses
import math
import re
import time
from collections.abc import Sequence

import keras
import numpy as np

from ..schemas.errors import PrebakeError
from .checkpoint_file import Checkpoint
from .checkpoints import Place
from .schedule import every_optimizer, schedule_variables

# What Keras' callbacks remember from one epoch to the next. Callbacks of our own name it themselves, as STATE.
_STATE: dict[type, tuple[str, ...]] = {
    keras.callbacks.EarlyStopping: ("wait", "best", "best_epoch", "stopped_epoch"),
    keras.callbacks.ReduceLROnPlateau: ("wait", "best", "cooldown_counter"),
}
_CALLBACK = "callback "


@dataclasses.dataclass
class Progress:
    """How far a training has come.

    Attributes:
      epoch: how many epochs are complete.
      step: how many steps of the next one are done.
      history: the values of each complete epoch, by name.
      ended: when each epoch ended, in seconds since 1970.
      stopped: a callback wants no further epoch.
      best_from: epochs before this one, counted from 0, are not what is wanted yet, however small their loss.
    """

    epoch: int = 0
    step: int = 0
    history: list[dict[str, float]] = dataclasses.field(default_factory=list)
    ended: list[float] = dataclasses.field(default_factory=list)
    stopped: bool = False
    best_from: int = 0

    @property
    def place(self) -> Place:
        return Place(self.epoch, self.step)

    @property
    def losses(self) -> list[float]:
        """The validation loss of each complete epoch; infinite where it does not count."""
        losses = [values["val_loss"] for values in self.history]
        return [math.inf] * min(self.best_from, len(losses)) + losses[self.best_from :]


def capture(
    model: keras.Model, callbacks: Sequence[keras.callbacks.Callback], progress: Progress
) -> Checkpoint:
    """Everything that the rest of the training depends on.

    Args:
      model: compiled, and trained for a step at least.
      callbacks: all of the training.
      progress: where it stands.

    Raises:
      TypeError: a callback does not say what it remembers.
    """
    record = {
        "written": time.time(),
        "progress": dataclasses.asdict(progress),
        "callbacks": [
            [type(callback).__name__, {name: getattr(callback, name) for name in names}]
            for callback, names in _with_state(callbacks)
        ],
    }
    variables = {**_variables(model, with_metrics=progress.step > 0), **_callback_variables(callbacks)}
    return Checkpoint(record, {name: variable.value.numpy() for name, variable in variables.items()})


def is_finite(model: keras.Model) -> bool:
    """Whether every number that is learnt is one."""
    return all(np.isfinite(variable.value.numpy()).all() for variable in model.trainable_variables)


def restore_progress(checkpoint: Checkpoint) -> Progress:
    """How far the training had come."""
    return Progress(**checkpoint.record["progress"])


def restore_callbacks(checkpoint: Checkpoint, callbacks: Sequence[keras.callbacks.Callback]) -> None:
    """After `on_train_begin`, in which callbacks forget everything. Those without a state, as a bar, may come and go."""
    with_state = [callback for callback, _ in _with_state(callbacks)]
    for callback, (kind, remembered) in zip(with_state, checkpoint.record["callbacks"], strict=True):
        if type(callback).__name__ != kind:
            raise ValueError(f"{type(callback).__name__} stands where the checkpoint has {kind}")
        for name, value in remembered.items():
            setattr(callback, name, value)
    for name, variable in _callback_variables(callbacks).items():
        variable.assign(checkpoint.arrays[name])


def restore_variables(checkpoint: Checkpoint, model: keras.Model) -> None:
    """Gives the variables of the model, its optimizer and its metrics the values of the checkpoint.

    Args:
      checkpoint: of a model that was built from the same spec.
      model: compiled; in the middle of an epoch its metrics must have seen a batch, which builds them.

    Raises:
      PrebakeError: it has other variables.
    """
    if not model.optimizer.built:  # a second time it would make more variables, if it scales the loss
        model.optimizer.build(model.trainable_variables)
    variables = _variables(model, with_metrics=checkpoint.record["progress"]["step"] > 0)
    wanted = {name: (tuple(v.shape), v.value.numpy().dtype) for name, v in variables.items()}
    found = {
        name: (array.shape, array.dtype)
        for name, array in checkpoint.arrays.items()
        if not name.startswith(_CALLBACK)
    }
    if wanted != found:
        raise PrebakeError(
            "training: the checkpoint is of a model with other variables, which another version of prebake made: "
            "add --restart to train from the start"
        )
    for name, variable in variables.items():
        variable.assign(checkpoint.arrays[name])


def copy_variables(source: keras.Model, target: keras.Model) -> None:
    """Gives a model and its optimizer the values of another that was built from the same spec, on whatever devices."""
    target.optimizer.build(target.trainable_variables)
    values = _variables(source, with_metrics=False)
    for name, variable in _variables(target, with_metrics=False).items():
        variable.assign(values[name].value.numpy())


def _with_state(
    callbacks: Sequence[keras.callbacks.Callback],
) -> list[tuple[keras.callbacks.Callback, tuple[str, ...]]]:
    """The callbacks that remember something, and the names of what they remember."""
    found = []
    for callback in callbacks:
        names = _STATE.get(type(callback), getattr(callback, "STATE", None))
        if names is None:
            # Better than a resumed training that differs and does not know it.
            raise TypeError(f"{type(callback).__name__} has no STATE: what must a checkpoint hold of it?")
        if names:
            found.append((callback, names))
    return found


def _callback_variables(callbacks: Sequence[keras.callbacks.Callback]) -> dict[str, keras.Variable]:
    """Those of callbacks whose state is too large for a record: they name them themselves, as `variables`."""
    return {
        f"{_CALLBACK}{type(callback).__name__} {number}": variable
        for callback in callbacks
        for number, variable in enumerate(getattr(callback, "variables", ()))
    }


def _optimizer_variables(optimizer: keras.optimizers.Optimizer) -> list[keras.Variable]:
    found = list(optimizer.variables)
    # Nadam's product of momenta is not among them if the optimizer is inside one that scales the loss (keras 3.15).
    for one in every_optimizer(optimizer):
        product = getattr(one, "_u_product", None)
        if product is not None and all(product is not variable for variable in found):
            found.append(product)
    return found


def _variables(model: keras.Model, *, with_metrics: bool) -> dict[str, keras.Variable]:
    groups = {
        "model": model.variables,
        "optimizer": _optimizer_variables(model.optimizer),
        "schedule": schedule_variables(model.optimizer),
    }
    if with_metrics:
        groups["metric"] = [variable for metric in model.metrics for variable in metric.variables]
    # The last word of its name alone: Keras numbers the layers of a process, and an optimizer's variables are named after
    # the place where it was built.
    return {
        f"{group} {number} {re.sub(r'_[0-9]+', '', variable.path.split('/')[-1])}": variable
        for group, variables in groups.items()
        for number, variable in enumerate(variables)
    }
