"""In: whether a graph is for a phone or a browser. Out: the numbers and lookups that it is made of there.

On the host transcendental functions and sums run in binary64, whose results do not depend on a row's place in its batch once
they are rounded to binary32, and integers are looked up in hash tables. LiteRT computes nothing in binary64 and has no table
of integers, TF.js holds binary64 as binary32. A graph that is built and traced `on_device` computes the same formulas in
binary32 (portability.py says how far apart the two may be) and finds integers by a binary search, whose ids are the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np
import tensorflow as tf

from .hashing import PRIME

_ON_DEVICE = ContextVar("on_device", default=False)
_NARROW = np.finfo(np.float32)
# Quotients from here up are told apart by their remainder modulo the prime, which lies above 2^31.
_LEAST_QUOTIENT = -(2**30)


@contextmanager
def on_device() -> Iterator[None]:
    """Graphs that are built and traced inside are for a phone or a browser."""
    token = _ON_DEVICE.set(True)
    try:
        yield
    finally:
        _ON_DEVICE.reset(token)


def is_on_device() -> bool:
    return _ON_DEVICE.get()


def widen(x: tf.Tensor) -> tf.Tensor:
    """A number as formulas are computed: float64, on a device float32; of the shape of `x`."""
    return tf.cast(x, tf.float32 if is_on_device() else tf.float64)


def wide(value: float | np.ndarray) -> tf.Tensor:
    """A constant of a formula, float64; on a device the nearest float32 that is finite and, unless it is 0, normal."""
    if not is_on_device():
        return tf.constant(value, tf.float64)
    x = np.clip(np.asarray(value, np.float64), -float(_NARROW.max), float(_NARROW.max))
    tiny = (np.abs(x) < float(_NARROW.tiny)) & (x != 0)
    return tf.constant(np.where(tiny, np.copysign(float(_NARROW.tiny), x), x), tf.float32)


def floordiv(x: tf.Tensor, divisor: int) -> tf.Tensor:
    """floor(x / divisor), int64 of the shape of `x`; on a device for quotients from -2^30 to 2^30 - 1.

    LiteRT has no division of int64. x - x mod d is a multiple of d, which is divided by multiplying with the inverse of d
    modulo a prime.
    """
    if not is_on_device():
        return tf.math.floordiv(x, divisor)
    multiple = x - tf.math.floormod(x, divisor) - divisor * _LEAST_QUOTIENT
    quotient = tf.math.floormod(tf.math.floormod(multiple, PRIME) * pow(divisor, -1, PRIME), PRIME)
    return quotient + _LEAST_QUOTIENT


class IntegerSearch:
    """The place of integers among some keys, by binary search.

    Args:
      keys: distinct, of int64; at least one.
      places: int64, what each key is looked up for.
    """

    def __init__(self, keys: Sequence[int], places: Sequence[int]):
        order = np.argsort(np.array(keys, np.int64))
        self._steps = len(keys).bit_length()
        # Up to a power of two, with the largest key: then each step halves what is left.
        padded = np.full(2**self._steps, max(keys), np.int64)
        padded[: len(keys)] = np.array(keys, np.int64)[order]
        self._keys = padded
        self._places = np.full(2**self._steps, np.array(places, np.int64)[order[-1]], np.int64)
        self._places[: len(keys)] = np.array(places, np.int64)[order]

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        """int64 of the shape of `x` (int64); -1 for what is no key."""
        keys = tf.constant(self._keys)
        place = tf.zeros_like(x, tf.int32)
        for step in reversed(range(self._steps)):
            below = tf.less(tf.gather(keys, place + (2**step - 1)), x)
            place += tf.cast(below, tf.int32) * (2**step)
        none = tf.constant(-1, tf.int64)
        return tf.where(
            tf.equal(tf.gather(keys, place), x), tf.gather(tf.constant(self._places), place), none
        )
