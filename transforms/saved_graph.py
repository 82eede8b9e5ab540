"""In: a transform graph. Out: the graph as a SavedModel that any process with TensorFlow can load and apply."""

from __future__ import annotations

import tensorflow as tf

from .graph import TransformGraph


def save_graph(graph: TransformGraph, directory: str) -> None:
    """Writes a SavedModel with functions of raw columns [batch].

    `features`: dict of raw columns → dict of features; `label`: raw label → label. Where a feature is a target encoding also
    `training_features`: dict of raw columns, int64 folds [batch] (-1: none) → dict of features. With
    further labels also `more_labels`: dict of their raw columns → dict by their names in the examples.
    """
    module = tf.Module()
    module.graph = graph
    module.features = tf.function(
        lambda raw: graph.apply(raw), input_signature=[graph.raw_spec], autograph=False
    )
    if any(feature.out_of_fold for feature in graph.features):
        module.training_features = tf.function(
            graph.apply,
            input_signature=[graph.raw_spec, tf.TensorSpec([None], tf.int64, name="folds")],
            autograph=False,
        )
    module.label = tf.function(
        graph.apply_label, input_signature=[tf.TensorSpec([None], graph.labels[0].dtype)], autograph=False
    )
    if graph.more_labels:
        columns = {one.entry.column: tf.TensorSpec([None], one.dtype) for one in graph.labels[1:]}
        module.more_labels = tf.function(graph.apply_more_labels, input_signature=[columns], autograph=False)
    # Without a signature: its inputs are named like Python arguments, where columns `a b` and `a_b` are one.
    tf.saved_model.save(module, directory)


def load_saved_graph(directory: str):
    """What `save_graph` wrote: an object with `features` and `label`."""
    return tf.saved_model.load(directory)


def input_columns(loaded) -> list[str]:
    """The raw columns that a loaded graph reads."""
    (function,) = loaded.features.concrete_functions
    (raw,), _ = function.structured_input_signature
    return sorted(raw)
