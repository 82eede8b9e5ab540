"""In: the columns of a resolved spec. Out: them by name, or the SpecError of the first faulty one."""

from __future__ import annotations

import math

import pyarrow as pa

from . import spec_pb2
from .numerals import parse_floats, parse_ints
from .spec_source import SpecSource, enum_name, nearest, quote

# The rows' hashes stand beside the columns under this name while they are analyzed.
_RESERVED = "__row_hash__"
NUMBERS = (spec_pb2.FLOAT, spec_pb2.INT)


def fits(text: str, type_: spec_pb2.ColumnType) -> bool:
    """True if a cell with this text could be read into a column of the type."""
    if type_ not in NUMBERS:
        return True
    parse = parse_ints if type_ == spec_pb2.INT else parse_floats
    return not parse(pa.array([text], pa.string()))[1][0]


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
        if column.name == _RESERVED:
            raise source.error(path, "this name is taken by prebake", "rename the column in the files")
        if column.type == spec_pb2.COLUMN_TYPE_UNSPECIFIED:
            raise source.error(path, "has no type", "one of float, int, string, ignore")
        _check_column(column, path, source)
        columns[column.name] = column
    for user, name in (
        ("label", data.label.column),
        ("weight", data.weight),
        ("split by time", data.split.time.column),
    ):
        if name in columns and not columns[name].required and columns[name].type != spec_pb2.IGNORE:
            path = f"data.columns.{name}.required"
            raise source.error(path, f"must be true: the {user} needs a value in every row", "leave it out")
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
    for value in column.values:
        if not fits(value, column.type):
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
