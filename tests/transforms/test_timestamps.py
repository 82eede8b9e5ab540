"""In: times, as text and as seconds. Out: proof that the graph reads as the reader does and counts as Python's calendar."""

from __future__ import annotations

import datetime
import math

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
from hand_made import INT_MISSING, bits, make_graph
from hypothesis import example, given, settings
from hypothesis import strategies as st
from in_batches import features_in_any_batch
from prebake.schemas import spec_pb2
from prebake.schemas.manifest_pb2 import OUTPUT_FLOAT, OUTPUT_INT64
from prebake.schemas.timestamps import FIRST, LAST, parse_times
from prebake.transforms import timestamps
from prebake.transforms.refuse import refusal
from prebake.transforms.serving_input import RequestReader

EPOCH = datetime.datetime(1970, 1, 1)
PARTS = ["SECOND", "MINUTE", "HOUR", "DAY_OF_WEEK", "DAY_OF_MONTH", "DAY_OF_YEAR", "MONTH"]
CYCLES = ["MINUTE", "HOUR", "DAY_OF_WEEK", "DAY_OF_YEAR"]
FORMATS = [
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%SZ",
    "%Y-%m-%dT%H:%M:%S.%f%z",
    "%d.%m.%Y",
    "%z [%Y年%m|%d] (.*)\\1",
    "%f%z%S %d%m%Y",
    "seconds",
    "milliseconds",
]


def of(year: int, month: int, day: int, *time: int) -> int:
    return (datetime.datetime(year, month, day, *time) - EPOCH) // datetime.timedelta(seconds=1)


# By a calendar: the day of the week from Monday, the days of the month, of the year and the months from 0.
BY_HAND = [
    ((1970, 1, 1), (0, 0, 0, 3, 0, 0, 0)),
    ((1969, 12, 31, 23, 59, 58), (58, 59, 23, 2, 30, 364, 11)),
    ((2024, 2, 29, 12, 34, 56), (56, 34, 12, 3, 28, 59, 1)),
    ((2024, 3, 1), (0, 0, 0, 4, 0, 60, 2)),
    ((2024, 12, 31), (0, 0, 0, 1, 30, 365, 11)),
    # 1900 and 2100 have no 29 February, 2000 has one.
    ((1900, 3, 1), (0, 0, 0, 3, 0, 59, 2)),
    ((2100, 3, 1, 23), (0, 0, 23, 0, 0, 59, 2)),
    ((2000, 3, 1), (0, 0, 0, 2, 0, 60, 2)),
    ((1, 1, 1), (0, 0, 0, 0, 0, 0, 0)),
    ((9999, 12, 31, 23, 59, 59), (59, 59, 23, 4, 30, 364, 11)),
]


@pytest.mark.parametrize(("date", "expected"), BY_HAND)
def test_parts_by_hand(date, expected):
    seconds = tf.constant([of(*date)], tf.int64)
    found = [timestamps.time_part(seconds, spec_pb2.Part.Value(part)).numpy().tolist()[0] for part in PARTS]
    assert tuple(found) == expected
    assert timestamps.year_number(seconds).numpy().tolist() == [date[0]]


def parts_of(time: datetime.datetime) -> list[int]:
    days = time.timetuple()
    return [
        time.second,
        time.minute,
        time.hour,
        time.weekday(),
        time.day - 1,
        days.tm_yday - 1,
        time.month - 1,
    ]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.datetimes(), min_size=1, max_size=40))
