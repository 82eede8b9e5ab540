"""In: values as Python has them, and cells of a CSV batch. Out: the raw values that the graph takes, or why not."""

from __future__ import annotations

import base64
import datetime
import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prebake.schemas.errors import DataError
from prebake.schemas.spec_pb2 import BASE64, FILE, FLOAT, INT, STRING, TIME, Column
from prebake.training.row_values import dtype_of_raw, from_arrow, from_python

INT_MISSING = -(2**63)
COLUMNS = {
    "float": Column(name="c", type=FLOAT),
    "int": Column(name="c", type=INT),
    "string": Column(name="c", type=STRING),
    "time": Column(name="c", type=TIME, format="%d.%m.%Y %H:%M"),
    "file": Column(name="c", type=FILE),
    "base64": Column(name="c", type=BASE64),
    "strings": Column(name="c", type=STRING, separators=["|"]),
    "ints": Column(name="c", type=INT, separators=["|"]),
    "pair": Column(name="c", type=FLOAT, separators=[" "], length=2),
    "nested": Column(name="c", type=STRING, separators=["|", " "]),
}
UTC_PLUS_2 = datetime.timezone(datetime.timedelta(hours=2))


@pytest.mark.parametrize(
    ("kind", "value", "raw"),
    [
        ("float", 1, 1.0),
        ("float", "-.5e1", -5.0),
        ("float", np.float32(0.5), 0.5),
        ("int", 2**53 + 1, 2**53 + 1),
        ("int", "-7", -7),
        ("int", np.int64(3), 3),
        ("string", "Köln", "Köln".encode()),
        ("string", 5, b"5"),
        ("string", b"Rome", b"Rome"),
        ("time", "01.02.1970 00:01", 31 * 86400 + 60),
        ("time", datetime.datetime(1970, 1, 2, 0, 0, 1), 86401),
        ("time", datetime.datetime(1969, 12, 31, 23, 59, 59, 500_000), -1),
        ("time", datetime.datetime(1970, 1, 1, 2, tzinfo=UTC_PLUS_2), 0),
        ("time", datetime.date(1970, 1, 3), 2 * 86400),
        ("file", b"\x89PNG", b"\x89PNG"),
        ("base64", base64.b64encode(b"abc").decode(), b"abc"),
        ("strings", "a|b", b"a|b"),
        ("strings", ["a", None, "b"], b"a||b"),
        ("strings", ("a", b"b"), b"a|b"),
        ("strings", [], b""),
        ("ints", [1, None, 3], b"1||3"),
        ("ints", np.array([1, 2]), b"1|2"),
        ("pair", [0.5, 2], b"0.5 2"),
        ("pair", [0.5, math.nan], b"0.5 "),
        ("nested", [["a", "b"], ["c"], []], b"a b|c|"),
    ],
)
def test_values(kind, value, raw):
    found = from_python(value, COLUMNS[kind], ["NA"])
    assert (found, type(found)) == (raw, type(raw))


@pytest.mark.parametrize("missing", [None, "", b"", "NA", math.nan])
def test_missing_values(missing):
    for kind, column in COLUMNS.items():
        found = from_python(missing, column, ["NA"])
        if kind == "float":
            assert math.isnan(found)
        else:
            assert found == (INT_MISSING if kind in ("int", "time") else b"")
        column = Column(name="c", type=column.type, required=True)
        with pytest.raises(ValueError, match=r"^is missing, but required$"):
            from_python(missing, column, ["NA"])


@pytest.mark.parametrize(
    ("kind", "value", "reason"),
    [
        ("float", "1,5", "is not a number that binary32 can hold"),
        ("float", math.inf, "is not a number that binary32 can hold"),
        ("float", 1e39, "is not a number that binary32 can hold"),
        ("float", True, "is not a number that binary32 can hold"),
        ("int", 1.0, "is not a whole number of 64 bits"),
        ("int", 2**63, "is not a whole number of 64 bits"),
        ("int", INT_MISSING, "is not a whole number of 64 bits"),
        ("int", [1], "is a list, and the column holds single values"),
        ("time", "1970-01-01", "is not a time like %d.%m.%Y %H:%M"),
        ("time", "29.02.2023 00:00", "is not a time like %d.%m.%Y %H:%M"),
        ("base64", "a.png", "is neither bytes nor base64"),
        ("file", 5, "is neither bytes nor base64"),
        ("strings", ["a|b", "c"], "has an element with the separator '|' in it"),
        ("nested", [["a b"]], "has an element with the separator ' ' in it"),
        ("strings", [["a"]], "is a list of lists of lists"),
        ("pair", [1], "has 1 values, and the column says 2"),
        ("ints", ["x"], "element 1, 'x', is not an integer: digits with an optional '-', nothing else"),
    ],
)
def test_refused_values(kind, value, reason):
    with pytest.raises(ValueError) as error:  # noqa: PT011 -- the text is asserted
        from_python(value, COLUMNS[kind], [])
    assert str(error.value) == reason


_ELEMENT = st.text("abcü", min_size=1, max_size=3) | st.none()


@given(st.lists(_ELEMENT, max_size=4))
@settings(max_examples=50, deadline=None)
def test_a_list_is_what_its_cell_would_be(elements):
    cell = "|".join("" if one is None else one for one in elements)
    assert from_python(elements, COLUMNS["strings"], []) == from_python(cell, COLUMNS["strings"], [])


@given(st.datetimes(datetime.datetime(1, 1, 1), datetime.datetime(9999, 12, 31)))
@settings(max_examples=50, deadline=None)
def test_a_datetime_is_what_its_text_would_be(moment):
    moment = moment.replace(second=0, microsecond=0)
    text = f"{moment.day:02}.{moment.month:02}.{moment.year:04} {moment.hour:02}:{moment.minute:02}"
    assert from_python(moment, COLUMNS["time"], []) == from_python(text, COLUMNS["time"], [])


def test_cells_of_a_batch(tmp_path):
    csv = str(tmp_path / "a.csv")
    (tmp_path / "x.png").write_bytes(b"pixels")
    floats = from_arrow(pa.array([0.5, None], pa.float32()), COLUMNS["float"], csv)
    assert (floats.dtype, floats[0], math.isnan(floats[1])) == (np.float32, 0.5, True)
    times = from_arrow(pa.array([60, None], pa.int64()), COLUMNS["time"], csv)
    assert (times.dtype, times.tolist()) == (np.int64, [60, INT_MISSING])
    assert from_arrow(pa.array([b"a|b", None]), COLUMNS["strings"], csv).tolist() == [b"a|b", b""]
    assert from_arrow(pa.array([b"YWJj", None]), COLUMNS["base64"], csv).tolist() == [b"abc", b""]
    assert from_arrow(pa.array([b"x.png", None]), COLUMNS["file"], csv).tolist() == [b"pixels", b""]


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("y.png", "cannot be read: No such file or directory"),
        ("/etc/hosts", "names a file outside the folder of the CSV file"),
        ("a/../../b", "names a file outside the folder of the CSV file"),
    ],
)
def test_a_file_that_cannot_be_read(tmp_path, cell, reason):
    csv = str(tmp_path / "a.csv")
    with pytest.raises(DataError) as error:
        from_arrow(pa.array([cell.encode()]), COLUMNS["file"], csv)
    assert str(error.value) == f"{csv}:c '{cell}' {reason}"


def test_dtypes_of_arrays():
    wanted = {"float": np.float32, "int": np.int64, "time": np.int64}
    assert {kind: dtype_of_raw(column) for kind, column in COLUMNS.items()} == {
        kind: wanted.get(kind, object) for kind in COLUMNS
    }
