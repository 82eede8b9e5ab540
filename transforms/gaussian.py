"""In: numbers and their L-moments. Out: numbers that follow a standard normal distribution, as far as two tails can tell.

A Tukey HH variable is location + scale · z · exp(h z² / 2) with z standard normal and an h of its own for either side. Its
first four L-moments fix the four parameters (Headrick and Pant, "Characterizing Tukey h and hh-distributions through
L-moments and the L-correlation", 2012); here they are found numerically, and inverted to get z back.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from ..schemas.statistics_pb2 import ColumnStatistics
from .device import is_on_device, wide, widen
from .missing import flush

# Tails heavier than this have no variance worth the name.
_LARGEST_H = 0.95
_SMALLEST_H = 1e-6
_NEWTON_STEPS = 20
# Of the integrals: with h up to 0.95 the integrand falls like exp(-0.025 z²).
_RANGE, _POINTS = 40.0, 8001


class TukeyHH(NamedTuple):
    """location, scale, and the heaviness of the left and the right tail (0: normal)."""

    location: float
    scale: float
    left: float
    right: float


def to_gaussian(x: tf.Tensor, statistics: ColumnStatistics) -> tf.Tensor:
    """z of each x, float32 of any shape, infinite where x is; 0 for a constant or empty column."""
    parameters = fit(statistics.l_moments)
    if not parameters.scale:
        return tf.zeros_like(x)
    y = (widen(x) - wide(parameters.location)) * wide(1.0 / parameters.scale)
    h = tf.where(y < 0, wide(parameters.left), wide(parameters.right))
    return flush(tf.cast(tf.where(tf.math.is_finite(y), _inverse(y, h), y), tf.float32))


def _inverse(y: tf.Tensor, h: tf.Tensor) -> tf.Tensor:
    """z with z · exp(h z² / 2) = y.

    With u = z², ln u + h u = ln y²: increasing and concave, so Newton's steps from below stay below and cannot miss.
    """
    # Far beyond any y of float32 numbers, but on a device within what it can square.
    limit = wide(1e18 if is_on_device() else 1e150)
    bounded = tf.minimum(tf.abs(y), limit)
    square = tf.maximum(bounded * bounded, wide(1e-300))
    wanted = tf.math.log(square)
    u = square / (1.0 + h * square)
    for _ in range(_NEWTON_STEPS):
        u -= (tf.math.log(u) + h * u - wanted) * u / (1.0 + h * u)
    return tf.where(h < _SMALLEST_H, y, tf.sign(y) * tf.sqrt(u))


@lru_cache(maxsize=64)
def _fit(moments: tuple[float, ...]) -> TukeyHH:
    location, scale, third, fourth = moments
    if not scale > 0:
        return TukeyHH(location, 0.0, 0.0, 0.0)
    left, right = _tails(third / scale, fourth / scale)
    first, second, _, _ = _standard_moments(left, right)
    return TukeyHH(location - first * scale / second, scale / second, left, right)


def fit(l_moments: Sequence[float]) -> TukeyHH:
    """The parameters with these L-moments, or the nearest that there are; scale 0 if all values are equal."""
    return _fit(tuple(l_moments)) if l_moments else TukeyHH(0.0, 0.0, 0.0, 0.0)


def _tails(skewness: float, kurtosis: float) -> tuple[float, float]:
    """h on both sides, by a search on ever finer grids for the smallest distance of the two ratios."""
    center, width = (_LARGEST_H / 2, _LARGEST_H / 2), _LARGEST_H / 2
    for _ in range(24):
        steps = np.linspace(-width, width, 5)
        candidates = [
            (min(max(center[0] + a, 0.0), _LARGEST_H), min(max(center[1] + b, 0.0), _LARGEST_H))
            for a in steps
            for b in steps
        ]
        center = min(candidates, key=lambda pair: _distance(pair, skewness, kurtosis))
        width *= 0.5
    return tuple(h if h >= _SMALLEST_H else 0.0 for h in center)  # type: ignore[return-value]


def _distance(tails: tuple[float, float], skewness: float, kurtosis: float) -> float:
    _, second, third, fourth = _standard_moments(*tails)
    return (third / second - skewness) ** 2 + (fourth / second - kurtosis) ** 2


@lru_cache(maxsize=4096)
def _standard_moments(left: float, right: float) -> tuple[float, float, float, float]:
    """L-moments for location 0 and scale 1: integrals of the quantile function with shifted Legendre polynomials."""
    z, share = _normal()
    step = z[1] - z[0]
    h = np.where(z < 0, left, right)
    # In one exponent: the product of the two would overflow where it is nearly 0.
    x = z * np.exp(0.5 * h * z * z - 0.5 * z * z) * (step / math.sqrt(2 * math.pi))
    polynomials = (
        np.ones_like(share),
        2 * share - 1,
        6 * share**2 - 6 * share + 1,
        20 * share**3 - 30 * share**2 + 12 * share - 1,
    )
    return tuple(float(np.sum(x * polynomial)) for polynomial in polynomials)  # type: ignore[return-value]


@lru_cache(maxsize=1)
def _normal() -> tuple[np.ndarray, np.ndarray]:
    """Values of z, and the share of a standard normal distribution below each."""
    z = np.linspace(-_RANGE, _RANGE, _POINTS)
    return z, np.array([0.5 * math.erfc(-value / math.sqrt(2)) for value in z])
