"""In: texts of cells. Out: proof that one numeral grammar decides, on the fast and the slow way alike."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prebake.schemas import numerals
from prebake.schemas.numerals import FLOAT_PATTERN, INT_MISSING, INT_PATTERN, parse_floats, parse_ints


def floats(texts):
    array, bad = parse_floats(pa.array(texts, pa.binary()))
    return array.to_pylist(), bad.tolist()


def ints(texts):
    array, bad = parse_ints(pa.array(texts, pa.binary()))
    return array.to_pylist(), bad.tolist()


def test_floats_golden():
    texts = [b"5.", b".5", b"-.5e+3", b"1E5", b"-0", b"007", None, b"16777217", b"3.4028235e38", b"1e-50"]
    values = [5.0, 0.5, -500.0, 1e5, -0.0, 7.0, None, 16777216.0, 3.4028234663852886e38, 0.0]
    assert floats(texts) == (values, [False] * 10)
    assert np.signbit(parse_floats(pa.array([b"-0"]))[0].to_numpy()[0])


def test_floats_round_twice_by_way_of_binary64():
    # Just above the middle of two binary32 numbers; binary64 rounds it to the middle, which then goes to the
    # even one.
    assert floats([b"1.00000005960464477539062500000001"])[0] == [1.0]


def test_ints_golden():
    texts = [b"0", b"-0", b"007", b"9223372036854775807", b"-9223372036854775807", None, b"0" * 30 + b"1"]
    assert ints(texts) == ([0, 0, 7, 2**63 - 1, -(2**63) + 1, None, 1], [False] * 7)


NOT_FLOATS = [
    b"1_000",
    b"0x10",
    b"+7",
    b" 7",
    b"7 ",
    b" 7 ",
    b"1,5",
    b"nan",
    b"NaN",
    b"inf",
    b"-Infinity",
    b"INF",
    b"",
    b"-",
    b".",
    b"e5",
    b"5e",
    b"5e+",
    b"--5",
    b"1.2.3",
    b"+.5",
    b"1e+5+",
    b"7\n",
    b"\xd9\xa3",
    b"1f",
    b"True",
    b"\xff",
]


@pytest.mark.parametrize("text", NOT_FLOATS)
def test_faults_27_30_not_a_float(text):
    assert floats([b"1", text, None]) == ([1.0, None, None], [False, True, False])


@pytest.mark.parametrize("text", [*NOT_FLOATS, b"7.0", b"1e3", b"5."])
def test_faults_27_30_not_an_int(text):
    assert ints([b"1", text, None]) == ([1, None, None], [False, True, False])


@pytest.mark.parametrize("text", [b"1e39", b"-1e39", b"3.4028236e38", b"1e400", b"9" * 400])
def test_fault_29_out_of_float_range(text):
    assert floats([b"1", text]) == ([1.0, None], [False, True])


@pytest.mark.parametrize(
    "text", [b"9223372036854775808", b"-9223372036854775808", b"-9223372036854775809", b"9" * 5000]
)
def test_fault_29_out_of_int_range(text):
    assert INT_MISSING == -9223372036854775808
    assert ints([b"1", text]) == ([1, None], [False, True])


def test_every_short_text_of_numeral_characters_follows_the_pattern():
    for alphabet, length, pattern, parse in (
        ("03.eE+-", 4, FLOAT_PATTERN, parse_floats),
        ("019-", 5, INT_PATTERN, parse_ints),
    ):
        for n in range(1, length + 1):
            for text in map("".join, itertools.product(alphabet, repeat=n)):
                # One cell a call, so that each takes the fast way if it can.
                accepted = not parse(pa.array([text.encode()]))[1][0]
                assert accepted == (re.fullmatch(pattern, text) is not None), text


def test_a_plus_may_not_borrow_the_e_of_the_cell_before():
    assert floats([b"1e", b"+5", b"2"])[1] == [True, True, False]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.none()
        | st.from_regex(FLOAT_PATTERN, fullmatch=True).filter(str.isascii)
        | st.text("0.eE+-x_ ", max_size=6)
    )
)
def test_fast_and_slow_floats_agree(texts):
    cells = pa.array([t and t.encode() for t in texts], pa.binary())
    fast = parse_floats(cells)
    one = [parse_floats(cells[i : i + 1]) for i in range(len(cells))]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(numerals, "_cast_floats", lambda cells: None)
        slow = parse_floats(cells)
    assert fast[0].equals(slow[0])
    assert fast[1].tolist() == slow[1].tolist() == [bool(bad[0]) for _, bad in one]
    # Arrow calls -0.0 and 0.0 equal.
    assert fast[0].fill_null(0).to_numpy().tobytes() == slow[0].fill_null(0).to_numpy().tobytes()


@settings(max_examples=100, deadline=None)
@given(st.lists(st.none() | st.integers(-(2**64), 2**64).map(str) | st.text("019-+ ", max_size=21)))
def test_fast_and_slow_ints_agree(texts):
    cells = pa.array([t and t.encode() for t in texts], pa.string())
    fast = parse_ints(cells)
    one = [parse_ints(cells[i : i + 1]) for i in range(len(cells))]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(numerals, "_cast_ints", lambda cells: None)
        slow = parse_ints(cells)
    assert fast[0].equals(slow[0])
    assert fast[1].tolist() == slow[1].tolist() == [bool(bad[0]) for _, bad in one]


def test_slices_and_empty_arrays():
    cells = pa.array([b"x", b"1", None, b"2", b"y"], pa.binary())
    assert parse_floats(cells[1:4])[0].to_pylist() == [1.0, None, 2.0]
    assert parse_floats(cells[:0])[0].equals(pa.array([], pa.float32()))
    assert parse_ints(pa.array([None, None], pa.binary()))[0].equals(pa.array([None, None], pa.int64()))
