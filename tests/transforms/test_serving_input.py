"""A cell means the same in a request and in a training file, or both refuse it."""

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
from hand_made import INT_MISSING, bits, make_graph
from hypothesis import example, given, settings
from hypothesis import strategies as st
from prebake.schemas.cell_reasons import FORM, OUT_OF_RANGE
from prebake.schemas.numerals import parse_floats, parse_ints
from prebake.schemas.spec_pb2 import FLOAT, INT
from prebake.transforms.missing import to_float
from prebake.transforms.refuse import refusal
from prebake.transforms.serving_input import RequestReader, csv_columns

COLUMNS = "{x: float, skipped: ignore, n: int, unused: float, s: string, y: string}"
FEATURES = "x: as_is\nn: {buckets: {boundaries: [0]}}\ns: {hash: 9}"
# Near the edges of int64 and of binary32, and what other parsers take for numbers.
CASES = [
    "1_000", "0x10", "+7", " 7 ", "7 ", "1,5", "nan", "NaN", "inf", "-inf", "Infinity", "1e39", "-1e39", "1e400",
    "1e-400", "1e-46", "3.4028235677973366e38", "3.4028235677973365e38", "9223372036854775807", "9223372036854775808",
    "-9223372036854775807", "-9223372036854775808", "-9223372036854775809", "0009223372036854775807", "00", "-0", "-",
    ".", ".5", "5.", "-.5e1", "1e", "1e+", "e5", "1.2.3", "--1", "1-", "1e5e5", "9" * 18, "9" * 19, "1" + "0" * 19,
    "1" * 400, "0." + "0" * 400 + "1e400", "1\n", "1\0", "٣", "1f", "0.1", "16777217", "0.30000000000000004",
    "1.00000005960464477539062501",
    "1e-40", "-1e-40", "1.17549435e-38", "1.1754942e-38", "9" * 38, "2.2250738585072011e-308",
]  # fmt: skip


def examples(function):
    for case in CASES:
        function = example(case)(function)
    return function


@pytest.fixture(scope="module")
def graph():
    return make_graph(FEATURES, columns=COLUMNS, dialect="{null_tokens: ['NA', '-1']}")


@pytest.fixture(scope="module")
def one_cell():
    """The value of one cell of a column, or the column that the error names if the graph refuses it."""
    reader = RequestReader(
        make_graph("x: as_is\nn: {buckets: {boundaries: [0]}}", columns="{x: float, n: int, y: string}")
    )

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string), tf.TensorSpec([None], tf.string)])
    def parse(x, n):
        return reader.read_cells({"x": x, "n": n})[0]

    def value(column: str, text: str):
        cells = {"x": tf.constant(["0"]), "n": tf.constant(["0"]), column: tf.constant([text])}
        try:
            return as_used(parse(**cells)[column])
        except tf.errors.InvalidArgumentError as error:
            return plain(error).partition("column '")[2][:1]

    return value


def as_used(values):
    """The first value as the transforms take it: numbers below the smallest normal one are 0."""
    x = tf.constant(values)
    return bits(to_float(x) if x.dtype == tf.float32 else x)[0]


texts = st.text("0123456789.-+eE xX_nainf,", min_size=1, max_size=24) | st.from_regex(
    r"\A-?[0-9]{1,20}(\.[0-9]{0,12})?(e-?[0-9]{1,3})?\Z"
)


@pytest.mark.fault(29, 30)
@settings(max_examples=400, deadline=None)
@given(texts)
@examples
def test_floats_as_the_reader_reads_them(one_cell, text):
    values, bad = parse_floats(pa.array([text.encode()], pa.binary()))
    expected = "x" if bad[0] else as_used(values.to_numpy())
    assert one_cell("x", text) == expected


@pytest.mark.fault(29, 30)
@settings(max_examples=400, deadline=None)
@given(texts | st.integers(-(2**65), 2**65).map(str) | st.integers(2**63 - 30, 2**63 + 30).map(str))
@examples
def test_integers_as_the_reader_reads_them(one_cell, text):
    values, bad = parse_ints(pa.array([text.encode()], pa.binary()))
    expected = "n" if bad[0] else values.to_pylist()[0]
    assert one_cell("n", text) == expected


def cells(x=("1",), n=("2",), s=("c",)) -> dict[str, tf.Tensor]:
    return {"x": tf.constant(x), "n": tf.constant(n), "s": tf.constant(s)}


@pytest.mark.fault(30, 51)
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"x": ["1e39"]}, f"row 1: column 'x' '1e39' {OUT_OF_RANGE[FLOAT]}"),
        ({"x": ["1", "+7"]}, f"row 2: column 'x' '+7' {FORM[FLOAT]}"),
        ({"n": ["2", "1.0"]}, f"row 2: column 'n' '1.0' {FORM[INT]}"),
        ({"n": ["9223372036854775808"]}, f"row 1: column 'n' '9223372036854775808' {OUT_OF_RANGE[INT]}"),
        ({"n": ["-9223372036854775808"]}, f"row 1: column 'n' '-9223372036854775808' {OUT_OF_RANGE[INT]}"),
        (
            {"n": [f"{i}_" for i in range(5)]},
            "; ".join(f"row {i + 1}: column 'n' '{i}_' {FORM[INT]}" for i in range(3)) + "; and 2 more rows",
        ),
        # The first faulty column of each row.
        (
            {"n": ["NA", "x"], "x": ["+7", "NA"]},
            f"row 1: column 'x' '+7' {FORM[FLOAT]}; row 2: column 'n' 'x' {FORM[INT]}",
        ),
    ],
)
@pytest.mark.parametrize("traced", [False, True])
def test_a_wrong_cell_names_its_column_and_value(graph, wrong, message, traced):
    rows = len(next(iter(wrong.values())))
    given_cells = cells(**({"x": ["1"] * rows, "n": ["2"] * rows, "s": ["c"] * rows} | wrong))
    reader = RequestReader(graph)
    parse = tf.function(reader.read_cells, autograph=False) if traced else reader.read_cells
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        parse(given_cells)
    assert message in plain(caught.value)
    assert refusal(caught.value) == message


