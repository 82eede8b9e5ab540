"""In: binary32 numbers. Out: the integers that they are multiples of, so that sums of them are exact in any order."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

# Every binary32 number is a multiple of 2^-149.
_UNIT = 149


def to_units(x: np.ndarray) -> list[int]:
    """float32 or int64 [n], finite, in units of 2^-149."""
    if x.dtype == np.int64:
        return [value << _UNIT for value in x.tolist()]
    return [int(value) for value in np.ldexp(x.astype(np.float64), _UNIT).tolist()]


def from_units(total: int | Fraction, factors: int = 1) -> float:
    """A sum of products of so many numbers, rounded once."""
    return float(Fraction(total) / (1 << (_UNIT * factors)))


ONE = 1 << _UNIT
