"""In: the features of the examples, as Keras inputs by name. Out: one float vector for the first hidden layer.

Keras' own layers only, so that a saved model loads wherever Keras is installed.
"""

from __future__ import annotations

from collections.abc import Iterable

import keras

from ..schemas.manifest_pb2 import OUTPUT_FLOAT, OutputFeature
from ..schemas.spec_pb2 import EMBEDDING, ONE_HOT


def feature_inputs(features: Iterable[OutputFeature]) -> dict[str, keras.KerasTensor]:
    """One input per feature, shape [batch], float32 or int64."""
    return {
        feature.name: keras.Input(
            shape=(), dtype="float32" if feature.type == OUTPUT_FLOAT else "int64", name=feature.name
        )
        for feature in features
    }


def encode_inputs(
    features: Iterable[OutputFeature], inputs: dict[str, keras.KerasTensor]
) -> keras.KerasTensor:
    """Numbers as they are, ids one-hot or embedded, side by side in the order of the features.

    Args:
      features: with `encode` resolved.
      inputs: from `feature_inputs`.

    Returns:
      float32 [batch, width]; width is 1 for a number, the cardinality for one-hot, the dimension for an embedding.
    """
    encoded = [_encode(feature, inputs[feature.name]) for feature in features]
    return encoded[0] if len(encoded) == 1 else keras.layers.Concatenate()(encoded)


def _encode(feature: OutputFeature, value: keras.KerasTensor) -> keras.KerasTensor:
    if feature.encode == ONE_HOT:
        return keras.layers.CategoryEncoding(num_tokens=feature.cardinality, output_mode="one_hot")(value)
    if feature.encode == EMBEDDING:
        return keras.layers.Embedding(feature.cardinality, feature.dimension)(value)
    number = value if feature.type == OUTPUT_FLOAT else keras.ops.cast(value, "float32")
    return keras.layers.Reshape((1,))(number)
