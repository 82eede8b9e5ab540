"""In: blocks of typed rows. Out: raw columns without Arrow nulls, and the split of each row for every kind of split."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from google.protobuf import text_format
from prebake.schemas import identity
from prebake.schemas.csv_file import CsvFile, FileBlock
from prebake.schemas.csv_rows import Block
from prebake.schemas.raw_columns import fold_of_rows, raw_column, read_files, read_local, split_of_rows
from prebake.schemas.spec_pb2 import BASE64, STRING, Column, Spec

TYPES = {"float": pa.float32(), "int": pa.int64(), "string": pa.binary()}


def block(columns: dict[str, pa.Array], split: int | None = None, path: str = "a.csv") -> FileBlock:
    batch = pa.record_batch(columns)
    rows = np.arange(2, 2 + batch.num_rows)
    return FileBlock(CsvFile("/data/" + path, path, 1, split), "", Block(batch, rows, [], 0, None, 2))


def spec(split: str, type_: str = "STRING") -> Spec:
    text = f'seed: 5 data {{ columns {{ name: "c" type: {type_} required: true }} split {{ {split} }} }}'
    return text_format.Parse(text, Spec())


def test_missing_values_become_what_the_graph_takes():
    numbers = pa.array([1.5, None, -0.0], pa.float32())
    rows = block(
        {
            "f": numbers,
            "i": pa.array([1, None, 2**62 + 1], pa.int64()),
            "s": pa.array([b"x", None, "ü".encode()], pa.binary()),
        }
    )
    found = {name: raw_column(rows.block.batch, Column(name=name, type=STRING)) for name in ("f", "i", "s")}
    assert found["f"].dtype == np.float32
    assert found["f"].tobytes() == np.array([1.5, np.nan, -0.0], np.float32).tobytes()
    assert found["i"].dtype == np.int64
    assert found["i"].tolist() == [1, -(2**63), 2**62 + 1]
    assert found["s"].tolist() == [b"x", b"", "ü".encode()]


def test_shares_are_those_of_the_rows_hashes():
    rows = block({"c": pa.array([b"x"] * 20_000, pa.binary())})
    found = split_of_rows(rows, spec("train: 0.7 valid: 0.2 test: 0.1"))
    shares = np.bincount(found, minlength=3) / 20_000
    np.testing.assert_allclose(shares, [0.7, 0.2, 0.1], atol=0.01)
    hashes = identity.row_hashes(identity.path_key("a.csv", 5), rows.block.rows, identity.SPLIT)
    expected = np.where(hashes < 0.7 * 2**64, 0, np.where(hashes < 0.9 * 2**64, 1, 2))
    assert found.tolist() == expected.tolist()
    other = split_of_rows(
        block({"c": pa.array([b"x"] * 20_000)}, path="b.csv"), spec("train: 0.7 valid: 0.2 test: 0.1")
    )
    assert (other != found).mean() > 0.3


@pytest.mark.parametrize(
    ("type_", "values"),
    [
        ("STRING", [b"ann", b"bob", b"", b"M\xc3\xbcller"]),
        ("INT", [1, 2, None, -(2**62)]),
        ("FLOAT", [0.1, 2.5, None, -1e30]),
    ],
)
def test_rows_of_a_group_stay_together(type_, values):
    generator = np.random.default_rng(0)
    names = [*values, *([f"g{i}".encode() for i in range(300)] if type_ == "STRING" else range(10, 310))]
    chosen = [names[i] for i in generator.integers(0, len(names), 5000)]
    array = pa.array([None if value == b"" else value for value in chosen], TYPES[type_.lower()])
    wanted = spec('train: 0.5 valid: 0.5 group: "c"', type_)
    found = split_of_rows(block({"c": array}), wanted)
    by_group: dict[object, set[int]] = {}
    for value, split in zip(chosen, found.tolist(), strict=True):
        by_group.setdefault(value, set()).add(split)
    assert all(len(splits) == 1 for splits in by_group.values())
    assert 0.4 < sum(splits == {0} for splits in by_group.values()) / len(by_group) < 0.6
    # In every file, however its rows are cut.
    again = split_of_rows(block({"c": array[100:]}, path="z.csv"), wanted)
    assert again.tolist() == found[100:].tolist()


@pytest.mark.parametrize(
    ("type_", "values", "valid_from", "test_from"),
    [
        ("STRING", [b"2020-12-31", b"2021-01", b"2021-05-31", b"2021-06", b"2021-06-01"], "2021-01", "2021-06"),
        ("INT", [-5, 10, 19, 20, 2**62], "10", "20"),
        ("FLOAT", [0.09, 0.1, 0.19, 0.2, 7.0], "0.1", "0.2"),
    ],
)  # fmt: skip
def test_time(type_, values, valid_from, test_from):
    wanted = spec(f'time {{ column: "c" valid_from: "{valid_from}" test_from: "{test_from}" }}', type_)
    array = pa.array(values, TYPES[type_.lower()])
    assert split_of_rows(block({"c": array}), wanted).tolist() == [0, 1, 1, 2, 2]


def test_files_of_a_split():
    rows = {"c": pa.array([b"x"] * 3)}
    for number in range(3):
        assert split_of_rows(block(rows, split=number), spec("files {}")).tolist() == [number] * 3


def test_base64_cells_become_bytes():
    rows = block({"b": pa.array([b"AAE=", None, b"/+8="], pa.binary())})
    found = raw_column(rows.block.batch, Column(name="b", type=BASE64))
    assert found.tolist() == [b"\x00\x01", b"", b"\xff\xef"]


def test_folds_are_those_of_the_rows_identity():
    rows = block({"c": pa.array([b"x"] * 10_000, pa.binary())})
    found = fold_of_rows(rows, spec("train: 1"))
    assert found.dtype == np.int64
    assert found.min() >= 0
    np.testing.assert_allclose(np.bincount(found % 5) / 10_000, [0.2] * 5, atol=0.02)
    hashes = identity.row_hashes(identity.path_key("a.csv", 5), rows.block.rows, identity.FOLD)
    assert found.tolist() == (hashes // np.uint64(2)).tolist()


@pytest.mark.fault(55)
def test_files_that_cells_name(tmp_path):
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a.png").write_bytes(b"\x89PNG")
    (tmp_path / "secret").write_bytes(b"secret")
    file = CsvFile(str(tmp_path / "data" / "a.csv"), "data/a.csv", 1, None)
    cells = [b"pictures/a.png", b"", b"pictures/b.png", b"../secret", b"/etc/hosts", b"pictures/a.png"]
    contents, faults = read_files(np.array(cells, object), file, read_local)
    assert contents.tolist() == [b"\x89PNG", b"", b"", b"", b"", b"\x89PNG"]
    assert [(place, reason.split(":")[0]) for place, reason in faults] == [
        (2, "names a file that cannot be read"),
        (3, "names a file outside the folder of the CSV files"),
        (4, "names a file outside the folder of the CSV files"),
    ]
