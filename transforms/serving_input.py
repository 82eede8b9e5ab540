"""In: raw CSV lines or serialised Examples, as a client sends them. Out: the raw columns that the transform graph takes.

The numerals are those of the reader (schemas/numerals.py), checked in the graph, so that a cell means the same in a
training file and in a request. A cell that is not one stops the batch with an InvalidArgumentError that names the column.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from ..schemas import numerals
from ..schemas.spec_pb2 import FLOAT, INT, STRING, TIME, Column, Spec
from .graph import TransformGraph
from .needs import columns_by_name
from .parse_numerals import parse_floats, parse_ints
from .refuse import accept
from .timestamps import parse_time_text


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
    if column.separators or column.type == STRING:
        # The graph splits lists, and checks their elements.
        return tf.where(missing, "", cells)
    if column.type == INT:
        return parse_ints(cells, column.name, missing)
    if column.type == FLOAT:
        return parse_floats(cells, column.name, missing)
    if column.type == TIME:
        seconds, good = parse_time_text(cells, column.format)
        with tf.control_dependencies(
            [accept(column.name, cells, good | missing, f"is not a time like {column.format}")]
        ):
            return tf.where(missing, tf.constant(numerals.INT_MISSING, tf.int64), seconds)
    # FILE and BASE64: a request has no files, it carries the bytes. TensorFlow reads the alphabet of URLs.
    text = tf.where(missing, "", cells)
    for standard, url in (("\\+", "-"), ("/", "_"), ("=+$", "")):
        text = tf.strings.regex_replace(text, standard, url)
    text = accept(column.name, text, tf.strings.regex_full_match(text, "[A-Za-z0-9_-]*"), "is not base64")
    return tf.io.decode_base64(text)