@example([datetime.datetime(year, 2, 28) + datetime.timedelta(days=1) for year in range(1, 9999, 25)])
@example([datetime.datetime(year, 12, 31, 23, 59, 59) for year in range(1, 10_000, 33)])
def test_parts_and_years_are_those_of_datetime(times):
    seconds = tf.constant([(time - EPOCH) // datetime.timedelta(seconds=1) for time in times], tf.int64)
    found = [timestamps.time_part(seconds, spec_pb2.Part.Value(part)).numpy().tolist() for part in PARTS]
    assert list(map(list, zip(*found, strict=True))) == [parts_of(time) for time in times]
    for part, ids in zip(PARTS, found, strict=True):
        assert max(ids) < timestamps.part_size(spec_pb2.Part.Value(part))
    assert timestamps.year_number(seconds).numpy().tolist() == [time.year for time in times]
    # Days are exact in binary64, and then rounded once.
    reference = datetime.datetime(2024, 5, 6, 7, 8, 9)
    ages = [
        np.float32((reference - time.replace(microsecond=0)) / datetime.timedelta(days=1)) for time in times
    ]
    found_ages = timestamps.age_days(seconds, of(2024, 5, 6, 7, 8, 9)).numpy()
    np.testing.assert_allclose(found_ages, ages, rtol=2**-23)


def test_every_day_of_400_years():
    # The calendar repeats after them.
    days = np.arange(of(1999, 12, 31) // 86_400, of(2400, 1, 2) // 86_400)
    dates = days.astype("M8[D]")
    seconds = tf.constant(days * 86_400 + 86_399, tf.int64)
    years, months = dates.astype("M8[Y]"), dates.astype("M8[M]")
    expected = {
        spec_pb2.DAY_OF_WEEK: [date.weekday() for date in dates.tolist()],
        spec_pb2.DAY_OF_MONTH: (dates - months.astype("M8[D]")).astype(int).tolist(),
        spec_pb2.DAY_OF_YEAR: (dates - years.astype("M8[D]")).astype(int).tolist(),
        spec_pb2.MONTH: (months - years.astype("M8[M]")).astype(int).tolist(),
    }
    for part, ids in expected.items():
        assert timestamps.time_part(seconds, part).numpy().tolist() == ids
    assert timestamps.year_number(seconds).numpy().tolist() == [date.year for date in dates.tolist()]


@pytest.mark.parametrize(
    ("part", "date", "turn"),
    [
        # The place in the period as a share of a turn.
        ("HOUR", (2024, 5, 6, 0, 0, 0), 0),
        ("HOUR", (2024, 5, 6, 6, 0, 0), 1 / 4),
        ("HOUR", (1969, 5, 6, 21, 0, 0), 7 / 8),
        ("MINUTE", (2024, 5, 6, 6, 30, 0), 1 / 2),
        ("MINUTE", (1969, 5, 6, 6, 59, 24), 0.99),
        # 2024-05-06 is a Monday.
        ("DAY_OF_WEEK", (2024, 5, 6, 0, 0, 0), 0),
        ("DAY_OF_WEEK", (2024, 5, 9, 12, 0, 0), 1 / 2),
        ("DAY_OF_WEEK", (1900, 1, 1, 0, 0, 0), 0),
        ("DAY_OF_YEAR", (2024, 1, 1, 0, 0, 0), 0),
        ("DAY_OF_YEAR", (2023, 12, 31, 23, 59, 59), (365 - 1 / 86_400) / 365.2425),
        ("DAY_OF_YEAR", (2024, 12, 31, 12, 0, 0), 365.5 / 365.2425),
        ("DAY_OF_YEAR", (1, 1, 2, 0, 0, 0), 1 / 365.2425),
    ],
)
def test_cycles_by_hand(part, date, turn):
    found = timestamps.cyclical(tf.constant([of(*date)], tf.int64), spec_pb2.Part.Value(part)).numpy()
    expected = [[math.sin(2 * math.pi * turn), math.cos(2 * math.pi * turn)]]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-7)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(FIRST, LAST), min_size=1, max_size=40))
