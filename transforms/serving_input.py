"""In: columns, CSV lines or serialised Examples, as a client sends them. Out: the raw columns that the transform takes.

A cell means the same in a training file and in a request, or both refuse it with the same reason: the grammars are those of
schemas/numerals.py, csv_record.py and timestamps.py, the checks those of csv_cells.py.
"""

from __future__ import annotations

from functools import partial

import tensorflow as tf

from ..schemas.labels import label_columns
from ..schemas.spec_pb2 import BASE64, FILE, FLOAT, INT, STRING, TIME, Column, Spec
from . import attempt, images
from .apart import apart
from .check_request import ColumnChecks
from .csv_line import CsvLine
from .fault_text import TEXT, fault, first_of, one_line
from .graph import TransformGraph
from .needs import columns_by_name
from .parse_numerals import read_all
from .request import Check, Reason, Request, check_of, mark_bad_rows, refuse_bad_rows, where_bad
from .request_shape import same_rows
from .row_reasons import BASE64_PATTERN
from .sources import placeholder
from .timestamps import parse_time_text

Tensors = dict[str, tf.Tensor]
_IN_EXAMPLES = {tf.float32: "float", tf.int64: "int64", tf.string: "bytes"}


def csv_columns(spec: Spec) -> list[Column]:
    """What one raw CSV line holds, in order: every column of the spec but labels and weight."""
    without = (*label_columns(spec.data), spec.data.weight)
    return [column for column in spec.data.columns if column.name not in without]


