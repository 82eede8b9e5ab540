"""In: what is wrong with a cell. Out: the reason as errors show it, the same of a file's cell and of a request's value."""

from __future__ import annotations

from collections.abc import Sequence

from . import spec_pb2

MISSING = "is missing, but the column needs a value in every row"
FORM = {
    spec_pb2.FLOAT: "is not a number: digits with an optional '-', '.' and exponent, nothing else",
    spec_pb2.INT: "is not an integer: digits with an optional '-', nothing else",
}
OUT_OF_RANGE = {
    spec_pb2.FLOAT: "is out of the range of a 32-bit float",
    spec_pb2.INT: "is out of the range of a 64-bit integer",
}
NOT_BASE64 = "is not base64"


def not_a_time(time_format: str) -> str:
    return f"is not a time like {time_format}"


def not_allowed(values: Sequence[str]) -> str:
    return f"is not one of the allowed values {', '.join(values)}"


def below(limit: float) -> str:
    return f"is below the minimum {limit:g}"


def above(limit: float) -> str:
    return f"is above the maximum {limit:g}"


def unequal_weights(lists: str) -> str:
    return f"has not one weight for each value of '{lists}'"
