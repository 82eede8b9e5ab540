"""In: a transform graph and one raw row. Out: what each feature makes of it, stage by stage, as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from ..schemas.manifest_pb2 import OutputFeature
from ..schemas.spec_pb2 import Feature
from .batch import Value
from .describe import describe_transform
from .graph import TransformGraph
from .missing import is_missing

_SHOWN = 8
_SHOWN_CHARACTERS = 60


class Explained(NamedTuple):
    """One feature of the row.

    Attributes:
      output: what it is.
      stages: (stage, text): raw, parsed, filled (if it differs from parsed), transformed.
      value: as the examples hold it, numpy, without the batch dimension.
    """

    output: OutputFeature
    stages: list[tuple[str, str]]
    value: np.ndarray


def explain_row(graph: TransformGraph, raw: Mapping[str, np.ndarray]) -> Iterator[Explained]:
    """By feature, sorted by name.

    Args:
      graph: of a run.
      raw: one row: arrays [1] by column name.
    """
    found = graph.explain({name: tf.constant(value) for name, value in raw.items()})
    features = {feature.name: feature for feature in graph.spec.features}
    for output in graph.features:
        feature = features.get(output.name, Feature())
        columns = list(feature.columns) or ([feature.column] if feature.column else [])
        stages = [("raw", f"{column} = {_show(tf.constant(raw[column]))}") for column in columns]
        shown = ""
        for stage in ("parsed", "filled"):
            if (output.name, stage) in found:
                text = _show(found[output.name, stage])
                if text != shown:
                    stages.append((stage, text))
                shown = text
        value = found[output.name, "transformed"]
        how = describe_transform(feature, graph.learnt, output.cardinality) if columns or feature.name else ""
        stages.append(("transformed", f"{_show(value)}{'   ' + how if how else ''}"))
        yield Explained(output, stages, np.asarray(value)[0])


def _show(value: Value) -> str:
    if isinstance(value, tf.RaggedTensor):
        return _text(value.to_list()[0])
    if value.shape.rank == 1 and bool(is_missing(value)[0]):
        return "(missing)"
    return _text(value.numpy()[0].tolist() if value.shape.rank > 1 else value.numpy()[0])


def _text(value: Any) -> str:
    if isinstance(value, list):
        shown = ", ".join(_text(one) for one in value[:_SHOWN])
        return f"[{shown}{', …' if len(value) > _SHOWN else ''}]"
    if isinstance(value, bytes):
        text = value.decode("utf-8", "backslashreplace")
        return repr(text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…")
    return f"{value:.7g}" if isinstance(value, float | np.floating) else str(value)
