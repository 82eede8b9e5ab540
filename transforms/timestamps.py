"""In: times, as text or as seconds since 1970 UTC. Out: seconds, parts of the date and of the day, ages in days.

Only operations on whole numbers but for the last step, so that every target of an export gives the same.
"""

from __future__ import annotations

import math

import tensorflow as tf

from ..schemas import spec_pb2
from ..schemas.spec_pb2 import Part
from ..schemas.timestamps import FIRST, LAST, MOST_FRACTION_DIGITS, UNITS, layout
from .device import floordiv, is_on_device, wide, widen
from .missing import NAN, is_missing
from .parse_numerals import is_int64

_DAY = 86_400
# Days from 0001-01-01 to 1970-01-01.
_EPOCH = 719_162
_YEAR = 365.2425
# Days before each month of a year without a 29 February.
_BEFORE_MONTH = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365)
_PATTERNS = {
    "Y": "[0-9]{4}",
    "m": "0[1-9]|1[0-2]",
    "d": "0[1-9]|[12][0-9]|3[01]",
    "H": "[01][0-9]|2[0-3]",
    "M": "[0-5][0-9]",
    "S": "[0-5][0-9]",
    "f": f"[0-9]{{1,{MOST_FRACTION_DIGITS}}}",
    "z": "Z|[+-](?:[01][0-9]|2[0-3]):?[0-5][0-9]",
}
_SIZES = {
    spec_pb2.SECOND: 60,
    spec_pb2.MINUTE: 60,
    spec_pb2.HOUR: 24,
    spec_pb2.DAY_OF_WEEK: 7,
    spec_pb2.DAY_OF_MONTH: 31,
    spec_pb2.DAY_OF_YEAR: 366,
    spec_pb2.MONTH: 12,
}


def parse_time_text(x: tf.Tensor, format: str) -> tuple[tf.Tensor, tf.Tensor]:
    """As schemas.timestamps.parse_times.

    Args:
      x: string of any shape.
      format: as the column's.

    Returns:
      int64 seconds, 0 where the text is not good; bool, both of the shape of `x`. The empty text is not good.
    """
    if format in UNITS:
        good = is_int64(x)
        number = tf.strings.to_number(tf.where(good, x, "0"), tf.int64)
        seconds = tf.math.floordiv(number, UNITS[format])
    else:
        seconds, good = _parse_fields(x, format)
    good &= (seconds >= FIRST) & (seconds <= LAST)
    return tf.where(good, seconds, tf.zeros_like(seconds)), good


def part_size(part: Part) -> int:
    """How many ids `time_part` gives."""
    return _SIZES[part]


def time_part(seconds: tf.Tensor, part: Part) -> tf.Tensor:
    """int64 ids of the shape of `seconds` (int64, not missing), from 0; those of the days begin with Monday."""
    if part == spec_pb2.SECOND:
        return tf.math.floormod(seconds, 60)
    if part == spec_pb2.MINUTE:
        return floordiv(tf.math.floormod(seconds, 3600), 60)
    if part == spec_pb2.HOUR:
        return floordiv(tf.math.floormod(seconds, _DAY), 3600)
    days = floordiv(seconds, _DAY)
    if part == spec_pb2.DAY_OF_WEEK:
        # 1970-01-01 was a Thursday.
        return tf.math.floormod(days + 3, 7)
    year, month, day = _date(days)
    if part == spec_pb2.MONTH:
        return month - 1
    return day - 1 if part == spec_pb2.DAY_OF_MONTH else days - _first_day(year)


def cyclical(seconds: tf.Tensor, part: Part) -> tf.Tensor:
    """Sine and cosine of the place in a period: float32 [..., 2].

    Args:
      seconds: int64 [...], not missing.
      part: HOUR: of the day; DAY_OF_WEEK: of the week, from Monday; DAY_OF_YEAR: of the year of 365.2425 days, from
        1 January; MINUTE: of the hour.
    """
    if part == spec_pb2.DAY_OF_YEAR:
        year, _, _ = _date(floordiv(seconds, _DAY))
        place, period = seconds - _first_day(year) * _DAY, _YEAR * _DAY
    elif part == spec_pb2.DAY_OF_WEEK:
        # 1970-01-01 was a Thursday.
        period = 7 * _DAY
        place = tf.math.floormod(tf.math.floormod(seconds, period) + 3 * _DAY, period)
    else:
        period = {spec_pb2.HOUR: _DAY, spec_pb2.MINUTE: 3600}[part]
        place = tf.math.floormod(seconds, period)
    # In binary64: a sine in binary32 depends on its place in the batch.
    angle = widen(place) * wide(2 * math.pi / period)
    return tf.cast(tf.stack([tf.sin(angle), tf.cos(angle)], axis=-1), tf.float32)


