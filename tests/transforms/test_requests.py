"""A row that the reader takes from a file is taken from a request, with the same bits; what one refuses the other does."""

from __future__ import annotations

import base64
import csv
import io
import math
import re

import pytest
import tensorflow as tf
from hand_made import INT_MISSING, bits, make_graph
from hypothesis import example, given, settings
from hypothesis import strategies as st
from prebake.schemas.csv_layout import read_layout
from prebake.schemas.csv_rows import read_block, whole_records
from prebake.schemas.errors import DataError
from prebake.schemas.raw_columns import unequal_lists
from prebake.schemas.spec_pb2 import BASE64, TIME, Data
from prebake.transforms.missing import flush
from prebake.transforms.refuse import refusal
from prebake.transforms.serving_input import RequestReader

COLUMNS = """{
  x: {type: float, min: -1, max: 1.0e+30}, z: {type: float, min: 0, required: true}, v: {type: float, values: ['0', '0.1']},
  n: {type: int, min: -5.5, max: 2.0e+18}, m: {type: int, values: ['1', '007']}, s: {type: string, values: [a, 'é']},
  r: {type: string, required: true}, t: {type: time, format: '%Y-%m-%dT%H:%M:%S.%f%z', required: true},
  u: {type: time, format: milliseconds}, d: {type: time, format: '%d.%m.%Y', values: ['29.02.2024', '01.01.1999']},
  skipped: ignore, l: {type: float, separators: '|', length: 2, min: 0},
  k: {type: int, separators: ['|', ' '], length: 2}, w: {type: string, separators: ';', values: [a, b], required: true},
  tags: {type: string, separators: '|'}, weights: {type: float, separators: '|'}, b: base64, y: string}"""
FEATURES = """\
tags: {hash: 5, value_weights: weights}
packed: {column: b, tensor: {shape: [1]}}
""" + "".join(
    f"f_{name}: {{column: {name}, {transform}}}\n"
    for name, transform in {
        "x": "as_is: {}", "z": "as_is: {}", "v": "as_is: {}", "n": "as_is: {}", "m": "as_is: {}", "s": "hash: 3",
        "r": "hash: 3", "t": "time_part: hour", "u": "time_part: hour", "d": "time_part: month", "l": "as_is: {}",
        "k": "hash: 7", "w": "hash: 3",
    }.items()
)  # fmt: skip
NUMBERS = st.sampled_from(
    [
        "0", "-0", "0.1", "7", "7.0", "-1", "1", "-1.0000001", "1e30", "2e30",
        "1e39", "-1e39", "nan", "inf", "+7", " 7", "0x1",
        "1_0", "1e-46", "-1e-40", "1e-40", "1.2e-38", "-1.2e-38", "00", ".", "5.", "1e", "2000000000000000000", "-5", "-6",
        "2000000000000000001", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "16777217", "",
        "NA", "001", "1,5", "é",
    ]
)  # fmt: skip
TENSOR = base64.b64encode(tf.io.serialize_tensor(tf.constant([1.0])).numpy()).decode()
# What most cells of a row must be for the others to matter.
GOOD = {
    "x": "0.5", "z": "0", "v": "0.1", "n": "2", "m": "7", "s": "a", "r": "any, \"text\"", "t": "2024-02-29T23:59:59.5+01:00",
    "u": "-1", "d": "29.02.2024", "skipped": "?", "l": "1|0", "k": "1 2|3 4", "w": "a;b", "tags": "a|b", "weights": "1|2",
    "b": TENSOR,
}  # fmt: skip
CELLS = {
    "r": st.text(max_size=4) | st.sampled_from(["", "NA", " ", 'a"b', "a\nb", "a\r\nb", "\r", "\ufeff", "a" * 250]),
    "s": st.sampled_from(["a", "é", "", "NA", "e\u0301", "A", " a"]),
    "t": st.sampled_from(
        [
            "2024-02-29T00:00:00.123456789Z", "2023-02-29T00:00:00.1Z", "2024-02-29T00:00:00Z",
            "0001-01-01T00:00:00.0+00:01",
            "9999-12-31T23:59:59.0-00:01", "0001-01-01T00:00:00.0Z", "", "NA", "2024-02-29T24:00:00.0Z",
            "2024-02-29T00:00:00.1234567890Z", "2024-02-29T00:00:00.1+1:00",
        ]
    ),
    "u": NUMBERS | st.sampled_from(["253402300799999", "253402300800000", "-62135596800000", "-62135596800001"]),
    "d": st.sampled_from(["29.02.2024", "01.01.1999", "02.01.1999", "29.02.2023", "", "1.1.1999"]),
    "l": st.lists(NUMBERS, max_size=3).map("|".join),
    "k": st.lists(st.lists(NUMBERS, max_size=3).map(" ".join), max_size=3).map("|".join),
    "w": st.lists(st.sampled_from(["a", "b", "c", "", "é"]), max_size=3).map(";".join),
    "tags": st.lists(st.sampled_from(["a", "b", ""]), max_size=3).map("|".join),
    "weights": st.lists(st.sampled_from(["1", "0.5", "", "x"]), max_size=3).map("|".join),
    # What decodes must be a tensor.
    "b": st.sampled_from([TENSOR, "", "NA", "Y", "YQ", TENSOR[:-1], "YQ=", "====", "Y-_=", TENSOR + " ", TENSOR + TENSOR]),
    "skipped": st.text(max_size=3),
}  # fmt: skip
HEADER = list(GOOD)


