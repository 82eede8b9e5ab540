"""In: batches of numbers, in any order and grouping. Out: moments and range that do not depend on either.

Floating-point sums depend on their order, so a rerun with other bundles would give other last bits, and TFT's quantile
sketches even other boundaries. Here every merge is exact: sums are integers, and quantiles come from a sample of rows
that is chosen by the rows' own hashes (row_sample.py).
"""

from __future__ import annotations

import dataclasses
import math
from fractions import Fraction

import numpy as np

# Every binary64 number is a multiple of 2^-1074.
_UNIT = 1074
# So many numbers of at most 2^e, all multiples of 2^(e - _TAKEN_BITS), add up without rounding: 20 + 32 < 53 bits.
_ROWS, _TAKEN_BITS = 1 << 20, 32
_LARGEST_EXPONENT = 1000


@dataclasses.dataclass
class ExactSum:
    """Sum of binary64 numbers without rounding.

    Attributes:
      units: the sum in units of 2^-1074.
    """

    units: int = 0

    def add(self, x: np.ndarray) -> None:
        """Adds float64 [n], finite.

        The upper bits of all numbers are cut off at one power of two and summed, then those of the rests, until no rest is
        left (error-free extraction: Rump, Ogita, Oishi, "Accurate floating-point summation, part I", 2008, algorithm 3.2).
        """
        for start in range(0, len(x), _ROWS):
            rest = x[start : start + _ROWS].copy()
            upper = np.empty_like(rest)
            while largest := float(max(rest.max(), -rest.min())):
                exponent = math.frexp(largest)[1]
                if exponent > _LARGEST_EXPONENT:  # the anchor would be infinite
                    self.units += sum(map(_in_units, rest.tolist()))
                    break
                # What is added to it is rounded to multiples of 2^(exponent - _TAKEN_BITS).
                anchor = math.ldexp(1.5, exponent + 52 - _TAKEN_BITS)
                np.add(rest, anchor, out=upper)
                np.subtract(upper, anchor, out=upper)
                np.subtract(rest, upper, out=rest)
                self.units += _in_units(float(upper.sum()))

    def merge(self, other: ExactSum) -> None:
        self.units += other.units

    def to_bytes(self) -> np.ndarray:
        """uint8 [n], equal for equal sums."""
        data = self.units.to_bytes(self.units.bit_length() // 8 + 1, "little", signed=True)
        return np.frombuffer(data, np.uint8)

    @classmethod
    def of(cls, data: np.ndarray) -> ExactSum:
        """What `to_bytes` gave."""
        return cls(int.from_bytes(data.tobytes(), "little", signed=True))

    def value(self) -> Fraction:
        return Fraction(self.units, 1 << _UNIT)


def _in_units(number: float) -> int:
    numerator, denominator = number.as_integer_ratio()  # the latter a power of two
    return numerator << (_UNIT + 1 - denominator.bit_length())


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
        return cls(0, 0, ExactSum() if weighted else None, ExactSum(), ExactSum(), np.inf, -np.inf)

    def add(self, x: np.ndarray, weights: np.ndarray | None = None) -> None:
        """Adds float32 [n], or float64 [n] that are integers below 2^64; NaN is missing. Weights: float64 [n], each a
        binary32 number of at least 0."""
        present = ~np.isnan(x)
        found = x if present.all() else x[present]
        self.present += len(found)
        self.missing += len(x) - len(found)
        if not len(found):
            return
        self.min = min(self.min, float(found.min()))
        self.max = max(self.max, float(found.max()))
        values = found.astype(np.float64)
        squares = values * values
        terms, square_terms = [values], [squares]
        # A binary32 number squared fits into binary64; an integer beyond 2^26 squared may not.
        if found.dtype != np.float32:
            square_terms.append(_product_rest(values, values, squares))
        if self.weight is not None and weights is not None:
            w = weights[present]
            self.weight.add(w)
            terms = _weigh(terms, w)
            square_terms = _weigh(square_terms, w)
        for sums, parts in ((self.total, terms), (self.squares, square_terms)):
            for part in parts:
                sums.add(part)

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
