"""In: the cells of some rows as bytes. Out: a typed Arrow batch of the good rows, one error per bad row."""

from __future__ import annotations

import base64
import binascii
import math

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from . import cell_reasons, spec_pb2
from .csv_layout import Layout, LayoutColumn
from .errors import DataError
from .numerals import INT_MISSING, is_float, is_int, parse_floats, parse_ints
from .timestamps import parse_times

# The smallest normal binary32 number. What is smaller in size is 0 to the transforms, and so to the limits too: TensorFlow's
# threads, which check requests, could not tell it from 0.
_SMALLEST = np.finfo(np.float32).tiny


def type_cells(
    cells: list[pa.Array], rows: np.ndarray, layout: Layout, path: str
) -> tuple[pa.RecordBatch, np.ndarray, list[DataError]]:
    """Types and checks cells.

    Args:
      cells: for each column of the layout a binary array [n]; null is missing.
      rows: record numbers, int64 [n].
      layout: of the file.
      path: for messages.

    Returns:
      The batch of the rows in which every cell is good; bool [n], true for these; one error for each other
      row, about its first bad cell in the layout's order.
    """
    good = np.ones(len(rows), np.bool_)
    typed: list[pa.Array] = []
    errors: list[DataError] = []
    for column, texts in zip(layout.columns, cells, strict=True):
        array, bad = _type_column(texts, column)
        typed.append(array)
        for i in np.flatnonzero(bad & good).tolist():
            cell = texts[i].as_py()
            shown = None if cell is None else cell.decode()
            errors.append(DataError(path, int(rows[i]), column.name, shown, _reason(cell, column)))
        good &= ~bad
    schema = pa.schema([pa.field(c.name, a.type) for c, a in zip(layout.columns, typed, strict=True)])
    batch = pa.RecordBatch.from_arrays(typed, schema=schema)
    return batch if good.all() else batch.filter(pa.array(good)), good, errors


def _type_column(texts: pa.Array, column: LayoutColumn) -> tuple[pa.Array, np.ndarray]:
    """The typed column [n] and, as bool [n], its bad cells."""
    if column.separators:
        array, bad = texts, bad_lists(texts, column)
    else:
        array, bad = type_values(texts, column)
    if column.required and texts.null_count:
        bad = bad | texts.is_null().to_numpy(zero_copy_only=False)
    return array, bad


def type_values(texts: pa.Array, column: LayoutColumn) -> tuple[pa.Array, np.ndarray]:
    """Typed values [n] of texts of one value each, and, as bool [n], those that are not allowed."""
    array, bad = _parse(texts, column)
    compared = _flushed(array, column)
    if column.values:
        allowed = _flushed(_parse(_allowed(column), column)[0], column)
        bad = bad | (pc.is_valid(array).to_numpy(zero_copy_only=False) & ~_true(pc.is_in(compared, allowed)))
    if column.type in cell_reasons.FORM:
        lowest, highest = _limits(column)
        if lowest is not None:
            bad = bad | _true(pc.less(compared, lowest))
        if highest is not None:
            bad = bad | _true(pc.greater(compared, highest))
        if column.above is not None:
            bad = bad | _true(pc.less_equal(compared, pa.scalar(column.above, array.type)))
    return array, bad


def _flushed(array: pa.Array, column: LayoutColumn) -> pa.Array:
    """What limits and allowed values are compared with."""
    if column.type != spec_pb2.FLOAT or not (
        column.values or column.min is not None or column.max is not None
    ):
        return array
    return pc.if_else(
        pc.less(pc.abs(array), pa.scalar(_SMALLEST, pa.float32())), pa.scalar(0, pa.float32()), array
    )


def _parse(texts: pa.Array, column: LayoutColumn) -> tuple[pa.Array, np.ndarray]:
    if column.type == spec_pb2.FLOAT:
        return parse_floats(texts)
    if column.type == spec_pb2.INT:
        return parse_ints(texts)
    if column.type == spec_pb2.TIME:
        return parse_times(texts, column.time_format)
    if column.type == spec_pb2.BASE64:
        return texts, np.array([not is_base64(cell) for cell in texts.to_pylist()], np.bool_)
    return texts, np.zeros(len(texts), np.bool_)


def _true(mask: pa.BooleanArray) -> np.ndarray:
    return mask.fill_null(False).to_numpy(zero_copy_only=False)


