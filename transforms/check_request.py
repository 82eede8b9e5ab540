"""In: raw columns of a request, typed. Out: the checks that the reader makes of a file's cells, with the same reasons.

Columns of one dtype are checked together, as one matrix: an operation for each column would cost more than the check.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import tensorflow as tf

from ..schemas import cell_reasons, numerals
from ..schemas.spec_pb2 import BASE64, FILE, FLOAT, INT, STRING, TIME, Column
from .column_limits import Allowed, limits, outside_floats, outside_ints
from .fault_text import TEXT, chosen, fault, first_of, text_fault
from .graph import TransformGraph
from .lists import split_cells
from .missing import flush, is_missing
from .needs import columns_by_name
from .parse_numerals import is_float, is_int, is_int64, read_floats, read_ints
from .request import Check, Reason
from .timestamps import parse_time_text

BASE64_PATTERN = "(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?"
_OUTSIDE_CALENDAR = "is outside the years 1 to 9999"


class ColumnChecks(tf.Module):
    """What the spec says about the raw columns of a graph, as checks of a batch."""

    def __init__(self, graph: TransformGraph):
        super().__init__(name="checks")
        by_name = columns_by_name(graph.spec)
        self.columns = [by_name[name] for name in graph.raw_spec]
        # Files that a request carries are not the names that `values` are of.
        self._allowed: dict[str, tf.Module] = {
            column.name: Allowed(column) for column in self.columns if column.values and column.type != FILE
        }
        weighted = {
            (feature.value_weights, feature.column)
            for feature in graph.spec.features
            if feature.value_weights
        }
        self._weighted = [(by_name[weights], by_name[lists]) for weights, lists in sorted(weighted)]

    def check(
        self,
        raw: Mapping[str, tf.Tensor],
        texts: Mapping[str, tf.Tensor] | None = None,
        malformed: Sequence[tf.Tensor] = (),
    ) -> tuple[list[Check], list[Reason]]:
        """Checks and reasons of all columns.

        Args:
          raw: by column, [batch].
          texts: the cells that they were read from, if there were any; known to be text.
          malformed: bool [columns, batch], cells that could not be read.
        """
        lists = {
            column.name: split_cells(raw[column.name], list(column.separators))
            for column in self.columns
            if column.separators and self._needs_elements(column)
        }
        checks = [_check_of(rows) for rows in malformed]
        for columns, bad in (
            (self._of_dtype(raw, tf.float32), _bad_floats),
            (self._of_dtype(raw, tf.int64), _bad_ints),
            (self._of_dtype(raw, tf.string), _bad_texts),
        ):
            rows = bad(columns, raw, texts is not None) if columns else None
            checks += [_check_of(rows)] if rows is not None else []
        for column in self.columns:
            if column.name in lists:
                checks.append(self._check_lists(column, lists[column.name]))
            elif column.name in self._allowed:
                checks.append(_check_of(self._allowed[column.name].refuses(raw[column.name])[tf.newaxis]))
        reasons = [
            lambda rows, column=column: self._reason(column, raw, texts, rows) for column in self.columns
        ]
        for weights, of in self._weighted:
            rows = _unequal(lists[weights.name], lists[of.name])
            checks.append(_check_of(rows[tf.newaxis]))
            text = fault(weights.name, None, cell_reasons.unequal_weights(of.name))
            reasons.append(
                lambda chosen_rows, rows=rows, text=text: tf.where(tf.gather(rows, chosen_rows), text, "")
            )
        return checks, reasons

    def _of_dtype(self, raw: Mapping[str, tf.Tensor], dtype: tf.DType) -> list[Column]:
        return [column for column in self.columns if raw[column.name].dtype == dtype]

    def _needs_elements(self, column: Column) -> bool:
        weighted = any(column.name in (weights.name, of.name) for weights, of in self._weighted)
        return bool(weighted or column.length or column.values or column.type != STRING)

    def _check_lists(self, column: Column, lists: tf.RaggedTensor) -> Check:
        elements = self._bad_elements(column, lists.flat_values)
        lengths = _bad_lengths(column, lists)
        found = [tf.reduce_any(bad) for bad in (elements, lengths) if bad is not None]

        def rows() -> tf.Tensor:
            bad = tf.zeros_like(lists.row_lengths(), tf.bool)
            if elements is not None:
                bad |= _any_of_row(lists.with_flat_values(elements))
            if lengths is not None:
                bad |= _any_of_row(lists.with_values(lengths)) if lists.ragged_rank > 1 else lengths
            return bad

        return Check(tf.reduce_any(tf.stack(found)) if found else tf.constant(False), rows)

    def _bad_elements(self, column: Column, text: tf.Tensor) -> tf.Tensor | None:
        x, bad = text, None
        if column.type == FLOAT:
            x, malformed = read_floats(text, is_missing(text))
            bad = malformed | outside_floats([column], x[tf.newaxis])[0]
        elif column.type == INT:
            x, malformed = read_ints(text, is_missing(text))
            outside = outside_ints([column], x[tf.newaxis])
            bad = malformed if outside is None else malformed | outside[0]
        if column.name in self._allowed:
            refused = self._allowed[column.name].refuses(x)
            bad = refused if bad is None else bad | refused
        return bad

    def _reason(
        self,
        column: Column,
        raw: Mapping[str, tf.Tensor],
        texts: Mapping[str, tf.Tensor] | None,
        rows: tf.Tensor,
    ) -> tf.Tensor:
        """string [n]: why the column's values in these rows are bad; "" where they are not."""
        x = tf.gather(raw[column.name], rows)
        text = None if texts is None else tf.gather(texts[column.name], rows)
        told = []
        if text is None and (column.separators or column.type == STRING):
            told.append(text_fault(x, ""))
        if column.separators:
            told.append(self._list_reason(column, x))
        else:
            told.append(self._value_reason(column, x, text))
        why = first_of(told)
        shown = text if text is not None else _shown(x, column)
        of_value = tf.where(tf.equal(why, ""), "", fault(column.name, shown, why))
        # The text of an absent value is not its value; a cell that could not be read is missing too, but has a reason.
        absent = is_missing(x) & tf.equal(why, "") & column.required
        return tf.where(absent, fault(column.name, None, cell_reasons.MISSING), of_value)

    def _value_reason(self, column: Column, x: tf.Tensor, text: tf.Tensor | None) -> tf.Tensor:
        """Of values of any shape; `text`: what they were read from, where that is not known to be good."""
        faults: list[tuple[tf.Tensor, str | tf.Tensor]] = []
        given = ~is_missing(x)
        if text is not None:
            faults += _form_faults(column, text, given)
        if column.type == FLOAT:
            faults.append((tf.math.is_inf(x), cell_reasons.OUT_OF_RANGE[FLOAT]))
        if column.name in self._allowed:
            faults.append((self._allowed[column.name].refuses(x), cell_reasons.not_allowed(column.values)))
        if column.type in (FLOAT, INT, TIME):
            low, high = limits(column)
            compared = flush(x) if column.type == FLOAT else x
            limit = tf.constant([low, high], x.dtype)
            calendar = column.type == TIME
            faults.append(
                (
                    given & (compared < limit[0]),
                    _OUTSIDE_CALENDAR if calendar else cell_reasons.below(column.min),
                )
            )
            faults.append(
                (
                    given & (compared > limit[1]),
                    _OUTSIDE_CALENDAR if calendar else cell_reasons.above(column.max),
                )
            )
        return chosen(faults, x)

    def _list_reason(self, column: Column, cells: tf.Tensor) -> tf.Tensor:
        lists = split_cells(cells, list(column.separators))
        told = []
        if column.length:
            lengths = lists.values.row_lengths() if lists.ragged_rank > 1 else lists.row_lengths()
            text = tf.strings.join(
                ["has ", tf.strings.as_string(lengths), f" values, and the column says {column.length}"]
            )
            text = tf.where(_bad_lengths(column, lists), text, "")
            told.append(_first_of_row(lists.with_values(text)) if lists.ragged_rank > 1 else text)
        if lists.ragged_rank > 1:
            lists = lists.merge_dims(1, 2)
        element = lists.flat_values
        x, text = element, None
        if column.type in (FLOAT, INT):
            x, _ = (read_floats if column.type == FLOAT else read_ints)(element, is_missing(element))
            text = element
        why = self._value_reason(column, x, text)
        place = tf.ragged.range(lists.row_lengths()).flat_values + 1
        shown = tf.strings.unicode_transcode(element, "UTF-8", "UTF-8", errors="replace")
        full = tf.strings.join(["element ", tf.strings.as_string(place), ", '", shown, "', ", why])
        told.append(_first_of_row(lists.with_flat_values(tf.where(tf.equal(why, ""), "", full))))
        return first_of(told)


