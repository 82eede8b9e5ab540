"""In: an iterator. Out: the same values, each made in a thread while the one before it is worked on."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


@contextlib.contextmanager
def read_ahead(values: Generator[T, None, None]) -> Iterator[Iterator[T]]:
    """Within the block, an iterator over `values`, never more than one ahead.

    Worth it where making a value leaves Python free meanwhile, as Arrow's CSV reader and its casts do.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="read-ahead") as executor:
        try:
            yield _one_ahead(values, executor)
        finally:
            # After the last value that is being made: a generator cannot be closed while it runs.
            executor.submit(values.close)


def _one_ahead(values: Iterator[T], executor: ThreadPoolExecutor) -> Iterator[T]:
    ended = object()
    following = executor.submit(next, values, ended)
    while (value := following.result()) is not ended:
        following = executor.submit(next, values, ended)
        yield value  # type: ignore[misc]  # mypy does not see that it is not `ended`