def _limits(column: LayoutColumn) -> tuple[pa.Scalar | None, pa.Scalar | None]:
    """Limits in the column's own type: the float32 of 0.1 is above the double 0.1 and would fail max: 0.1."""
    if column.type == spec_pb2.FLOAT:
        with np.errstate(over="ignore"):
            return tuple(  # type: ignore[return-value]
                None if limit is None else pa.scalar(_flush(np.float32(limit)), pa.float32())
                for limit in (column.min, column.max)
            )
    lowest = None if column.min is None else pa.scalar(_as_int64(column.min, math.ceil), pa.int64())
    highest = None if column.max is None else pa.scalar(_as_int64(column.max, math.floor), pa.int64())
    return lowest, highest


def _as_int64(limit: float, towards) -> int:
    if math.isinf(limit):
        return INT_MISSING if limit < 0 else 2**63 - 1
    return min(max(towards(limit), INT_MISSING), 2**63 - 1)


def _flush(limit: np.float32) -> np.float32:
    return np.float32(0) if abs(limit) < _SMALLEST else limit


def _reason(cell: bytes | None, column: LayoutColumn) -> str:
    """Why this cell, known to be bad, is bad."""
    if cell is None:
        return cell_reasons.MISSING
    if column.separators:
        return list_fault(cell, column)
    return value_fault(cell, column)


def value_fault(cell: bytes, column: LayoutColumn) -> str:
    """Why this text of one value, known to be bad, is bad."""
    if column.type == spec_pb2.TIME and parse_times(pa.array([cell], pa.binary()), column.time_format)[1][0]:
        return cell_reasons.not_a_time(column.time_format)
    if column.type == spec_pb2.BASE64 and not is_base64(cell):
        return cell_reasons.NOT_BASE64
    if column.type == spec_pb2.FLOAT and not is_float(cell):
        return cell_reasons.FORM[spec_pb2.FLOAT]
    if column.type == spec_pb2.INT and not is_int(cell):
        return cell_reasons.FORM[spec_pb2.INT]
    text = pa.array([cell], pa.binary())
    if column.type == spec_pb2.FLOAT and parse_floats(text)[1][0]:
        return cell_reasons.OUT_OF_RANGE[spec_pb2.FLOAT]
    if column.type == spec_pb2.INT and parse_ints(text)[1][0]:
        return cell_reasons.OUT_OF_RANGE[spec_pb2.INT]
    if column.values and not _is_allowed(text, column):
        return cell_reasons.not_allowed(column.values)
    number = float(cell)
    if column.above is not None and number <= column.above:
        return f"is not above {column.above:g}, which {column.above_for} needs"
    if column.min is not None and number < column.min:
        return cell_reasons.below(column.min)
    assert column.max is not None
    return cell_reasons.above(column.max)


def _is_allowed(text: pa.Array, column: LayoutColumn) -> bool:
    found, allowed = (_flushed(_parse(texts, column)[0], column) for texts in (text, _allowed(column)))
    return bool(_true(pc.is_in(found, allowed))[0])


def bad_lists(texts: pa.Array, column: LayoutColumn) -> np.ndarray:
    """Bool [n]: cells with an element that is not allowed, or a list of another length."""
    bad = np.zeros(len(texts), np.bool_)
    lists, parents = texts.cast(pa.string()), np.arange(len(texts))
    for separator in column.separators:
        split = pc.split_pattern(lists, separator)
        lengths, inner = pc.list_value_length(split), pc.list_parent_indices(split).to_numpy()
        if column.length and separator == column.separators[-1]:
            bad[parents[_true(pc.not_equal(lengths, column.length))]] = True
        lists, parents = pc.list_flatten(split), parents[inner]
    # An empty text is a missing value.
    elements = pc.if_else(pc.equal(lists, ""), pa.scalar(None, pa.string()), lists).cast(pa.binary())
    bad[parents[type_values(elements, column)[1]]] = True
    return bad


def list_fault(cell: bytes, column: LayoutColumn) -> str:
    """Why this list, known to be bad, is bad: its first bad element, or its length."""
    lists = [cell]
    for separator in column.separators:
        parts = [part.split(separator.encode()) for part in lists]
        if column.length and separator == column.separators[-1]:
            for part in parts:
                if len(part) != column.length:
                    return f"has {len(part)} values, and the column says {column.length}"
        lists = [element for part in parts for element in part]
    for place, element in enumerate(lists, 1):
        if element and type_values(pa.array([element], pa.binary()), column)[1][0]:
            return f"element {place}, '{element.decode()}', {value_fault(element, column)}"
    return "is not a list that the column allows"


def is_base64(cell: bytes | None) -> bool:
    """Whether a cell is base64 of the standard alphabet; a missing one is."""
    try:
        base64.b64decode(cell or b"", validate=True)
    except binascii.Error:
        return False
    return True


def _allowed(column: LayoutColumn) -> pa.Array:
    return pa.array([value.encode() for value in column.values], pa.binary())
