"""In: raw columns of a request, typed. Out: the checks that the reader makes of a file's cells, with the same reasons.

Columns of one dtype are checked together, as one matrix: an operation for each column would cost more than the check.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import tensorflow as tf

from ..schemas import numerals
from ..schemas.cell_reasons import unequal_weights
from ..schemas.spec_pb2 import FILE, FLOAT, INT, STRING, Column
from .column_limits import Allowed, outside_floats, outside_ints
from .fault_text import TEXT, fault
from .graph import TransformGraph
from .lists import split_cells
from .missing import is_missing
from .needs import columns_by_name
from .parse_numerals import read_floats, read_ints
from .request import Check, Reason, check_of, where_bad
from .row_reasons import bad_lengths, tell_columns


class ColumnChecks(tf.Module):
    """What the spec says about the raw columns of a graph, as checks of a batch."""

    def __init__(self, graph: TransformGraph):
        super().__init__(name="checks")
        by_name = columns_by_name(graph.spec)
        self.columns = [by_name[name] for name in graph.raw_spec]
        # Files that a request carries are not the names that `values` are of.
        self._allowed: dict[str, Allowed] = {
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
        more: Sequence[Check] = (),
    ) -> tuple[list[Check], list[Reason]]:
        """Checks and reasons of all columns.

        Args:
          raw: by column, [batch].
          texts: the cells that they were read from, if there were any; known to be text.
          more: checks that the cells could be read.
        """
        lists = {
            column.name: split_cells(raw[column.name], list(column.separators))
            for column in self.columns
            if column.separators and self._needs_elements(column)
        }
        checks = list(more)
        for columns, bad in (
            (self._of_dtype(raw, tf.float32), _bad_floats),
            (self._of_dtype(raw, tf.int64), _bad_ints),
            (self._of_dtype(raw, tf.string), _absent_texts),
        ):
            rows = bad(columns, raw) if columns else None
            checks += [check_of(rows)] if rows is not None else []
        if texts is None:
            checks += _check_texts(self._of_dtype(raw, tf.string), raw)
        for column in self.columns:
            if column.name in lists:
                checks.append(self._check_lists(column, lists[column.name]))
            elif column.name in self._allowed:
                checks.append(check_of(self._allowed[column.name].refuses(raw[column.name])[tf.newaxis]))
        reasons: list[Reason] = [partial(tell_columns, self.columns, self._allowed, raw, texts)]
        for weights, of in self._weighted:
            rows = _unequal(lists[weights.name], lists[of.name])
            checks.append(check_of(rows[tf.newaxis]))
            text = fault(weights.name, unequal_weights(of.name))
            reasons.append(partial(where_bad, rows, text))
        return checks, reasons

    def _of_dtype(self, raw: Mapping[str, tf.Tensor], dtype: tf.DType) -> list[Column]:
        return [column for column in self.columns if raw[column.name].dtype == dtype]

    def _needs_elements(self, column: Column) -> bool:
        weighted = any(column.name in (weights.name, of.name) for weights, of in self._weighted)
        return bool(weighted or column.length or column.values or column.type != STRING)

    def _check_lists(self, column: Column, lists: tf.RaggedTensor) -> Check:
        elements = self._bad_elements(column, lists.flat_values)
        lengths = bad_lengths(column, lists)
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


def _packed(columns: Sequence[Column], raw: Mapping[str, tf.Tensor]) -> tf.Tensor:
    """[columns, batch]. Fails where columns have no rows, whatever their shape; `tf.stack` would not."""
    return tf.reshape(tf.concat([raw[column.name] for column in columns], axis=0), [len(columns), -1])


def _bad_floats(columns: Sequence[Column], raw: Mapping[str, tf.Tensor]) -> tf.Tensor:
    x = _packed(columns, raw)
    bad = outside_floats(columns, x)
    required = _required(columns)
    return bad if required is None else bad | (tf.math.is_nan(x) & required)


def _bad_ints(columns: Sequence[Column], raw: Mapping[str, tf.Tensor]) -> tf.Tensor | None:
    x = _packed(columns, raw)
    bad, required = outside_ints(columns, x), _required(columns)
    if required is not None:
        absent = tf.equal(x, numerals.INT_MISSING) & required
        bad = absent if bad is None else bad | absent
    return bad


def _absent_texts(columns: Sequence[Column], raw: Mapping[str, tf.Tensor]) -> tf.Tensor | None:
    required = [column for column in columns if column.required]
    return tf.equal(tf.stack([raw[column.name] for column in required]), "") if required else None


def _check_texts(columns: Sequence[Column], raw: Mapping[str, tf.Tensor]) -> list[Check]:
    texts = [raw[column.name] for column in columns if column.separators or column.type == STRING]
    if not texts:
        return []
    cells = tf.concat(texts, axis=0)
    # All in one: between spaces what is not UTF-8 stays so.
    joined = tf.strings.reduce_join(cells, separator=" ")
    return [
        Check(
            ~tf.strings.regex_full_match(joined, TEXT),
            lambda: tf.reduce_any(
                tf.reshape(~tf.strings.regex_full_match(cells, TEXT), [len(texts), -1]), axis=0
            ),
        )
    ]


def _required(columns: Sequence[Column]) -> tf.Tensor | None:
    required = [[column.required] for column in columns]
    return tf.constant(required) if any(one for (one,) in required) else None


def _unequal(weights: tf.RaggedTensor, lists: tf.RaggedTensor) -> tf.Tensor:
    given = weights.row_lengths()
    return (given > 0) & tf.not_equal(given, lists.row_lengths())


def _any_of_row(x: tf.RaggedTensor) -> tf.Tensor:
    """bool [batch] of bool [batch, (n)] or [batch, (n), (m)]."""
    flat = x.merge_dims(1, 2) if x.ragged_rank > 1 else x
    counts = tf.reduce_sum(tf.cast(flat, tf.int32), axis=1)
    return counts > 0
