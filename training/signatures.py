"""In: a trained model and its transform graph. Out: the functions that an exported model answers to, raw rows in.

`serving_default` takes raw columns, `serving_examples` serialised tf.Examples, `serving_csv` raw CSV lines; they answer
with predictions. `features`, `features_examples` and `features_csv` take the same and answer with the transformed features.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

import keras
import tensorflow as tf

from ..transforms.graph import TransformGraph
from ..transforms.serving_input import parse_csv_lines, parse_examples
from .model import answers

Tensors = dict[str, tf.Tensor]
# Signature of predictions → signature of features that takes the same.
SIGNATURES = {
    "serving_default": "features",
    "serving_examples": "features_examples",
    "serving_csv": "features_csv",
}


def input_names(columns: Iterable[str]) -> dict[str, str]:
    """Names of a signature's inputs, by column.

    A signature's inputs are named like Python arguments. A column name that is none has `_` for every character but ASCII
    letters, digits and `_`, `x` before it unless it begins with a letter, and a number behind it where two would be equal.
    """
    names: dict[str, str] = {}
    for column in columns:
        plain = re.sub(r"[^A-Za-z0-9_]", "_", column)
        if not re.match(r"[A-Za-z]", plain):
            plain = f"x{plain}"
        name, number = plain, 2
        while name in names.values() or name == "self":
            name, number = f"{plain}_{number}", number + 1
        names[column] = name
    return names


def build_endpoints(
    graph: TransformGraph, model: keras.Model
) -> dict[str, tuple[Callable[..., Tensors], tf.TensorSpec | Mapping[str, tf.TensorSpec]]]:
    """Function and input of each signature, by name.

    Args:
      graph: raw columns to features.
      model: features to output, see `build_model`.

    Returns:
      The functions of raw columns take a dict by `input_names`, [batch] each; the others one string [batch].
    """
    names = input_names(graph.raw_spec)
    columns = {
        names[column]: tf.TensorSpec([None], spec.dtype, name=names[column])
        for column, spec in graph.raw_spec.items()
    }
    readers: dict[str, tuple[Callable[..., Tensors], tf.TensorSpec | Mapping[str, tf.TensorSpec]]] = {
        "serving_default": (lambda raw: {column: raw[names[column]] for column in graph.raw_spec}, columns),
        "serving_examples": (
            lambda examples: parse_examples(graph, examples),
            tf.TensorSpec([None], tf.string, name="examples"),
        ),
        "serving_csv": (
            lambda lines: parse_csv_lines(graph, lines),
            tf.TensorSpec([None], tf.string, name="lines"),
        ),
    }
    # Traced once and called by all: tracing is most of what the export of many features costs.
    transform = tf.function(graph.apply, input_signature=[graph.raw_spec], autograph=False)
    endpoints = {}
    for signature, (read, spec) in readers.items():
        endpoints[signature] = (_predicting(read, transform, graph, model), spec)
        endpoints[SIGNATURES[signature]] = (_transforming(read, transform), spec)
    return endpoints


def _predicting(
    read: Callable[..., Tensors], transform: Callable[..., Tensors], graph: TransformGraph, model: keras.Model
) -> Callable[..., Tensors]:
    return lambda rows: answers(model(transform(read(rows)), training=False), graph.label)


def _transforming(read: Callable[..., Tensors], transform: Callable[..., Tensors]) -> Callable[..., Tensors]:
    return lambda rows: transform(read(rows))
