"""In: batches of numbers, in any order and grouping. Out: moments and range that do not depend on either.

Floating-point sums depend on their order, so a rerun with other bundles would give other last bits, and TFT's quantile
sketches even other boundaries. Here every merge is exact: sums are integers, and quantiles come from a sample of rows
that is chosen by the rows' own hashes (row_sample.py).
"""

from __future__ import annotations

import dataclasses
from fractions import Fraction

import numpy as np

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

    def nonzero(self) -> np.ndarray:
        """int64 [3, n]: the exponents that have sums, and their halves."""
        places = np.flatnonzero(self.halves.any(axis=0))
        return np.stack([places, *self.halves[:, places]])

    @classmethod
    def of(cls, nonzero: np.ndarray) -> ExactSum:
        """What `nonzero` gave."""
        sums = cls.zero()
        sums.halves[:, nonzero[0]] = nonzero[1:]
        return sums

    def value(self) -> Fraction:
        total = 0
        for position in np.flatnonzero(self.halves.any(axis=0)):
            integer = (int(self.halves[0, position]) << _LOW_BITS) + int(self.halves[1, position])
            total += integer << int(position)
        return Fraction(total) * Fraction(2) ** (_MIN_EXPONENT - _MANTISSA_BITS)


@dataclasses.dataclass
class Moments:
    """Count, sums and range of one column's present values.

    Attributes:
      present, missing: rows.
      weight: sum of the weights of the present values; None: each weighs 1.
      total, squares: weighted sums of the values and of their squares.
      min, max: of the values, whatever their weights.
    """

    present: int
    missing: int
    weight: ExactSum | None
    total: ExactSum
    squares: ExactSum
    min: float
    max: float

    @classmethod
    def empty(cls, weighted: bool = False) -> Moments:
        weight = ExactSum.zero() if weighted else None
        return cls(0, 0, weight, ExactSum.zero(), ExactSum.zero(), np.inf, -np.inf)

    def add(self, x: np.ndarray, weights: np.ndarray | None = None) -> None:
        """Adds float64 [n], each a binary32 number or an integer below 2^64; NaN is missing. Weights: float64 [n], each a
        binary32 number of at least 0."""
        present = ~np.isnan(x)
        values = x[present]
        self.present += len(values)
        self.missing += len(x) - len(values)
        if not len(values):
            return
        self.min = min(self.min, float(values.min()))
        self.max = max(self.max, float(values.max()))
        squares = values * values
        # A binary32 number squared fits into binary64; an integer beyond 2^26 squared may not.
        terms, square_terms = [values], [squares, _product_rest(values, values, squares)]
        if self.weight is not None and weights is not None:
            w = weights[present]
            self.weight.add(w)
            terms = _weigh(terms, w)
            square_terms = _weigh(square_terms, w)
        for sums, parts in ((self.total, terms), (self.squares, square_terms)):
            sums.add(parts[0])
            for rest in parts[1:]:
                if rest.any():
                    sums.add(rest)

    def merge(self, other: Moments) -> None:
        self.present += other.present
        self.missing += other.missing
        if self.weight is not None and other.weight is not None:
            self.weight.merge(other.weight)
        self.total.merge(other.total)
        self.squares.merge(other.squares)
        self.min = min(self.min, other.min)
        self.max = max(self.max, other.max)

    def weight_sum(self) -> Fraction:
        return Fraction(self.present) if self.weight is None else self.weight.value()

    def mean(self) -> float:
        weight = self.weight_sum()
        return float(self.total.value() / weight) if weight else 0.0

    def variance(self) -> float:
        """Population variance, (W·Σwx² - (Σwx)²) / W², rounded once."""
        weight = self.weight_sum()
        if not weight:
            return 0.0
        total, squares = self.total.value(), self.squares.value()
        return max(0.0, float((weight * squares - total * total) / weight**2))


def _weigh(terms: list[np.ndarray], weights: np.ndarray) -> list[np.ndarray]:
    """Terms whose sum is exactly that of the terms times the weights."""
    weighted = []
    for term in terms:
        product = term * weights
        weighted += [product, _product_rest(term, weights, product)]
    return weighted


def _product_rest(x: np.ndarray, y: np.ndarray, product: np.ndarray) -> np.ndarray:
    """What rounding took from x * y, exactly (Dekker, "A floating-point technique for extending the available
    precision", 1971); float64 [n]."""
    x_upper, x_lower = _halves(x)
    y_upper, y_lower = (x_upper, x_lower) if y is x else _halves(y)
    return (x_upper * y_upper - product + x_upper * y_lower + x_lower * y_upper) + x_lower * y_lower


def _halves(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    scaled = x * (2.0**27 + 1)
    upper = scaled - (scaled - x)
    return upper, x - upper