@st.composite
def rows(draw) -> dict[str, str]:
    wrong = draw(st.sets(st.sampled_from(HEADER), max_size=3))
    return GOOD | {name: draw(CELLS.get(name, NUMBERS)) for name in sorted(wrong)}


@st.composite
def records(draw) -> bytes:
    """A row as a careful writer writes it, or as a careless one; or one that was damaged."""
    row = draw(rows())
    if draw(st.booleans()):
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="").writerow([row[name] for name in HEADER])
        record = text.getvalue().encode(errors="replace")
    else:
        record = ",".join(row[name] for name in HEADER).encode(errors="replace")
    if draw(st.integers(0, 3)) == 0:
        place = draw(st.integers(0, len(record)))
        harm = draw(
            st.sampled_from([b"\0", b"\xff", b'"', b",", b"\r", b"\n", b"\xed\xa0\x80", b"\xe2\x82", b'"x'])
        )
        record = record[:place] + harm + record[place + draw(st.integers(0, 2)) :]
    return record


@pytest.fixture(scope="module")
def graph():
    return make_graph(FEATURES, columns=COLUMNS, dialect="{null_tokens: ['NA']}")


@pytest.fixture(scope="module")
def readers(graph) -> dict[bool, RequestReader]:
    return {mark: RequestReader(graph, mark) for mark in (False, True)}


@pytest.fixture(scope="module")
def lines(readers) -> dict[bool, tf.types.experimental.GenericFunction]:
    signature = [tf.TensorSpec([None], tf.string)]
    return {
        mark: tf.function(reader.read_csv_lines, input_signature=signature, autograph=False)
        for mark, reader in readers.items()
    }


@pytest.fixture(scope="module")
def columns(graph, readers) -> dict[bool, tf.types.experimental.GenericFunction]:
    return {
        mark: tf.function(reader.read_columns, input_signature=[dict(graph.raw_spec)], autograph=False)
        for mark, reader in readers.items()
    }


def from_file(graph, record: bytes) -> tuple[dict[str, list] | None, str | None]:
    """What the reader makes of a file with this record alone: raw values, or the fault as a request tells it."""
    data = Data()
    data.CopyFrom(graph.spec.data)
    used = {*graph.raw_spec, "skipped"}
    kept = [column for column in data.columns if column.name in used]
    del data.columns[:]
    data.columns.extend(kept)
    data.label.Clear()
    head = ",".join(HEADER).encode() + b"\n"
    layout = read_layout(head, "f", data)
    try:
        blocks = [
            read_block(block, row, layout, "f", ends)
            for block, row, ends in whole_records(io.BytesIO(record), 1 << 20, 2, layout, "f")
        ]
        if len(blocks) != 1 or len(blocks[0].rows) + len(blocks[0].errors) != 1:
            return None, None
        (block,) = blocks
        (error,) = block.errors or [None]
    except DataError as fault:
        error = fault
    if error is not None:
        return None, told(error)
    by_name = {column.name: column for column in kept}
    if len(unequal_lists(block.batch, by_name["tags"], by_name["weights"])):
        return None, "column 'weights': has not one weight for each value of 'tags'"
    raw = {}
    for name, spec in graph.raw_spec.items():
        missing = {tf.float32: math.nan, tf.int64: INT_MISSING}.get(spec.dtype, b"")
        value = block.batch.column(name)[0].as_py()
        value = missing if value is None else value
        raw[name] = base64.b64decode(value) if by_name[name].type == BASE64 else value
    return raw, None


