"""In: texts of times. Out: proof that their seconds are those of Python's datetime, and that nothing else is a time."""

from __future__ import annotations

import datetime
import re

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from prebake.schemas.errors import SpecError
from prebake.schemas.spec_check import check
from prebake.schemas.spec_defaults import resolve
from prebake.schemas.spec_yaml import parse_yaml
from prebake.schemas.timestamps import DEFAULT_FORMAT, FIRST, LAST, check_format, parse_times

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
SECOND = datetime.timedelta(seconds=1)
DAY = 86_400


def seconds(texts: list, format: str = DEFAULT_FORMAT) -> list[int | None]:
    """None: bad; every text must be given."""
    found, bad = parse_times(pa.array(texts, pa.binary()), format)
    assert found.is_null().to_pylist() == bad.tolist()
    return found.to_pylist()


# 365 days a year and a leap day in every year that 4 divides, but not 100, or 400 does.
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01 00:00:00", 0),
        ("1970-01-02 03:04:05", DAY + 3 * 3600 + 4 * 60 + 5),
        ("1969-12-31 23:59:59", -1),
        # 1969 back to 1960 has the leap years 1968, 1964, 1960.
        ("1960-01-01 00:00:00", -(10 * 365 + 3) * DAY),
        # 30 years, 7 leap days before 2000; 31 of January and 28 days more.
        ("2000-02-29 00:00:00", (30 * 365 + 7 + 59) * DAY),
        ("2000-03-01 00:00:00", (30 * 365 + 7 + 60) * DAY),
        # 1900 is no leap year: 70 years back, 17 leap days (1904 … 1968).
        ("1900-03-01 00:00:00", -(70 * 365 + 17 - 59) * DAY),
        ("1900-02-28 00:00:00", -(70 * 365 + 17 - 58) * DAY),
        ("2100-02-29 00:00:00", None),
        ("1900-02-29 00:00:00", None),
        ("2023-02-29 00:00:00", None),
        ("2024-02-30 00:00:00", None),
        # 1969 years before 1970 hold 492 - 19 + 4 leap days.
        ("0001-01-01 00:00:00", -(1969 * 365 + 492 - 19 + 4) * DAY),
        ("9999-12-31 23:59:59", 253_402_300_799),
        ("0000-12-31 23:59:59", None),
        ("2024-04-31 00:00:00", None),
        ("2024-00-10 00:00:00", None),
        ("2024-13-10 00:00:00", None),
        ("2024-12-00 00:00:00", None),
        ("2024-12-32 00:00:00", None),
        ("2024-12-01 24:00:00", None),
        ("2024-12-01 23:60:00", None),
        ("2016-12-31 23:59:60", None),
        ("2024-1-01 00:00:00", None),
        ("2024-01-01 0:00:00", None),
        ("2024-01-01T00:00:00", None),
        ("2024-01-01 00:00:00 ", None),
        (" 2024-01-01 00:00:00", None),
        ("2024-01-01 00:00:00\n", None),
        ("2024-01-01", None),
        ("+024-01-01 00:00:00", None),
        ("2024-01-01 00:00:0٣", None),
        ("２０２４-01-01 00:00:00", None),
        # The character after 9, and the one before 0.
        ("2024-01-01 00:00:0:", None),
        ("2024-01-01 00:00:0/", None),
        ("", None),
        ("not a time at all!!", None),
    ],
)
def test_times_by_hand(text, expected):
    assert seconds([text.encode()]) == [expected]
    # Whatever lies before and after it.
    assert seconds([b"1970-01-01 00:00:09", text.encode(), b"1970-01-01 00:00:08"]) == [9, expected, 8]


def test_what_is_missing_is_not_bad():
    found, bad = parse_times(pa.array([None, "1970-01-01 00:00:01", "x", None]), DEFAULT_FORMAT)
    assert (found.to_pylist(), bad.tolist()) == ([None, 1, None, None], [False, False, True, False])
    for format in (DEFAULT_FORMAT, "seconds", "%Y%m%d%f%z"):
        found, bad = parse_times(pa.array([None, None], pa.string()), format)
        assert (found.to_pylist(), bad.tolist()) == ([None, None], [False, False])
        found, bad = parse_times(pa.array([], pa.string()), format)
        assert (found.to_pylist(), bad.tolist()) == ([], [])