def _check_of(rows: tf.Tensor) -> Check:
    """Of bool [columns, batch]."""
    return Check(tf.reduce_any(rows), lambda: tf.reduce_any(rows, axis=0))


def _bad_floats(columns: Sequence[Column], raw: Mapping[str, tf.Tensor], read: bool) -> tf.Tensor:
    x = tf.stack([raw[column.name] for column in columns])
    bad = outside_floats(columns, x)
    required = _required(columns)
    return bad if required is None else bad | (tf.math.is_nan(x) & required)


def _bad_ints(columns: Sequence[Column], raw: Mapping[str, tf.Tensor], read: bool) -> tf.Tensor | None:
    x = tf.stack([raw[column.name] for column in columns])
    bad, required = outside_ints(columns, x), _required(columns)
    if required is not None:
        absent = tf.equal(x, numerals.INT_MISSING) & required
        bad = absent if bad is None else bad | absent
    return bad


def _bad_texts(columns: Sequence[Column], raw: Mapping[str, tf.Tensor], read: bool) -> tf.Tensor | None:
    """Of strings; those that were `read` from a line are text."""
    bad = []
    texts = [column for column in columns if column.separators or column.type == STRING]
    if texts and not read:
        bad.append(~tf.strings.regex_full_match(tf.stack([raw[column.name] for column in texts]), TEXT))
    required = [column for column in columns if column.required]
    if required:
        bad.append(tf.equal(tf.stack([raw[column.name] for column in required]), ""))
    return tf.concat(bad, axis=0) if bad else None


