"""In: lists of numbers in several forms. Out: they are the same lists in each."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prebake.schemas.ragged import from_arrow, from_padded
from ragged_columns import NUMBERS, lists_of, nested, ragged

NAN = float("nan")


def test_padded_ids():
    column = from_padded(np.array([[3, 0, -1], [-1, -1, -1], [7, 8, 9]]), is_float=False)
    assert column.values.tolist() == [3, 0, 7, 8, 9]
    assert [split.tolist() for split in column.splits] == [[0, 2, 2, 5]]
    assert column.values.dtype == column.splits[0].dtype == np.int64


def test_padded_numbers():
    """-1 is a number like any other."""
    column = from_padded(np.array([[-1, 0.5, NAN], [NAN, NAN, NAN]], np.float32), is_float=True)
    assert nested(column) == [[-1.0, 0.5], []]
    assert column.values.dtype == np.float32


def test_padded_lists_of_lists():
    dense = np.full((3, 2, 3), -1)
    dense[0] = [[1, 2, -1], [3, -1, -1]]
    dense[2, 0] = [4, 5, 6]
    column = from_padded(dense, is_float=False)
    assert column.values.tolist() == [1, 2, 3, 4, 5, 6]
    assert [split.tolist() for split in column.splits] == [[0, 2, 2, 3], [0, 2, 3, 6]]


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0), (0, 0, 0), (2, 0, 0), (2, 3, 0)])
def test_nothing_but_padding(shape):
    column = from_padded(np.zeros(shape, np.float32), is_float=True)
    assert nested(column) == [[]] * shape[0]
    assert len(column.splits) == len(shape) - 1


@settings(max_examples=60, deadline=None)
@given(data=st.data(), depth=st.integers(1, 2))
def test_any_rows_taken_in_any_order(data, depth):
    rows = data.draw(st.lists(lists_of(NUMBERS, depth), min_size=1, max_size=6))
    order = data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=8))
    taken = ragged(rows, depth, np.float32).take(np.array(order, np.int64))
    assert nested(taken) == [rows[row] for row in order]
    assert all(split.dtype == np.int64 for split in taken.splits)


@settings(max_examples=60, deadline=None)
@given(data=st.data(), depth=st.integers(1, 2))
def test_arrow_holds_the_same_lists_and_so_do_its_slices(data, depth):
    rows = data.draw(st.lists(lists_of(st.integers(-(2**63), 2**63 - 1), depth), max_size=6))
    start = data.draw(st.integers(0, len(rows)))
    array = ragged(rows, depth, np.int64).to_arrow()
    assert array.to_pylist() == rows
    assert nested(from_arrow(array.slice(start, 2))) == rows[start : start + 2]


def test_arrow_type():
    column = ragged([[[1], [2, 3]]], 2, np.float32)
    assert column.to_arrow().type == pa.large_list(pa.large_list(pa.float32()))
