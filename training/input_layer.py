"""In: the features of the examples, as Keras inputs by name. Out: one float vector for the first hidden layer."""

from __future__ import annotations

import math
from collections.abc import Sequence

import keras

from ..schemas.manifest_pb2 import OUTPUT_FLOAT, OutputFeature
from ..schemas.spec_pb2 import COUNTS, EMBEDDING, MULTI_HOT, ONE_HOT, Combiner
from .list_layers import BagOfIds, DescribeNumbers, IdsOrFirst, PoolEmbeddings


def feature_inputs(features: Sequence[OutputFeature]) -> dict[str, keras.KerasTensor]:
    """One input per feature: shape [batch], [batch, …] of a vector, [batch, longest] of a list, float32 or int64."""
    return {
        feature.name: keras.Input(
            shape=tuple(None if size < 0 else size for size in feature.shape),
            dtype="float32" if feature.type == OUTPUT_FLOAT else "int64",
            name=feature.name,
        )
        for feature in features
    }


def encode_inputs(
    features: Sequence[OutputFeature], inputs: dict[str, keras.KerasTensor]
) -> keras.KerasTensor:
    """Every feature as its `encode` says, side by side in the order of the features.

    Numbers are as they are, vectors flattened, a list of numbers is its mean, smallest, largest and ln(1 + length); ids are
    one-hot or embedded, lists of ids multi-hot, counted or embedded and pooled, with their weights if they have any. The
    order in a list does not matter here: a model of your own may read the same inputs.

    Args:
      features: with `encode` resolved.
      inputs: from `feature_inputs`.

    Returns:
      float32 [batch, width].
    """
    weights = {feature.weights_of: inputs[feature.name] for feature in features if feature.weights_of}
    embeddings = {
        feature.name: keras.layers.Embedding(feature.cardinality, feature.dimension)
        for feature in features
        if feature.encode == EMBEDDING and not feature.share
    }
    encoded = [
        _encode(feature, inputs[feature.name], weights.get(feature.name), embeddings)
        for feature in features
        if not feature.weights_of
    ]
    return encoded[0] if len(encoded) == 1 else keras.layers.Concatenate()(encoded)


def _encode(
    feature: OutputFeature,
    value: keras.KerasTensor,
    weights: keras.KerasTensor | None,
    embeddings: dict[str, keras.layers.Embedding],
) -> keras.KerasTensor:
    is_list = any(size < 0 for size in feature.shape)
    if feature.encode == ONE_HOT:
        return keras.layers.CategoryEncoding(num_tokens=feature.cardinality, output_mode="one_hot")(value)
    if feature.encode in (MULTI_HOT, COUNTS):
        return BagOfIds(feature.cardinality, counts=feature.encode == COUNTS)(value, weights)
    if feature.encode == EMBEDDING:
        embed = embeddings[feature.share or feature.name]
        if not is_list:
            return embed(value)
        combiner = Combiner.Name(feature.combiner).removeprefix("COMBINER_").lower()
        return PoolEmbeddings(combiner)(embed(IdsOrFirst()(value)), value, weights)
    number = value if feature.type == OUTPUT_FLOAT else keras.ops.cast(value, "float32")
    if is_list:
        return DescribeNumbers()(number)
    return keras.layers.Reshape((math.prod(feature.shape),))(number)
