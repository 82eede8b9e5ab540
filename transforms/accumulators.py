"""In: batches of numbers, in any order and grouping. Out: moments, range and quantiles that do not depend on either.

Floating-point sums depend on their order, so a rerun with other bundles would give other last bits, and TFT's quantile
sketches even other boundaries. Here every merge is exact: sums are integers, and quantiles come from a sample of rows
that is chosen by the rows' own hashes.
"""

from __future__ import annotations

import dataclasses
from fractions import Fraction

import numpy as np

# Quantiles are exact up to this many rows; beyond, their rank error is about 1 / sqrt(4 * 65,536) = 0.2 %.
SAMPLE_ROWS = 65_536

_MANTISSA_BITS = 53
_LOW_BITS = 26
_MIN_EXPONENT = -1074
_EXPONENTS = 2100


@dataclasses.dataclass
class ExactSum:
    """Sum of binary64 numbers without rounding.

    Each number is an integer mantissa times a power of two; mantissas are summed as integers, in two halves, apart for
    each exponent. A half is below 2^27, so int64 holds 2^36 (6.9e10) rows.

    Attributes:
      halves: int64 [2, exponents], sums of the upper and lower mantissa halves.
    """

    halves: np.ndarray

    @classmethod
    def zero(cls) -> ExactSum:
        return cls(np.zeros((2, _EXPONENTS), np.int64))

    def add(self, x: np.ndarray) -> None:
        """Adds float64 [n], finite; n up to 2^26, so that each float64 bin below stays exact."""
        if not len(x):
            return
        mantissa, exponent = np.frexp(x)
        integer = np.ldexp(mantissa, _MANTISSA_BITS).astype(np.int64)
        upper = integer >> _LOW_BITS
        lower = integer - (upper << _LOW_BITS)
        first = int(exponent.min())
        index = exponent - first
        at = first - _MIN_EXPONENT
        for row, half in enumerate((upper, lower)):
            sums = np.bincount(index, weights=half.astype(np.float64))
            self.halves[row, at : at + len(sums)] += sums.astype(np.int64)

    def merge(self, other: ExactSum) -> None:
        self.halves += other.halves

    def value(self) -> Fraction:
        total = 0
        for position in np.flatnonzero(self.halves.any(axis=0)):
            integer = (int(self.halves[0, position]) << _LOW_BITS) + int(self.halves[1, position])
            total += integer << int(position)
        return Fraction(total) * Fraction(2) ** (_MIN_EXPONENT - _MANTISSA_BITS)


@dataclasses.dataclass
class Moments:
    """Count, sums and range of one column's present values."""

    present: int
    missing: int
    total: ExactSum
    squares: ExactSum
    min: float
    max: float

    @classmethod
    def empty(cls) -> Moments:
        return cls(0, 0, ExactSum.zero(), ExactSum.zero(), np.inf, -np.inf)

    def add(self, x: np.ndarray) -> None:
        """Adds float64 [n], each a binary32 number or an integer below 2^64; NaN is missing."""
        values = x[~np.isnan(x)]
        self.present += len(values)
        self.missing += len(x) - len(values)
        if len(values):
            self.total.add(values)
            squares = values * values
            self.squares.add(squares)
            # A binary32 number squared fits into binary64; an integer beyond 2^26 squared may not.
            rest = _square_rest(values, squares)
            if rest.any():
                self.squares.add(rest)
            self.min = min(self.min, float(values.min()))
            self.max = max(self.max, float(values.max()))

    def merge(self, other: Moments) -> None:
        self.present += other.present
        self.missing += other.missing
        self.total.merge(other.total)
        self.squares.merge(other.squares)
        self.min = min(self.min, other.min)
        self.max = max(self.max, other.max)

    def mean(self) -> float:
        return float(self.total.value() / self.present) if self.present else 0.0

    def variance(self) -> float:
        """Population variance, (n·Σx² - (Σx)²) / n², rounded once."""
        if not self.present:
            return 0.0
        total, squares = self.total.value(), self.squares.value()
        return max(0.0, float((self.present * squares - total * total) / self.present**2))


def _square_rest(x: np.ndarray, squares: np.ndarray) -> np.ndarray:
    """What rounding took from x * x, exactly (Dekker, "A floating-point technique for extending the available
    precision", 1971); float64 [n]."""
    scaled = x * (2.0**27 + 1)
    upper = scaled - (scaled - x)
    lower = x - upper
    return (upper * upper - squares + 2 * upper * lower) + lower * lower


@dataclasses.dataclass
class Sample:
    """The rows with the smallest hashes: the same rows however the input was cut and merged.

    Attributes:
      hashes: uint64 [n].
      values: float64 [n, columns], NaN is missing.
    """

    hashes: np.ndarray
    values: np.ndarray

    @classmethod
    def empty(cls, columns: int) -> Sample:
        return cls(np.empty(0, np.uint64), np.empty((0, columns)))

    def add(self, hashes: np.ndarray, values: np.ndarray) -> None:
        if len(self.hashes) >= SAMPLE_ROWS:
            small = hashes < self._bound()
            hashes, values = hashes[small], values[small]
        self.hashes = np.concatenate([self.hashes, hashes])
        self.values = np.concatenate([self.values, values])
        # Cut only at twice the size: the cost per row stays constant.
        if len(self.hashes) >= 2 * SAMPLE_ROWS:
            self.cut()

    def _bound(self) -> np.uint64:
        return self.hashes.max() if len(self.hashes) == SAMPLE_ROWS else np.uint64(2**64 - 1)

    def cut(self) -> None:
        """Keeps the smallest SAMPLE_ROWS."""
        if len(self.hashes) > SAMPLE_ROWS:
            keep = np.argpartition(self.hashes, SAMPLE_ROWS)[:SAMPLE_ROWS]
            self.hashes, self.values = self.hashes[keep], self.values[keep]


def median(values: np.ndarray) -> float:
    """Of the present values of float64 [n]; the mean of the middle two if n is even."""
    present = values[~np.isnan(values)]
    return float(np.median(present)) if len(present) else 0.0


def quantile_boundaries(values: np.ndarray, buckets: int) -> np.ndarray:
    """Boundaries between intervals of equal share.

    The i-th is the value of rank floor(i * n / buckets), counted from 0, so that an i-th of the values lies below it.
    Equal boundaries are merged, and one that no value lies below is left out.

    Args:
      values: float64 [n], NaN is missing.
      buckets: at least 2.

    Returns:
      float32 [at most buckets - 1], strictly increasing.
    """
    present = np.sort(values[~np.isnan(values)])
    if not len(present):
        return np.empty(0, np.float32)
    ranks = np.arange(1, buckets) * len(present) // buckets
    boundaries = np.unique(present[ranks].astype(np.float32))
    return boundaries[boundaries > np.float32(present[0])]
