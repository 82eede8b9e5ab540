"""In: the model part of a spec. Out: what its kernels begin with, what they are charged for, what they may not become.

Penalties are for kernels, not for biases: a bias does not make a function steeper, it only moves it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import keras

from ..schemas.spec_pb2 import Model
from .user_model import own


def kernel_initializer(model: Model) -> Callable[..., Any]:
    """A fresh one, by name: Keras', or one of the user's own, which is called with (shape, dtype=…).

    Raises:
      SpecError: nobody defines it.
    """
    try:
        return keras.initializers.get(model.initializer)
    except ValueError:
        return _made(own(model.initializer, "model.initializer"))


def kernel_regularizer(model: Model) -> Callable[..., Any] | None:
    """l1 * sum |w| + l2 * sum w², or the user's own, called with the kernel; None if nothing is charged.

    Raises:
      SpecError: nobody defines it.
    """
    if model.regularizer:
        return _made(own(model.regularizer, "model.regularizer"))
    if model.l1 and model.l2:
        return keras.regularizers.L1L2(model.l1, model.l2)
    if model.l1:
        return keras.regularizers.L1(model.l1)
    return keras.regularizers.L2(model.l2) if model.l2 else None


def kernel_constraint(model: Model) -> Callable[..., Any] | None:
    """What each step ends with: the largest norm along `max_norm_axis`, or a constraint by name; None if there is none.

    Raises:
      SpecError: nobody defines it.
    """
    if model.max_norm:
        return keras.constraints.MaxNorm(model.max_norm, axis=model.max_norm_axis)
    if not model.constraint:
        return None
    try:
        return keras.constraints.get(model.constraint)
    except ValueError:
        return _made(own(model.constraint, "model.constraint"))


def _made(found: Any) -> Callable[..., Any]:
    """A function as it is, a class as an object of it."""
    made: Any = found
    return made() if inspect.isclass(found) else made
