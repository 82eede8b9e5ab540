"""The sample is chosen by the rows' hashes alone; its order statistics by hand."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prebake.transforms import row_sample
from prebake.transforms.row_sample import Sample, l_moments, median, quantile_boundaries, value_at

# Values of a column as they come: binary32, or integers, and NaN where one is missing.
column_values = st.lists(
    st.floats(width=32, allow_infinity=False) | st.integers(-(2**63) + 1, 2**63 - 1).map(float), max_size=30
)


def sample_of(batches: list[tuple[np.ndarray, np.ndarray]], tree: bool) -> list:
    """Rows of the sample, in the order of their hashes."""
    total = Sample.empty(1)
    for hashes, values in batches:
        one = Sample.empty(1) if tree else total
        one.add(hashes, [values])
        if tree:
            if len(hashes) % 2:
                one.cut()
            total.merge(one)
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
        patch.setattr(row_sample, "SAMPLE_ROWS", 8)
        rows = [(number, float(number % 1000)) for number in hashes]
        random.shuffle(rows)
        batches = [
            (np.array([h for h, _ in part], np.uint64), np.array([v for _, v in part], np.float64))
            for part in (rows[a:b] for a, b in zip([0, *sorted(cuts)], [*sorted(cuts), 60], strict=True))
        ]
        assert sample_of(batches, tree) == sorted(rows)[:8]


def test_sample_stays_below_twice_its_size():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(row_sample, "SAMPLE_ROWS", 8)
        sample = Sample.empty(2)
        for start in range(0, 1000, 5):
            sample.add(np.arange(1000 - start, 995 - start, -1).astype(np.uint64), [np.zeros(5)] * 2)
            held = [(sample.hashes, sample.values), *sample._waiting]
            assert [len(hashes) for hashes, _ in held] == [len(values) for _, values in held]
            assert sum(len(hashes) for hashes, _ in held) < 16


def test_rows_that_no_full_sample_can_hold_do_not_wait():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(row_sample, "SAMPLE_ROWS", 8)
        sample = Sample.empty(1)
        sample.add(np.arange(8, dtype=np.uint64) * 10, [np.zeros(8, np.float32)])
        sample.add(np.array([71, 69, 70], np.uint64), [np.array([1, 2, 3], np.float32)])
        ((hashes, values),) = sample._waiting
        assert (hashes.tolist(), values.tolist()) == ([69], [[2.0]])


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


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.integers(-5, 5).map(float) | st.just(math.nan), st.integers(0, 3)), max_size=30),
    st.integers(2, 7),
    st.sampled_from([0.0, 0.25, 0.5, 1.0]),
)
def test_weights_are_repeated_values(rows, buckets, rank):
    values, weights = (np.array([row[place] for row in rows], np.float64) for place in (0, 1))
    repeated = np.repeat(values, weights.astype(int))
    assert median(values, weights) == median(repeated)
    assert value_at(values, rank, weights) == value_at(repeated, rank)
    # Shares of sums of floats: i / buckets * total may round to the other side of a whole number.
    if buckets in (2, 4):
        assert (
            quantile_boundaries(values, buckets, weights).tolist()
            == quantile_boundaries(repeated, buckets).tolist()
        )


def test_l_moments_of_four_values():
    # Centred: -1.5, -0.5, 0.5, 1.5; plotting positions 1/8, 3/8, 5/8, 7/8: b1 = 0.3125, b2 = 0.3125, b3 = 0.2744140625.
    found = l_moments(np.array([4.0, 2.0, math.nan, 1.0, 3.0]))
    np.testing.assert_allclose(found, [2.5, 0.625, 0.0, -0.13671875], atol=1e-12)


def test_l_moments_of_nothing():
    assert l_moments(np.array([math.nan])) == [0.0] * 4