def test_bytes_that_are_no_text_are_no_time():
    assert seconds([b"1970-01-01 00:00:0\xff", b"\xff" * 19, b"1970-01-01\xc2\xa000:00:01"]) == [None] * 3


def test_a_part_of_an_array():
    cells = pa.array(["x", "1970-01-01 00:00:01", None, "1970-01-01 00:00:03", "y"])[1:4]
    assert parse_times(cells, DEFAULT_FORMAT)[0].to_pylist() == [1, None, 3]


@pytest.mark.parametrize(
    ("format", "text", "expected"),
    [
        ("%Y-%m-%dT%H:%M:%SZ", b"1970-01-01T00:01:00Z", 60),
        ("%Y-%m-%dT%H:%M:%SZ", b"1970-01-01T00:01:00z", None),
        # Neither a fraction nor an offset is passed over in silence.
        ("%Y-%m-%dT%H:%M:%SZ", b"1970-01-01T00:01:00.5Z", None),
        ("%Y-%m-%dT%H:%M:%SZ", b"1970-01-01T00:01:00+01:00", None),
        ("%d.%m.%Y", b"02.01.1970", DAY),
        ("%m/%d/%Y", b"01/02/1970", DAY),
        ("%Y%m%d%H%M", b"197001020001", DAY + 60),
        ("%Y年%m月%d日", "1970年01月02日".encode(), DAY),
        ("%Y年%m月%d日", "1970年01月02月".encode(), None),
        ("[%d|%m|%Y] (.*)", b"[02|01|1970] (.*)", DAY),
        ("[%d|%m|%Y] (.*)", b"[02|01|1970] (xx)", None),
        ("seconds", b"-1", -1),
        ("seconds", b"951782400", 951_782_400),
        ("seconds", b"1.0", None),
        ("seconds", str(LAST).encode(), LAST),
        ("seconds", str(LAST + 1).encode(), None),
        ("seconds", str(FIRST - 1).encode(), None),
        ("seconds", str(2**63).encode(), None),
        # Downwards, also before 1970.
        ("milliseconds", b"1999", 1),
        ("milliseconds", b"-1", -1),
        ("milliseconds", b"-1000", -1),
        ("milliseconds", b"-1001", -2),
        ("milliseconds", b"9223372036854775807", None),
        # A fraction is dropped: half a second before 1970 is in its last second.
        ("%Y-%m-%dT%H:%M:%S.%fZ", b"1969-12-31T23:59:59.5Z", -1),
        ("%Y-%m-%dT%H:%M:%S.%fZ", b"1970-01-01T00:00:01.999999999Z", 1),
        ("%Y-%m-%dT%H:%M:%S.%fZ", b"1970-01-01T00:00:01.9999999999Z", None),
        ("%Y-%m-%dT%H:%M:%S.%fZ", b"1970-01-01T00:00:01.Z", None),
        ("%Y-%m-%dT%H:%M:%S.%fZ", b"1970-01-01T00:00:01.1", None),
        ("%Y-%m-%d %H:%M:%S,%f", b"1970-01-01 00:00:01,123456", 1),
        # East of Greenwich it is later: noon in +01:00 is 11 in UTC.
        ("%Y-%m-%d %H:%M%z", b"1970-01-01 12:00+01:00", 11 * 3600),
        ("%Y-%m-%d %H:%M%z", b"1970-01-01 12:00-0930", 21 * 3600 + 1800),
        ("%Y-%m-%d %H:%M%z", b"1970-01-01 12:00Z", 12 * 3600),
        ("%Y-%m-%d %H:%M%z", b"1970-01-01 12:00", None),
        ("%Y-%m-%d %H:%M%z", b"1970-01-01 12:00+01", None),
        ("%Y-%m-%d %H:%M%z", b"1970-01-01 12:00+24:00", None),
        ("%Y-%m-%d %H:%M%z", b"1970-01-01 12:00+00:60", None),
        ("%Y-%m-%d %H:%M%z", b"1970-01-01 12:00Z0", None),
        ("%Y-%m-%d %H:%M%z", b"1970-01-01 12:00 00:00", None),
        ("%Y-%m-%d %H:%M:%S.%f%z", b"1970-01-01 00:00:00.25-00:00", 0),
        # Over the ends of the calendar.
        ("%Y-%m-%d %H:%M%z", b"0001-01-01 00:59+01:00", None),
        ("%Y-%m-%d %H:%M%z", b"0001-01-01 01:00+01:00", FIRST),
        ("%Y-%m-%d %H:%M%z", b"9999-12-31 23:59-00:01", None),
    ],
)
def test_formats_by_hand(format, text, expected):
    assert seconds([b"x", text, b"", text], format) == [None, expected, None, expected]


