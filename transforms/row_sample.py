"""In: rows of numbers with the rows' hashes. Out: a sample chosen by the hashes alone, and its order statistics."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

# Quantiles are exact up to this many rows; beyond, their rank error is about 1 / sqrt(4 * 65,536) = 0.2 %.
SAMPLE_ROWS = 65_536


@dataclasses.dataclass
class Sample:
    """The rows with the smallest hashes: the same rows however the input was cut and merged.

    Attributes:
      hashes: uint64 [n].
      values: float64 [n, columns], NaN is missing. If the rows are weighted, the last column is the weight.

    Both are of the rows up to the last `cut`; what was added since then waits.
    """

    hashes: np.ndarray
    values: np.ndarray
    _waiting: list[tuple[np.ndarray, np.ndarray]] = dataclasses.field(default_factory=list)

    @classmethod
    def empty(cls, columns: int) -> Sample:
        return cls(np.empty(0, np.uint64), np.empty((0, columns)))

    def add(self, hashes: np.ndarray, columns: Sequence[np.ndarray]) -> None:
        """Rows with their hashes, uint64 [n]; columns: each float32 or float64 [n]."""
        if len(self.hashes) == SAMPLE_ROWS:
            # A row that is not below the largest hash of a full sample is in no sample.
            small = np.flatnonzero(hashes < self._largest)
            hashes, columns = hashes[small], [column[small] for column in columns]
        self._waiting.append((hashes, np.stack(columns, axis=1).astype(np.float64, copy=False)))
        # Cut only when as many wait: the cost per row stays constant.
        if sum(len(waiting) for waiting, _ in self._waiting) >= SAMPLE_ROWS:
            self.cut()

    def merge(self, other: Sample) -> None:
        other.cut()
        self.add(other.hashes, list(other.values.T))

    def cut(self) -> None:
        """Keeps the smallest SAMPLE_ROWS."""
        if self._waiting:
            self.hashes = np.concatenate([self.hashes, *(hashes for hashes, _ in self._waiting)])
            self.values = np.concatenate([self.values, *(values for _, values in self._waiting)])
            self._waiting = []
        if len(self.hashes) > SAMPLE_ROWS:
            keep = np.argpartition(self.hashes, SAMPLE_ROWS)[:SAMPLE_ROWS]
            self.hashes, self.values = self.hashes[keep], self.values[keep]

    @property
    def _largest(self) -> np.uint64:
        return self.hashes.max()


def ordered(values: np.ndarray, weights: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray | None]:
    """The present values of float64 [n] in order, and their weights; values that weigh nothing are left out."""
    present = ~np.isnan(values)
    if weights is None:
        return np.sort(values[present]), None
    present &= weights > 0
    x, w = values[present], weights[present]
    order = np.lexsort((w, x))
    return x[order], w[order]


def median(values: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Of the present values; the mean of the middle two if as much lies on either side. 0 if there are none."""
    x, w = ordered(values, weights)
    if not len(x):
        return 0.0
    if w is None:
        return float(np.median(x))
    below = np.cumsum(w)
    half = below[-1] / 2
    first = int(np.searchsorted(below, half, "left"))
    second = first + 1 if below[first] == half else first
    return float((x[first] + x[second]) / 2)


def value_at(values: np.ndarray, rank: float, weights: np.ndarray | None = None) -> float:
    """The smallest value such that more than the share `rank` is not above it; the largest for a rank of 1; 0 if there
    are none."""
    x, w = ordered(values, weights)
    return float(x[_places(np.array([rank]), len(x), w)[0]]) if len(x) else 0.0


def quantile_boundaries(values: np.ndarray, buckets: int, weights: np.ndarray | None = None) -> np.ndarray:
    """Boundaries between intervals of equal share.

    The i-th is the value of rank floor(i * n / buckets), counted from 0, so that an i-th of the values lies below it.
    Equal boundaries are merged, and one that no value lies below is left out.

    Args:
      values: float64 [n], NaN is missing.
      buckets: at least 2.
      weights: float64 [n]; a value counts as often as it weighs.

    Returns:
      float32 [at most buckets - 1], strictly increasing.
    """
    x, w = ordered(values, weights)
    if not len(x):
        return np.empty(0, np.float32)
    first, last = np.arange(1, buckets), buckets
    places = first * len(x) // last if w is None else _places(first / last, len(x), w)
    boundaries = np.unique(x[places].astype(np.float32))
    return boundaries[boundaries > np.float32(x[0])]


def l_moments(values: np.ndarray, weights: np.ndarray | None = None) -> list[float]:
    """The first four L-moments, from probability-weighted moments at the plotting positions (i - 1/2) / n (Hosking 1990,
    "L-moments", eq. 2.4 and 3.1); zeros if there are no values."""
    x, w = ordered(values, weights)
    if not len(x):
        return [0.0] * 4
    share = np.full(len(x), 1 / len(x)) if w is None else w / math.fsum(w)
    position = np.cumsum(share) - share / 2
    mean = math.fsum(share * x)
    # Of the centred values: with plotting positions, a far away mean would leak into the third moment.
    b = [math.fsum(share * (x - mean) * position**power) for power in range(4)]
    return [
        mean,
        2 * b[1] - b[0],
        6 * b[2] - 6 * b[1] + b[0],
        20 * b[3] - 30 * b[2] + 12 * b[1] - b[0],
    ]


def _places(ranks: np.ndarray, count: int, weights: np.ndarray | None) -> np.ndarray:
    if weights is None:
        return np.minimum(np.floor(ranks * count).astype(np.int64), count - 1)
    below = np.cumsum(weights)
    return np.minimum(np.searchsorted(below, ranks * below[-1], "right"), count - 1)
