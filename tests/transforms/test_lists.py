"""In: cells that hold lists. Out: proof of which elements they have, as text and as numbers, and of what becomes of them."""

from __future__ import annotations

import math
import re

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
from hand_made import INT_MISSING, bits, make_graph
from hypothesis import example, given, settings
from hypothesis import strategies as st
from in_batches import features_in_any_batch
from prebake.schemas import numerals
from prebake.schemas.spec_pb2 import FLOAT, INT, STRING, Column
from prebake.transforms import lists
from prebake.transforms.missing import to_float


def of(*texts: str | bytes) -> tf.Tensor:
    return tf.constant([one if isinstance(one, bytes) else one.encode() for one in texts], tf.string)


def test_split_cells_by_hand():
    cells = of("", "a", "a|b", "a||b", "|", "a|", "日|本\n|é", b"\xff|a", " a | b ")
    assert lists.split_cells(cells, ["|"]).to_list() == [
        [], [b"a"], [b"a", b"b"], [b"a", b"", b"b"], [b"", b""], [b"a", b""],
        ["日".encode(), "本\n".encode(), "é".encode()], [b"\xff", b"a"], [b" a ", b" b "],
    ]  # fmt: skip
    # Separators are no patterns, and may be of several characters.
    assert lists.split_cells(of("a.*b.*.c", ".", "", ".*"), [".*"]).to_list() == [
        [b"a", b"b", b".c"], [b"."], [], [b"", b""],
    ]  # fmt: skip
    assert lists.split_cells(of("a b|c|| d", "", "|"), ["|", " "]).to_list() == [
        [[b"a", b"b"], [b"c"], [b""], [b"", b"d"]], [], [[b""], [b""]],
    ]  # fmt: skip
    for separators in (["|"], ["|", " "]):
        assert lists.split_cells(of(), separators).to_list() == []
        assert lists.split_cells(of("", ""), separators).to_list() == [[], []]


SEPARATORS = st.text("|;, .*日\\", min_size=1, max_size=2)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text("ab|;, .*日\\\n", max_size=12), max_size=6), SEPARATORS, SEPARATORS)
@example(["|||", "a||||b|"], "||", "|")
def test_split_cells_is_that_of_python(cells, outer, inner):
    expected = [one.split(outer) if one else [] for one in cells]
    found = lists.split_cells(of(*cells), [outer]).to_list()
    assert [[one.decode() for one in row] for row in found] == expected
    nested = lists.split_cells(of(*cells), [outer, inner]).to_list()
    assert [[[one.decode() for one in part] for part in row] for row in nested] == [
        [part.split(inner) for part in row] for row in expected
    ]


def elements(cells: tf.Tensor, separators: list[str], **column) -> tf.RaggedTensor:
    column = Column(name="größe", separators=separators, **column)
    return lists.parse_elements(lists.split_cells(cells, separators), column)


def test_numbers_in_lists_by_hand():
    found = elements(of("", "1;;-.5e1", ";", "16777217;1e-50;3.4028235e38"), [";"], type=FLOAT)
    assert found.dtype == tf.float32
    # 2^24 + 1 lies between two binary32 numbers, and the even one is 2^24.
    expected = [1, math.nan, -5, math.nan, math.nan, 2**24, 0, 3.4028234663852886e38]
    assert bits(found.flat_values) == bits(np.array(expected, np.float32))
    assert found.row_lengths().numpy().tolist() == [0, 3, 2, 3]
    found = elements(of("9007199254740993;-9223372036854775807", "", ";9223372036854775807"), [";"], type=INT)
    assert found.to_list() == [[2**53 + 1, -(2**63) + 1], [], [INT_MISSING, 2**63 - 1]]
    assert elements(of("1 2||3", ""), ["|", " "], type=INT).to_list() == [[[1, 2], [INT_MISSING], [3]], []]
    assert elements(of("a\n;日;"), [";"], type=STRING).to_list() == [[b"a\n", "日".encode(), b""]]
    assert elements(of(), [";"], type=FLOAT).to_list() == []


