"""In: the features of the examples, as Keras inputs by name. Out: one float vector for the first hidden layer."""

from __future__ import annotations

import fnmatch
import math
from collections.abc import Collection, Sequence

import keras

from ..schemas.errors import SpecError
from ..schemas.manifest_pb2 import OUTPUT_FLOAT, OutputFeature
from ..schemas.spec_pb2 import COUNTS, EMBEDDING, MULTI_HOT, ONE_HOT, Combiner
from .layer_names import LayerNames
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


def matching(features: Sequence[OutputFeature], patterns: Sequence[str], field: str) -> set[str]:
    """Names of the features that names or patterns with `*` select; of all if there are no patterns.

    Raises:
      SpecError: a pattern matches none; it points at `field`.
    """
    names = [feature.name for feature in features if not feature.weights_of]
    if not patterns:
        return set(names)
    found: set[str] = set()
    for pattern in patterns:
        matched = fnmatch.filter(names, pattern)
        if not matched:
            hint = f"the examples have {', '.join(names)}"
            raise SpecError("spec", None, field, f"'{pattern}' matches no feature", hint)
        found.update(matched)
    return found


def encode_inputs(
    features: Sequence[OutputFeature],
    inputs: dict[str, keras.KerasTensor],
    names: LayerNames | None = None,
    *,
    prefix: str = "",
    only: Collection[str] | None = None,
) -> keras.KerasTensor:
    """Every feature as its `encode` says, side by side in the order of the features.

    Numbers are as they are, vectors flattened, a list of numbers is its mean, smallest, largest and ln(1 + length); ids are
    one-hot or embedded, lists of ids multi-hot, counted or embedded and pooled, with their weights if they have any. The
    order in a list does not matter here: a model of your own may read the same inputs.

    Args:
      features: with `encode` resolved.
      inputs: from `feature_inputs`.
      names: of the model's layers.
      prefix: of the names of the layers; the tables of embeddings are `<prefix><feature>_embedding`.
      only: features to read; None for all.

    Returns:
      float32 [batch, width].
    """
    names = names or LayerNames(inputs)
    weights = {feature.weights_of: inputs[feature.name] for feature in features if feature.weights_of}
    read = [f for f in features if not f.weights_of and (only is None or f.name in only)]
    shared = {feature.share or feature.name for feature in read if feature.encode == EMBEDDING}
    embeddings = {
        feature.name: keras.layers.Embedding(
            feature.cardinality, feature.dimension, name=names(f"{prefix}{feature.name}_embedding")
        )
        for feature in features
        if feature.name in shared
    }
    encoded = [
        _encode(feature, inputs[feature.name], weights.get(feature.name), embeddings, names, prefix)
        for feature in read
    ]
    if len(encoded) == 1:
        return encoded[0]
    return keras.layers.Concatenate(name=names(f"{prefix}inputs"))(encoded)


def _encode(
    feature: OutputFeature,
    value: keras.KerasTensor,
    weights: keras.KerasTensor | None,
    embeddings: dict[str, keras.layers.Embedding],
    names: LayerNames,
    prefix: str,
) -> keras.KerasTensor:
    is_list = any(size < 0 for size in feature.shape)
    if feature.encode == EMBEDDING and not is_list:
        return embeddings[feature.share or feature.name](value)
    name = names(f"{prefix}{feature.name}_encoded")
    if feature.encode == ONE_HOT:
        tokens = feature.cardinality
        return keras.layers.CategoryEncoding(num_tokens=tokens, output_mode="one_hot", name=name)(value)
    if feature.encode in (MULTI_HOT, COUNTS):
        return BagOfIds(feature.cardinality, counts=feature.encode == COUNTS, name=name)(value, weights)
    if feature.encode == EMBEDDING:
        embed = embeddings[feature.share or feature.name]
        combiner = Combiner.Name(feature.combiner).removeprefix("COMBINER_").lower()
        ids = IdsOrFirst(name=names(f"{prefix}{feature.name}_ids"))(value)
        return PoolEmbeddings(combiner, name=name)(embed(ids), value, weights)
    number = value if feature.type == OUTPUT_FLOAT else keras.ops.cast(value, "float32")
    if is_list:
        return DescribeNumbers(name=name)(number)
    return keras.layers.Reshape((math.prod(feature.shape),), name=name)(number)
