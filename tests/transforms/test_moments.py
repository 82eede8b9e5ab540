"""Moments are those of exact arithmetic, whatever the order and the grouping of the rows, weighted or not."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prebake.transforms.moments import ExactSum, Moments

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
    total = ExactSum()
    total.add(np.array(values, np.float64))
    assert total.value() == sum((Fraction(value) for value in values), Fraction(0))


def test_exact_sum_of_what_floats_lose():
    total = ExactSum()
    total.add(np.array([1e300, 1.0, -1e300, 5e-324]))
    assert total.value() == 1 + Fraction(1, 2**1074)


def test_exact_sum_of_a_full_batch_of_largest_mantissas():
    # What is taken of 2^20 numbers at a time sums to just 53 bits; of one more to 2^20, or of one bit more, to too many.
    number = 2.0**53 - 1
    total = ExactSum()
    total.add(np.concatenate([np.full(2**20 + 1, -number), [2.0**-30]]))
    assert total.value() == -(2**20 + 1) * (2**53 - 1) + Fraction(1, 2**30)


def test_a_sum_is_read_back_and_is_the_same_bytes_however_it_was_added():
    numbers = np.array([1e300, -3.7, 1.0, -1e300, 5e-324])
    at_once, apart = ExactSum(), ExactSum()
    at_once.add(numbers)
    for number in numbers[::-1]:
        one = ExactSum()
        one.add(np.array([number]))
        apart.merge(one)
    assert apart.to_bytes().tobytes() == at_once.to_bytes().tobytes()
    assert ExactSum.of(at_once.to_bytes()).value() == at_once.value()
    assert ExactSum.of(ExactSum().to_bytes()).value() == 0


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


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(width=32, allow_infinity=False), min_size=1, max_size=30))
def test_mean_and_variance_of_binary32_numbers_are_those_of_fractions(values):
    moments = Moments.empty()
    moments.add(np.array(values, np.float32))
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


weights = st.floats(0, 1e6, width=32) | st.sampled_from([0.0, 1.0, 1e-30, 3.0])


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(column_values.map(lambda values: values[0] if values else 1.0), weights), max_size=20)
)
def test_weighted_moments_are_those_of_fractions(rows):
    moments = Moments.empty(weighted=True)
    values, given_weights = (np.array([row[place] for row in rows], np.float64) for place in (0, 1))
    moments.add(values, given_weights)
    exact = [(Fraction(x), Fraction(w)) for x, w in rows if not math.isnan(x)]
    total = sum((w for _, w in exact), Fraction(0))
    assert moments.weight_sum() == total
    if total:
        mean = sum((x * w for x, w in exact), Fraction(0)) / total
        assert moments.mean() == float(mean)
        assert moments.variance() == float(sum(((x - mean) ** 2 * w for x, w in exact), Fraction(0)) / total)


def test_weights_are_repeated_rows():
    weighted, repeated = Moments.empty(weighted=True), Moments.empty()
    weighted.add(np.array([1.0, 5.0, math.nan, 9.0]), np.array([3.0, 1.0, 7.0, 0.0]))
    repeated.add(np.array([1.0, 1.0, 1.0, 5.0]))
    assert (weighted.mean(), weighted.variance()) == (repeated.mean(), repeated.variance()) == (2.0, 3.0)
    # Rows, and the range, are what they are whatever they weigh.
    assert (weighted.present, weighted.missing, weighted.max) == (3, 1, 9.0)