def age_days(seconds: tf.Tensor, reference: int) -> tf.Tensor:
    """Days from each time to `reference`, with their fraction; NaN where missing.

    Args:
      seconds: int64 of any shape.
      reference: in seconds.
    """
    missing = is_missing(seconds)
    # In binary64, which holds the seconds of all years from 1 to 9999 exactly and does not wrap around beyond them.
    # (On a device the difference is taken before it is rounded.)
    elapsed = widen(reference - seconds) if is_on_device() else wide(reference) - widen(seconds)
    # A product, since a quotient by a constant differs between graph and eager execution.
    days = tf.cast(elapsed * wide(1 / _DAY), tf.float32)
    return tf.where(missing, tf.constant(NAN, tf.float32), days)


def year_number(seconds: tf.Tensor) -> tf.Tensor:
    """The year (UTC) as float32, NaN where missing; of the shape of `seconds` (int64)."""
    missing = is_missing(seconds)
    year, _, _ = _date(floordiv(tf.where(missing, tf.zeros_like(seconds), seconds), _DAY))
    return tf.where(missing, tf.constant(NAN, tf.float32), tf.cast(year, tf.float32))


def _parse_fields(x: tf.Tensor, format: str) -> tuple[tf.Tensor, tf.Tensor]:
    fields = layout(format)
    directives = [field.directive for field in fields if field.directive]
    pattern = "".join(
        f"({_PATTERNS[field.directive]})" if field.directive else _literally(field.literal.decode())
        for field in fields
    )
    good = tf.strings.regex_full_match(x, pattern)

    def digits_of(wanted: str) -> tf.Tensor:
        groups = "".join(rf"\{directives.index(directive) + 1}" for directive in wanted)
        return tf.strings.regex_replace(x, rf"\A{pattern}\z", groups, replace_global=False)

    # Side by side they have fixed places.
    fixed = [field for field in fields if field.directive and field.width]
    digits = tf.where(good, digits_of("".join(field.directive for field in fixed)), "9" * 14)
    values = {directive: tf.zeros_like(good, tf.int64) for directive in "HMS"}
    start = 0
    for field in fixed:
        values[field.directive] = _number(digits, start, field.width)
        start += field.width
    year, month, day = values["Y"], tf.where(good, values["m"], 1), values["d"]
    leap = tf.cast((year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0)), tf.int64)
    before = tf.constant(_BEFORE_MONTH, tf.int64)
    # In month 2 the leap day is the month's, after it the year's.
    first = tf.gather(before, month - 1) + tf.where(month > 2, leap, 0)
    length = tf.gather(before, month) - tf.gather(before, month - 1) + tf.where(month == 2, leap, 0)
    days = _first_day(year) + first + day - 1
    seconds = days * _DAY + values["H"] * 3600 + values["M"] * 60 + values["S"]
    if "z" in directives:
        seconds -= _offset(tf.where(good, digits_of("z"), "Z"))
    return seconds, good & (year >= 1) & (day <= length)


def _offset(text: tf.Tensor) -> tf.Tensor:
    """int64 seconds of Z, ±hh:mm or ±hhmm."""
    digits = tf.strings.regex_replace(text, "Z", "+0000")
    digits = tf.strings.regex_replace(digits, ":", "")
    size = _number(digits, 1, 2) * 3600 + _number(digits, 3, 2) * 60
    return tf.where(tf.strings.regex_full_match(digits, "-.*"), -size, size)


def _number(digits: tf.Tensor, start: int, width: int) -> tf.Tensor:
    return tf.strings.to_number(tf.strings.substr(digits, start, width), tf.int64)


def _literally(text: str) -> str:
    """An RE2 pattern of the text itself."""
    return "".join(rf"\x{{{ord(character):x}}}" for character in text)


def _first_day(year: tf.Tensor) -> tf.Tensor:
    """Of the year, in days since 1970."""
    done = year - 1
    leaps = floordiv(done, 4) - floordiv(done, 100) + floordiv(done, 400)
    return 365 * done + leaps - _EPOCH


def _date(days: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Year, month (1 to 12) and day (1 to 31) of days since 1970.

    Years are counted from March, so that a leap day is a year's last, in eras of 400 years (146,097 days).
    """
    since = days + _EPOCH + 306
    era = floordiv(since, 146_097)
    day = since - era * 146_097
    # Leaves out the leap days before: of every 4 years, not of every 100, of every 400.
    year = floordiv(day - floordiv(day, 1460) + floordiv(day, 36_524) - floordiv(day, 146_096), 365)
    day -= 365 * year + floordiv(year, 4) - floordiv(year, 100)
    # Months from March on begin at days 0, 31, 61, 92, …
    month = floordiv(5 * day + 2, 153)
    day_of_month = day - floordiv(153 * month + 2, 5) + 1
    late = tf.cast(month >= 10, tf.int64)
    return era * 400 + year + late, month + 3 - 12 * late, day_of_month