DIRECTIVES = {"Y": "{:04d}", "m": "{:02d}", "d": "{:02d}", "H": "{:02d}", "M": "{:02d}", "S": "{:02d}"}
LITERALS = st.sampled_from(["", "-", "T", " ", ":", ".", "年", "Z", "at ", "\t", "(", "[0-9]", "\\", "$"])


@st.composite
def formats(draw) -> str:
    """Every directive but %f and %z in any order, texts between them; those two where their end can be told."""
    text = "".join(draw(LITERALS) + "%" + directive for directive in draw(st.permutations("YmdHMS")))
    text += draw(st.sampled_from(["", ".%f", ".%fZ", "%z", ".%f%z", " %z (%f)"]))
    return draw(st.sampled_from(["", "%z ", "%f "])) + text if "%f" not in text and "%z" not in text else text


def written(time: datetime.datetime, format: str, fraction: str, offset: int, form: int) -> str:
    """The cell of a local time; `offset` in minutes."""
    hours, minutes = divmod(abs(offset), 60)
    zone = f"{'-' if offset < 0 else '+'}{hours:02d}{':' if form else ''}{minutes:02d}"
    values = {
        "Y": time.year,
        "m": time.month,
        "d": time.day,
        "H": time.hour,
        "M": time.minute,
        "S": time.second,
    }
    texts = {name: DIRECTIVES[name].format(value) for name, value in values.items()}
    texts |= {"f": fraction, "z": "Z" if form == 2 else zone}
    return re.sub("%(.)", lambda match: texts[match[1]], format)


@pytest.mark.fault(52)
@settings(max_examples=300, deadline=None)
@given(
    st.datetimes(),
    formats(),
    st.from_regex(r"\A[0-9]{1,9}\Z"),
    st.integers(-1439, 1439),
    st.integers(0, 2),
)
@example(datetime.datetime(2000, 2, 29), DEFAULT_FORMAT, "0", 0, 0)
@example(datetime.datetime(1, 1, 1), "%Y%m%d%H%M%S", "0", 0, 0)
@example(datetime.datetime(9999, 12, 31, 23, 59, 59), "%Y%m%d%H%M%S", "0", 0, 0)
def test_any_time_is_that_of_datetime(time, format, fraction, offset, form):
    check_format(format)
    text = written(time, format, fraction, offset, form)
    expected = (time.replace(tzinfo=datetime.UTC) - EPOCH) // SECOND
    if "%z" in format and form != 2:
        expected -= offset * 60
    wanted = expected if FIRST <= expected <= LAST else None
    # Neighbours of other lengths: no cell reads into another.
    assert seconds([b"9", text.encode(), b"99:99", text.encode()], format) == [None, wanted, None, wanted]


def reference(text: str, format: str) -> int | None:
    """By Python's own regular expressions and datetime."""
    patterns = {"Y": "[0-9]{4}", "f": "[0-9]{1,9}", "z": "Z|[+-][0-9]{2}:?[0-9]{2}"}
    pattern = "".join(
        f"(?P<{part[1]}>{patterns.get(part[1], '[0-9]{2}')})" if part.startswith("%") else re.escape(part)
        for part in re.findall("%.|[^%]+", format)
    )
    match = re.fullmatch(pattern, text)
    if not match:
        return None
    parts = match.groupdict()
    zone = parts.get("z", "Z").replace("Z", "+0000").replace(":", "")
    hours, minutes = int(zone[1:3]), int(zone[3:])
    if hours > 23 or minutes > 59:
        return None
    try:
        time = datetime.datetime(*(int(parts.get(name, "0")) for name in "YmdHMS"), tzinfo=datetime.UTC)
    except ValueError:
        return None
    away = (hours * 60 + minutes) * 60 * (-1 if zone[0] == "-" else 1)
    found = (time - EPOCH) // SECOND - away
    return found if FIRST <= found <= LAST else None


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(["%Y-%m-%d %H:%M:%S", "%Y%m%d", "%Y-%m-%dT%H:%M:%S.%f%z", "%d.%m.%Y %H:%M%z"]),
    st.datetimes(),
    st.text("0123456789-+:.TZ ٣é\n", max_size=3),
    st.integers(0, 30),
    st.integers(0, 3),
)
def test_any_text_near_a_time(format, time, inserted, place, dropped):
    text = written(time, format, "5", 90, 1)
    text = text[:place] + inserted + text[place + dropped :]
    assert seconds([text.encode()], format) == [reference(text, format)]