def test_cycles_are_those_of_datetime(seconds):
    times = [EPOCH + datetime.timedelta(seconds=one) for one in seconds]
    day = datetime.timedelta(days=1)
    since_midnight = [time - datetime.datetime(*time.timetuple()[:3]) for time in times]
    turns = {
        "MINUTE": [since / datetime.timedelta(hours=1) for since in since_midnight],
        "HOUR": [since / day for since in since_midnight],
        "DAY_OF_WEEK": [
            (time.weekday() + since / day) / 7 for time, since in zip(times, since_midnight, strict=True)
        ],
        "DAY_OF_YEAR": [(time - datetime.datetime(time.year, 1, 1)) / day / 365.2425 for time in times],
    }
    for part in CYCLES:
        found = timestamps.cyclical(tf.constant(seconds, tf.int64), spec_pb2.Part.Value(part)).numpy()
        angles = 2 * np.pi * np.array(turns[part])
        np.testing.assert_allclose(found, np.stack([np.sin(angles), np.cos(angles)], 1), rtol=0, atol=2e-7)


def test_age_by_hand():
    reference = of(2024, 3, 1)
    rows = [(2024, 3, 1), (2024, 2, 29), (2023, 3, 1), (2024, 3, 1, 6), (2024, 3, 2, 12), (1969, 12, 31, 18)]
    seconds = tf.constant([INT_MISSING, *(of(*row) for row in rows)], tf.int64)
    found = timestamps.age_days(seconds, reference).numpy()
    # 366 days back over the 29 February; 54 years of 365 days with 14 leap days, 1972 to 2024, from 1 January 1970.
    last = 54 * 365 + 13 + 60 + 0.25
    np.testing.assert_array_equal(found, np.array([np.nan, 0, 1, 366, -0.25, -1.5, last], np.float32))


