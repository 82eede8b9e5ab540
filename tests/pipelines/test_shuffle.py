"""In: rows cut into Parts in many ways. Out: joined again they are every row once, in the order of their hashes."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from prebake.pipelines.shuffle import Part, cut_into_parts, join_parts, part_schema
from prebake.schemas import identity
from prebake.schemas.identity import shard_of_rows
from prebake.schemas.manifest_pb2 import OUTPUT_FLOAT, OUTPUT_INT64, OutputFeature
from ragged_columns import NUMBERS, lists_of, nested, ragged

SCHEMA = part_schema(
    [OutputFeature(name="row", type=OUTPUT_INT64), OutputFeature(name="half", type=OUTPUT_FLOAT)]
)


def parts_of(file: int, rows: np.ndarray, order: np.ndarray, shard: np.ndarray) -> list[tuple[int, Part]]:
    """One block of a file."""
    columns = {"row": rows, "half": (rows / 2).astype(np.float32)}
    first = int(rows[0]) if len(rows) else 0
    return [
        (one, Part(file, first, count, data))
        for one, count, data in cut_into_parts(columns, order, shard, SCHEMA)
    ]


def test_golden_order():
    """Pinned, so that a change of the hashes, which changes everybody's examples, cannot pass unseen."""
    rows = np.arange(2, 12)
    order = identity.row_hashes(identity.path_key("a.csv", 0), rows, identity.ORDER)
    parts = [part for _, part in parts_of(0, rows, order, np.zeros(10, np.int64))]
    columns, counts = join_parts(parts, SCHEMA)
    assert columns["row"].tolist() == [7, 4, 5, 10, 8, 11, 9, 6, 2, 3]
    assert columns["half"].tolist() == [3.5, 2.0, 2.5, 5.0, 4.0, 5.5, 4.5, 3.0, 1.0, 1.5]
    assert counts == {0: 10}


def test_golden_shards():
    hashes = identity.row_hashes(identity.path_key("a.csv", 0), np.arange(2, 12), identity.SHARD)
    splits = np.array([0, 0, 0, 0, 0, 0, 0, 1, 1, 2], np.int8)
    # Three shards of train are 0 … 2, two of valid 3 and 4, one of test 5.
    train = [1, 2, 1, 1, 2, 2, 2]
    valid = [3 + int(hash_ % np.uint64(2)) for hash_ in hashes[7:9]]
    assert shard_of_rows(hashes, splits, [3, 2, 1]).tolist() == [*train, *valid, 5]


@settings(max_examples=60, deadline=None)
@given(
    cuts=st.lists(st.integers(0, 200), max_size=8),
    shards=st.integers(1, 5),
    shuffled=st.randoms(use_true_random=False),
)
def test_each_row_once_in_hash_order_however_it_is_cut(cuts, shards, shuffled):
    rows = np.arange(200)
    key = identity.path_key("sub/b.csv", 7)
    order = identity.row_hashes(key, rows, identity.ORDER)
    shard = shard_of_rows(identity.row_hashes(key, rows, identity.SHARD), np.zeros(200, np.int8), [shards])
    blocks = np.split(rows, sorted(cuts))
    parts = [part for block in blocks for part in parts_of(3, block, order[block], shard[block])]
    shuffled.shuffle(parts)
    seen = []
    for one in range(shards):
        columns, counts = join_parts([part for to, part in parts if to == one], SCHEMA)
        mine = rows[shard == one]
        assert columns["row"].tolist() == mine[np.argsort(order[mine])].tolist()
        assert columns["half"].tobytes() == (columns["row"] / 2).astype(np.float32).tobytes()
        assert counts == ({3: len(mine)} if len(mine) else {})
        seen.extend(columns["row"].tolist())
    assert sorted(seen) == rows.tolist()


def test_equal_hashes_keep_file_and_record_order():
    same, shard = np.zeros(2, np.uint64), np.zeros(2, np.int64)
    blocks = [(1, [2, 3]), (0, [8, 9]), (0, [4, 5])]
    parts = [part for file, rows in blocks for _, part in parts_of(file, np.array(rows), same, shard)]
    columns, counts = join_parts(parts, SCHEMA)
    assert columns["row"].tolist() == [4, 5, 8, 9, 2, 3]
    assert counts == {0: 4, 1: 2}