def told(error: DataError) -> str:
    """The reader shows bad bytes in another way."""
    place = f"column '{error.column}'" if error.column else ""
    if error.value is not None and "\\x" in error.value:
        return "bytes: " + error.reason
    return str(DataError(place, None, None, error.value, error.reason)).strip()


def same(found: str, expected: str) -> bool:
    if expected.startswith("bytes: "):
        return found.endswith(expected.removeprefix("bytes: "))
    return found == expected


def as_used(value) -> list:
    """Numbers below the smallest normal one are 0 to the transforms."""
    return bits(flush(tf.constant([value], tf.float32))) if isinstance(value, float) else [value]


def item(x: tf.Tensor) -> float | int | bytes:
    return x.numpy() if x.dtype == tf.string else x.numpy().item()


@pytest.mark.fault(7, 8, 21, 23, 24, 27, 28, 29, 30, 50, 51, 52, 54)
@settings(max_examples=60, deadline=None)
@given(st.lists(records(), min_size=1, max_size=6))
@example([b""])
@example([b"\r"])
@example([b'"' + b",".join([b"1"] * 17)])
def test_a_line_is_what_the_reader_makes_of_its_record(graph, lines, batch):
    raw, errors = lines[True](tf.constant(batch))
    for place, record in enumerate(batch):
        values, fault = from_file(graph, record)
        error = errors[place].numpy().decode()
        if fault is None and values is None:
            # Blank lines, which a file may have, and two records: no request is that.
            assert error, record
        elif fault is not None:
            assert same(error, fault), record
        else:
            assert error == "", record
            for name, value in values.items():
                assert as_used(item(raw[name][place])) == as_used(value)
    faults = [(number, text.decode()) for number, text in enumerate(errors.numpy(), 1) if text]
    if not faults:
        whole, none = lines[False](tf.constant(batch))
        assert none is None
        assert all(bits(whole[name].numpy()) == bits(raw[name].numpy()) for name in raw)
        return
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        lines[False](tf.constant(batch))
    message = "; ".join(f"row {number}: {text}" for number, text in faults[:3])
    more = f"; and {len(faults) - 3} more rows" if len(faults) > 3 else ""
    assert refusal(caught.value) == message + more


# What only a program can send, and what no CSV cell can be.
TYPED = {
    tf.float32: st.sampled_from([0.0, -0.0, 0.1, 7.0, 1.5, -1.0, 1e30, 2e30, math.inf, -math.inf, math.nan, 1e-40, -1e-40]),
    tf.int64: st.sampled_from([INT_MISSING, INT_MISSING + 1, -6, -5, 1, 7, 2 * 10**18, 2 * 10**18 + 1, 2**63 - 1]),
    tf.string: st.sampled_from([b"", b"a", b"NA", "é".encode(), b"\xff", b"a\0", b"a|b", b"1|2", b"1", b"x|1", b"1 2|3 4"]),
}  # fmt: skip


def cell(value, column) -> str | None:
    """How a file would hold the value; None: it cannot."""
    if isinstance(value, float):
        return "" if math.isnan(value) else repr(value) if math.isfinite(value) else "1e39"
    if isinstance(value, int):
        if column.type == TIME and value != INT_MISSING:
            return None
        return "" if value == INT_MISSING else str(value)
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None


