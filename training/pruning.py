"""In: the pruning part of a spec. Out: a callback that holds more and more of the smallest weights at 0.

To Prune, or Not to Prune (Zhu and Gupta, 2017): the share of zeros follows a cubic from 0 to what is wanted, so that
most weights go while the network can still make up for them.
"""

from __future__ import annotations

import math
import re

import keras
import numpy as np

from ..schemas.spec_pb2 import Pruning, Training

# See heads.py.
_HEAD = re.compile(r"(.*[/_])?head(_[^/]*)?/kernel")


def share_at(step: int, *, begin: int, end: int, share: float) -> float:
    """The share of zeros at a step: share * (1 - (1 - (step - begin) / (end - begin)) ** 3), equation 1 of the paper.

    Args:
      step: counted from 0 over all epochs.
      begin: the first step with zeros.
      end: the step from which on the share stays; above `begin`.
      share: wanted in the end, at least 0 and below 1.
    """
    done = min(max((step - begin) / (end - begin), 0.0), 1.0)
    return share * (1.0 - (1.0 - done) ** 3)


def smallest(weights: np.ndarray, share: float) -> np.ndarray:
    """Bool, of the shape of `weights`: the round(share * size) smallest absolute values, the first of equals."""
    count = round(share * weights.size)
    order = np.argsort(np.abs(weights), axis=None, kind="stable")
    mask = np.zeros(weights.size, bool)
    mask[order[:count]] = True
    return mask.reshape(weights.shape)


def kernels(model: keras.Model) -> list[keras.Variable]:
    """What the layers multiply with, without the heads', or else the last one's: few units have no weight to spare."""
    found = [v for v in model.trainable_variables if v.path.endswith("kernel") and len(v.shape) == 2]
    hidden = [v for v in found if not _HEAD.fullmatch(v.path)]
    return (hidden if len(hidden) < len(found) else found[:-1]) or found


def pruned_from(training: Training) -> int:
    """The first epoch, counted from 0, after whose end the model has all the zeros it shall have; 0 without pruning."""
    return max(math.ceil(training.pruning.end) - 1, 0) if training.HasField("pruning") else 0


class Prune(keras.callbacks.Callback):
    """Holds the smallest weights of each kernel at 0.

    A step would move them again; so each kernel gets a constraint that multiplies it with a mask, inside the optimizer's
    step. The mask follows from the weights every few steps. The constraint is of the variable, not of its layer: a model
    that is saved knows nothing of it.

    Args:
      pruning: resolved.
      steps: of an epoch.
    """

    STATE = ()

    def __init__(self, pruning: Pruning, steps: int):
        super().__init__()
        self._begin, self._end = round(pruning.begin * steps), round(pruning.end * steps)
        self._share, self._every, self._steps = pruning.share, pruning.every, steps
        self.variables: list[keras.Variable] = []

    def set_model(self, model: keras.Model) -> None:
        super().set_model(model)
        self._kernels = kernels(model)
        self.variables = [
            keras.Variable(np.ones(kernel.shape, np.float32), trainable=False, name="mask")
            for kernel in self._kernels
        ]
        for kernel, mask in zip(self._kernels, self.variables, strict=True):
            kernel.constraint = _Masked(mask, kernel.constraint)

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        step = self._epoch * self._steps + batch + 1
        if step % self._every and step != self._end:
            return
        share = share_at(step, begin=self._begin, end=self._end, share=self._share)
        for kernel, mask in zip(self._kernels, self.variables, strict=True):
            weights = keras.ops.convert_to_numpy(kernel)
            keep = ~smallest(weights, share)
            mask.assign(keep.astype(np.float32))
            kernel.assign(weights * keep)


class _Masked:
    """A constraint: the weights times the mask, after another constraint if there was one."""

    def __init__(self, mask: keras.Variable, other):
        self._mask, self._other = mask, other

    def __call__(self, weights):
        if self._other is not None:
            weights = self._other(weights)
        return weights * keras.ops.cast(self._mask, weights.dtype)
