"""Hashed ids never change: they stand in training examples and in exported models."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from prebake.transforms.hashing import PRIME, hash_ids

A1, A2, A3, C = 1_103_515_245, 1_597_334_677, 747_796_405, 1_013_904_223
int64s = st.integers(-(2**63), 2**63 - 1) | st.sampled_from(
    [0, 1, -1, 2**31 - 1, 2**31, -(2**31), 2**53 + 1, 2**62 - 1, 2**62, -(2**62), -(2**63), 2**63 - 1]
)


def hash_ints(numbers: list[int], buckets: int) -> list[int]:
    return hash_ids(tf.constant(numbers, tf.int64), buckets).numpy().tolist()


def by_formula(number: int, buckets: int) -> int:
    """The module docstring's formula in integers of any size."""
    x = number % 2**93
    x0, x1, x2 = x % 2**31, x // 2**31 % 2**31, x // 2**62
    return (A1 * x0 + A2 * x1 + A3 * x2 + C) % PRIME % buckets


def test_the_modulus_is_the_smallest_prime_above_the_limbs():
    def is_prime(number: int) -> bool:
        return all(number % divisor for divisor in range(2, int(number**0.5) + 1))

    assert is_prime(PRIME)
    assert not any(is_prime(number) for number in range(2**31, PRIME))


@settings(max_examples=200, deadline=None)
@given(st.lists(int64s, min_size=1, max_size=20), st.integers(1, 2**31 - 1))
def test_integers_follow_the_formula(numbers, buckets):
    found = hash_ints(numbers, buckets)
    assert found == [by_formula(number, buckets) for number in numbers]
    assert all(0 <= one < buckets for one in found)


def test_ids_of_integers_never_change():
    numbers = [0, 1, -1, 7, 2**31 - 1, 2**31, 2**53 + 1, -(2**53) - 1, 2**63 - 1, -(2**63)]
    assert hash_ints(numbers, 1000) == [223, 468, 820, 302, 237, 241, 371, 917, 449, 253]


def test_ids_of_text_never_change():
    # FarmHash64 is fixed by its published test vectors; the empty text is hashed as any other.
    words = ["", "a", "Bonn", "Köln", "unseen", "a\nb", "a\rb", "x" * 1000]
    assert hash_ids(tf.constant(words), 1000).numpy().tolist() == [263, 939, 189, 2, 50, 67, 786, 64]


def test_the_commonest_integers_do_not_collide():
    numbers = [0, 1, -1, 2**31 - 1, -(2**31), 2**31, 2**32 - 1, 2**63 - 1, -(2**63) + 1, 999, -999]
    assert len(set(hash_ints(numbers, 2**31 - 1))) == len(numbers)


@pytest.mark.parametrize("stride", [1, 1000, 2**31, 2**32, -7])
def test_ids_are_roughly_uniform(stride):
    buckets, rows = 50, 20_000
    ids = hash_ids(tf.range(rows, dtype=tf.int64) * stride, buckets).numpy()
    counts = np.bincount(ids, minlength=buckets)
    assert counts.min() > 0.8 * rows / buckets
    assert counts.max() < 1.2 * rows / buckets


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=20), st.integers(1, 2**31 - 1))
def test_ids_of_text_are_in_range(text, buckets):
    assert 0 <= hash_ids(tf.constant([text]), buckets).numpy()[0] < buckets