@pytest.mark.parametrize(
    ("cells", "column", "message", "shown"),
    [
        (["1;2", "3;x"], {"type": FLOAT}, "is not a number:", "x"),
        (["1;nan"], {"type": FLOAT}, "is not a number:", "nan"),
        (["1;inf"], {"type": FLOAT}, "is not a number:", "inf"),
        (["1; 2"], {"type": FLOAT}, "is not a number:", " 2"),
        # Bytes that are no text are shown as U+FFFD.
        ([b"1;2\xff"], {"type": FLOAT}, "is not a number:", "2\ufffd"),
        (["1;1e39"], {"type": FLOAT}, "is out of the range of a 32-bit float:", "1e39"),
        (["1;1.0"], {"type": INT}, "is not an integer:", "1.0"),
        (
            ["9223372036854775808;1"],
            {"type": INT},
            "is out of the range of a 64-bit integer:",
            "9223372036854775808",
        ),
        (
            ["-9223372036854775808"],
            {"type": INT},
            "is out of the range of a 64-bit integer:",
            "-9223372036854775808",
        ),
        (["1;2", "1"], {"type": INT, "length": 2}, "has a list whose length is not 2:", "1"),
        (["1;2;3"], {"type": INT, "length": 2}, "has a list whose length is not 2:", "3"),
    ],
)
@pytest.mark.parametrize("traced", [False, True])
def test_a_wrong_element_names_its_column(cells, column, message, shown, traced):
    def parse(x):
        return elements(x, [";"], **column)

    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        (tf.function(parse, autograph=False) if traced else parse)(of(*cells))
    _, _, after = plain(caught.value).partition(f"column 'größe' {message}")
    assert shown in after


def plain(error: tf.errors.OpError) -> str:
    """Its text: TensorFlow shows bytes as Python does, in a graph as octal numbers."""
    text = re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), error.message.replace("\\'", "'"))
    text = re.sub(r"\\x([0-9a-f]{2})", lambda match: chr(int(match[1], 16)), text)
    return text if "größe" in text else text.encode("latin-1").decode()


def test_a_fixed_length():
    # A missing list has no elements, and is right; a missing element counts.
    found = elements(of("1;2", "", ";", "3;"), [";"], type=INT, length=2)
    assert found.to_list() == [[1, 2], [], [INT_MISSING] * 2, [3, INT_MISSING]]
    # Of lists of lists the inner ones have it.
    assert elements(of("1 2|3 4", ""), ["|", " "], type=INT, length=2).to_list() == [[[1, 2], [3, 4]], []]
    with pytest.raises(tf.errors.InvalidArgumentError, match="has a list whose length is not 2"):
        elements(of("1 2||3 4"), ["|", " "], type=INT, length=2)


TEXTS = st.text("0123456789.-+eE naif_", max_size=8) | st.integers(-(2**65), 2**65).map(str)
TEXTS = (
    TEXTS
    | st.floats(width=32).map(str)
    | st.sampled_from(["9" * 19, "1e-46", "3.4028235677973366e38", "007"])
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(TEXTS, min_size=1, max_size=4), min_size=1, max_size=3))
@pytest.mark.parametrize(("type_", "read"), [(FLOAT, numerals.parse_floats), (INT, numerals.parse_ints)])
def test_elements_are_what_the_reader_reads(type_, read, rows):
    cells = ["|".join(row) for row in rows]
    # One empty element alone is an empty cell, which is the empty list.
    texts = [text for row, cell in zip(rows, cells, strict=True) if cell for text in row]
    numbers, bad = read(pa.array([text.encode() or None for text in texts], pa.binary()))
    try:
        found = as_used(elements(of(*cells), ["|"], type=type_).flat_values)
    except tf.errors.InvalidArgumentError:
        assert bad.any()
        return
    assert not bad.any()
    expected = as_used(tf.constant(numbers.fill_null(math.nan if type_ == FLOAT else INT_MISSING).to_numpy()))
    np.testing.assert_array_equal(found, expected)


def as_used(x: tf.Tensor) -> np.ndarray:
    """As the transforms take it: numbers below the smallest normal one are 0."""
    return (to_float(x) if x.dtype == tf.float32 else x).numpy()


