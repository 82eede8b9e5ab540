"""In: a compiled model, and weights to begin with. Out: the model with them, and what it is trained on in which epochs."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import NamedTuple

import keras

from ..schemas.errors import PrebakeError
from ..schemas.spec_pb2 import Training
from .dataset import Examples
from .frozen import Frozen, Unfreeze
from .frozen_outputs import keep_outputs, split_frozen, train_above
from .schedule import every_optimizer
from .state import Progress
from .warm_start import reuse_weights
from .warm_start_source import WarmStartSource, ids_of_run, read_weights

_FIELD = "training.warm_start"


class Stage(NamedTuple):
    """What a model is trained and validated on up to an epoch."""

    epochs: int
    examples: Examples


def open_warm_start(
    training: Training, directory: str, code: str | Sequence[str] = ()
) -> WarmStartSource | None:
    """The weights that a training begins with; None if it begins with random ones.

    Args:
      training: resolved.
      directory: of its result.
      code: see `read_weights`.

    Raises:
      ArtifactError: there are none.
      PrebakeError: they are its own result.
    """
    if not training.HasField("warm_start"):
        return None
    path = getattr(training.warm_start, "from")
    source = read_weights(path, code)
    if os.path.realpath(source.path) == os.path.realpath(directory):
        raise PrebakeError(f"{_FIELD}.from: is this training itself: give training.name another value")
    return source


class WarmTraining:
    """A training that begins with the weights of another; of one that does not, all examples in a single stage.

    Args:
      model: compiled, new.
      training: resolved.
      source: see `open_warm_start`.
      examples: of the run.
      so_far: how far the training has come.
      directory: for files while it lasts, beside its result.
      notice: is told what is reused, at the start of the training.

    Attributes:
      stages: one after the other; those that are over are not among them.

    Raises:
      PrebakeError: what is reused does not fit, or cannot be frozen or kept.
    """

    def __init__(
        self, model: keras.Model, training: Training, source: WarmStartSource | None, examples: Examples,
        so_far: Progress, directory: str, notice: Callable[[str], None],
    ):  # fmt: skip
        self._start, self._frozen = training.warm_start, None
        self.stages = [Stage(training.epochs, examples)]
        if source is None:
            return
        # `directory` is RUN/training/…
        ids = ids_of_run(os.path.dirname(os.path.dirname(os.path.abspath(directory))))
        reused = reuse_weights(model, source, self._start, examples.manifest, ids)
        if self._start.freeze:
            _check_frozen(model, reused.lower)
        if not so_far.epoch and not so_far.step:
            notice(reused.line + ("; what is reused below the head is frozen" if self._start.freeze else ""))
        if not self._start.freeze:
            return
        if not reused.lower:
            raise PrebakeError(f"{_FIELD}.freeze: no layer below the head is reused: leave freeze out")
        self._frozen = Frozen(model, reused.lower)
        after = int(self._start.unfreeze_after)
        if self._start.cache and not (after and so_far.epoch >= after):
            split = split_frozen(model)
            train_above(self._frozen, split)
            kept = keep_outputs(examples, split, directory=directory)
            self.stages.insert(0, Stage(after or training.epochs, kept))
            if not after:
                del self.stages[1:]

    def callbacks(self, steps: int) -> list[keras.callbacks.Callback]:
        """That let frozen layers learn in time. `steps`: of an epoch."""
        if self._frozen is None or not self._start.unfreeze_after:
            return []
        return [Unfreeze(self._frozen, self._start.unfreeze_after, steps)]

    def end(self) -> None:
        """The model is as one that was never frozen."""
        if self._frozen is not None:
            self._frozen.thaw()


def _check_frozen(model: keras.Model, layers: Sequence[keras.layers.Layer]) -> None:
    model.optimizer.build(model.trainable_variables)
    reused = {id(weight): layer.name for layer in layers for weight in layer.weights}
    for optimizer in every_optimizer(model.optimizer):
        if isinstance(optimizer, keras.optimizers.Ftrl):
            for variable in getattr(optimizer, "_trainable_variables", ()):
                if id(variable) in reused:
                    raise PrebakeError(
                        f"{_FIELD}.freeze: the layer {reused[id(variable)]!r} has ftrl by training.parts, whose sums begin "
                        "with the weights of the first step: give layers, to freeze no more than hidden layers, or choose "
                        "another optimizer"
                    )
