"""A device's way to divide and to look up integers gives what the host's gives."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st
from prebake.transforms.categorical import TokenTable
from prebake.transforms.device import IntegerSearch, floordiv, on_device, wide, widen

int64s = st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 3)


@settings(max_examples=200, deadline=None)
@given(st.integers(-(2**30), 2**30 - 1), st.integers(1, 150_000), st.integers(0, 149_999))
@example(-(2**30), 86_400, 0)
@example(2**30 - 1, 86_400, 86_399)
@example(-1, 60, 59)
def test_division_on_a_device(quotient, divisor, remainder):
    x = quotient * divisor + remainder % divisor
    with on_device():
        assert floordiv(tf.constant([x], tf.int64), divisor).numpy().tolist() == [quotient]
    assert floordiv(tf.constant([x], tf.int64), divisor).numpy().tolist() == [quotient]


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(int64s, st.integers(-1, 2**40), min_size=1, max_size=20), st.lists(int64s, max_size=10)
)
@example({2**63 - 1: 7, -(2**63): 5}, [0, 2**63 - 2])
@example({2**53: 0, 2**53 + 1: 1}, [2**53 + 2])
@example(dict.fromkeys(range(16), 3), [16, -1])
def test_integers_are_found_as_in_a_dictionary(places, others):
    search = IntegerSearch(list(places), list(places.values()))
    asked = [*places, *others]
    found = search(tf.constant(asked, tf.int64)).numpy().tolist()
    assert found == [places.get(x, -1) for x in asked]


@pytest.mark.parametrize("oov_buckets", [0, 1, 5])
@pytest.mark.parametrize(
    "tokens", [[], [b"5"], [b"3", b"-9223372036854775807", b"7", b"9223372036854775807"]]
)
def test_a_table_of_integers_gives_the_same_ids(tokens, oov_buckets):
    x = tf.constant([[3, 7], [-(2**63) + 1, 2**63 - 1], [5, 0]], tf.int64)
    table = TokenTable(tokens, tf.int64, oov_buckets)
    with on_device():
        search = TokenTable(tokens, tf.int64, oov_buckets)
    assert (search(x).numpy() == table(x).numpy()).all()


def test_constants_of_a_device_are_finite_and_normal():
    exact = np.array([1e300, -1e300, 1e-300, -1e-300, 0, 0.1])
    assert wide(exact).numpy().tolist() == exact.tolist()
    with on_device():
        narrow = wide(exact).numpy()
    info = np.finfo(np.float32)
    assert narrow.tolist() == [info.max, info.min, info.tiny, -info.tiny, 0, np.float32(0.1)]


def test_it_ends_with_its_block_and_with_an_error():
    x = tf.constant([1.0])
    with on_device():
        assert widen(x).dtype == tf.float32
    assert widen(x).dtype == tf.float64
    with pytest.raises(ZeroDivisionError), on_device():
        _ = 1 // 0
    assert widen(x).dtype == tf.float64