@pytest.mark.fault(27, 28, 29, 50, 51)
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_column_is_what_the_reader_makes_of_its_cell(graph, columns, data):
    by_name = {column.name: column for column in graph.spec.data.columns}
    name = data.draw(st.sampled_from([name for name in graph.raw_spec if by_name[name].type != BASE64]))
    column, dtype = by_name[name], graph.raw_spec[name].dtype
    values = data.draw(st.lists(TYPED[dtype], min_size=1, max_size=5))
    good, _ = from_file(graph, record_of(GOOD))
    raw = {key: tf.constant([value] * len(values), graph.raw_spec[key].dtype) for key, value in good.items()}
    found, errors = columns[True](raw | {name: tf.constant(values, dtype)})
    for value, error, used in zip(values, errors.numpy(), found[name], strict=True):
        text = cell(value, column)
        if text is None or "\0" in text:
            assert error if dtype == tf.string else True
            continue
        expected, fault = from_file(graph, record_of(GOOD | {name: text}))
        # The value is shown as the program sent it: what is the same is the column and the reason.
        assert bool(error) == (expected is None), (value, error, fault)
        if expected is None:
            by_column = re.compile("column '.*?'")
            assert by_column.match(error.decode())[0] == by_column.match(fault)[0]
            assert error.decode().rpartition("' ")[2] == fault.rpartition("' ")[2]
        else:
            assert as_used(item(used)) == as_used(expected[name])


def record_of(row: dict[str, str]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="").writerow([row[name] for name in HEADER])
    return text.getvalue().encode()


REFUSED = [
    ("x", [math.inf], "column 'x' 'inf' is out of the range of a 32-bit float"),
    ("x", [-2.0], "column 'x' '-2' is below the minimum -1"),
    ("z", [math.nan], "column 'z': is missing, but the column needs a value in every row"),
    ("v", [0.25], "column 'v' '0.25' is not one of the allowed values 0, 0.1"),
    ("n", [-6], "column 'n' '-6' is below the minimum -5.5"),
    ("m", [2], "column 'm' '2' is not one of the allowed values 1, 007"),
    ("s", [b"b"], "column 's' 'b' is not one of the allowed values a, é"),
    ("r", [b""], "column 'r': is missing, but the column needs a value in every row"),
    ("r", [b"NA"], "column 'r': is missing, but the column needs a value in every row"),
    ("r", [b"ab\xffc"], "column 'r' 'ab\ufffdc' is not UTF-8: byte 0xFF at byte 2"),
    ("r", ["é\0".encode()], "column 'r' 'é\\0' has a NUL character at byte 2"),
    ("t", [2**60], "column 't' '1152921504606846976' is outside the years 1 to 9999"),
    ("d", [0], "column 'd' '0' is not one of the allowed values 29.02.2024, 01.01.1999"),
    ("l", [b"1"], "column 'l' '1' has 1 values, and the column says 2"),
    ("l", [b"1|-1"], "column 'l' '1|-1' element 2, '-1', is below the minimum 0"),
    ("k", [b"1 2|3"], "column 'k' '1 2|3' has 1 values, and the column says 2"),
    (
        "k",
        [b"1 2|3 4_"],
        "column 'k' '1 2|3 4_' element 4, '4_', is not an integer: digits with an optional '-', nothing else",
    ),
    ("w", [b"a;c"], "column 'w' 'a;c' element 2, 'c', is not one of the allowed values a, b"),
    ("weights", [b"1"], "column 'weights': has not one weight for each value of 'tags'"),
]  # fmt: skip


@pytest.mark.fault(27, 29, 51)
@pytest.mark.parametrize(("name", "values", "message"), REFUSED)
def test_a_bad_column_is_named_with_its_value(graph, columns, name, values, message):
    good, _ = from_file(graph, record_of(GOOD))
    raw = {key: tf.constant([value], graph.raw_spec[key].dtype) for key, value in good.items()}
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        columns[False](raw | {name: tf.constant(values, graph.raw_spec[name].dtype)})
    assert refusal(caught.value) == f"row 1: {message}"


def test_an_optional_column_may_be_absent(graph, columns):
    good, _ = from_file(graph, record_of(GOOD))
    raw = {key: tf.constant([value] * 2, graph.raw_spec[key].dtype) for key, value in good.items()}
    optional = ["x", "v", "n", "m", "s", "u", "d", "l", "k", "tags", "weights", "b"]
    absent = raw | {name: tf.constant([], raw[name].dtype) for name in optional}
    missing = {tf.float32: math.nan, tf.int64: INT_MISSING, tf.string: b""}
    for found, errors in (columns[False](absent), columns[True](absent)):
        assert errors is None or errors.numpy().tolist() == [b"", b""]
        for name, x in found.items():
            expected = [missing[x.dtype]] * 2 if name in optional else raw[name].numpy()
            assert bits(x.numpy()) == bits(tf.constant(expected, x.dtype).numpy())


