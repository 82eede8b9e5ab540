"""In: bad rows of a request. Out: why each of them is bad, as the reader says it of a file's rows (schemas/csv_cells.py).

Computed only when rows are bad. Columns alike are told of together, as one matrix, which keeps the graph small: there is
one such branch in every signature of an export.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from ..schemas import cell_reasons
from ..schemas.spec_pb2 import BASE64, FILE, FLOAT, INT, STRING, TIME, Column
from .column_limits import Allowed, limits
from .fault_text import chosen, first_of, one_line, text_fault
from .lists import split_cells
from .missing import flush, is_missing
from .parse_numerals import is_float, is_int, is_int64, read_floats, read_ints
from .timestamps import parse_time_text

BASE64_PATTERN = "(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?"
_OUTSIDE_CALENDAR = "is outside the years 1 to 9999"

Faults = list[tuple[tf.Tensor, str | tf.Tensor]]


def tell_columns(
    columns: Sequence[Column],
    allowed: Mapping[str, Allowed],
    raw: Mapping[str, tf.Tensor],
    texts: Mapping[str, tf.Tensor] | None,
    rows: tf.Tensor,
) -> tf.Tensor:
    """string [n]: of each row, what is wrong with the first column that is bad; "" if none is.

    Args:
      columns: all of them, in the spec's order.
      allowed: their `values`, by column.
      raw: by column, [batch].
      texts: the cells that they were read from, if there were any, missing ones empty; known to be text.
      rows: int64 [n], which ones.
    """
    told: dict[str, tf.Tensor] = {}
    for alike in _alike(columns):
        x = tf.stack([tf.gather(raw[column.name], rows) for column in alike])
        text = None if texts is None else tf.stack([tf.gather(texts[column.name], rows) for column in alike])
        told |= zip(
            (column.name for column in alike), tf.unstack(_tell(alike, allowed, x, text)), strict=True
        )
    return first_of([told[column.name] for column in columns])


def bad_lengths(column: Column, lists: tf.RaggedTensor) -> tf.Tensor | None:
    """bool, one for each innermost list: it has not the column's length; None if any length is good."""
    if not column.length:
        return None
    lengths = _innermost(lists)
    bad = tf.not_equal(lengths, column.length)
    # An empty cell is missing; in a list of lists an empty text is a list of one missing value.
    return bad if lists.ragged_rank > 1 else bad & (lengths > 0)


def _alike(columns: Sequence[Column]) -> list[list[Column]]:
    """Lists alone; of the others those with the same type and format together."""
    groups: dict[tuple, list[Column]] = {}
    for column in columns:
        kind = (column.name,) if column.separators else (column.type, column.format)
        groups.setdefault(kind, []).append(column)
    return list(groups.values())


def _tell(
    columns: Sequence[Column], allowed: Mapping[str, Allowed], x: tf.Tensor, text: tf.Tensor | None
) -> tf.Tensor:
    """string [columns, n], of columns alike."""
    first = columns[0]
    told = []
    if text is None and (first.separators or first.type == STRING):
        told.append(tf.reshape(text_fault(tf.reshape(x, [-1]), ""), tf.shape(x)))
    if first.separators:
        told.append(_list_reason(first, allowed, x[0])[tf.newaxis])
    else:
        told.append(_value_reason(columns, allowed, x, text))
    why = first_of(told)
    places = tf.constant([[f"column '{column.name}'"] for column in columns])
    place = tf.broadcast_to(places, tf.shape(x))
    shown = text if text is not None else _shown(x, first)
    value = ": " if shown is None else tf.strings.join([" '", one_line(shown), "' "])
    of_value = tf.where(tf.equal(why, ""), "", tf.strings.join([place, value, why]))
    # A cell that could not be read is missing too, but has a reason.
    required = tf.constant([[column.required] for column in columns])
    absent = is_missing(x) & tf.equal(why, "") & required
    return tf.where(absent, tf.strings.join([place, f": {cell_reasons.MISSING}"]), of_value)


