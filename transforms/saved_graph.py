"""In: a transform graph. Out: the graph as a SavedModel that any process with TensorFlow can load and apply."""

from __future__ import annotations

import tensorflow as tf

from .graph import TransformGraph, dtype_of
from .needs import columns_by_name


def save_graph(graph: TransformGraph, directory: str) -> None:
    """Writes a SavedModel with two functions of raw columns [batch].

    `features`: dict of raw columns → dict of features; `label`: raw label → label.
    """
    label = columns_by_name(graph.spec)[graph.spec.data.label.column]
    module = tf.Module()
    module.graph = graph
    module.features = tf.function(graph.apply, input_signature=[graph.raw_spec], autograph=False)
    module.label = tf.function(
        graph.apply_label, input_signature=[tf.TensorSpec([None], dtype_of(label))], autograph=False
    )
    # Without a signature: its inputs are named like Python arguments, where columns `a b` and `a_b` are one.
    tf.saved_model.save(module, directory)


def load_saved_graph(directory: str):
    """What `save_graph` wrote: an object with `features` and `label`."""
    return tf.saved_model.load(directory)
