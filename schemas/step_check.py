"""In: a column and the steps of a feature's `before`. Out: what the transform then reads, or a SpecError."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from . import spec_pb2
from .column_check import NUMBERS, type_name
from .spec_defaults import TIME_FORMAT
from .spec_source import SpecSource, quote
from .timestamps import parse_times

_NUMBER_STEPS = ("log1p", "power", "clip")
_TIME_STEPS = ("age", "year")


class Kind(NamedTuple):
    """What a transform reads: the type of its elements, and their depth (0: one value, 1: a list, 2: a list of lists)."""

    type: spec_pb2.ColumnType
    depth: int

    def __str__(self) -> str:
        return ("", "a list of ", "a list of lists of ")[min(self.depth, 2)] + type_name(self.type)


def check_steps(feature: spec_pb2.Feature, column: spec_pb2.Column, path: str, source: SpecSource) -> Kind:
    """Checks every step; returns what comes out of the last."""
    kind = Kind(column.type, len(column.separators))
    for index, step in enumerate(feature.before):
        at = f"{path}.before[{index}]"
        name = step.WhichOneof("step")
        if name is None:
            raise source.error(at, "names no step", "e.g. log1p, {clip: {low: 0}}, lower, {split: words}")
        kind = _after(name, kind, column, at, source)
        _check_fields(name, getattr(step, name), column, at, source)
        if name == "ngrams" and not _is_split(feature, column, index):
            raise source.error(at, "needs a list of tokens", "put {split: words} before it")
    return kind


def _is_split(feature: spec_pb2.Feature, column: spec_pb2.Column, index: int) -> bool:
    return bool(column.separators) or any(step.HasField("split") for step in feature.before[:index])


def _after(name: str, kind: Kind, column: spec_pb2.Column, at: str, source: SpecSource) -> Kind:
    """What a step makes of a kind; SpecError if it cannot read it."""
    if name in _TIME_STEPS:
        if kind.type != spec_pb2.TIME:
            hint = f"declare {quote(column.name)} as `{{type: time, format: …}}`"
            raise source.error(at, f"{name} needs a time, and it is given {kind}", hint)
        return Kind(spec_pb2.FLOAT, kind.depth)
    if name in _NUMBER_STEPS:
        if kind.type not in NUMBERS:
            hint = (
                "put `age` before it"
                if kind.type == spec_pb2.TIME
                else "number steps are of float and int columns"
            )
            raise source.error(at, f"{name} needs numbers, and it is given {kind}", hint)
        return Kind(spec_pb2.FLOAT, kind.depth)
    if kind.type != spec_pb2.STRING:
        raise source.error(
            at, f"{name} needs text, and it is given {kind}", "text steps are of string columns"
        )
    if name == "split":
        if kind.depth:
            raise source.error(at, f"split needs one text, and it is given {kind}", "leave it out")
        return Kind(spec_pb2.STRING, 1)
    if name == "ngrams" and kind.depth > 1:
        raise source.error(at, f"ngrams needs a list of tokens, and it is given {kind}")
    return kind


def _check_fields(name: str, step, column: spec_pb2.Column, at: str, source: SpecSource) -> None:
    if name == "power":
        if not step.HasField("exponent"):
            raise source.error(at, "has no exponent", "e.g. {power: 0.5}")
        value = step.exponent
        source.require(math.isfinite(value) and value > 0, at, "an exponent above 0", value)
    elif name == "clip":
        _check_clip(step, at, source)
    elif name == "age":
        if not step.reference:
            raise source.error(
                at, "has no reference", 'e.g. {age: "2024-01-01 00:00:00"}, in the column\'s format'
            )
        time_format = column.format or TIME_FORMAT
        if parse_times(pa.array([step.reference]), time_format)[1][0]:
            raise source.error(at, f"{quote(step.reference)} is not a time like {time_format}")
    elif name == "replace":
        if not step.pattern:
            raise source.error(at, "has no pattern", "e.g. {replace: {pattern: '[0-9]+', by: '0'}}")
        try:
            pc.replace_substring_regex(pa.array([""]), step.pattern, step.by)
        except pa.ArrowInvalid as error:
            raise source.error(at, f"the pattern cannot be used: {error}") from None
    elif name == "ngrams":
        if not step.lengths:
            raise source.error(at, "has no lengths", "e.g. {ngrams: [1, 2]}")
        for index, length in enumerate(step.lengths):
            source.require(length >= 1, at, "lengths of at least 1", length)
            if length in step.lengths[:index]:
                raise source.error(at, f"the length {length} is given twice")


def step_without_value(text: str, feature: spec_pb2.Feature, column: spec_pb2.Column) -> str | None:
    """The step that makes a missing value of a good cell; None if none does, or if only the training split can tell."""
    if column.type == spec_pb2.STRING:
        return None
    value: float = float(text) if column.type in NUMBERS else _seconds(text, column)
    for step in feature.before:
        name = step.WhichOneof("step")
        if name == "age":
            value = (_seconds(step.age.reference, column) - value) / 86_400
        elif name == "year":
            value = np.datetime64(int(value), "s").astype("M8[Y]").astype(int) + 1970
        elif name == "log1p":
            if value <= -1:
                return name
            value = math.log1p(value)
        elif name == "power":
            with np.errstate(over="ignore"):
                value = math.copysign(np.float64(abs(value)) ** step.power.exponent, value)
                if not np.isfinite(np.float32(value)):
                    return name
        elif step.clip.HasField("low_quantile") or step.clip.HasField("high_quantile"):
            return None
        else:
            low = step.clip.low if step.clip.HasField("low") else -math.inf
            high = step.clip.high if step.clip.HasField("high") else math.inf
            value = min(max(value, low), high)
    return None


def _seconds(text: str, column: spec_pb2.Column) -> int:
    return parse_times(pa.array([text]), column.format or TIME_FORMAT)[0][0].as_py()


def _check_clip(clip: spec_pb2.Clip, at: str, source: SpecSource) -> None:
    for side in ("low", "high"):
        if clip.HasField(side) and clip.HasField(f"{side}_quantile"):
            raise source.error(at, f"has both {side} and {side}_quantile", "keep one of the two")
        if clip.HasField(side):
            value = getattr(clip, side)
            source.require(math.isfinite(value), f"{at}.clip.{side}", "a finite number", value)
        if clip.HasField(f"{side}_quantile"):
            value = getattr(clip, f"{side}_quantile")
            source.require(0 <= value <= 1, f"{at}.clip.{side}_quantile", "from 0 to 1", value)
    if not clip.ListFields():
        raise source.error(
            at, "limits nothing", "e.g. {clip: {low: 0, high: 10}} or low_quantile, high_quantile"
        )
    for low, high in (("low", "high"), ("low_quantile", "high_quantile")):
        if clip.HasField(low) and clip.HasField(high):
            least, most = getattr(clip, low), getattr(clip, high)
            source.require(least < most, f"{at}.clip.{high}", f"above {low}, which is {least:.12g}", most)