def _value_reason(
    columns: Sequence[Column], allowed: Mapping[str, Allowed], x: tf.Tensor, text: tf.Tensor | None
) -> tf.Tensor:
    """string [columns, n]; `text`: what the values were read from, where that is not known to be good."""
    first = columns[0]
    given = ~is_missing(x)
    faults: Faults = []
    if text is not None:
        faults += _form_faults(first, text, given)
    if first.type == FLOAT:
        faults.append((tf.math.is_inf(x), cell_reasons.OUT_OF_RANGE[FLOAT]))
    for place, column in enumerate(columns):
        if column.name in allowed:
            of_column = tf.one_hot(place, len(columns), True, False, dtype=tf.bool)[:, tf.newaxis]
            refused = allowed[column.name].refuses(x[place]) & of_column
            faults.append((refused, cell_reasons.not_allowed(column.values)))
    if first.type in (FLOAT, INT, TIME):
        faults += _limit_faults(columns, flush(x) if first.type == FLOAT else x, given)
    return chosen(faults, x)


def _limit_faults(columns: Sequence[Column], x: tf.Tensor, given: tf.Tensor) -> Faults:
    bounds = np.array([limits(column) for column in columns], x.dtype.as_numpy_dtype)
    if columns[0].type == TIME:
        return [(given & ((x < bounds[:, :1]) | (x > bounds[:, 1:])), _OUTSIDE_CALENDAR)]
    low = tf.constant([[cell_reasons.below(column.min)] for column in columns])
    high = tf.constant([[cell_reasons.above(column.max)] for column in columns])
    return [(given & (x < bounds[:, :1]), low), (given & (x > bounds[:, 1:]), high)]


def _form_faults(column: Column, text: tf.Tensor, given: tf.Tensor) -> Faults:
    """Of cells, or elements of lists, that are not `given` though they have a text."""
    unread = ~given & tf.not_equal(text, "")
    if column.type == FLOAT:
        return [(unread & ~is_float(text), cell_reasons.FORM[FLOAT])]
    if column.type == INT:
        return [
            (unread & ~is_int(text), cell_reasons.FORM[INT]),
            (unread & ~is_int64(text), cell_reasons.OUT_OF_RANGE[INT]),
        ]
    if column.type == TIME:
        return [(unread & ~parse_time_text(text, column.format)[1], cell_reasons.not_a_time(column.format))]
    if column.type in (FILE, BASE64):
        return [(unread & ~tf.strings.regex_full_match(text, BASE64_PATTERN), cell_reasons.NOT_BASE64)]
    return []


def _list_reason(column: Column, allowed: Mapping[str, Allowed], cells: tf.Tensor) -> tf.Tensor:
    """string [n], of cells that hold lists."""
    lists = split_cells(cells, list(column.separators))
    told = []
    lengths = bad_lengths(column, lists)
    if lengths is not None:
        counts = tf.strings.as_string(_innermost(lists))
        text = tf.strings.join(["has ", counts, f" values, and the column says {column.length}"])
        text = tf.where(lengths, text, "")
        told.append(_first_of_row(lists.with_values(text)) if lists.ragged_rank > 1 else text)
    if lists.ragged_rank > 1:
        lists = lists.merge_dims(1, 2)
    element = lists.flat_values
    x, text = element, None
    if column.type in (FLOAT, INT):
        x, _ = (read_floats if column.type == FLOAT else read_ints)(element, is_missing(element))
        text = element[tf.newaxis]
    why = _value_reason([column], allowed, x[tf.newaxis], text)[0]
    place = tf.strings.as_string(tf.ragged.range(lists.row_lengths()).flat_values + 1)
    shown = tf.strings.unicode_transcode(element, "UTF-8", "UTF-8", errors="replace")
    full = tf.strings.join(["element ", place, ", '", shown, "', ", why])
    told.append(_first_of_row(lists.with_flat_values(tf.where(tf.equal(why, ""), "", full))))
    return first_of(told)


def _innermost(lists: tf.RaggedTensor) -> tf.Tensor:
    """int64: the length of each innermost list."""
    return lists.values.row_lengths() if lists.ragged_rank > 1 else lists.row_lengths()


def _first_of_row(x: tf.RaggedTensor) -> tf.Tensor:
    """string [batch]: the first text of each list that is not empty."""
    found = tf.ragged.boolean_mask(x, x.with_flat_values(tf.not_equal(x.flat_values, "")))
    return found.to_tensor("", shape=[None, 1])[:, 0]


def _shown(x: tf.Tensor, column: Column) -> tf.Tensor | None:
    """Typed values as text; None of bytes, which nobody can read."""
    if x.dtype == tf.float32:
        return tf.strings.as_string(x, shortest=True)
    if x.dtype == tf.int64:
        return tf.strings.as_string(x)
    return x if column.separators or column.type == STRING else None
