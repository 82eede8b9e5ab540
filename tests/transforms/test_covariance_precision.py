"""Covariances of columns with few different values are as right as those of others."""

from __future__ import annotations

import numpy as np
import pytest
from prebake.transforms.covariance_analyzer import SumProducts, finish_covariance, merge_covariance


def columns(rows: int) -> list[np.ndarray]:
    """Two values, ten values, and a column with values 100 deviations away, correlated; float32 [rows]."""
    generator = np.random.default_rng(3)
    two = (np.arange(rows) % 3 == 0) * 1.0
    ten = np.rint(generator.uniform(0, 9, rows)) * 0.1 - 119 + two
    tail = generator.lognormal(0, 0.3, rows) + ten / 50
    tail[::10_000] = 500
    return [x.astype(np.float32) for x in (two, ten, tail)]


@pytest.mark.parametrize("weighted", [False, True])
def test_correlations_are_right_to_seven_digits(weighted):
    """Measured beside numpy: 1e-8. With values rounded to 2^-12 deviations it was 2e-4."""
    given = columns(20_000)
    weights = np.float32(0.5 + np.arange(20_000) % 4) if weighted else np.ones(20_000, np.float32)
    wide = np.stack(given).astype(np.float64)
    expected = np.cov(wide, aweights=weights, ddof=0)
    mean = np.average(wide, axis=1, weights=weights)
    deviation = np.sqrt(np.diag(expected))
    sums = SumProducts(mean, 1 / deviation, 0.5 if weighted else None)
    parts = []
    for rows in np.array_split(np.arange(20_000), 7):
        batch = [x[rows] for x in given] + ([weights[rows]] if weighted else [])
        parts.append(sums.extract_output(sums.add_input(sums.create_accumulator(), batch)).item())
    found = finish_covariance(merge_covariance(parts), mean, 1 / deviation)
    assert np.abs((found.mean - mean) / deviation).max() < 5e-8
    difference = np.reshape(found.covariance, (3, 3)) - expected
    assert np.abs(difference / np.outer(deviation, deviation)).max() < 5e-8
