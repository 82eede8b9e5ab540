"""In: a feature. Out: its sources, i.e. raw columns after the feature's `before` steps, which statistics are learnt of.

Two features with the same column and the same steps share a source, and so its statistics. A source's name is the
column's, or `column|step|step`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from google.protobuf import text_format

from ..schemas import numerals
from ..schemas.spec_pb2 import CHARACTERS, FLOAT, INT, STRING, TIME, Clip, Column, ColumnType, Feature, Step
from ..schemas.statistics_pb2 import ColumnStatistics
from ..schemas.timestamps import parse_times
from . import elementwise, lists, text
from .batch import Batch, Value, map_values
from .missing import to_float
from .timestamps import age_days, year_number

Statistics = Callable[[str], ColumnStatistics]


class Source(NamedTuple):
    """A raw column after some steps.

    Attributes:
      column: where it begins.
      steps: in order.
    """

    column: Column
    steps: tuple[Step, ...] = ()

    @property
    def name(self) -> str:
        return "|".join([self.column.name, *(_step_name(step) for step in self.steps)])

    @property
    def level(self) -> int:
        """How many passes over the training split must come before its values are known."""
        return sum(_by_quantiles(step) for step in self.steps)

    @property
    def type(self) -> ColumnType:
        """FLOAT, INT, TIME or STRING: of its elements."""
        kinds = {step.WhichOneof("step") for step in self.steps}
        return FLOAT if kinds & {"log1p", "power", "clip", "age", "year"} else self.column.type

    @property
    def depth(self) -> int:
        """0: one value a row; 1: a list; 2: a list of lists. A list of fixed length is a list too."""
        splits = sum(step.WhichOneof("step") == "split" for step in self.steps)
        return len(self.column.separators) + splits

    @property
    def dtype(self) -> tf.DType:
        return {FLOAT: tf.float32, INT: tf.int64, TIME: tf.int64}.get(self.type, tf.string)

    def prefixes(self) -> list[tuple[Source, Clip]]:
        """The clips by quantiles among the steps, each with the source that it limits."""
        return [
            (Source(self.column, self.steps[:place]), step.clip)
            for place, step in enumerate(self.steps)
            if _by_quantiles(step)
        ]

    def value(self, batch: Batch, statistics: Statistics) -> Value:
        """Of a batch; computed once."""
        if self.name not in batch.sources:
            if self.steps:
                before = Source(self.column, self.steps[:-1])
                x = before.value(batch, statistics)
                batch.sources[self.name] = _apply(self.steps[-1], x, before, statistics)
            else:
                batch.sources[self.name] = _parse(batch.raw[self.column.name], self.column, batch.checked)
        return batch.sources[self.name]

    def constant(self, written: str, statistics: Statistics) -> float | int | bytes:
        """One value as it would stand in the CSV, after the steps that come before a split."""
        x: Value = tf.constant([_typed(written, self.column)], Source(self.column).dtype)
        for place, step in enumerate(self.steps):
            if step.WhichOneof("step") == "split":
                break
            x = _apply(step, x, Source(self.column, self.steps[:place]), statistics)
        return x.numpy()[0].item() if self.type != STRING else x.numpy()[0]


def source_of(feature: Feature, columns: Mapping[str, Column]) -> Source:
    """Of a feature that reads one column."""
    return Source(columns[feature.column], tuple(feature.before))


def sources_of(feature: Feature, columns: Mapping[str, Column]) -> list[Source]:
    """Of any feature but a cross; one for each of its columns."""
    names = list(feature.columns) or [feature.column]
    return [Source(columns[name], tuple(feature.before)) for name in names]


def clip_bounds(clip: Clip, statistics: ColumnStatistics) -> tuple[float | None, float | None]:
    """Lowest and highest value; None: no limit."""
    ranks = {entry.rank: entry.value for entry in statistics.ranks}
    low = clip.low if clip.HasField("low") else None
    high = clip.high if clip.HasField("high") else None
    if clip.HasField("low_quantile"):
        low = ranks[clip.low_quantile]
    if clip.HasField("high_quantile"):
        high = ranks[clip.high_quantile]
    return low, high


def _by_quantiles(step: Step) -> bool:
    return step.clip.HasField("low_quantile") or step.clip.HasField("high_quantile")


def _step_name(step: Step) -> str:
    kind = step.WhichOneof("step")
    fields = text_format.MessageToString(getattr(step, kind), as_one_line=True, as_utf8=True)
    return f"{kind}({fields})" if fields else kind


def _typed(written: str, column: Column) -> float | int | bytes:
    if column.type == FLOAT:
        return float(written)
    if column.type == INT:
        return int(written)
    if column.type == TIME:
        import pyarrow as pa

        return parse_times(pa.array([written]), column.format)[0][0].as_py()
    return written.encode()


def _parse(x: tf.Tensor, column: Column, checked: bool) -> Value:
    if not column.separators:
        return x
    return lists.parse_elements(lists.split_cells(x, list(column.separators)), column, checked)


def _apply(step: Step, x: Value, before: Source, statistics: Statistics) -> Value:
    kind = step.WhichOneof("step")
    if kind == "log1p":
        return map_values(lambda values: elementwise.log1p(to_float(values)), x)
    if kind == "power":
        return map_values(lambda values: elementwise.power(to_float(values), step.power.exponent), x)
    if kind == "clip":
        low, high = clip_bounds(step.clip, statistics(before.name))
        return map_values(lambda values: elementwise.clip(to_float(values), low, high), x)
    if kind == "age":
        reference = int(_typed(step.age.reference, before.column))
        return map_values(lambda values: age_days(values, reference), x)
    if kind == "year":
        return map_values(year_number, x)
    if kind == "lower":
        return map_values(text.lower, x)
    if kind == "replace":
        return map_values(lambda values: text.replace(values, step.replace.pattern, step.replace.by), x)
    if kind == "split":
        return text.split_text(x, step.split.by)
    joiner = "" if any(one.split.by == CHARACTERS for one in before.steps if one.HasField("split")) else " "
    return text.ngrams(x, list(step.ngrams.lengths), joiner)


def placeholder(dtype: tf.DType) -> float | int | bytes:
    """The missing value of a dtype."""
    return {tf.float32: np.nan, tf.int64: numerals.INT_MISSING}.get(dtype, b"")
