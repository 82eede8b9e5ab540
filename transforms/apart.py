"""In: a branch of a `tf.cond` for what seldom happens. Out: it as a function of its own, which costs nothing before."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import tensorflow as tf

T = TypeVar("T")


def apart(branch: Callable[[], T]) -> Callable[[], T]:
    """The branch, to be called once.

    TensorFlow puts the operations of a branch among the others, and visits each to find that it is not to run.
    """
    if tf.executing_eagerly():
        return branch
    return tf.function(branch, autograph=False, experimental_attributes={"_noinline": True})