@pytest.mark.parametrize("seconds", [2**53 + 1, 2**63 - 1, -(2**63) + 1, -(2**62)])
def test_times_of_a_request_beyond_the_calendar(seconds):
    # No file can hold them, an Example can: the parts stay in their ranges, and the age does not wrap around.
    x = tf.constant([seconds], tf.int64)
    for part in PARTS:
        value = spec_pb2.Part.Value(part)
        assert 0 <= timestamps.time_part(x, value).numpy()[0] < timestamps.part_size(value)
    for part in CYCLES:
        found = timestamps.cyclical(x, spec_pb2.Part.Value(part)).numpy()
        np.testing.assert_allclose(np.hypot(*found[0]), 1, rtol=1e-6)
    # 0 is a Thursday: the remainder of a week tells the day.
    assert timestamps.time_part(x, spec_pb2.DAY_OF_WEEK).numpy()[0] == (seconds // 86_400 + 3) % 7
    turn = (seconds + 3 * 86_400) % (7 * 86_400) / (7 * 86_400)
    found = timestamps.cyclical(x, spec_pb2.DAY_OF_WEEK).numpy()[0]
    np.testing.assert_allclose(found, [math.sin(2 * math.pi * turn), math.cos(2 * math.pi * turn)], atol=1e-6)
    np.testing.assert_allclose(timestamps.age_days(x, LAST).numpy(), [(LAST - seconds) / 86_400], rtol=1e-6)
    np.testing.assert_allclose(
        timestamps.year_number(x).numpy(), [1970 + seconds / 86_400 / 365.2425], rtol=1e-6
    )


@pytest.fixture(scope="module")
def parsers():
    """By format, a function of one text in a traced graph."""
    return {
        format: tf.function(
            lambda x, format=format: timestamps.parse_time_text(x, format),
            input_signature=[tf.TensorSpec([None], tf.string)],
        )
        for format in FORMATS
    }


def assert_parsed_alike(texts: list[bytes], format: str, parse) -> None:
    expected, bad = parse_times(pa.array(texts, pa.binary()), format)
    seconds, good = parse(tf.constant(texts, tf.string))
    assert good.numpy().tolist() == (~bad).tolist()
    assert seconds.numpy().tolist() == expected.fill_null(0).to_pylist()


def cell(format: str, time: datetime.datetime, fraction: str, zone: str) -> str:
    seconds = (time - EPOCH) // datetime.timedelta(seconds=1)
    if format in ("seconds", "milliseconds"):
        return str(seconds) + (fraction[:3].ljust(3, "0") if format == "milliseconds" else "")
    parts = {"Y": f"{time.year:04d}", "f": fraction, "z": zone}
    for name, value in zip("mdHMS", time.timetuple()[1:6], strict=True):
        parts[name] = f"{value:02d}"
    for name, text in parts.items():
        format = format.replace(f"%{name}", text)
    return format


ZONES = st.sampled_from(["Z", "+00:00", "-0930", "+14:00", "-23:59", "+24:00", "-00:60", "+1:00", "+01", "z"])


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(FORMATS),
    st.datetimes(),
    st.from_regex(r"\A[0-9]{1,10}\Z"),
    ZONES,
    st.text("0123456789-+:.TZ |٣é年\n\\", max_size=2),
    st.integers(0, 30),
    st.integers(0, 3),
)
@example("%Y-%m-%dT%H:%M:%S.%f%z", datetime.datetime(1, 1, 1), "1", "+14:00", "", 0, 0)
@example("%Y-%m-%dT%H:%M:%S.%f%z", datetime.datetime(9999, 12, 31, 23, 59, 59), "1", "-23:59", "", 0, 0)
@example("%Y-%m-%d %H:%M:%S", datetime.datetime(2023, 2, 28), "1", "Z", "29", 8, 2)
@example("%Y-%m-%d %H:%M:%S", datetime.datetime(2023, 2, 28), "1", "Z", "0000", 0, 4)
@example("%Y-%m-%d %H:%M:%S", datetime.datetime(2023, 2, 28), "1", "Z", "00", 5, 2)
@example("%Y-%m-%d %H:%M:%S", datetime.datetime(2023, 2, 28), "1", "Z", "13", 5, 2)
@example("%Y-%m-%d %H:%M:%S", datetime.datetime(2023, 2, 28), "1", "Z", "00", 8, 2)
@example("%Y-%m-%d %H:%M:%S", datetime.datetime(2023, 3, 28), "1", "Z", "32", 8, 2)
@example("%Y-%m-%d %H:%M:%S", datetime.datetime(2023, 2, 28), "1", "Z", "24", 11, 2)
@example("%Y-%m-%d %H:%M:%S", datetime.datetime(2023, 2, 28), "1", "Z", "60", 14, 2)
@example("%Y-%m-%d %H:%M:%S", datetime.datetime(2023, 2, 28), "1", "Z", "60", 17, 2)
def test_any_text_near_a_time_is_read_as_the_reader_reads_it(
    parsers, format, time, fraction, zone, inserted, place, dropped
):
    text = cell(format, time, fraction, zone)
    near = text[:place] + inserted + text[place + dropped :]
    assert_parsed_alike([text.encode(), near.encode(), b""], format, parsers[format])


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(FORMATS), st.lists(st.binary(max_size=24) | st.text().map(str.encode), max_size=5))
@example("seconds", [b"-62135596801", b"-62135596800", b"253402300799", b"253402300800", b"9" * 30])
@example(
    "milliseconds", [b"-62135596800001", b"-62135596800000", b"253402300799999", b"253402300800000", b"-1"]
)
@example(
    "%Y-%m-%d %H:%M:%S", [b"2024-02-29 00:00:00\n", b"2024-02-29 00:00:00\0", b"\xff2024-02-29 00:00:00"]
)
def test_any_bytes_are_read_as_the_reader_reads_them(parsers, format, texts):
    assert_parsed_alike(texts, format, parsers[format])


def test_a_literal_of_a_format_is_no_pattern():
    format = "%Y-%m-%d (.*)|[a]$\\d{2}"
    texts = [b"1970-01-02 (.*)|[a]$\\d{2}", b"1970-01-02 xyz|a", b"1970-01-02 (.*)", b"[a]$\\d{2}"]
    seconds, good = timestamps.parse_time_text(tf.constant(texts), format)
    assert (seconds.numpy().tolist(), good.numpy().tolist()) == (
        [86_400, 0, 0, 0],
        [True, False, False, False],
    )


