"""Sums by key: groups, labels by fold and class, mutual information; by hand and exact in any order."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prebake.transforms.keyed_analyzer import (
    GatherSums,
    MergeSums,
    SumGroups,
    SumTargets,
    finish_groups,
    finish_pairs,
    finish_targets,
    merge_sums,
)
from prebake.transforms.mutual_information import mutual_information


def analyzed(kind: type[SumGroups], batches: list[list[np.ndarray]], weighted: bool) -> bytes:
    by_key: dict = {}
    for batch in batches:
        sums = kind(weighted)
        sums.start_bundle()
        assert list(sums.process(batch)) == []
        for windowed in sums.finish_bundle():
            key, found = windowed.value
            by_key.setdefault(key, []).append(found)
    gather, merge = GatherSums(), MergeSums()
    accumulator = gather.create_accumulator()
    for key, found in by_key.items():
        total = merge.create_accumulator()
        for one in found:
            total = merge.add_input(total, one)
        gather.add_input(accumulator, (key, merge.extract_output(merge.merge_accumulators([total]))))
    return gather.extract_output(accumulator).item()


def test_groups_by_hand():
    keys = np.array([b"a", b"b", b"a", b"", b"a", b"c"], object)
    x = np.array([1, 5, 3, 7, math.nan, math.nan], np.float32)
    groups = finish_groups(analyzed(SumGroups, [[keys, x]], weighted=False))
    found = [(group.key, group.mean, group.variance, group.min, group.max) for group in groups]
    assert found == [(b"", 7, 0, 7, 7), (b"a", 2, 1, 1, 3), (b"b", 5, 0, 5, 5)]


def test_weighted_groups_by_hand():
    keys = np.array([7, 7, 8], np.int64)
    batch = [keys, np.array([1, 5, 9], np.float32), np.array([3, 1, 0], np.float32)]
    (group,) = finish_groups(analyzed(SumGroups, [batch], weighted=True))
    # 1, 1, 1, 5; the group of weight 0 says nothing.
    assert (group.key, group.mean, group.variance) == (b"7", 2, 3)


def test_targets_of_numbers_by_hand():
    keys = np.array([b"a", b"a", b"b", b""], object)
    batch = [keys, np.array([0, 1, 1, 0]), np.array([2, 4, 6, 8], np.float32)]
    found = finish_targets(analyzed(SumTargets, [batch], weighted=False), 2, None)
    assert [(sums.weight, list(sums.label)) for sums in found.all] == [(2, [10]), (2, [10])]
    by_key = {value.key: [(sums.weight, list(sums.label)) for sums in value.folds] for value in found.values}
    assert by_key == {b"": [(1, [8]), (0, [0])], b"a": [(1, [2]), (1, [4])], b"b": [(0, [0]), (1, [6])]}


@pytest.mark.parametrize(
    ("classes", "expected"), [([b"n", b"y"], [[1.0]]), ([b"n", b"x", b"y"], [[1.0, 0.0, 1.0]])]
)
def test_targets_of_classes_by_hand(classes, expected):
    batch = [np.array([b"a", b"a"], object), np.array([0, 0]), np.array([b"y", b"n"], object)]
    found = finish_targets(analyzed(SumTargets, [batch], weighted=False), 1, classes)
    assert [list(sums.label) for sums in found.values[0].folds] == expected
    assert found.values[0].folds[0].weight == 2


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([b"a", b"\xff", b""]),
            st.integers(0, 2),
            st.floats(width=32, allow_nan=False, allow_infinity=False),
            st.floats(0, 1e9, width=32),
        ),
        min_size=1,
        max_size=20,
    ),
    st.integers(0, 20),
    st.randoms(),
)
def test_the_same_bytes_in_any_order(rows, cut, random):
    def batch(part):
        keys, folds, labels, weights = zip(*part, strict=True)
        return [
            np.array(keys, object),
            np.array(folds),
            np.array(labels, np.float32),
            np.array(weights, np.float32),
        ]

    whole = analyzed(SumTargets, [batch(rows)], weighted=True)
    random.shuffle(rows)
    parts = [part for part in (rows[:cut], rows[cut:]) if part]
    assert merge_sums([analyzed(SumTargets, [batch(part)], weighted=True) for part in parts]) == whole
    groups = [[one[0], one[2], one[3]] for one in map(batch, [rows, *parts])]
    assert merge_sums([analyzed(SumGroups, [one], weighted=True) for one in groups[1:]]) == analyzed(
        SumGroups, groups[:1], weighted=True
    )


def test_mutual_information_by_hand():
    # "a" says the class, "b" says nothing: 1 bit and 0.
    batch = [
        np.array([b"a", b"a", b"b", b"b"], object),
        np.zeros(4, np.int64),
        np.array([b"y", b"y", b"y", b"n"], object),
    ]
    pairs = finish_pairs(analyzed(SumTargets, [batch], weighted=False))
    assert pairs == {b"a": {b"y": 2}, b"b": {b"n": 1, b"y": 1}}
    found = mutual_information(pairs, {b"y": 2, b"n": 2})
    assert found == {b"a": 1.0, b"b": 0.0}
