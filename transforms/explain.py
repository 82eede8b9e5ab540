"""In: a transform graph and one raw row. Out: what each feature makes of it, stage by stage, as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from ..schemas.labels import label_feature
from ..schemas.manifest_pb2 import LabelEntry, OutputFeature
from ..schemas.spec_defaults import gives_ids
from ..schemas.spec_pb2 import CONSTANT, REGRESSION, STRING, Column, Feature, Fill, SplitBy, Step
from .batch import Batch
from .describe import describe_numbers
from .describe_ids import describe_ids
from .graph import TransformGraph
from .learnt import Learnt
from .refuse import RefusedRowError, refusal
from .sources import Source, clip_bounds
from .value_text import MISSING, elements, listed, number, value_text

Stage = tuple[str, str]
Raw = Mapping[str, np.ndarray]


class Explained(NamedTuple):
    """One feature of the row, a label, or the weight.

    Attributes:
      name: of it.
      stages: (stage, text): raw, parsed, each step, filled (where a value was missing), transformed.
      output: what the examples hold; None: nothing that the model sees.
      value: as the examples hold it, numpy, without the batch dimension.
    """

    name: str
    stages: list[Stage]
    output: OutputFeature | None = None
    value: np.ndarray | None = None


def explain_row(graph: TransformGraph, raw: Raw, cells: Mapping[str, str]) -> Iterator[Explained]:
    """The features in the spec's order, then those of the user's own function, then labels and weight if the row has them.

    Args:
      graph: of a run.
      raw: one row: arrays [1] by column name; labels and weight may be there.
      cells: the text of the cells, by column name, as far as there are any.

    Raises:
      RefusedRowError: by the graph; says why.
    """
    given = {name: tf.constant(raw[name]) for name in graph.raw_spec}
    try:
        batch, found = graph.explain(given)
    except tf.errors.InvalidArgumentError as error:
        raise RefusedRowError(refusal(error)) from None
    outputs = {output.name: output for output in graph.features}
    for feature in graph.spec.features:
        stages = _stages(feature, graph.learnt, batch, cells)
        value, output = found[feature.name], outputs.pop(feature.name, None)
        stages.append(
            ("transformed", f"{value_text(batch.features[feature.name])}   {_how(feature, graph, batch)}")
        )
        yield Explained(feature.name, stages, output, np.asarray(value)[0])
        for companion, text in _companions(feature, graph.learnt, batch, cells):
            value, output = found[companion], outputs.pop(companion, None)
            if output:
                stages = [("transformed", f"{value_text(value)}   {text}")]
                yield Explained(companion, stages, output, np.asarray(value)[0])
    for name, output in outputs.items():
        stages = [("transformed", f"{value_text(found[name])}   by the preprocessing_fn")]
        yield Explained(name, stages, output, np.asarray(found[name])[0])
    yield from _label_and_weight(graph, raw, cells)


def _stages(feature: Feature, learnt: Learnt, batch: Batch, cells: Mapping[str, str]) -> list[Stage]:
    if feature.HasField("cross"):
        return []
    stages: list[Stage] = []
    for whole in learnt.sources(feature):
        stages += _parsed(whole.column, batch, cells)
        for place, step in enumerate(whole.steps, 1):
            x = Source(whole.column, whole.steps[:place]).value(batch, learnt.of)
            before = Source(whole.column, whole.steps[: place - 1])
            stages.append((step.WhichOneof("step"), f"{value_text(x)}{_step_text(step, before, learnt)}"))
        filled = (batch.filled or {}).get((feature.name, whole.name))
        if filled is not None and MISSING in map(_element_text, elements(whole.value(batch, learnt.of))):
            stages.append(("filled", f"{value_text(filled)}   {_fill_text(feature)}"))
    return stages


def _element_text(value) -> str:
    return value_text(tf.constant([value]))


def _parsed(column: Column, batch: Batch, cells: Mapping[str, str]) -> list[Stage]:
    cell = cells.get(column.name)
    raw = f"{column.name} has no cell" if cell is None else f"{column.name} = {_cell_text(cell)}"
    x = batch.sources[column.name] if column.name in batch.sources else batch.raw[column.name]
    if column.type == STRING and not column.separators and cell:
        return [("raw", raw)]
    return [("raw", raw), ("parsed", value_text(x, column.type))]


def _cell_text(cell: str) -> str:
    return value_text(tf.constant([cell])) if cell else "''"


def _step_text(step: Step, before: Source, learnt: Learnt) -> str:
    """What the step's result does not show by itself."""
    kind = step.WhichOneof("step")
    if kind == "power":
        return f"   exponent {number(step.power.exponent)}"
    if kind == "clip":
        low, high = clip_bounds(step.clip, learnt.of(before.name))
        limits = [("at least", low), ("at most", high)]
        return "   " + ", ".join(f"{word} {number(limit)}" for word, limit in limits if limit is not None)
    if kind == "age":
        return f"   days to {step.age.reference}"
    if kind == "replace":
        return f"   {step.replace.pattern!r} by {step.replace.by!r}"
    if kind == "split":
        return f"   {SplitBy.Name(step.split.by).lower()}"
    if kind == "ngrams":
        return f"   of {listed(map(str, step.ngrams.lengths))}"
    return ""


def _fill_text(feature: Feature) -> str:
    if feature.HasField("pca"):
        return "missing becomes the mean"
    if feature.missing.fill == CONSTANT:
        return f"missing becomes {feature.missing.constant!r}"
    return f"missing becomes the {Fill.Name(feature.missing.fill).lower().replace('_', ' ')}"


def _how(feature: Feature, graph: TransformGraph, batch: Batch) -> str:
    describe = describe_ids if gives_ids(feature) else describe_numbers
    return describe(feature, graph.learnt, batch)


def _companions(
    feature: Feature, learnt: Learnt, batch: Batch, cells: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """Features that come with the feature, and what they are."""
    if feature.tf_idf:
        yield f"{feature.name}_weights", "tf-idf of each value, scaled to length 1"
    if feature.value_weights:
        cell = cells.get(feature.value_weights, "")
        yield (
            f"{feature.name}_weights",
            f"from {feature.value_weights} = {_cell_text(cell)}; missing ones are 1",
        )
    if feature.missing.indicator:
        yield f"{feature.name}_missing", f"1 if {learnt.source(feature).name} is missing"


def _label_and_weight(graph: TransformGraph, raw: Raw, cells: Mapping[str, str]) -> Iterator[Explained]:
    data = graph.spec.data
    labels = {label_feature(one.entry): one for one in graph.labels}
    columns = {name: one.entry.column for name, one in labels.items()} | {"weight": data.weight}
    for name, column in columns.items():
        if column not in raw or column not in cells:
            continue
        stages = [("raw", f"{column} = {_cell_text(cells[column])}")]
        if name in labels:
            value = labels[name](tf.constant(raw[column]))
            stages.append(("transformed", f"{value_text(value)}   {_label_text(labels[name].entry, value)}"))
        yield Explained(name, stages)


def _label_text(label: LabelEntry, value: tf.Tensor) -> str:
    if label.kind != REGRESSION:
        (one,) = elements(value)
        name = repr(label.classes[one]) if one >= 0 else "not in the training split: a bad row"
        return f"{len(label.classes)} classes: {one} is {name}"
    parts = ["ln(1 + label)"] if label.log else []
    if label.deviation:
        parts.append(f"mean {number(label.mean)}, deviation {number(label.deviation)}")
    return "regression" + (f": {'; '.join(parts)}" if parts else "")
