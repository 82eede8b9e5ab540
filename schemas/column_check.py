"""In: the columns of a resolved spec. Out: them by name, or the SpecError of the first faulty one."""

from __future__ import annotations

import math

import pyarrow as pa

from . import spec_pb2
from .labels import label_columns, label_path, labels_of
from .numerals import parse_floats, parse_ints
from .spec_defaults import TIME_FORMAT
from .spec_source import SpecSource, enum_name, nearest, quote
from .timestamps import check_format, parse_times

_LISTS = (spec_pb2.FLOAT, spec_pb2.INT, spec_pb2.STRING)
NUMBERS = (spec_pb2.FLOAT, spec_pb2.INT)


def fits(text: str, column: spec_pb2.Column) -> bool:
    """True if a cell (of lists: an element) with this text could be read into the column."""
    cells = pa.array([text], pa.string())
    if column.type == spec_pb2.TIME:
        return not parse_times(cells, column.format or TIME_FORMAT)[1][0]
    if column.type not in NUMBERS:
        return True
    parse = parse_ints if column.type == spec_pb2.INT else parse_floats
    return not parse(cells)[1][0]


def type_name(type_: spec_pb2.ColumnType) -> str:
    return enum_name(spec_pb2.ColumnType.DESCRIPTOR, type_)


def column_of(
    name: str, path: str, columns: dict[str, spec_pb2.Column], source: SpecSource
) -> spec_pb2.Column:
    """The column of this name; SpecError if there is none or it is not read."""
    if name not in columns:
        raise source.error(path, f"no column {quote(name)}", nearest(name, list(columns)))
    if columns[name].type == spec_pb2.IGNORE:
        raise source.error(
            path, f"column {quote(name)} is not read: its type is ignore", "give it another type"
        )
    return columns[name]


def check_columns(data: spec_pb2.Data, source: SpecSource) -> dict[str, spec_pb2.Column]:
    """Checks every column, and the weight; returns the columns by name."""
    columns: dict[str, spec_pb2.Column] = {}
    for index, column in enumerate(data.columns):
        if not column.name:
            raise source.error(f"data.columns[{index}]", "has no name", "give it a `name`")
        path = f"data.columns.{column.name}"
        if column.name in columns:
            raise source.error(path, "is given twice")
        if column.type == spec_pb2.COLUMN_TYPE_UNSPECIFIED:
            raise source.error(path, "has no type", "one of float, int, string, time, file, base64, ignore")
        _check_column(column, path, source)
        columns[column.name] = column
    for user, name in (
        *(("label", name) for name in label_columns(data)),
        ("weight", data.weight),
        ("split by time", data.split.time.column),
    ):
        if name in columns and not columns[name].required and columns[name].type != spec_pb2.IGNORE:
            path = f"data.columns.{name}.required"
            raise source.error(path, f"must be true: the {user} needs a value in every row", "leave it out")
    group = data.split.group
    for user, name, path in (
        *(("the label", label.column, f"{label_path(label)}.column") for label in labels_of(data)),
        ("the weight", data.weight, "data.weight"),
        ("a split by group", group, "data.split.group"),
        ("a split by time", data.split.time.column, "data.split.time.column"),
    ):
        if name in columns:
            check_scalar(name, user, columns, source, path)
    if data.weight:
        column = column_of(data.weight, "data.weight", columns, source)
        if column.type not in NUMBERS:
            raise source.error(
                "data.weight", f"must be a number, and '{data.weight}' is {type_name(column.type)}"
            )
        if data.weight == data.label.column:
            raise source.error("data.weight", f"'{data.weight}' is the label", "name another column")
    return columns


def _check_column(column: spec_pb2.Column, path: str, source: SpecSource) -> None:
    _check_lists(column, path, source)
    if column.format and column.type != spec_pb2.TIME:
        raise source.error(
            f"{path}.format", f"has no meaning for type {type_name(column.type)}", "type: time"
        )
    if column.format:
        try:
            check_format(column.format)
        except ValueError as error:
            raise source.error(
                f"{path}.format", f"{quote(column.format)} {error}", "e.g. %Y-%m-%d %H:%M:%S"
            ) from None
    for value in column.values:
        if not fits(value, column):
            raise source.error(
                f"{path}.values", f"{quote(value)} is no value of a column of type {type_name(column.type)}"
            )
    for name in ("min", "max"):
        if column.HasField(name):
            bound = getattr(column, name)
            if column.type not in NUMBERS:
                hint = "leave it out, or list `values`"
                raise source.error(
                    f"{path}.{name}", f"has no meaning for type {type_name(column.type)}", hint
                )
            source.require(math.isfinite(bound), f"{path}.{name}", "a finite number", bound)
    if column.HasField("min") and column.HasField("max"):
        source.require(
            column.min <= column.max, f"{path}.max", f"at least min, which is {column.min:.12g}", column.max
        )


def _check_lists(column: spec_pb2.Column, path: str, source: SpecSource) -> None:
    at = f"{path}.separators"
    if column.separators and column.type not in _LISTS:
        raise source.error(at, f"lists of type {type_name(column.type)} are not read", "float, int or string")
    if len(column.separators) > 2:
        raise source.error(at, f"{len(column.separators)} are given", "at most 2: lists of lists")
    for index, separator in enumerate(column.separators):
        if not separator or "\n" in separator or '"' in separator:
            raise source.error(f"{at}[{index}]", f"{quote(separator)} cannot be a separator", "e.g. '|'")
        if separator in column.separators[:index]:
            raise source.error(at, f"{quote(separator)} is given twice")
    source.require(column.length >= 0, f"{path}.length", "at least 1", column.length)
    if column.length and not column.separators:
        raise source.error(
            f"{path}.length", "is of lists, and the column has no separators", "separators: '|'"
        )


def check_scalar(
    name: str, user: str, columns: dict[str, spec_pb2.Column], source: SpecSource, path: str
) -> None:
    """Refuses lists and bytes as label, weight, group, time or key."""
    column = columns[name]
    if column.separators or column.type in (spec_pb2.FILE, spec_pb2.BASE64):
        what = "lists" if column.separators else type_name(column.type)
        raise source.error(
            path, f"{quote(name)} holds {what}, and {user} needs one value", "name another column"
        )