def test_to_dense():
    x = tf.ragged.constant([[1, 2, 3], [], [4]], dtype=tf.int64)
    assert lists.to_dense(x, -1).numpy().tolist() == [[1, 2, 3], [-1] * 3, [4, -1, -1]]
    assert lists.to_dense(x, -1, 2).numpy().tolist() == [[1, 2], [-1] * 2, [4, -1]]
    assert lists.to_dense(x, -1, 4).numpy().tolist() == [[1, 2, 3, -1], [-1] * 4, [4, -1, -1, -1]]
    assert lists.to_dense(x[:0], -1, 2).shape == (0, 2)
    assert lists.to_dense(tf.constant([5]), -1).numpy().tolist() == [5]
    nested = tf.ragged.constant([[["a"], ["b", "c"]], []], dtype=tf.string)
    assert lists.to_dense(nested, "").numpy().tolist() == [[[b"a", b""], [b"b", b"c"]], [[b"", b""]] * 2]


def test_drop_missing_keeps_the_lists():
    assert lists.drop_missing(tf.ragged.constant([["a", "", "b"], [""], []])).to_list() == [
        [b"a", b"b"],
        [],
        [],
    ]
    numbers = tf.ragged.constant([[1.0, math.nan], [math.inf]], dtype=tf.float32)
    assert lists.drop_missing(numbers).to_list() == [[1], [math.inf]]
    nested = tf.ragged.constant([[[INT_MISSING], [3, INT_MISSING]], []], dtype=tf.int64)
    assert lists.drop_missing(nested).to_list() == [[[], [3]], []]


def test_weights_of_one_where_a_row_has_none():
    x = tf.ragged.constant([["a", "b"], ["c"], [], ["d", "e"]])
    weights = tf.ragged.constant([[2.0, 0.5], [], [], [3.0, 4.0]], dtype=tf.float32)
    assert lists.with_ones(weights, x, "r").to_list() == [[2, 0.5], [1], [], [3, 4]]
    assert lists.with_ones(weights[:0], x[:0], "r").to_list() == []
    for wrong in ([[2.0], [], [], []], [[], [1.0, 1.0], [], []], [[], [], [1.0], []]):
        given_weights = tf.ragged.constant(wrong, dtype=tf.float32)
        with pytest.raises(tf.errors.InvalidArgumentError, match="lists of other lengths"):
            lists.with_ones(given_weights, x, "lists of other lengths")


COLUMNS = """{
  tags: {type: string, separators: '|'}, w: {type: float, separators: '|'}, n: {type: int, separators: ';'},
  sizes: {type: float, separators: ' ', length: 3}, nested: {type: string, separators: ['|', ' ']},
  deep: {type: float, separators: ['|', ' ']}, y: string}"""
FEATURES = """\
tags: {vocabulary: {tokens: [a, 日]}, value_weights: w}
kept: {column: tags, vocabulary: {tokens: [a, 日]}, sequence: true}
filled: {column: tags, vocabulary: {tokens: [a, 日]}, missing: {constant: a}}
hashed: {column: n, hash: 7}
ids: {column: n, identity: 5}
numbers: {column: n, as_is: {}, missing: {constant: -1}}
logged: {column: n, before: [log1p, {clip: {high: 1}}], as_is: {}, missing: {constant: 0}}
sizes: {as_is: {}, missing: {constant: 0.5}}
nested: {vocabulary: {tokens: [a, b]}}
deep: {as_is: {}, missing: {constant: 9}}
"""


@pytest.fixture(scope="module")
def graph():
    return make_graph(FEATURES, columns=COLUMNS)


def raw_lists(*rows: tuple[str, str, str, str, str, str]) -> dict[str, tf.Tensor]:
    names = ("tags", "w", "n", "sizes", "nested", "deep")
    return dict(zip(names, (of(*cells) for cells in zip(*rows, strict=True)), strict=True))


def padded(x) -> list:
    """Without padding: -1 of ids and NaN of numbers."""
    if isinstance(x, list):
        return [padded(one) for one in x if one != -1 and one == one]
    return x