def test_a_bad_file_is_marked_and_named(graph, readers):
    good, _ = from_file(graph, record_of(GOOD))
    raw = {key: tf.constant([value] * 3, graph.raw_spec[key].dtype) for key, value in good.items()}
    files = [good["b"], b"no tensor", tf.io.serialize_tensor(tf.constant([1.0, 2.0])).numpy()]
    found, errors = tf.function(readers[True].read_columns, autograph=False)(raw | {"b": tf.constant(files)})
    why = "column 'b': is not a serialised float32 tensor of shape [1] with finite numbers"
    assert [error.decode() for error in errors.numpy()] == ["", why, why]
    assert found["b"].numpy().tolist() == [good["b"], b"", b""]


def example_of(**columns) -> bytes:
    row = tf.train.Example()
    for name, values in columns.items():
        for value in values:
            lists = row.features.feature[name]
            kind = {bytes: lists.bytes_list, int: lists.int64_list, float: lists.float_list}[type(value)]
            kind.value.append(value)
    return row.SerializeToString()


@pytest.mark.fault(51)
def test_examples_that_are_none_are_marked_and_named(graph, readers):
    good, _ = from_file(graph, record_of(GOOD))
    row = {name: [value] for name, value in good.items()}
    sent = [
        (row, ""),
        ({name: row[name] for name in ("z", "r", "t", "w")}, ""),
        (row | {"n": [1.0]}, "column 'n': is not one int64 value in the tf.Example"),
        (row | {"s": [b"a", b"a"]}, "column 's': is not one bytes value in the tf.Example"),
        (row | {"n": [-6]}, "column 'n' '-6' is below the minimum -5.5"),
        ({}, "column 'z': is missing, but the column needs a value in every row"),
    ]
    serialized = [example_of(**columns) for columns, _ in sent] + [b"no Example"]
    expected = [error for _, error in sent] + ["is not a serialised tf.Example"]
    serve = tf.function(readers[True].read_examples, autograph=False)
    found, errors = serve(tf.constant(serialized))
    assert [error.decode() for error in errors.numpy()] == expected
    alone, none = serve(tf.constant(serialized[:2]))
    assert none.numpy().tolist() == [b"", b""]
    for name, values in alone.items():
        assert bits(found[name].numpy())[:2] == bits(values.numpy())
        assert bits(values.numpy()[:1]) == bits(tf.constant(row[name], values.dtype).numpy())
    # A column that is absent is missing.
    assert math.isnan(alone["x"].numpy()[1])
    assert alone["n"].numpy()[1] == INT_MISSING
    assert alone["s"].numpy()[1] == b""
    # Without marks TensorFlow's own error names the column.
    for place, name in ((2, "n"), (3, "s")):
        with pytest.raises(tf.errors.InvalidArgumentError, match=f"Key: {name}, Index: 0"):
            readers[False].read_examples(tf.constant(serialized[place : place + 1]))


def test_a_line_of_very_many_fields():
    names = [f"c{number}" for number in range(1200)]
    spec = ", ".join(f"{name}: float" for name in names)
    graph = make_graph("c7: {as_is: {}}", columns=f"{{{spec}, y: string}}")
    serve = tf.function(RequestReader(graph, mark=True).read_csv_lines, autograph=False)
    line = ",".join(str(number) for number in range(1200))
    raw, errors = serve(tf.constant([line, line + ",", line.partition(",")[2], line.replace("11", "1\0")]))
    assert raw["c7"].numpy()[0] == 7
    assert [error.decode().rpartition("' ")[2] for error in errors.numpy()] == [
        "",
        "has 1201 fields, expected 1200: check its delimiters and quotes",
        "has 1199 fields, expected 1200: check its delimiters and quotes",
        "has a NUL character at byte 24 of the row",
    ]
