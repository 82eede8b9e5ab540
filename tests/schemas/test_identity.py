"""In: paths, record numbers, seeds. Out: proof that hashes never change between versions and are spread."""

from __future__ import annotations

import numpy as np
import pytest
from prebake.schemas.identity import (
    ORDER,
    SAMPLE,
    SHARD,
    SPLIT,
    assign_splits,
    path_key,
    row_hashes,
    value_hashes,
)

# Any change of these moves rows between splits and shards of every run made before it: never change them.
KEY = 9268489807161385397
ROWS = [15763322737941047084, 6226363012722703133, 7779389794209468050]
VALUES = [13866766753615125081, 2855773554225526628, 13866766753615125081]


def test_golden():
    assert path_key("part-0.csv", 42) == KEY
    assert row_hashes(KEY, np.array([1, 2, 3], np.int64), SPLIT).tolist() == ROWS
    assert value_hashes([b"a", b"", b"a"], 42, SPLIT).tolist() == VALUES


def test_row_hashes_by_hand():
    def mix(x):
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        x = (x ^ (x >> 27)) * 0x94D049BB133111EB % 2**64
        return x ^ (x >> 31)

    assert mix(0x9E3779B97F4A7C15) == 0xE220A8397B1DCDAF  # splitmix64's published first output from state 0
    golden, key, row = 0x9E3779B97F4A7C15, path_key("a/b.csv", -1), 10**12
    expected = mix((mix((key + SHARD * golden) % 2**64) + row * golden) % 2**64)
    assert row_hashes(key, np.array([row]), SHARD).tolist() == [expected]


def test_rows_hash_alike_in_any_batch():
    rows = np.arange(1, 1001)
    whole = row_hashes(7, rows, ORDER)
    assert whole.dtype == np.uint64
    assert np.array_equal(whole[::-3], row_hashes(7, rows[::-3], ORDER))
    assert len(set(whole.tolist())) == 1000


def test_paths_seeds_and_streams_differ():
    keys = {path_key(path, seed) for path in ("a.csv", "b.csv", "é.csv") for seed in (0, 1, -(2**63))}
    assert len(keys) == 9
    rows = np.arange(100)
    streams = [row_hashes(1, rows, stream) for stream in (SPLIT, SHARD, ORDER, SAMPLE)]
    assert len(set(np.concatenate(streams).tolist())) == 400
    for one, other in ((SPLIT, SHARD), (SHARD, ORDER)):
        bits = np.unpackbits(
            (row_hashes(1, np.arange(10_000), one) ^ row_hashes(1, np.arange(10_000), other)).view(np.uint8)
        )
        assert abs(bits.mean() - 0.5) < 0.003  # 640,000 bits: 5 standard deviations


def test_group_values_depend_on_seed_and_stream_alone():
    first = value_hashes([b"x", b"y"], 1, SPLIT)
    assert value_hashes([b"y", b"x"], 1, SPLIT).tolist() == first[::-1].tolist()
    assert (
        len(
            {
                *first.tolist(),
                *value_hashes([b"x", b"y"], 2, SPLIT).tolist(),
                *value_hashes([b"x", b"y"], 1, SHARD).tolist(),
            }
        )
        == 6
    )


def test_thresholds_are_exact():
    hashes = np.array([0, 2**63 - 1, 2**63, 3 * 2**62 - 1, 3 * 2**62, 2**64 - 1], np.uint64)
    assert assign_splits(hashes, [0.5, 0.25, 0.25]).tolist() == [0, 0, 1, 1, 2, 2]
    assert assign_splits(hashes, [2, 1, 1]).tolist() == [0, 0, 1, 1, 2, 2]


@pytest.mark.parametrize(("shares", "only"), [((1, 0, 0), 0), ((0, 1, 0), 1), ((0, 0, 1), 2)])
def test_a_share_of_zero_gets_no_row(shares, only):
    hashes = np.array([0, 1, 2**63, 2**64 - 1], np.uint64)
    assert assign_splits(hashes, shares).tolist() == [only] * 4


def test_shares_are_met():
    splits = assign_splits(row_hashes(path_key("x", 0), np.arange(100_000), SPLIT), [0.8, 0.1, 0.1])
    assert splits.dtype == np.int8
    assert np.allclose(
        np.bincount(splits) / 100_000, [0.8, 0.1, 0.1], atol=0.005
    )  # about 4 standard deviations