def test_features_of_lists(graph):
    raw = raw_lists(
        ("a|日|?", "2||0.5", "1;2", "1 2 3", "a b|c", "1|2 3"),
        ("", "", "", "", "", ""),
        ("||a", "", ";9007199254740993;-1", "1 -2 ", "|a", "|4"),
        ("a\n", "3", "0", "0 0 0", "b", "5"),
    )
    found = {name: value.numpy().tolist() for name, value in graph.apply(raw).items()}
    # a 0, 日 1, others 2. Missing elements are left out, and their weights with them.
    assert padded(found["tags"]) == [[0, 1, 2], [], [0], [2]]
    # A missing weight is 1, and so is each where the row has none.
    assert padded(found["tags_weights"]) == [[2, 1, 0.5], [], [1], [3]]
    # In a sequence they keep their place, with an id of their own; filled ones are what they are filled with.
    assert padded(found["kept"]) == [[0, 1, 2], [], [3, 3, 0], [2]]
    assert padded(found["filled"]) == [[0, 1, 2], [], [0, 0, 0], [2]]
    # Below 0 and not below 5: the last id, 5.
    assert padded(found["ids"]) == [[1, 2], [], [5, 5], [0]]
    # 2^53 + 1 is no binary32 number. -1 is a value here, not padding, which is NaN.
    array = np.array(found["numbers"], np.float32)
    nan = math.nan
    expected = np.array([[1, 2, nan], [nan] * 3, [-1, 2**53, -1], [0, nan, nan]], np.float32)
    np.testing.assert_array_equal(array, expected)
    log2 = np.float32(math.log(2))
    # ln(1 + x), at most 1; -1 has none, and is filled with ln(1 + 0).
    expected = np.array([[log2, 1, nan], [nan] * 3, [0, 1, 0], [0, nan, nan]], np.float32)
    np.testing.assert_array_equal(np.array(found["logged"], np.float32), expected)
    # A vector of three; a missing list is three missing values.
    assert found["sizes"] == [[1, 2, 3], [0.5] * 3, [1, -2, 0.5], [0, 0, 0]]
    assert padded(found["nested"]) == [[[0, 1], [2]], [[], []], [[3], [0]], [[1], []]]
    assert padded(found["deep"]) == [[[1], [2, 3]], [[], []], [[9], [4]], [[5], []]]


def test_a_batch_without_lists_and_an_empty_one(graph):
    found = graph.apply(raw_lists(*[("",) * 6] * 2))
    assert {name: value.shape.as_list() for name, value in found.items() if name != "sizes"} == {
        "tags": [2, 0], "tags_weights": [2, 0], "kept": [2, 0], "filled": [2, 0], "hashed": [2, 0], "ids": [2, 0],
        "numbers": [2, 0], "logged": [2, 0], "nested": [2, 0, 0], "deep": [2, 0, 0],
    }  # fmt: skip
    assert found["sizes"].numpy().tolist() == [[0.5] * 3] * 2
    empty = graph.apply({name: of() for name in ("tags", "w", "n", "sizes", "nested", "deep")})
    assert {len(value) for value in empty.values()} == {0}


@pytest.mark.parametrize("traced", [False, True])
def test_weights_of_another_length_name_their_columns(graph, traced):
    apply = tf.function(graph.apply, autograph=False) if traced else graph.apply
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        apply(raw_lists(("a|b", "1", "", "", "", "")))
    assert "'w' and 'tags' have lists of different lengths" in caught.value.message.replace("\\'", "'")


def test_batches_of_any_size(graph):
    generator = np.random.default_rng(0)
    rows = []
    for number in range(512):
        tags = [["a", "日", "?", "a\n", ""][i] for i in generator.integers(0, 5, generator.integers(0, 5))]
        # An empty cell is no list of one missing element.
        tags = [] if tags == [""] else tags
        weights = ["" if number % 7 == 0 else f"{i + 0.25}" for i in range(len(tags))]
        numbers = [str(one) for one in generator.integers(-9, 2**60, generator.integers(0, 4))]
        sizes = [f"{one:.3f}" for one in generator.normal(0, 9, 3)] if number % 5 else []
        nested = ["a", "a b", "", " b", "c a"][: number % 6]
        deep = ["1.5", "-2 3", " ", "1e30"][number % 4 :]
        rows.append(
            (
                "|".join(tags),
                "|".join(weights),
                ";".join(numbers),
                " ".join(sizes),
                "|".join(nested),
                "|".join(deep),
            )
        )
    found = features_in_any_batch(graph, raw_lists(*rows))
    assert found["nested"][2] == [[0], [0, 1]]