def plain(error: tf.errors.OpError) -> str:
    return error.message.replace("\\'", "'")


@pytest.mark.fault(28)
def test_missing_cells(graph):
    raw, error = RequestReader(graph).read_cells(
        cells(["", "NA", "-1", "1"], ["", "NA", "-1", "-10"], ["", "NA", "-1", "na"])
    )
    assert error is None
    assert bits(raw["x"]) == bits(np.array([np.nan, np.nan, np.nan, 1], np.float32))
    assert raw["n"].numpy().tolist() == [INT_MISSING] * 3 + [-10]
    assert raw["s"].numpy().tolist() == [b"", b"", b"", b"na"]


def test_a_line_holds_every_column_but_label_and_weight():
    graph = make_graph("x: as_is", columns="{y: string, w: float, x: float, a: ignore, b: int}")
    assert [column.name for column in csv_columns(graph.spec)] == ["w", "x", "a", "b"]
    graph.spec.data.weight = "w"
    assert [column.name for column in csv_columns(graph.spec)] == ["x", "a", "b"]


@pytest.mark.parametrize(
    ("line", "x", "n", "s"),
    [
        ("1.5,?,2,?,Bonn", 1.5, 2, b"Bonn"),
        ("1.5,?,2,?,Bonn\n", 1.5, 2, b"Bonn"),
        ("1.5,?,2,?,Bonn\r\n", 1.5, 2, b"Bonn"),
        ('"1.5","","2","","Köln, ""am"" Rhein"', 1.5, 2, 'Köln, "am" Rhein'.encode()),
        ('1,,2,,"a\nb"', 1.0, 2, b"a\nb"),
        ('1,,2,,"a\r\n"', 1.0, 2, b"a\r\n"),
        ("1,,2,, a b ", 1.0, 2, b" a b "),
        (',,,,""', None, INT_MISSING, b""),
        ('"NA","NA","NA","NA","NA"', None, INT_MISSING, b""),
    ],
)
def test_csv_lines(graph, line, x, n, s):
    raw, _ = RequestReader(graph).read_csv_lines(tf.constant([line]))
    assert bits(raw["x"]) == bits(np.array([np.nan if x is None else x], np.float32))
    assert raw["n"].numpy().tolist() == [n]
    assert raw["s"].numpy().tolist() == [s]


def test_csv_lines_of_another_dialect():
    graph = make_graph(FEATURES, columns=COLUMNS, dialect="{delimiter: ';', quoting: false}")
    raw, _ = RequestReader(graph).read_csv_lines(tf.constant(['1;;2;;a,"b"']))
    assert raw["x"].numpy().tolist() == [1]
    assert raw["s"].numpy().tolist() == [b'a,"b"']


def test_csv_lines_of_one_column():
    graph = make_graph("x: as_is", columns="{x: float, y: string}")
    raw, _ = RequestReader(graph).read_csv_lines(tf.constant(["1", "", "\n", '""']))
    assert bits(raw["x"]) == bits(np.array([1, np.nan, np.nan, np.nan], np.float32))


@pytest.mark.parametrize(
    "line", ["1,,2,", "1,,2,,a,b", '1,,2,,"c"d', '1,,2,,c"d"', '1,,2,,"c', "", "1,,2 ,,a"]
)
def test_lines_that_are_no_row_are_refused(graph, line):
    with pytest.raises(tf.errors.InvalidArgumentError):
        RequestReader(graph).read_csv_lines(tf.constant(["1,,2,,a", line]))


def test_examples(graph):
    full = tf.train.Example()
    full.features.feature["x"].float_list.value.append(0.1)
    full.features.feature["n"].int64_list.value.append(2**53 + 1)
    full.features.feature["s"].bytes_list.value.append(b"a\nb")
    full.features.feature["unused"].bytes_list.value.append(b"anything")
    serialized = [one.SerializeToString() for one in (full, tf.train.Example())]
    raw, _ = RequestReader(graph).read_examples(tf.constant(serialized))
    assert bits(raw["x"]) == bits(np.array([0.1, np.nan], np.float32))
    assert raw["n"].numpy().tolist() == [2**53 + 1, INT_MISSING]
    assert raw["s"].numpy().tolist() == [b"a\nb", b""]


@pytest.mark.fault(51)
def test_an_example_of_another_type_is_refused_by_name(graph):
    wrong = tf.train.Example()
    wrong.features.feature["n"].float_list.value.append(2)
    with pytest.raises(tf.errors.InvalidArgumentError, match="Key: n, .*Data types don't match"):
        RequestReader(graph).read_examples(tf.constant([wrong.SerializeToString()]))