@pytest.mark.parametrize(
    ("format", "text"),
    [
        ("%Y-%m-%dT%H:%M:%SZ", "2024-02-29T00:00:00.5Z"),
        ("%Y-%m-%dT%H:%M:%SZ", "2024-02-29T00:00:00+01:00"),
        ("%Y-%m-%dT%H:%M:%S.%f%z", "2024-02-29T00:00:00Z"),
    ],
)
def test_a_request_with_another_format_is_refused(format, text):
    graph = make_graph(
        "t: {time_part: hour}", columns=f"{{t: {{type: time, format: '{format}'}}, y: string}}"
    )
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        RequestReader(graph).read_cells({"t": tf.constant([text])})
    assert refusal(caught.value) == f"row 1: column 't' '{text}' is not a time like {format}"


FEATURES = "".join(f"part_{part}: {{column: t, time_part: {part.lower()}}}\n" for part in PARTS)
FEATURES += "".join(f"cycle_{part}: {{column: t, cyclical: {part.lower()}}}\n" for part in CYCLES)
FEATURES += """\
age: {column: t, before: [{age: "2024-03-01 12:00:00"}], as_is: {}, missing: {constant: "2024-03-01 00:00:00"}}
year: {column: t, before: [year], as_is: {}, missing: {constant: "1999-01-01 00:00:00"}}
decade: {column: t, before: [year], buckets: {boundaries: [1990, 2000]}}
given: {column: t, time_part: month, missing: {constant: "2024-12-01 00:00:00"}, encode: one_hot}
"""


@pytest.fixture(scope="module")
def graph():
    return make_graph(FEATURES, columns="{t: time, y: string}")


def test_features_of_times(graph):
    raw = {
        "t": tf.constant([INT_MISSING, of(2024, 2, 29, 12, 34, 56), of(1900, 3, 1), of(1995, 1, 1)], tf.int64)
    }
    found = {name: value.numpy() for name, value in graph.apply(raw).items()}
    outputs = {output.name: output for output in graph.features}
    # Missing: an id of its own, the last; the sizes are those of the parts.
    rows = dict(
        zip(PARTS, zip(*[BY_HAND[2][1], BY_HAND[5][1], (0, 0, 0, 6, 0, 0, 0)], strict=True), strict=True)
    )
    for part, size in zip(PARTS, [60, 60, 24, 7, 31, 366, 12], strict=True):
        output = outputs[f"part_{part}"]
        assert (output.type, output.cardinality) == (OUTPUT_INT64, size + 1)
        assert found[f"part_{part}"].tolist() == [size, *rows[part]]
    for part in CYCLES:
        output = outputs[f"cycle_{part}"]
        assert (output.type, list(output.shape)) == (OUTPUT_FLOAT, [2])
        # A missing time lies in the middle of the circle.
        assert found[f"cycle_{part}"][0].tolist() == [0, 0]
        np.testing.assert_allclose(np.hypot(*found[f"cycle_{part}"][1:].T), 1, rtol=1e-6)
    assert found["age"].tolist()[0] == 0.5
    assert bits(found["year"]) == bits(np.array([1999, 2024, 1900, 1995], np.float32))
    assert found["decade"].tolist() == [3, 2, 0, 1]
    assert (outputs["given"].cardinality, found["given"].tolist()) == (12, [11, 1, 2, 0])


def test_a_batch_without_times_and_an_empty_one(graph):
    void = graph.apply({"t": tf.constant([INT_MISSING] * 3, tf.int64)})
    assert void["part_MONTH"].numpy().tolist() == [12] * 3
    assert void["cycle_HOUR"].numpy().tolist() == [[0, 0]] * 3
    empty = graph.apply({"t": tf.constant([], tf.int64)})
    for output in graph.features:
        assert empty[output.name].shape == (0, *output.shape)


def test_batches_of_any_size(graph):
    seconds = np.random.default_rng(0).integers(FIRST, LAST, 512)
    seconds[::13] = INT_MISSING
    found = features_in_any_batch(graph, {"t": tf.constant(seconds)})
    assert found["part_MONTH"][13] == 12
