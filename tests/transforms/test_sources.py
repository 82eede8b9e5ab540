"""In: columns and steps. Out: proof of what a source is called, what it holds, and that the graph and the analysis agree."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
from google.protobuf import text_format
from hand_made import INT_MISSING, bits, make_graph, make_spec
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from in_batches import features_in_any_batch
from prebake.schemas import numerals
from prebake.schemas.errors import SpecError
from prebake.schemas.identity import element_hashes
from prebake.schemas.spec_pb2 import FLOAT, INT, STRING, TIME, Feature
from prebake.schemas.statistics_pb2 import ColumnStatistics
from prebake.schemas.timestamps import parse_times
from prebake.transforms.batch import Batch
from prebake.transforms.parse_numerals import is_int64, parse_floats, parse_ints
from prebake.transforms.source_arrays import Elements, SourceArrays
from prebake.transforms.sources import Source, clip_bounds, placeholder, source_of, sources_of

COLUMNS = """{
  x: float, n: int, s: string, t: {type: time, format: '%Y-%m-%d'}, p: file, tags: {type: string, separators: '|'},
  nested: {type: int, separators: ['|', ' ']}, fixed: {type: float, separators: ' ', length: 2}, y: string}"""


def feature_of(column: str, before: str = "") -> tuple[Feature, dict]:
    """A feature of these steps, whatever the transform would be, and the columns."""
    spec = make_spec("x: as_is", columns=COLUMNS)
    feature = Feature(name="f", column=column)
    if before:
        transform = {"s": "hash: 3", "tags": "hash: 3"}.get(column, "as_is: {}")
        parsed = make_spec(f"f: {{column: {column}, before: {before}, {transform}}}", columns=COLUMNS)
        feature.before.extend(parsed.features[0].before)
    return feature, {one.name: one for one in spec.data.columns}


def source(column: str, before: str = "") -> Source:
    return source_of(*feature_of(column, before))


def none(name: str) -> ColumnStatistics:
    return ColumnStatistics()


def value(one: Source, cells: list, statistics=none) -> tf.Tensor | tf.RaggedTensor:
    dtype = tf.string if one.column.separators else Source(one.column).dtype
    return one.value(Batch({one.column.name: tf.constant(cells, dtype)}, None), statistics)


@pytest.mark.parametrize(
    ("column", "before", "name", "type_", "depth", "level"),
    [
        ("x", "", "x", FLOAT, 0, 0),
        ("n", "[log1p]", "n|log1p", FLOAT, 0, 0),
        ("n", "[{power: 0.5}, {clip: {low: -1, high: 2.5}}]",
         "n|power(exponent: 0.5)|clip(low: -1.0 high: 2.5)", FLOAT, 0, 0),
        ("x", "[{clip: {low_quantile: 0.25}}, log1p, {clip: {high_quantile: 0.75}}]",
         "x|clip(low_quantile: 0.25)|log1p|clip(high_quantile: 0.75)", FLOAT, 0, 2),
        ("t", "", "t", TIME, 0, 0),
        ("t", "[year]", "t|year", FLOAT, 0, 0),
        ("t", "[{age: 2024-02-29}]", 't|age(reference: "2024-02-29")', FLOAT, 0, 0),
        ("s", "[lower, {replace: {pattern: 'é|日', by: '#'}}]", 's|lower|replace(pattern: "é|日" by: "#")', STRING, 0, 0),
        ("s", "[{split: whitespace}]", "s|split", STRING, 1, 0),
        ("s", "[{split: words}, {ngrams: [1, 2]}]", "s|split(by: WORDS)|ngrams(lengths: 1 lengths: 2)", STRING, 1, 0),
        ("tags", "[lower]", "tags|lower", STRING, 1, 0),
        ("nested", "", "nested", INT, 2, 0),
        ("fixed", "[log1p]", "fixed|log1p", FLOAT, 1, 0),
    ],
)  # fmt: skip
def test_what_a_source_is(column, before, name, type_, depth, level):
    one = source(column, before)
    assert (one.name, one.type, one.depth, one.level) == (name, type_, depth, level)
    assert one.dtype == {FLOAT: tf.float32, INT: tf.int64, TIME: tf.int64}.get(type_, tf.string)


def test_sources_of_several_columns():
    feature, columns = feature_of("x", "[log1p]")
    feature.column = ""
    feature.columns.extend(["x", "n"])
    assert [one.name for one in sources_of(feature, columns)] == ["x|log1p", "n|log1p"]


def test_a_clip_by_quantiles_knows_what_it_limits():
    one = source(
        "x", "[{clip: {low: 0}}, {clip: {low_quantile: 0.25}}, log1p, {clip: {high_quantile: 0.75}}]"
    )
    limited = [(before.name, before.level, clip) for before, clip in one.prefixes()]
    assert [found[:2] for found in limited] == [
        ("x|clip(low: 0.0)", 0), ("x|clip(low: 0.0)|clip(low_quantile: 0.25)|log1p", 1),
    ]  # fmt: skip
    assert (limited[0][2].low_quantile, limited[1][2].high_quantile) == (0.25, 0.75)
    assert source("x", "[log1p]").prefixes() == []


def test_bounds_of_a_clip():
    statistics = text_format.Parse(
        "ranks { rank: 0.25 value: -3 } ranks { rank: 0.75 value: 8 }", ColumnStatistics()
    )
    for clip, expected in (
        ("{low: 1}", (1, None)),
        ("{high: -0.5}", (None, -0.5)),
        ("{low: 0, high: 2}", (0, 2)),
        ("{low_quantile: 0.25}", (-3, None)),
        ("{low_quantile: 0.25, high_quantile: 0.75}", (-3, 8)),
        ("{low: 0, high_quantile: 0.75}", (0, 8)),
    ):
        assert clip_bounds(source("x", f"[{{clip: {clip}}}]").steps[0].clip, statistics) == expected


NAN, INF = math.nan, math.inf


@pytest.mark.parametrize(
    ("column", "before", "cells", "expected"),
    [
        # ln(1 + x): none of -1 and below. 2^24 + 1 in binary32 is 2^24.
        ("x", "[log1p]", [NAN, 0, math.e - 1, -1, -INF, INF, -0.5], [NAN, 0, 1, NAN, NAN, INF, -math.log(2)]),
        (
            "n",
            "[log1p]",
            [INT_MISSING, 0, -1, 2**53 + 1, 2**63 - 1],
            [NAN, 0, NAN, 53 * math.log(2), 63 * math.log(2)],
        ),
        # The sign stays; what binary32 cannot hold is missing.
        ("x", "[{power: 2}]", [NAN, 3, -3, 1e30, INF, -INF, 0], [NAN, 9, -9, NAN, NAN, NAN, 0]),
        (
            "n",
            "[{power: 0.5}]",
            [INT_MISSING, 16, -16, 2**62, -(2**63) + 1],
            [NAN, 4, -4, 2**31, -math.sqrt(2**63)],
        ),
        (
            "x",
            "[{clip: {low: -1, high: 2.5}}]",
            [NAN, -INF, INF, -1, 2.5, 3, 0],
            [NAN, -1, 2.5, -1, 2.5, 2.5, 0],
        ),
        ("n", "[{clip: {low: 0}}]", [INT_MISSING, -5, 2**53 + 1, 2**63 - 1], [NAN, 0, 2**53, 2**63]),
        # In the order that is given: the clip of what the power gives.
        (
            "x",
            "[{power: 2}, {clip: {high: 4}}, log1p]",
            [1, 9, NAN, 1e30],
            [math.log(2), math.log(5), NAN, NAN],
        ),
        ("x", "[log1p]", [NAN, NAN], [NAN, NAN]),
        ("x", "[log1p, {power: 2}, {clip: {low: 0}}]", [], []),
        ("t", "[year]", [INT_MISSING, 0, -1], [NAN, 1970, 1969]),
        ("t", "[{age: 1970-01-02}, {clip: {low: 0}}]", [INT_MISSING, 0, 86_400, 3 * 86_400], [NAN, 1, 0, 0]),
    ],
)
def test_steps_of_numbers_by_hand(column, before, cells, expected):
    found = value(source(column, before), cells).numpy()
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, np.array(expected, np.float32), rtol=2**-23)
    traced = tf.function(
        lambda x: source(column, before).value(Batch({column: x}, None), none), autograph=False
    )
    dtype = Source(source(column).column).dtype
    assert bits(traced(tf.constant(cells, dtype))) == bits(found)


def test_steps_of_lists():
    found = value(source("nested", "[log1p, {clip: {high: 1}}]"), ["0 9|", "", "-1"])
    assert found.row_lengths().numpy().tolist() == [2, 0, 1]
    np.testing.assert_array_equal(found.flat_values, np.array([0, 1, NAN, NAN], np.float32))
    assert value(source("tags", "[lower]"), ["A|É|", ""]).to_list() == [[b"a", "é".encode(), b""], []]
    assert value(source("fixed", "[{power: 1}]"), ["1 2", ""]).to_list() == [[1, 2], []]
    with pytest.raises(
        tf.errors.InvalidArgumentError, match="column 'fixed' has a list whose length is not 2"
    ):
        value(source("fixed", "[log1p]"), ["1"])


def test_quantiles_of_a_step_are_those_of_what_it_limits():
    asked = []

    def statistics(name: str) -> ColumnStatistics:
        asked.append(name)
        return text_format.Parse("ranks { rank: 0.5 value: 3 }", ColumnStatistics())

    one = source("x", "[{power: 2}, {clip: {high_quantile: 0.5}}]")
    assert value(one, [1, 2, -9], statistics).numpy().tolist() == [1, 3, -81]
    assert asked == ["x|power(exponent: 2.0)"]


def test_a_shared_source_is_computed_once():
    batch = Batch({"s": tf.constant(["A b"])}, None)
    first = source("s", "[lower, {split: whitespace}]").value(batch, none)
    assert source("s", "[lower, {split: whitespace}]").value(batch, none) is first
    assert sorted(batch.sources) == ["s", "s|lower", "s|lower|split"]


@pytest.mark.parametrize(
    ("column", "before", "written", "expected"),
    [
        ("x", "", "-.125e1", -1.25),
        ("x", "", "0.1", float(np.float32(0.1))),
        ("n", "", "9007199254740993", 2**53 + 1),
        ("n", "", "-9223372036854775807", -(2**63) + 1),
        ("n", "[{power: 2}]", "-3", -9.0),
        ("x", "[log1p, {clip: {high: 1}}]", "9", 1.0),
        ("t", "", "1970-01-02", 86_400),
        ("t", "[year]", "0001-01-01", 1.0),
        ("t", "[{age: 2024-03-01}]", "2024-02-29", 1.0),
        ("s", "", "É\n", "É\n".encode()),
        ("s", "[lower, {replace: {pattern: '[0-9]', by: '#'}}]", "ABC7", b"abc#"),
        # Of tokens: what becomes of it before the split.
        ("s", "[lower, {split: words}, {ngrams: 2}]", "A b", b"a b"),
        ("tags", "[lower]", "A|B", b"a|b"),
        ("nested", "", "7", 7),
        ("fixed", "[{power: 2}]", "1.5", 2.25),
    ],
)
def test_constants_by_hand(column, before, written, expected):
    found = source(column, before).constant(written, none)
    assert (found, type(found)) == (expected, type(expected))


STEPS = st.sampled_from(
    ["", "[log1p]", "[{power: 2}]", "[{power: 0.5}, log1p]", "[{clip: {low: -1, high: 9.5}}, {power: 3}]"]
)


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(["x", "n"]),
    STEPS,
    st.floats(width=32, allow_nan=False, allow_infinity=False),
    st.integers(-(2**62), 2**62),
)
def test_a_constant_is_the_value_of_a_cell_that_holds_it(column, before, number, integer):
    written = str(integer) if column == "n" else repr(number)
    read, bad = (numerals.parse_ints if column == "n" else numerals.parse_floats)(pa.array([written]))
    assume(not bad[0])
    one = source(column, before)
    found = value(one, read.to_pylist()).numpy()
    dtype = np.float32 if one.type == FLOAT else np.int64
    assert bits(np.array([one.constant(written, none)], dtype)) == bits(found)


@settings(max_examples=50, deadline=None)
@given(
    st.datetimes(), st.sampled_from(["", "[year]", "[{age: 2024-03-01}]", "[{age: 1600-01-01}, {power: 2}]"])
)
def test_a_constant_time_is_the_value_of_a_cell_that_holds_it(time, before):
    written = f"{time.year:04d}-{time.month:02d}-{time.day:02d}"
    one = source("t", before)
    found = value(one, parse_times(pa.array([written]), "%Y-%m-%d")[0].to_pylist()).numpy()
    assert bits(np.array([one.constant(written, none)], found.dtype)) == bits(found)


def test_a_constant_that_is_missing_again_is_refused():
    for feature, message in (
        (
            "x: {before: [log1p], as_is: {}, missing: {constant: -1}}",
            "features.x.missing.constant: '-1' is missing again after log1p",
        ),
        (
            "x: {before: [{power: 2}], as_is: {}, missing: {constant: 1e30}}",
            "'1e30' is missing again after power",
        ),
        (
            "x: {before: [{power: 9}], as_is: {}, missing: {constant: -1e38}}",
            "'-1e38' is missing again after power",
        ),
        (
            "x: {before: [{power: 999999}], as_is: {}, missing: {constant: 1e38}}",
            "'1e38' is missing again after power",
        ),
        (
            "n: {before: [{clip: {high: -2}}, log1p], as_is: {}, missing: {constant: 5}}",
            "'5' is missing again after log1p",
        ),
        (
            "t: {before: [{age: 2024-01-01}, log1p], as_is: {}, missing: {constant: 2024-01-02}}",
            "'2024-01-02' is missing again after log1p",
        ),
        (
            "a: {columns: [x, n], before: [log1p], as_is: {}, missing: {constant: -7}}",
            "'-7' is missing again after log1p",
        ),
    ):
        with pytest.raises(SpecError) as caught:
            make_spec(feature, columns=COLUMNS)
        assert message in str(caught.value)
        assert str(caught.value).endswith("(give one that is a number after the steps)")
    # These are numbers; whether the last one is, only the training split can tell.
    for feature in (
        "x: {before: [log1p], as_is: {}, missing: {constant: -0.5}}",
        "x: {before: [{clip: {low: 0}}, log1p, {power: 2}], as_is: {}, missing: {constant: -5}}",
        "t: {before: [year, log1p, {power: 9}], as_is: {}, missing: {constant: 0001-01-01}}",
        "t: {before: [{age: 2024-01-03}, log1p], as_is: {}, missing: {constant: 2024-01-02}}",
        "x: {before: [{clip: {low_quantile: 0.1}}, log1p], as_is: {}, missing: {constant: -5}}",
    ):
        make_spec(feature, columns=COLUMNS)


NUMERALS = st.text("0123456789.-+eE xnaif_\0\n٣", max_size=24) | st.from_regex(
    r"\A-?[0-9]{1,20}(\.[0-9]{0,12})?(e-?[0-9]{1,3})?\Z"
)
NUMERALS = (
    NUMERALS.map(str.encode)
    | st.integers(-(2**65), 2**65).map(lambda number: b"%d" % number)
    | st.binary(max_size=4)
)


@settings(max_examples=300, deadline=None)
@given(NUMERALS)
@example(b"9223372036854775807")
@example(b"9223372036854775808")
@example(b"-9223372036854775807")
@example(b"-9223372036854775808")
@example(b"-0000000000000000000000001")
@example(b"3.4028235677973366e38")
@example(b"3.4028235677973365e38")
@example(b"-")
@example(b"1\n")
@example(b"\xff")
def test_numerals_of_the_graph_are_those_of_the_reader(text):
    here = tf.constant([False])
    for parse, read in ((parse_floats, numerals.parse_floats), (parse_ints, numerals.parse_ints)):
        expected, bad = read(pa.array([text], pa.binary()))
        try:
            found = parse(tf.constant([text]), "c", here).numpy()
        except tf.errors.InvalidArgumentError:
            assert bad[0], text
            continue
        assert not bad[0], text
        # Numbers that are too small for a normal binary32 are 0 from here on.
        wanted = expected.to_numpy()
        wanted = (
            np.where(np.abs(wanted) < np.finfo(np.float32).tiny, 0, wanted)
            if read is numerals.parse_floats
            else wanted
        )
        assert found.tolist() == wanted.tolist()
    whole, bad = numerals.parse_ints(pa.array([text], pa.binary()))
    assert is_int64(tf.constant([text])).numpy().tolist() == [not bad[0]]


def test_missing_numerals_are_not_read():
    x, missing = tf.constant(["NA", "7", ""]), tf.constant([True, False, True])
    assert bits(parse_floats(x, "c", missing)) == bits(np.array([NAN, 7, NAN], np.float32))
    assert parse_ints(x, "c", missing).numpy().tolist() == [INT_MISSING, 7, INT_MISSING]
    nothing = tf.constant([], tf.string)
    assert parse_floats(nothing, "c", tf.constant([], tf.bool)).shape == (0,)
    assert parse_ints(nothing, "c", tf.constant([], tf.bool)).shape == (0,)


def test_the_missing_value_of_a_dtype():
    assert math.isnan(placeholder(tf.float32))
    assert (placeholder(tf.int64), placeholder(tf.string)) == (INT_MISSING, b"")


def objects(*values: bytes) -> np.ndarray:
    array = np.empty(len(values), object)
    array[:] = values
    return array


def test_arrays_of_a_block():
    wanted = [
        source("x"), source("x", "[log1p]"), source("s", "[lower, {split: whitespace}]"), source("nested"), source("tags"),
    ]  # fmt: skip
    raw = {
        "x": np.array([0, NAN, math.e - 1], np.float32),
        "s": objects("A é\nA".encode(), b"", b"b"),
        "nested": objects(b"1 2|3", b"", b"|"),
        "tags": objects(b"", b"q||", b""),
    }
    arrays = SourceArrays(wanted, none)(raw)
    assert sorted(arrays) == ["nested", "s|lower|split", "tags", "x", "x|log1p"]
    assert arrays["x"] is raw["x"]
    np.testing.assert_array_equal(arrays["x|log1p"], np.array([0, NAN, 1], np.float32))
    for name, values, rows in (
        ("s|lower|split", [b"a", "é".encode(), b"a", b"b"], [0, 0, 0, 2]),
        # Of lists of lists all elements of a row.
        ("nested", [1, 2, 3, INT_MISSING, INT_MISSING], [0, 0, 0, 2, 2]),
        ("tags", [b"q", b"", b""], [1, 1, 1]),
    ):
        assert (arrays[name].values.tolist(), arrays[name].rows.tolist()) == (values, rows)
    empty = SourceArrays(wanted, none)({name: array[:0] for name, array in raw.items()})
    assert [len(found.values) for found in empty.values() if isinstance(found, Elements)] == [0, 0, 0]


def test_arrays_of_plain_columns_alone():
    raw = {"x": np.array([1], np.float32)}
    assert SourceArrays([source("x")], none)(raw)["x"] is raw["x"]


def test_elements():
    elements = Elements(objects(b"a", b"b", b"a", b"a", b""), np.array([0, 0, 0, 2, 2]))
    hashes = np.array([11, 22, 2**64 - 1], np.uint64)
    # Of the row's hash and the place in the row.
    expected = element_hashes(hashes[[0, 0, 0, 2, 2]], np.array([0, 1, 2, 0, 1]))
    assert elements.hashes(hashes).tolist() == expected.tolist()
    assert len(set(expected.tolist())) == 5
    distinct = elements.distinct()
    assert (distinct.values.tolist(), distinct.rows.tolist()) == ([b"a", b"b", b"a", b""], [0, 0, 2, 2])
    nothing = Elements(np.array([], np.int64), np.array([], np.int64))
    assert nothing.distinct().values.dtype == np.int64
    assert nothing.hashes(hashes).tolist() == []


@pytest.fixture(scope="module")
def arrays_of_tags():
    return SourceArrays([source("tags")], none)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(st.sampled_from([b"a", b"", "日".encode(), b"\n"]), max_size=5), max_size=6))
def test_arrays_hold_what_the_graph_holds(arrays_of_tags, rows):
    # One empty element alone is an empty cell.
    rows = [[] if row == [b""] else row for row in rows]
    cells = objects(*(b"|".join(row) for row in rows))
    found = arrays_of_tags({"tags": cells})["tags"]
    assert found.values.tolist() == [one for row in rows for one in row]
    assert found.rows.tolist() == [place for place, row in enumerate(rows) for _ in row]
    distinct = found.distinct()
    assert [distinct.values[distinct.rows == place].tolist() for place in range(len(rows))] == [
        list(dict.fromkeys(row)) for row in rows
    ]


def test_batches_of_any_size():
    graph = make_graph(
        "a: {column: x, before: [log1p, {power: 0.7}], as_is: {}, missing: {constant: 1}}\n"
        "b: {column: n, before: [{clip: {low: -5, high: 99999}}, {power: 3}], as_is: {}, missing: {constant: -3}}\n"
        "c: {column: t, before: [year, log1p], as_is: {}, missing: {constant: 1999-01-01}}\n"
        "d: {column: t, before: [{age: 2024-02-29}, {power: 0.3}], buckets: {boundaries: [0, 10, 30]}}",
        columns=COLUMNS,
    )
    generator = np.random.default_rng(0)
    x = generator.lognormal(0, 9, 512).astype(np.float32) * generator.choice(np.float32([-1, 1]), 512)
    x[:3] = [NAN, INF, -INF]
    n = generator.integers(-(2**62), 2**62, 512) >> generator.integers(0, 60, 512)
    n[:3] = [INT_MISSING, 2**53 + 1, 2**63 - 1]
    t = generator.integers(-62_135_596_800, 253_402_300_799, 512)
    t[:3] = [INT_MISSING, 0, -1]
    found = features_in_any_batch(graph, {"x": tf.constant(x), "n": tf.constant(n), "t": tf.constant(t)})
    assert found["b"][0] == bits(np.array([-27], np.float32))[0]
