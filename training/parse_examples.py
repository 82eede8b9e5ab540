"""In: serialized Examples. Out: dense features, labels and weights, as the model and the parity gate take them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from ..schemas.feature_spec import feature_spec
from ..schemas.manifest_pb2 import Manifest


def example_parser(manifest: Manifest) -> Callable[[tf.Tensor], tuple]:
    """How to parse what the manifest describes.

    Returns:
      string [batch] → (features, label) or (features, label, weight): features by name, float32 or int64, scalars
      [batch], vectors [batch, …], lists [batch, longest] and lists of lists [batch, longest, longest] padded with -1 (ids)
      or NaN (numbers); label [batch, 1] float32 or int64 (class ids), of several labels [batch, labels] float32; weight
      [batch] float32.
    """
    parse, pad = ragged_parser(manifest), list_padder(manifest)
    return parse if pad is None else lambda serialized: pad(parse(serialized))


def ragged_parser(manifest: Manifest) -> Callable[[tf.Tensor], tuple]:
    """As `example_parser`, but lists are ragged: [batch, (any)], [batch, (any), (any)]."""
    spec = feature_spec(manifest)
    lists = {name: one for name, one in spec["features"].items() if one["padding"] is not None}
    sequences = {name: _parsed_as(one) for name, one in lists.items() if one["sequence"]}
    context = {name: _parsed_as(one) for name, one in spec["features"].items() if name not in sequences}
    # Keras' losses average over the last axis, so that a label [batch] would lose its rows.
    labels, weight = [spec["label"], *spec.get("more_labels", ())], spec["weight"]
    for label in labels:
        context[label["name"]] = tf.io.FixedLenFeature([1], label["dtype"])
    if weight:
        context[weight] = tf.io.FixedLenFeature([], tf.float32)

    def parse(serialized: tf.Tensor) -> tuple:
        if sequences:
            features, found, _ = tf.io.parse_sequence_example(serialized, context, sequences)
            features.update(found)
        else:
            features = tf.io.parse_example(serialized, context)
        for name, one in lists.items():
            if one["sequence"] and len(one["shape"]) == 1:
                features[name] = features[name].merge_dims(1, 2)  # one value for each step
        results = (features, side_by_side([features.pop(label["name"]) for label in labels]))
        return (*results, features.pop(weight)) if weight else results

    return parse


def side_by_side(labels: Sequence[tf.Tensor]) -> tf.Tensor:
    """Labels [batch, 1] → as a model learns them: one as it is, several as float32 [batch, labels], see outputs.py."""
    return labels[0] if len(labels) == 1 else tf.concat([tf.cast(one, tf.float32) for one in labels], axis=1)


def list_padder(manifest: Manifest) -> Callable[[tuple], tuple] | None:
    """Turns what `ragged_parser` gives, or some rows of it, into what `example_parser` gives; None if it is that already."""
    paddings = {
        name: float("nan") if one["padding"] == "nan" else one["padding"]
        for name, one in feature_spec(manifest)["features"].items()
        if one["padding"] is not None
    }
    if not paddings:
        return None

    def pad(rows: tuple) -> tuple:
        dense = {name: rows[0][name].to_tensor(padding) for name, padding in paddings.items()}
        return ({**rows[0], **dense}, *rows[1:])

    return pad


def _parsed_as(feature: dict[str, Any]) -> tf.io.FixedLenFeature | tf.io.RaggedFeature:
    dtype = tf.as_dtype(feature["dtype"])
    if feature["padding"] is None:
        return tf.io.FixedLenFeature(feature["shape"], dtype)
    return tf.io.RaggedFeature(dtype, row_splits_dtype=tf.int64)