@pytest.mark.parametrize(
    ("format", "message"),
    [
        ("%Y-%m", "has no %d"),
        ("%H:%M", "has no %Y"),
        ("", "has no %Y"),
        ("%Y-%m-%d %y", "has the unknown directive '%y'"),
        ("%Y-%m-%d%", "has the unknown directive '%'"),
        ("%Y-%m-%d%%", "has the unknown directive '%%'"),
        ("%Y-%m-%d %d", "has %d twice"),
        ("%Y-%m-%d %f", "has %f and no %S"),
        ("%S.%f%Y-%m-%d", "has a digit right after %f"),
        ("%Y-%m-%d %S.%f0", "has a digit right after %f"),
    ],
)
def test_what_is_no_format(format, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        check_format(format)


def test_the_directives_of_a_format():
    assert check_format("%d.%m.%Y %z") == ["d", "m", "Y", "z"]
    assert check_format("%Y%m%d %S%f%z") == ["Y", "m", "d", "S", "f", "z"]
    assert check_format("seconds") == check_format("milliseconds") == []


def read(features: str, format: str = "%Y-%m-%dT%H:%M:%S.%f%z"):
    columns = f"{{x: float, s: string, t: {{type: time, format: '{format}'}}, y: string}}"
    spec, source = parse_yaml(
        f"data:\n  files: a.csv\n  columns: {columns}\n  label: {{column: y, kind: binary}}\nfeatures:\n  {features}\n",
        "s.yaml",
    )
    resolved = resolve(spec)
    check(resolved, source)
    return resolved


def test_a_spec_with_the_year_of_a_time():
    (feature,) = read("made: {column: t, before: [year], standardize: {}}").features
    assert feature.before[0].WhichOneof("step") == "year"
    (feature,) = read("made: {column: t, before: [{year: {}}, {clip: {low: 1990}}], buckets: 3}").features
    assert [step.WhichOneof("step") for step in feature.before] == ["year", "clip"]


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ("x: {before: [year], as_is: {}}", "s.yaml:6: features.x.before[0]: year needs a time, and it is given float "
         "(declare 'x' as `{type: time, format: …}`)"),
        ("s: {before: [lower, year], as_is: {}}",
         "s.yaml:6: features.s.before[1]: year needs a time, and it is given string "
         "(declare 's' as `{type: time, format: …}`)"),
        ("t: {before: [year, year], as_is: {}}", "s.yaml:6: features.t.before[1]: year needs a time, and it is given float "
         "(declare 't' as `{type: time, format: …}`)"),
        ("t: {before: [{year: 2000}], as_is: {}}",
         "s.yaml:6: features.t.before[0].year: must be a mapping, not '2000' (it takes nothing: write {})"),
        ("t: {before: [year], vocabulary: {}}", "s.yaml:6: features.t.vocabulary: needs a string or int column, and 't' is "
         "float (use buckets, or declare the column int or string)"),
        ("t: {before: [{age: 2024-01-01}], as_is: {}}",
         "s.yaml:6: features.t.before[0]: '2024-01-01' is not a time like %Y-%m-%dT%H:%M:%S.%f%z"),
    ],
)  # fmt: skip
def test_specs_with_times_where_they_cannot_be(features, message):
    with pytest.raises(SpecError) as caught:
        read(features)
    assert str(caught.value) == message


def test_a_bad_format_is_one_line():
    with pytest.raises(SpecError) as caught:
        read("t: {time_part: hour}", "%Y-%m-%d %S.%f%H")
    text = "s.yaml:3: data.columns.t.format: '%Y-%m-%d %S.%f%H' has a digit right after %f (e.g. %Y-%m-%d %H:%M:%S)"
    assert str(caught.value) == text
