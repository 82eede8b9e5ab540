"""What the analysis of numbers hands over: the same bytes under any bundling, and statistics by hand."""

import math

import numpy as np
import pytest
from hand_made import INT_MISSING
from hypothesis import given, settings
from hypothesis import strategies as st
from prebake.transforms import row_sample
from prebake.transforms.number_analyzer import SummarizeNumbers, finish_numbers, merge_numbers
from prebake.transforms.number_need import NumberNeed

COLUMNS = ["n", "x"]
NEEDS = {"n": NumberNeed(), "x": NumberNeed(quantiles={4, 2}, ranks={0.25}, l_moments=True)}
Row = tuple[int, int, float, float]


def batch(rows: list[Row], weighted: bool) -> list[np.ndarray]:
    """(hash, n, x, weight) rows as TFT hands them over."""
    hashes, n, x, w = zip(*rows, strict=True) if rows else ((), (), (), ())
    weights = [np.array(w, np.float32)] if weighted else []
    columns = [np.array(n, np.int64), np.array(x, np.float32)]
    return [np.array(hashes, np.uint64).view(np.int64), *weights, *columns]


def summarize(bundles: list[list[list[Row]]], weighted: bool = False) -> bytes:
    """Bundles of batches of rows: one accumulator a bundle, merged, some compacted on the way."""
    combine = SummarizeNumbers(COLUMNS, weighted)
    accumulators = []
    for number, batches in enumerate(bundles):
        accumulator = combine.create_accumulator()
        for rows in batches:
            accumulator = combine.add_input(accumulator, batch(rows, weighted))
        accumulators.append(combine.compact(accumulator) if number % 2 else accumulator)
    return combine.extract_output(combine.merge_accumulators(accumulators)).item()


rows_strategy = st.lists(
    st.tuples(
        st.integers(0, 2**64 - 1),
        st.integers(-100, 100) | st.integers(INT_MISSING, 2**63 - 1),
        st.floats(width=32, allow_infinity=False) | st.sampled_from([0.0, -0.0, math.nan, 1e-45]),
        st.floats(0, 1e9, width=32),
    ),
    unique_by=lambda row: row[0],
    max_size=40,
)


@settings(max_examples=100, deadline=None)
@given(
    rows_strategy,
    st.lists(st.integers(0, 40), max_size=6),
    st.lists(st.integers(0, 6), max_size=3),
    st.booleans(),
    st.randoms(),
)
def test_the_same_bytes_under_any_bundling(rows, cuts, bundle_cuts, weighted, random):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(row_sample, "SAMPLE_ROWS", 8)
        expected = summarize([[rows]], weighted)
        random.shuffle(rows)
        batches = [rows[a:b] for a, b in zip([0, *sorted(cuts)], [*sorted(cuts), 40], strict=True)]
        ends = sorted(bundle_cuts)
        bundles = [batches[a:b] for a, b in zip([0, *ends], [*ends, 40], strict=True)]
        assert summarize(bundles, weighted) == expected
        # And of two runs that were kept and merged later.
        assert merge_numbers([summarize([part], weighted) for part in bundles]) == expected


def test_numbers_by_hand():
    rows = [
        (5, INT_MISSING, 1.0, 0),
        (3, 2, math.nan, 0),
        (1, -4, 2.0, 0),
        (2, 6, 6.0, 0),
        (4, 2**53 + 1, -1.0, 0),
    ]
    found = finish_numbers(summarize([[rows[:2]], [rows[2:]]]), NEEDS)
    n, x = found["n"], found["x"]
    assert (n.name, n.present, n.missing, n.min, n.max, n.weight) == ("n", 4, 1, -4, 2.0**53, 4)
    assert n.mean == 2.0**51 + 1  # (2 - 4 + 6 + 2^53) / 4
    assert not n.quantiles
    assert not n.ranks
    assert not n.l_moments
    assert (x.name, x.present, x.missing, x.min, x.max) == ("x", 4, 1, -1, 6)
    assert (x.mean, x.variance, x.median) == (2, 6.5, 1.5)
    # -1, 1, 2, 6: ranks 2 of 2 buckets, 1, 2, 3 of 4.
    assert [(entry.buckets, list(entry.boundaries)) for entry in x.quantiles] == [(2, [2]), (4, [1, 2, 6])]
    assert [(entry.rank, entry.value) for entry in x.ranks] == [(0.25, 1)]
    assert x.l_moments[0] == 2


def test_weighted_numbers_by_hand():
    rows = [(1, 1, 2.0, 3.0), (2, 1, 6.0, 1.0), (3, 1, math.nan, 8.0), (4, INT_MISSING, 9.0, 0.0)]
    found = finish_numbers(summarize([[rows]], weighted=True), NEEDS)
    x = found["x"]
    # 2, 2, 2, 6.
    assert (x.present, x.missing, x.weight, x.mean, x.variance, x.median) == (3, 1, 4, 3, 3, 2)
    assert (x.min, x.max) == (2, 9)
    assert [list(entry.boundaries) for entry in x.quantiles] == [[], [6]]
    assert found["n"].weight == 12


def test_an_empty_column_has_zeros():
    found = finish_numbers(summarize([[[(1, INT_MISSING, math.nan, 0)]], []]), NEEDS)
    for column in found.values():
        assert (column.present, column.missing, column.weight) == (0, 1, 0)
        assert (column.mean, column.variance, column.min, column.max, column.median) == (0, 0, 0, 0, 0)
    assert [list(entry.boundaries) for entry in found["x"].quantiles] == [[], []]
    assert list(found["x"].l_moments) == [0, 0, 0, 0]


def test_a_median_that_the_sample_missed_is_the_mean(monkeypatch):
    monkeypatch.setattr(row_sample, "SAMPLE_ROWS", 2)
    rows = [(number, number, math.nan, 0) for number in range(10)] + [(99, 0, 7.0, 0)]
    x = finish_numbers(summarize([[rows]]), NEEDS)["x"]
    assert (x.present, x.missing, x.mean, x.median) == (1, 10, 7, 7)


def test_no_number_columns_at_all():
    combine = SummarizeNumbers([], weighted=False)
    accumulator = combine.add_input(combine.create_accumulator(), [np.array([1, 2])])
    assert finish_numbers(combine.extract_output(accumulator).item(), {}) == {}


def test_cut_accumulators_are_refused():
    data = summarize([[[(1, 2, 3.0, 0)]]])
    with pytest.raises(ValueError, match="accumulators are cut or altered|buffer is smaller"):
        finish_numbers(data[:-8], NEEDS)
