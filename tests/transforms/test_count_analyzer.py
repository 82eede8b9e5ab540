"""Counts of values, weighted or not: by hand, exact in any order, and back from bytes."""

import numpy as np
import pytest
from hand_made import INT_MISSING
from hypothesis import given, settings
from hypothesis import strategies as st
from prebake.transforms.count_analyzer import (
    CountBatch,
    GatherCounts,
    SumCounts,
    count_values,
    finish_counts,
    merge_counts,
)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([b"b", b"a", b"b", b"", b"a\nb", b"\xc3\xb6", b"a\r"], object),
         {b"a": 1, b"b": 2, b"": 1, b"\xc3\xb6": 1, b"a\r": 1}),
        (np.array([], object), {}),
        (np.array([7, -1, 7, INT_MISSING, 2**53 + 1, -(2**63) + 1], np.int64),
         {b"7": 2, b"-1": 1, b"": 1, b"9007199254740993": 1, b"-9223372036854775807": 1}),
        (np.array([0.1, 1, -0.0, 0, np.nan, np.uint32(0xFFC00001).view(np.float32), 1e20, 1e-7, 16777216], np.float32),
         {b"0.1": 1, b"1.0": 1, b"0.0": 2, b"": 2, b"1e+20": 1, b"1e-07": 1, b"1.6777216e+07": 1}),
    ],
)  # fmt: skip
def test_count_values(values, expected):
    assert {value: rows for value, (rows, _) in count_values(values).items()} == expected


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(width=32, allow_infinity=False), max_size=20))
def test_floats_are_counted_as_texts_that_mean_them(values):
    array = np.array(values, np.float32)
    for text, (count, _) in count_values(array).items():
        same = np.isnan(array) if not text else array == np.float32(float(text))
        assert count == same.sum()


def analyzed(batches: list[list[np.ndarray]]) -> bytes:
    """What the analyzer makes of batches, each a bundle of its own."""
    weighted = bool(batches) and len(batches[0]) > 1
    by_value: dict[bytes, list] = {}
    for batch in batches:
        count = CountBatch(weighted)
        count.start_bundle()
        assert list(count.process(batch)) == []
        for windowed in count.finish_bundle():
            value, found = windowed.value
            by_value.setdefault(value, []).append(found)
    gather = GatherCounts()
    accumulator = gather.create_accumulator()
    for value, found in by_value.items():
        gather.add_input(accumulator, (value, SumCounts().merge_accumulators(found)))
    return gather.extract_output(accumulator).item()


def test_counts_are_sorted_and_come_back():
    values = np.array(
        [b"b", b"", b"\xc3\xb6", b"a", b"\xc3\xb6", b"\xc3\xb6", b"b", b"", b"", b"a", b"", b"z"], object
    )
    counts = finish_counts(analyzed([[values[:5]], [values[5:]]]))
    assert list(counts.rows.items()) == [(b"", 4), (b"\xc3\xb6", 3), (b"a", 2), (b"b", 2), (b"z", 1)]
    assert counts.weights == counts.rows
    assert analyzed([[values]]) == analyzed([[values[::-1]]])


def test_weights_decide_the_order():
    values = np.array([b"a", b"a", b"b", b"c"], object)
    counts = finish_counts(analyzed([[values, np.array([0.25, 0.5, 3.0, 0.0], np.float32)]]))
    assert list(counts.weights.items()) == [(b"b", 3.0), (b"a", 0.75), (b"c", 0.0)]
    assert counts.rows == {b"b": 1, b"a": 2, b"c": 1}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from([b"a", b"b", b"c"]), st.floats(0, 2.0**100, width=32)),
        min_size=1,
        max_size=30,
    ),
    st.integers(0, 30),
    st.randoms(),
)
def test_weighted_counts_are_exact_in_any_order(rows, cut, random):
    def batch(part):
        return [np.array([value for value, _ in part], object), np.array([w for _, w in part], np.float32)]

    whole = analyzed([batch(rows)])
    random.shuffle(rows)
    parts = [part for part in (rows[:cut], rows[cut:]) if part]
    assert analyzed([batch(part) for part in parts]) == whole
    assert merge_counts([analyzed([batch(part)]) for part in parts]) == whole
