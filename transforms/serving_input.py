"""In: raw CSV lines or serialised Examples, as a client sends them. Out: the raw columns that the transform graph takes.

The numerals are those of the reader (schemas/numerals.py), checked in the graph, so that a cell means the same in a
training file and in a request. A cell that is not one stops the batch with an InvalidArgumentError that names the column.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from ..schemas import numerals
from ..schemas.spec_pb2 import INT, Column, Spec
from .graph import TransformGraph, dtype_of
from .needs import columns_by_name

# Digits up to 2^63 - 1: for each of its digits, the numbers that agree before it and are smaller there, and itself.
_MOST = str(2**63 - 1)
_SMALLER = [
    f"{_MOST[:i]}[0-{int(digit) - 1}][0-9]{{{len(_MOST) - 1 - i}}}"
    for i, digit in enumerate(_MOST)
    if digit != "0"
]
_INT_IN_RANGE = f"-?0*([0-9]{{1,{len(_MOST) - 1}}}|{'|'.join(_SMALLER)}|{_MOST})"


def csv_columns(spec: Spec) -> list[Column]:
    """What one raw CSV line holds, in order: every column of the spec but label and weight."""
    return [
        column
        for column in spec.data.columns
        if column.name not in (spec.data.label.column, spec.data.weight)
    ]


def parse_csv_lines(graph: TransformGraph, lines: tf.Tensor) -> dict[str, tf.Tensor]:
    """Raw columns of CSV lines.

    Args:
      graph: says which columns are needed.
      lines: string [batch]; the cells of `csv_columns`, with or without a line end.

    Returns:
      As `TransformGraph.apply` takes them.
    """
    dialect = graph.spec.data.dialect
    columns = csv_columns(graph.spec)
    lines = tf.strings.regex_replace(lines, r"\r?\n?$", "")
    blank = tf.equal(lines, "")
    if len(columns) == 1:
        # There a blank line is a missing value, but TensorFlow finds no field in it.
        lines = tf.where(blank, "0", lines)
    cells = tf.io.decode_csv(
        lines,
        record_defaults=[""] * len(columns),
        field_delim=dialect.delimiter,
        use_quote_delim=dialect.quoting,
    )
    if len(columns) == 1:
        cells = [tf.where(blank, "", cells[0])]
    by_name = {column.name: cell for column, cell in zip(columns, cells, strict=True)}
    return parse_cells(graph, by_name)


def parse_cells(graph: TransformGraph, cells: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Raw columns of cells as they stand in a CSV: string [batch] by column name."""
    columns = columns_by_name(graph.spec)
    null_tokens = list(graph.spec.data.dialect.null_tokens)
    return {name: _parse(columns[name], cells[name], null_tokens) for name in graph.raw_spec}


def parse_examples(graph: TransformGraph, serialized: tf.Tensor) -> dict[str, tf.Tensor]:
    """Raw columns of serialised tf.Examples, string [batch]; a column that an Example lacks is missing there."""
    missing = {tf.float32: np.nan, tf.int64: numerals.INT_MISSING, tf.string: ""}
    return tf.io.parse_example(
        serialized,
        {
            name: tf.io.FixedLenFeature([], spec.dtype, missing[spec.dtype])
            for name, spec in graph.raw_spec.items()
        },
    )


def _parse(column: Column, cells: tf.Tensor, null_tokens: list[str]) -> tf.Tensor:
    missing = tf.equal(cells, "")
    for token in null_tokens:
        missing |= tf.equal(cells, token)
    dtype = dtype_of(column)
    if dtype == tf.string:
        return tf.where(missing, "", cells)
    text = tf.where(missing, "0", cells)
    if column.type == INT:
        text = _accept(
            column, text, tf.strings.regex_full_match(text, numerals.INT_PATTERN), "is not a whole number"
        )
        # Before the conversion, whose own error names no column.
        text = _accept(column, text, tf.strings.regex_full_match(text, _INT_IN_RANGE), "is out of range")
        return tf.where(
            missing, tf.constant(numerals.INT_MISSING, tf.int64), tf.strings.to_number(text, tf.int64)
        )
    text = _accept(column, text, tf.strings.regex_full_match(text, numerals.FLOAT_PATTERN), "is not a number")
    # Rounded twice, as the reader does: to binary64, then to binary32.
    number = tf.cast(tf.strings.to_number(text, tf.float64), tf.float32)
    with tf.control_dependencies([_accept(column, text, tf.math.is_finite(number), "is out of range")]):
        return tf.where(missing, tf.constant(np.nan, tf.float32), number)


def _accept(column: Column, cells: tf.Tensor, good: tf.Tensor, reason: str) -> tf.Tensor:
    """The cells, if all are good; else stops the batch and shows the first few that are not."""
    shown = tf.boolean_mask(cells, ~good)[:3]
    check = tf.debugging.Assert(tf.reduce_all(good), [f"column '{column.name}' {reason}:", shown])
    with tf.control_dependencies([check] if check is not None else []):
        return tf.identity(cells)
