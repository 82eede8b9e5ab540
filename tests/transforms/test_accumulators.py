"""Moments and quantiles are those of exact arithmetic, whatever the order and the grouping of the rows."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prebake.transforms import accumulators
from prebake.transforms.accumulators import ExactSum, Moments, Sample, median, quantile_boundaries

finite = st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from(
    [
        0.0,
        -0.0,
        5e-324,
        -5e-324,
        2.2250738585072014e-308,
        1e300,
        -1e300,
        1.7976931348623157e308,
        2.0**53,
        1 + 2**-52,
    ]
)
# Values of a column as they come: binary32, or integers, and NaN where one is missing.
column_values = st.lists(
    st.floats(width=32, allow_infinity=False) | st.integers(-(2**63) + 1, 2**63 - 1).map(float), max_size=30
)


def cut(values: list, cuts: list[int]) -> list[np.ndarray]:
    return [np.array(part, np.float64) for part in np.split(np.array(values, np.float64), sorted(cuts))]


def merged(parts: list, order: list[int]):
    """Merges accumulators as a tree: the one at each place of `order` into its neighbour, until one is left."""
    parts = list(parts)
    for place in order:
        if len(parts) == 1:
            break
        into = place % (len(parts) - 1)
        other = parts.pop(into + 1)
        if place % 2:
            parts[into], other = other, parts[into]
        parts[into].merge(other)
    for other in parts[1:]:
        parts[0].merge(other)
    return parts[0]


@settings(max_examples=200, deadline=None)
@given(st.lists(finite, max_size=40))
def test_exact_sum_is_the_sum_of_fractions(values):
    total = ExactSum.zero()
    total.add(np.array(values, np.float64))
    assert total.value() == sum((Fraction(value) for value in values), Fraction(0))


def test_exact_sum_of_what_floats_lose():
    total = ExactSum.zero()
    total.add(np.array([1e300, 1.0, -1e300, 5e-324]))
    assert total.value() == 1 + Fraction(1, 2**1074)


def test_exact_sum_of_a_full_batch_of_largest_mantissas():
    # Each half of 2^20 numbers sums to nearly 2^47: far beyond float32, exact in the float64 of bincount.
    number = 2.0**53 - 1
    total = ExactSum.zero()
    total.add(np.full(2**20, -number))
    assert total.value() == -(2**20) * (2**53 - 1)


def test_moments_by_hand():
    moments = Moments.empty()
    moments.add(np.array([1.0, math.nan, 2.0, 6.0]))
    moments.add(np.array([math.nan]))
    moments.add(np.array([-1.0]))
    assert (moments.present, moments.missing) == (4, 2)
    assert moments.mean() == 2.0  # 8 / 4
    assert moments.variance() == 6.5  # (1 + 0 + 16 + 9) / 4
    assert (moments.min, moments.max) == (-1.0, 6.0)


def test_moments_of_nothing_are_defined():
    moments = Moments.empty()
    moments.add(np.array([math.nan, math.nan]))
    assert (moments.present, moments.missing, moments.mean(), moments.variance()) == (0, 2, 0.0, 0.0)


@pytest.mark.parametrize("value", [float(np.float32(0.1)), 2.0**27 + 1, 1.7e18, -3.4e38])
def test_variance_of_a_constant_is_exactly_zero(value):
    moments = Moments.empty()
    moments.add(np.full(7, value))
    assert moments.variance() == 0.0
    assert moments.mean() == value


@settings(max_examples=100, deadline=None)
@given(column_values.filter(len))
def test_mean_and_variance_are_those_of_fractions(values):
    moments = Moments.empty()
    moments.add(np.array(values, np.float64))
    exact = [Fraction(value) for value in values if not math.isnan(value)]
    if exact:
        mean = sum(exact) / len(exact)
        assert moments.mean() == float(mean)
        assert moments.variance() == float(sum((one - mean) ** 2 for one in exact) / len(exact))


def test_variance_of_large_integers_is_exact():
    # 10^8 ± 1: their squares have more than 53 bits, and in float64 all of these bits cancel.
    moments = Moments.empty()
    moments.add(np.array([1e8 - 1, 1e8, 1e8 + 1]))
    assert moments.variance() == float(Fraction(2, 3))


@settings(max_examples=100, deadline=None)
@given(column_values, st.lists(st.integers(0, 30), max_size=6), st.lists(st.integers(0, 30), max_size=6))
def test_moments_do_not_depend_on_grouping_or_order(values, cuts, order):
    def summary(moments: Moments) -> tuple:
        numbers = (moments.mean(), moments.variance(), moments.min, moments.max)
        return moments.present, moments.missing, np.array(numbers).tobytes()

    whole = Moments.empty()
    whole.add(np.array(values, np.float64) + 0.0)
    parts = []
    for part in cut(values, cuts):
        parts.append(Moments.empty())
        parts[-1].add(part + 0.0)
    assert summary(merged(parts, order)) == summary(whole)


def sample_of(batches: list[tuple[np.ndarray, np.ndarray]], tree: bool) -> list:
    """Rows of the sample, in the order of their hashes."""
    total = Sample.empty(1)
    for hashes, values in batches:
        one = Sample.empty(1) if tree else total
        one.add(hashes, values)
        if tree:
            if len(one.hashes) % 2:
                one.cut()
            total.add(one.hashes, one.values)
    total.cut()
    order = np.argsort(total.hashes)
    return list(zip(total.hashes[order].tolist(), total.values[order, 0].tolist(), strict=True))


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.integers(0, 2**64 - 1), unique=True, max_size=60),
    st.lists(st.integers(0, 60), max_size=8),
    st.booleans(),
    st.randoms(use_true_random=False),
)
def test_sample_keeps_the_smallest_hashes_however_the_rows_come(hashes, cuts, tree, random):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(accumulators, "SAMPLE_ROWS", 8)
        rows = [(number, float(number % 1000)) for number in hashes]
        random.shuffle(rows)
        batches = [
            (np.array([h for h, _ in part], np.uint64), np.array([[v] for _, v in part]).reshape(-1, 1))
            for part in (rows[a:b] for a, b in zip([0, *sorted(cuts)], [*sorted(cuts), 60], strict=True))
        ]
        assert sample_of(batches, tree) == sorted(rows)[:8]


def test_sample_stays_below_twice_its_size():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(accumulators, "SAMPLE_ROWS", 8)
        sample = Sample.empty(2)
        for start in range(0, 1000, 5):
            sample.add(np.arange(1000 - start, 995 - start, -1).astype(np.uint64), np.zeros((5, 2)))
            assert len(sample.hashes) == len(sample.values) < 16


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([3.0, 1.0, 2.0], 2.0),
        ([4.0, 1.0, 2.0, 3.0], 2.5),
        ([math.nan, 7.0, math.nan], 7.0),
        ([math.nan], 0.0),
        ([], 0.0),
    ],
)
def test_median_by_hand(values, expected):
    assert median(np.array(values, np.float64)) == expected


@pytest.mark.parametrize(
    ("values", "buckets", "expected"),
    [
        (range(8), 4, [2, 4, 6]),
        (range(10), 4, [2, 5, 7]),  # ranks 10/4, 20/4, 30/4, rounded down
        (reversed(range(8)), 2, [4]),
        (
            [1, 1, 1, 1, 2, 3],
            3,
            [2],
        ),  # ranks 2, 4: the first is the smallest value, and nothing lies below it
        ([1, 2, 2, 2, 2, 2, 2, 3], 4, [2]),  # ranks 2, 4, 6: equal ones are merged
        ([5, 5, 5], 10, []),
        ([], 4, []),
        ([math.nan, math.nan], 4, []),
        ([math.nan, 1, math.nan, 2], 2, [2]),
        ([1, 2], 5, [2]),  # ranks 0, 0, 1, 1
        ([-1.5, 0.25], 2, [0.25]),
    ],
)
def test_quantile_boundaries_by_hand(values, buckets, expected):
    found = quantile_boundaries(np.array(list(values), np.float64), buckets)
    assert found.dtype == np.float32
    assert found.tolist() == expected


@settings(max_examples=100, deadline=None)
@given(column_values, st.integers(2, 20))
def test_quantile_boundaries_increase_and_leave_no_interval_empty(values, buckets):
    found = quantile_boundaries(np.array(values, np.float64), buckets)
    assert len(found) <= buckets - 1
    assert (np.diff(found) > 0).all()
    singles = np.array([value for value in values if not math.isnan(value)], np.float64).astype(np.float32)
    ids = (singles[:, None] >= found).sum(axis=1)
    assert set(ids.tolist()) == (set(range(len(found) + 1)) if len(singles) else set())
