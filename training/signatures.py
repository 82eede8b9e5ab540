"""In: a trained model and its transform graph. Out: the functions that an exported model answers to, raw rows in.

`serving_default` takes raw columns, `serving_examples` serialised tf.Examples, `serving_csv` raw CSV lines; they answer
with predictions. `features`, `features_examples` and `features_csv` take the same and answer with the transformed features;
`serving_samples`, `serving_samples_examples` and `serving_samples_csv`, if asked for, with how sure the model is.
A bad row fails its batch or, if the reader marks them, is answered with NaN (ids: -1, texts: "") and a text in `error`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

import keras
import tensorflow as tf

from ..transforms.graph import TransformGraph
from ..transforms.request import blank_answers
from ..transforms.serving_input import RequestReader
from .model import answers
from .monte_carlo import Sampler, describe_samples
from .outputs import told_by_output

Tensors = dict[str, tf.Tensor]
# Of a request: raw columns, and why rows are bad where they are marked.
Read = Callable[..., tuple[Tensors, tf.Tensor | None]]
# Signature of predictions → signature of features that takes the same.
SIGNATURES = {
    "serving_default": "features",
    "serving_examples": "features_examples",
    "serving_csv": "features_csv",
}
# Signature of predictions → the one of samples that takes the same.
SAMPLES = {
    "serving_default": "serving_samples",
    "serving_examples": "serving_samples_examples",
    "serving_csv": "serving_samples_csv",
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


def inputs_of(graph: TransformGraph) -> dict[str, str]:
    """Names of the signature's inputs, by column: unique among all columns of the spec, as who reads its CSV files knows."""
    names = input_names(column.name for column in graph.spec.data.columns)
    return {column: names[column] for column in graph.raw_spec}


def build_endpoints(
    graph: TransformGraph, model: keras.Model, reader: RequestReader, sampler: Sampler | None = None
) -> dict[str, tuple[Callable[..., Tensors], tf.TensorSpec | Mapping[str, tf.TensorSpec]]]:
    """Function and input of each signature, by name.

    Args:
      graph: raw columns to features.
      model: features to output, see `build_model`.
      reader: of the requests.
      sampler: of the model; None: no signatures of samples.

    Returns:
      The functions of raw columns take a dict by `inputs_of`, [batch] each; the others one string [batch].
    """
    names = inputs_of(graph)
    columns = {
        names[column]: tf.TensorSpec([None], spec.dtype, name=names[column])
        for column, spec in graph.raw_spec.items()
    }
    # What a server that knows a signature's defaults (TensorFlow Serving) sends for a column that a request leaves out.
    absent = {
        names[column]: tf.constant([], spec.dtype) if column in reader.optional else None
        for column, spec in graph.raw_spec.items()
    }

    def read_columns(raw: Tensors) -> tuple[Tensors, tf.Tensor | None]:
        return reader.read_columns({column: raw[names[column]] for column in graph.raw_spec})

    readers: dict[str, tuple[Read, tf.TensorSpec | Mapping[str, tf.TensorSpec]]] = {
        "serving_default": (read_columns, columns),
        "serving_examples": (reader.read_examples, tf.TensorSpec([None], tf.string, name="examples")),
        "serving_csv": (reader.read_csv_lines, tf.TensorSpec([None], tf.string, name="lines")),
    }
    # Traced once and called by all: tracing is most of what the export of many features costs.
    transform = tf.function(
        lambda raw: graph.apply(raw, checked=True), input_signature=[graph.raw_spec], autograph=False
    )

    labels = [graph.label, *graph.more_labels]

    def predict(features: Tensors) -> Tensors:
        return told_by_output(model(features, training=False), labels, answers)

    def sample(features: Tensors) -> Tensors:
        assert sampler is not None
        return told_by_output(sampler(features), labels, describe_samples)

    endpoints = {}
    for signature, (function, spec) in readers.items():
        read = tf.function(function, input_signature=[spec], autograph=False)
        defaults = absent if function is read_columns and reader.optional else None
        answering = {signature: predict, SIGNATURES[signature]: lambda features: features}
        if sampler is not None:
            answering[SAMPLES[signature]] = sample
        for name, answer in answering.items():
            endpoints[name] = (_with_defaults(_answering(read, transform, answer), defaults), spec)
    return endpoints


def _with_defaults(
    function: Callable[..., Tensors], defaults: dict[str, tf.Tensor | None] | None
) -> Callable[..., Tensors]:
    """The function with defaults of its argument, which is how TensorFlow learns those of a signature."""
    return function if defaults is None else lambda rows=defaults: function(rows)


def _answering(
    read: Read, transform: Callable[..., Tensors], answer: Callable[[Tensors], Tensors]
) -> Callable[..., Tensors]:
    def run(rows: Tensors | tf.Tensor) -> Tensors:
        raw, error = read(rows)
        found = answer(transform(raw))
        return found if error is None else blank_answers(found, error)

    return run
