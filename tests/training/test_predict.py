"""In: raw rows as CSV files and as dicts. Out: predictions in the order of the rows, or one clear line."""

from __future__ import annotations

import csv
import gzip
import os
import shutil

import numpy as np
import pytest
from prebake.schemas.errors import ArtifactError, DataError
from prebake.training.predict import load, predict_csv
from small_run import make_rows, write_csv

NEEDED = ["income", "rooms", "city", "hours-per-week"]


@pytest.fixture
def predictor(exported_run):
    return load(exported_run[0])


@pytest.fixture
def rows(exported_run) -> list[dict[str, str]]:
    return make_rows(30, exported_run[1])


def assert_equal(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    assert found.keys() == expected.keys()
    for name in found:
        np.testing.assert_array_equal(found[name], expected[name])


def typed(row: dict[str, str]) -> dict[str, object]:
    """As a Python program would hold the row."""
    return {
        "income": None if row["income"] == "?" else float(row["income"]),
        "rooms": None if row["rooms"] == "" else int(row["rooms"]),
        "city": row["city"] or None,
        "hours-per-week": float(row["hours-per-week"]),
    }


def test_file_text_and_numbers_agree(predictor, rows, tmp_path):
    write_csv(tmp_path / "rows.csv", NEEDED, rows)
    from_file = predictor.predict(tmp_path / "rows.csv")
    assert_equal(predictor.predict(rows), from_file)
    assert_equal(predictor.predict([typed(row) for row in rows]), from_file)
    assert all(len(column) == 30 for column in from_file.values())


def test_columns_go_by_name_whatever_else_is_there(predictor, rows, tmp_path):
    write_csv(tmp_path / "rows.csv", NEEDED, rows)
    expected = predictor.predict(str(tmp_path / "rows.csv"))
    for row in rows:
        row["extra"], row["y"] = "x,y", "not a label"
    write_csv(tmp_path / "other.csv", ["y", "extra", *reversed(NEEDED), "note"], rows)
    assert_equal(predictor.predict(str(tmp_path / "other.csv")), expected)
    with open(tmp_path / "other.csv", "rb") as plain, gzip.open(tmp_path / "other.csv.gz", "wb") as packed:
        packed.write(plain.read())
    assert_equal(predictor.predict(str(tmp_path / "other.csv.gz")), expected)


def test_csv_out_has_one_line_per_row_in_order(exported_run, predictor, rows, tmp_path):
    run, kind = exported_run
    write_csv(tmp_path / "rows.csv", NEEDED, rows)
    assert predict_csv(run, str(tmp_path / "rows.csv"), str(tmp_path / "out.csv"), progress=False) == (
        30,
        0,
        [],
    )
    with open(tmp_path / "out.csv", newline="", encoding="utf-8") as file:
        header, *lines = list(csv.reader(file))
    answer = predictor.predict(rows)
    if kind == "regression":
        assert header == ["prediction"]
        np.testing.assert_array_equal(np.array(lines, np.float32)[:, 0], answer["prediction"])
        return
    assert [line[0] for line in lines] == answer["class"].tolist()
    numbers = np.array([line[1:] for line in lines], np.float32)
    if kind == "binary":
        assert header == ["class", "probability"]
        np.testing.assert_array_equal(numbers[:, 0], answer["probability"])
    else:
        assert header == ["class", "probability low", "probability mid", "probability high"]
        np.testing.assert_array_equal(numbers, answer["probabilities"])


def test_blocks_are_joined(predictor, rows, tmp_path, monkeypatch):
    write_csv(tmp_path / "rows.csv", NEEDED, rows)
    whole = predictor.predict(tmp_path / "rows.csv")
    monkeypatch.setattr("prebake.training.raw_rows._BLOCK_BYTES", 200)
    parts = predictor.predict(tmp_path / "rows.csv")
    for name in whole:
        if name != "class":
            np.testing.assert_allclose(parts[name], whole[name], atol=1e-6)


def test_no_rows_give_empty_columns(predictor, tmp_path):
    write_csv(tmp_path / "rows.csv", NEEDED, [])
    assert {name: len(column) for name, column in predictor.predict(tmp_path / "rows.csv").items()} == {
        name: 0 for name in predictor.predict([])
    }
    done = predictor.predict_csv(str(tmp_path / "rows.csv"), str(tmp_path / "out.csv"), progress=False)
    assert done.rows == 0


def test_bad_row_is_one_line_and_leaves_the_old_output(predictor, rows, tmp_path):
    rows[4]["rooms"] = "1.5"
    write_csv(tmp_path / "rows.csv", NEEDED, rows)
    (tmp_path / "out.csv").write_text("old")
    with pytest.raises(DataError) as error:
        predictor.predict_csv(str(tmp_path / "rows.csv"), str(tmp_path / "out.csv"), progress=False)
    assert str(error.value).startswith(f"{tmp_path}/rows.csv:6:rooms '1.5' ")
    assert (tmp_path / "out.csv").read_text() == "old"
    assert sorted(os.listdir(tmp_path)) == ["out.csv", "rows.csv"]


@pytest.mark.fault(51)
def test_an_optional_column_that_is_absent_is_missing(predictor, rows, tmp_path):
    kept = ["income", "rooms", "city", "note"]
    for row in rows:
        row["hours-per-week"] = ""
    write_csv(tmp_path / "whole.csv", [*kept, "hours-per-week"], rows)
    expected = predictor.predict(tmp_path / "whole.csv")
    write_csv(tmp_path / "rows.csv", kept, rows)
    assert_equal(predictor.predict(tmp_path / "rows.csv"), expected)
    assert_equal(predictor.predict([{name: row[name] for name in kept} for row in rows]), expected)
    done = predictor.predict_csv(str(tmp_path / "rows.csv"), str(tmp_path / "out.csv"), progress=False)
    assert done == (30, 0, ["hours-per-week"])


@pytest.mark.fault(20, 51)
def test_a_column_under_another_name_is_not_taken_for_absent(predictor, rows, tmp_path):
    """Else a wrong name would turn the whole column into missing values, and nobody would know."""
    for row in rows:
        row["Hours-per-weak"] = row["hours-per-week"]
    write_csv(tmp_path / "rows.csv", ["income", "rooms", "city", "Hours-per-weak"], rows)
    with pytest.raises(DataError) as error:
        predictor.predict(tmp_path / "rows.csv")
    assert str(error.value) == (
        f"{tmp_path}/rows.csv:1:hours-per-week: the header lacks this column; 'Hours-per-weak' is close: "
        "rename it there or in the spec"
    )
    with pytest.raises(DataError) as error:
        predictor.predict([{"income": 1.0, "rooms": 2, "city": "Rome", "Hours-per-weak": 40}])
    assert str(error.value) == (
        "rows:1:hours-per-week: the row lacks this column; it has 'Hours-per-weak', which is close"
    )


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("income", "1_000", "rows:1:income '1_000' is not a number that binary32 can hold"),
        ("income", float("inf"), "rows:1:income 'inf' is not a number that binary32 can hold"),
        ("income", 1e39, "rows:1:income '1e+39' is not a number that binary32 can hold"),
        ("rooms", 2.0, "rows:1:rooms '2.0' is not a whole number of 64 bits"),
        ("rooms", 2**63, "rows:1:rooms '9223372036854775808' is not a whole number of 64 bits"),
        ("rooms", -(2**63), "rows:1:rooms '-9223372036854775808' is not a whole number of 64 bits"),
    ],
)
def test_bad_value_is_one_line(predictor, rows, column, value, message):
    with pytest.raises(DataError) as error:
        predictor.predict([{**rows[0], column: value}])
    assert str(error.value) == message


def test_file_that_is_not_there_is_one_line(predictor, tmp_path):
    with pytest.raises(DataError) as error:
        predictor.predict(tmp_path / "nowhere.csv")
    assert str(error.value) == f"{tmp_path}/nowhere.csv: cannot be read: No such file or directory"


def test_altered_model_is_refused(exported_run, predictor, tmp_path):
    moved = tmp_path / "model"
    shutil.copytree(predictor.directory, moved)
    with open(moved / "saved_model.pb", "ab") as file:
        file.write(b"x")
    with pytest.raises(ArtifactError, match="saved_model.pb: has .* bytes, the manifest says"):
        load(moved)
