"""In: a generator. Out: its values in order, one ahead of whoever takes them."""

from __future__ import annotations

import threading

import pytest
from prebake.pipelines.read_ahead import read_ahead


def test_one_ahead_and_no_more():
    made, asked = [], threading.Semaphore(0)

    def values():
        for value in range(4):
            made.append(value)
            asked.release()
            yield value

    with read_ahead(values()) as ahead:
        for value in ahead:
            # Until the next one is there; of the last there is none.
            while len(made) < min(value + 2, 4):
                asked.acquire()
            assert made == list(range(min(value + 2, 4)))
    assert made == [0, 1, 2, 3]


def test_an_error_comes_where_it_belongs():
    def values():
        yield 1
        raise ValueError("two")

    taken = []
    with pytest.raises(ValueError, match="two"), read_ahead(values()) as ahead:
        taken.extend(iter(ahead))
    assert taken == [1]


def test_whoever_stops_early_closes_the_generator():
    closed = []

    def values():
        try:
            yield from range(100)
        finally:
            closed.append(threading.current_thread().name)

    with read_ahead(values()) as ahead:
        assert next(ahead) == 0
    assert len(closed) == 1
    assert closed[0].startswith("read-ahead")
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("read-ahead")] == []


def test_nothing():
    with read_ahead(_ for _ in ()) as ahead:
        assert list(ahead) == []
