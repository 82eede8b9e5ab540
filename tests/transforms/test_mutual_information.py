"""In: how often tokens go with classes. Out: proof of their mutual information, and of the order that it gives."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from prebake.transforms.mutual_information import mutual_information


def test_by_hand():
    # 8 rows, 4 of each class. "told" is in every row of one class: it tells the class, 1 bit. "even" is in half of the rows
    # of each, "all" in every row: they tell nothing.
    pairs = {
        b"told": {b"yes": 4.0},
        b"even": {b"yes": 2.0, b"no": 2.0},
        b"all": {b"yes": 4.0, b"no": 4.0},
        # In 2 rows of "yes": with it 2/8 log2((2/8) / (2/8 * 4/8)) = 1/4; without it and "yes" 2/8 log2((2/8) / (6/8 * 4/8))
        # = 1/4 log2(2/3); without it and "no" 4/8 log2((4/8) / (6/8 * 4/8)) = 1/2 log2(4/3).
        "日\n".encode(): {b"yes": 2.0},
    }
    found = mutual_information(pairs, {b"yes": 4.0, b"no": 4.0})
    some = 1 / 4 + math.log2(2 / 3) / 4 + math.log2(4 / 3) / 2
    assert found == pytest.approx({b"told": 1, b"even": 0, b"all": 0, "日\n".encode(): some}, abs=1e-15)
    assert sorted(found, key=lambda token: -found[token])[:2] == [b"told", "日\n".encode()]


def test_weights_are_counted_as_rows():
    pairs = {b"a": {b"x": 1.5, b"y": 0.25}, b"b": {b"y": 2.0}}
    classes = {b"x": 3.0, b"y": 2.5}
    found = mutual_information(pairs, classes)
    fourfold = {token: {name: 4 * w for name, w in by.items()} for token, by in pairs.items()}
    assert mutual_information(fourfold, {b"x": 12.0, b"y": 10.0}) == pytest.approx(found, rel=1e-12)


def test_edges():
    assert mutual_information({}, {b"x": 1.0}) == {}
    # One class, and no row at all: nothing can be told.
    assert mutual_information({b"a": {b"x": 1.0}}, {b"x": 3.0}) == {b"a": 0}
    assert mutual_information({b"a": {}}, {b"x": 3.0, b"y": 1.0}) == {b"a": 0}
    # Rows of weight 0 of a class.
    assert mutual_information({b"a": {b"x": 1.0, b"y": 0.0}}, {b"x": 2.0, b"y": 0.0}) == {b"a": 0}


def test_weights_of_very_different_size():
    # All rows weigh 1e16 + 1, which binary64 rounds to 1e16, as much as the rows with the token weigh; but there is one
    # without it.
    found = mutual_information({b"a": {b"x": 1e16, b"y": 0.5}}, {b"x": 1e16, b"y": 1.0})
    assert math.isfinite(found[b"a"])


@st.composite
def tables(draw) -> np.ndarray:
    """Rows with and without a token [2, classes]."""
    width = draw(st.integers(1, 4))
    cells = draw(st.lists(st.integers(0, 50), min_size=2 * width, max_size=2 * width).filter(any))
    return np.array(cells, float).reshape(2, width)


@settings(max_examples=200, deadline=None)
@given(tables())
@example(np.array([[0.0, 0], [3, 4]]))
@example(np.array([[3.0, 4], [0, 0]]))
def test_it_is_the_difference_of_entropies(table):
    # I(token; class) = H(token) + H(class) - H(both): another formula.
    def entropy(weights: np.ndarray) -> float:
        shares = weights[weights > 0] / weights.sum()
        return float(-(shares * np.log2(shares)).sum())

    names = [b"%d" % place for place in range(table.shape[1])]
    by_class = {name: weight for name, weight in zip(names, table[0], strict=True) if weight}
    classes = dict(zip(names, table.sum(axis=0), strict=True))
    found = mutual_information({b"t": by_class}, classes)[b"t"]
    expected = entropy(table.sum(axis=1)) + entropy(table.sum(axis=0)) - entropy(table.ravel())
    assert found == pytest.approx(expected, abs=1e-9)
    assert found >= -1e-12
    # Bit for bit whatever the order of the classes: vocabularies are ordered by it.
    assert mutual_information({b"t": by_class}, dict(reversed(classes.items())))[b"t"] == found