class RequestReader(tf.Module):
    """Reads requests for a transform graph.

    Args:
      graph: says which columns are needed.
      mark: a bad row is marked and the others stand; else it fails its batch.
    """

    def __init__(self, graph: TransformGraph, mark: bool = False):
        super().__init__(name="request")
        self._mark, self._raw_spec, self._spec = mark, dict(graph.raw_spec), graph.spec
        by_name = columns_by_name(graph.spec)
        self._columns = [by_name[name] for name in graph.raw_spec]
        self._nulls = list(graph.spec.data.dialect.null_tokens)
        self._checks = ColumnChecks(graph)
        self._decoded = [
            feature
            for feature in graph.spec.features
            if feature.HasField("image") or feature.HasField("tensor")
        ]

    @property
    def optional(self) -> list[str]:
        """The columns that a request may leave out: an empty tensor stands for one."""
        return [column.name for column in self._columns if not column.required]

    def read_columns(self, inputs: Tensors) -> tuple[Tensors, tf.Tensor | None]:
        """Of typed columns.

        Args:
          inputs: by column, [batch]: float32 (NaN is missing), int64 (the smallest is missing) or string (empty, or a null
            token, is missing); [0]: an optional column is missing in every row.

        Returns:
          What `TransformGraph.apply` takes; and, where bad rows are marked, string [batch], why a row is bad or "".

        Raises:
          InvalidArgumentError (when it runs): columns have other shapes, or a row is bad; names the columns.
        """
        raw = same_rows(inputs, self.optional)
        texts = [column for column in self._columns if _is_text(column)]
        if texts and self._nulls:
            cells = tf.stack([raw[column.name] for column in texts])
            raw |= _by_name(texts, tf.where(self._missing(cells), "", cells))
        return self._settle(raw, *self._checks.check(raw))

    def read_examples(self, serialized: tf.Tensor) -> tuple[Tensors, tf.Tensor | None]:
        """As `read_columns`, of serialised tf.Examples, string [batch]; a column that an Example lacks is missing there."""
        if not self._mark:
            raw = tf.io.parse_example(serialized, self._example_spec())
            return self._settle(raw, *self._checks.check(raw))
        nothing = {name: _nothing(spec.dtype, serialized) for name, spec in self._raw_spec.items()}
        raw, good = attempt.whole(
            lambda rows: tf.io.parse_example(rows, self._example_spec()), serialized, nothing
        )
        names = list(raw)

        def read_apart() -> list[tf.Tensor]:
            readable = attempt.succeeds(lambda row: self._parse_one(row, names), serialized)
            # The empty text is an Example without any column.
            parsed = tf.io.parse_example(tf.where(readable, serialized, ""), self._example_spec())
            return [readable, *(parsed[name] for name in names)]

        readable, *columns = tf.cond(
            good,
            lambda: [tf.ones_like(serialized, tf.bool), *(raw[name] for name in names)],
            apart(read_apart),
        )
        raw = dict(zip(names, columns, strict=True))
        checks, reasons = self._checks.check(raw)
        unread = Check(~good, lambda: ~readable)
        return self._settle(
            raw,
            [unread, *checks],
            [lambda rows: self._example_reason(serialized, readable, rows), *reasons],
        )

    def read_csv_lines(self, lines: tf.Tensor) -> tuple[Tensors, tf.Tensor | None]:
        """As `read_columns`, of CSV lines, string [batch]: the cells of `csv_columns`, with or without a line end."""
        dialect, columns = self._spec.data.dialect, csv_columns(self._spec)
        grammar = CsvLine(dialect.delimiter, dialect.quoting, len(columns))
        # Of a single column a blank line is a missing value, but TensorFlow finds no field in it.
        single = len(columns) == 1
        empty = "0" if single else dialect.delimiter * (len(columns) - 1)

        def read_apart() -> tuple[tf.Tensor, ...]:
            stripped = tf.strings.regex_replace(lines, r"\r?\n\z", "", replace_global=False)
            good = grammar.is_record(stripped)
            filled = ~good | tf.equal(stripped, "") if single else ~good
            return stripped, good, filled, tf.where(filled, empty, stripped)

        plain = grammar.is_record(lines)
        if single:
            plain &= tf.not_equal(lines, "")
        stripped, good, filled, records = tf.cond(
            tf.reduce_all(plain), lambda: (lines, plain, ~plain, lines), apart(read_apart)
        )
        cells = tf.io.decode_csv(
            records,
            record_defaults=[""] * len(columns),
            field_delim=dialect.delimiter,
            use_quote_delim=dialect.quoting,
        )
        if single:
            cells = [tf.where(filled, "", cells[0])]
        by_name = {column.name: cell for column, cell in zip(columns, cells, strict=True)}

        def reason(rows: tf.Tensor) -> tf.Tensor:
            some = tf.gather(stripped, rows)
            why = grammar.fault(some)
            told = tf.strings.join(["'", one_line(some), "' ", why])
            return tf.where(tf.equal(why, ""), "", told)

        return self._of_cells(by_name, [Check(~tf.reduce_all(good), lambda: ~good)], [reason])

    def read_cells(self, cells: Tensors) -> tuple[Tensors, tf.Tensor | None]:
        """As `read_columns`, of cells as they stand in a CSV: string [batch] by column."""
        checks: list[Check] = []
        reasons: list[Reason] = []
        texts: Tensors = {}
        for name in self._raw_spec:
            good = tf.strings.regex_full_match(cells[name], TEXT)
            checks.append(check_of(~good[tf.newaxis]))
            reasons.append(partial(where_bad, ~good, fault(name, "is not UTF-8, or has a NUL character")))
            texts[name] = tf.where(good, cells[name], "")
        return self._of_cells(texts, checks, reasons)

    def _of_cells(
        self, cells: Tensors, checks: list[Check], reasons: list[Reason]
    ) -> tuple[Tensors, tf.Tensor | None]:
        raw: Tensors = {}
        texts: Tensors = {}
        more = list(checks)
        for columns in self._alike():
            packed = tf.stack([cells[column.name] for column in columns])
            if self._nulls:
                packed = tf.where(self._missing(packed), "", packed)
            texts |= _by_name(columns, packed)
            x, unread = _typed(columns[0], packed)
            raw |= _by_name(columns, x)
            more += unread
        raw = {name: raw[name] for name in self._raw_spec}
        checks, why = self._checks.check(raw, texts, more)
        return self._settle(raw, checks, [*reasons, *why])

    def _alike(self) -> list[list[Column]]:
        """The columns, those together whose cells are read alike."""
        groups: dict[tuple, list[Column]] = {}
        for column in self._columns:
            kind = (STRING,) if _is_text(column) else (column.type, column.format)
            groups.setdefault(kind, []).append(column)
        return list(groups.values())

    def _missing(self, cells: tf.Tensor) -> tf.Tensor:
        missing = tf.equal(cells, "")
        for token in self._nulls:
            missing |= tf.equal(cells, token)
        return missing

    def _settle(
        self, raw: Tensors, checks: list[Check], reasons: list[Reason]
    ) -> tuple[Tensors, tf.Tensor | None]:
        if not self._mark:
            lists = [column.name for column in self._columns if column.separators]
            return refuse_bad_rows(Request(raw, checks, reasons), before=lists), None
        checks, reasons = list(checks), list(reasons)
        for feature in self._decoded:
            x, why = raw[feature.column], fault(feature.column, images.reason(feature))
            bad = ~attempt.succeeds(partial(images.decode, feature=feature), x)
            checks.append(Check(tf.reduce_any(bad), partial(tf.identity, bad)))
            reasons.append(partial(where_bad, bad, why))
        return mark_bad_rows(Request(raw, checks, reasons))

    def _example_spec(self) -> dict[str, tf.io.FixedLenFeature]:
        return {
            name: tf.io.FixedLenFeature([], spec.dtype, placeholder(spec.dtype))
            for name, spec in self._raw_spec.items()
        }

    def _parse_one(self, row: tf.Tensor, names: list[str]) -> tf.Tensor:
        """What matters is whether it fails."""
        spec = self._example_spec()
        parsed = tf.io.parse_example(row[tf.newaxis], {name: spec[name] for name in names})
        return tf.stack([tf.io.serialize_tensor(x) for x in parsed.values()])

    def _example_reason(self, serialized: tf.Tensor, readable: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
        some, bad = tf.gather(serialized, rows), ~tf.gather(readable, rows)

        def is_example(row: tf.Tensor) -> tf.Tensor:
            return tf.io.parse_example(row[tf.newaxis], {"": tf.io.FixedLenFeature([], tf.int64, 0)})[""]

        told = [tf.where(attempt.succeeds(is_example, some), "", "is not a serialised tf.Example")]
        for name, spec in self._raw_spec.items():
            good = attempt.succeeds(partial(self._parse_one, names=[name]), some)
            why = f"is not one {_IN_EXAMPLES[spec.dtype]} value in the tf.Example"
            told.append(tf.where(good, "", fault(name, why)))
        return tf.where(bad, first_of(told), "")


def _is_text(column: Column) -> bool:
    return bool(column.separators) or column.type == STRING


def _by_name(columns: list[Column], x: tf.Tensor) -> Tensors:
    return {column.name: one for column, one in zip(columns, tf.unstack(x), strict=True)}


def _nothing(dtype: tf.DType, rows: tf.Tensor) -> tf.Tensor:
    return tf.fill(tf.shape(rows), tf.constant(placeholder(dtype), dtype))


def _typed(column: Column, cells: tf.Tensor) -> tuple[tf.Tensor, list[Check]]:
    """Values of cells [columns, batch] of columns like this one, missing where one cannot be read; and its check."""
    if _is_text(column):
        # The graph splits lists.
        return cells, []
    if column.type in (FLOAT, INT):
        x, malformed, good = read_all(cells, tf.float32 if column.type == FLOAT else tf.int64)
        return x, [Check(~good, partial(tf.reduce_any, malformed, axis=0))]
    if column.type == TIME:
        seconds, good = parse_time_text(cells, column.format)
        unread = ~(good | tf.equal(cells, ""))
        return tf.where(good, seconds, tf.constant(placeholder(tf.int64), tf.int64)), [check_of(unread)]
    # FILE and BASE64: a request has no files, it carries the bytes. TensorFlow reads the alphabet of URLs.
    assert column.type in (FILE, BASE64)
    good = tf.strings.regex_full_match(cells, BASE64_PATTERN)
    text = tf.where(good, cells, "")
    for standard, url in (("\\+", "-"), ("/", "_"), ("=+$", "")):
        text = tf.strings.regex_replace(text, standard, url)
    return tf.io.decode_base64(text), [check_of(~good)]