def _required(columns: Sequence[Column]) -> tf.Tensor | None:
    required = [[column.required] for column in columns]
    return tf.constant(required) if any(one for (one,) in required) else None


def _form_faults(
    column: Column, text: tf.Tensor, given: tf.Tensor
) -> list[tuple[tf.Tensor, str | tf.Tensor]]:
    """Of a cell, or an element of a list, that is not `given` though it has a text; null tokens are no fault."""
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


def _shown(x: tf.Tensor, column: Column) -> tf.Tensor | None:
    """A typed value as text; None of bytes, which nobody can read."""
    if x.dtype == tf.float32:
        return tf.strings.as_string(x, shortest=True)
    if x.dtype == tf.int64:
        return tf.strings.as_string(x)
    return x if column.separators or column.type == STRING else None


def _bad_lengths(column: Column, lists: tf.RaggedTensor) -> tf.Tensor | None:
    """bool, one for each innermost list: it has not the column's length; None if any length is good."""
    if not column.length:
        return None
    lengths = lists.values.row_lengths() if lists.ragged_rank > 1 else lists.row_lengths()
    bad = tf.not_equal(lengths, column.length)
    # An empty cell is missing; in a list of lists an empty text is a list of one missing value.
    return bad if lists.ragged_rank > 1 else bad & (lengths > 0)


def _unequal(weights: tf.RaggedTensor, lists: tf.RaggedTensor) -> tf.Tensor:
    given = weights.row_lengths()
    return (given > 0) & tf.not_equal(given, lists.row_lengths())


def _any_of_row(x: tf.RaggedTensor) -> tf.Tensor:
    """bool [batch] of bool [batch, (n)] or [batch, (n), (m)]."""
    flat = x.merge_dims(1, 2) if x.ragged_rank > 1 else x
    counts = tf.reduce_sum(tf.cast(flat, tf.int32), axis=1)
    return counts > 0


def _first_of_row(x: tf.RaggedTensor) -> tf.Tensor:
    """string [batch]: the first text of each list that is not empty."""
    found = tf.ragged.boolean_mask(x, x.with_flat_values(tf.not_equal(x.flat_values, "")))
    return found.to_tensor("", shape=[None, 1])[:, 0]
