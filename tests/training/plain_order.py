"""In: rows of each shard, seed and epoch. Out: the order in which training sees the rows, in plain Python, row by row.

What training/dataset.py promises, written a second time and as simply as can be; what TensorFlow's `shuffle` does, with its
generator (Philox 4x32-10, Salmon et al. 2011), is part of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

Row = tuple[int, int]  # number of the shard, and of the row within it


def epoch_order(
    rows: Sequence[int], *, seed: int, epoch: int, buffer: int, open_shards: int = 4
) -> list[Row]:
    """The rows of one epoch."""
    generator = np.random.Generator(np.random.Philox(np.random.SeedSequence([seed % 2**64, epoch])))
    shards = generator.permutation(len(rows)).tolist()
    return list(shuffled(in_turns(shards, rows, open_shards), buffer, int(generator.integers(1, 2**62))))


def in_turns(shards: Sequence[int], rows: Sequence[int], open_shards: int) -> Iterator[Row]:
    """A row from each open shard in turn; a shard that has ended loses its turn, and the next one takes its place."""
    waiting = iter(shards)
    places = [_rows_of(shard, rows) for shard in (next(waiting, None) for _ in range(open_shards))]
    while any(place is not None for place in places):
        for number, place in enumerate(places):
            row = next(place, None) if place is not None else None
            if row is not None:
                yield row
            elif place is not None:
                places[number] = _rows_of(next(waiting, None), rows)


def _rows_of(shard: int | None, rows: Sequence[int]) -> Iterator[Row] | None:
    return None if shard is None else iter([(shard, row) for row in range(rows[shard])])


def shuffled(rows: Iterator[Row], buffer: int, seed: int) -> Iterator[Row]:
    """Each time any one of the rows in the buffer; the first one takes its place, and the next row comes in at the end."""
    # TensorFlow takes seeds modulo the largest int32.
    random, held = philox(key=1, stream=seed % (2**31 - 1)), []
    for row in rows:
        held.append(row)
        if len(held) == buffer:
            yield _draw(held, random)
    while held:
        yield _draw(held, random)


def _draw(held: list[Row], random: Iterator[int]) -> Row:
    place = next(random) % len(held)
    drawn, held[place] = held[place], held[0]
    del held[0]
    return drawn


def philox(key: int, stream: int) -> Iterator[int]:
    """Numbers of 32 bits."""
    block = 0
    while True:
        a, b, c, d = block % 2**32, block >> 32, stream % 2**32, stream >> 32
        low, high = key % 2**32, key >> 32
        for _ in range(10):
            one, other = 0xD2511F53 * a, 0xCD9E8D57 * c
            a, b, c, d = (other >> 32) ^ b ^ low, other % 2**32, (one >> 32) ^ d ^ high, one % 2**32
            low, high = (low + 0x9E3779B9) % 2**32, (high + 0xBB67AE85) % 2**32
        yield from (a, b, c, d)
        block += 1