def test_many_equal_hashes_keep_record_order():
    rows, same = np.arange(5000), np.repeat(np.array([7, 3], np.uint64), 2500)
    parts = [part for _, part in parts_of(0, rows, same, np.zeros(5000, np.int64))]
    columns, _ = join_parts(parts, SCHEMA)
    assert columns["row"].tolist() == [*range(2500, 5000), *range(2500)]


def test_a_shard_without_rows():
    columns, counts = join_parts([Part(0, 0, 0, b"")], SCHEMA)
    assert {name: len(column) for name, column in columns.items()} == {"half": 0, "row": 0}
    assert counts == {}


ALL_KINDS = part_schema(
    [
        OutputFeature(name="number", type=OUTPUT_FLOAT),
        OutputFeature(name="image", type=OUTPUT_FLOAT, shape=[2, 1, 2]),
        OutputFeature(name="ids", type=OUTPUT_INT64, cardinality=9, shape=[2]),
        OutputFeature(name="list", type=OUTPUT_INT64, cardinality=9, shape=[-1]),
        OutputFeature(name="lists", type=OUTPUT_FLOAT, shape=[-1, -1], sequence=True),
    ]
)


def test_arrow_types():
    assert {name: str(ALL_KINDS.field(name).type) for name in ALL_KINDS.names} == {
        "ids": "fixed_size_list<item: int64>[2]",
        "image": "fixed_size_list<item: float>[4]",
        "list": "large_list<item: int64>",
        "lists": "large_list<item: large_list<item: float>>",
        "number": "float",
        "#order": "uint64",
    }


@settings(max_examples=40, deadline=None)
@given(
    lists=st.lists(lists_of(st.integers(0, 8), 1), min_size=12, max_size=12),
    lists_of_lists=st.lists(lists_of(NUMBERS, 2), min_size=12, max_size=12),
    cuts=st.lists(st.integers(0, 12), max_size=4),
    shards=st.integers(1, 3),
    shuffled=st.randoms(use_true_random=False),
)
def test_vectors_and_lists_stay_with_their_row_however_it_is_cut(
    lists, lists_of_lists, cuts, shards, shuffled
):
    rows = np.arange(12)
    key = identity.path_key("c.csv", 0)
    order = identity.row_hashes(key, rows, identity.ORDER)
    shard = rows % shards
    columns = {
        "number": rows.astype(np.float32),
        "image": np.arange(48, dtype=np.float32).reshape(12, 2, 1, 2),
        "ids": np.stack([rows % 9, rows % 7], axis=1),
        "list": ragged(lists, 1, np.int64),
        "lists": ragged(lists_of_lists, 2, np.float32),
    }
    parts = []
    for block in np.split(rows, sorted(cuts)):
        mine = {
            name: column[block] if isinstance(column, np.ndarray) else column.take(block)
            for name, column in columns.items()
        }
        for one, count, data in cut_into_parts(mine, order[block], shard[block], ALL_KINDS):
            parts.append((one, Part(0, int(block[0]), count, data)))
    shuffled.shuffle(parts)
    for one in range(shards):
        found, _ = join_parts([part for to, part in parts if to == one], ALL_KINDS)
        expected = rows[shard == one][np.argsort(order[shard == one])]
        assert found["number"].tolist() == expected.tolist()
        assert found["image"].tobytes() == columns["image"].reshape(12, 4)[expected].tobytes()
        assert found["image"].shape == (len(expected), 4)
        assert found["ids"].tolist() == columns["ids"][expected].tolist()
        assert nested(found["list"]) == [lists[row] for row in expected]
        assert nested(found["lists"]) == [lists_of_lists[row] for row in expected]


def test_vectors_and_lists_of_a_shard_without_rows():
    columns, _ = join_parts([], ALL_KINDS)
    assert columns["image"].shape == (0, 4)
    assert columns["ids"].dtype == np.int64
    assert nested(columns["list"]) == nested(columns["lists"]) == []
    assert len(columns["lists"].splits) == 2
