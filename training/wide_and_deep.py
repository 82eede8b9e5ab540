"""In: features as Keras inputs. Out: the sum of a linear model over ids and of a deep one.

Cheng et al., "Wide & Deep Learning for Recommender Systems", 2016: the wide part remembers single ids and combinations, the
deep part generalises. A linear model over one-hot ids is a table with one number for each id and output: it is looked up,
not multiplied. All its layers are called `wide_…`, all others with weights `deep_…`, for `training.parts`.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras

from ..schemas.errors import SpecError
from ..schemas.manifest_pb2 import LabelEntry, OutputFeature
from ..schemas.spec_pb2 import Model
from .heads import Heads
from .hidden_layers import HiddenLayers
from .input_layer import encode_inputs, matching
from .layer_names import LayerNames
from .list_layers import IdsOrFirst, PoolEmbeddings
from .regularisation import kernel_regularizer


def wide_and_deep(
    model: Model,
    features: Sequence[OutputFeature],
    inputs: dict[str, keras.KerasTensor],
    labels: Sequence[LabelEntry],
    names: LayerNames,
) -> keras.KerasTensor:
    """The output of the model, float32 [batch, units], see `Heads`: each label has both parts.

    Args:
      model: resolved; `wide` and `deep` say which features go where, and some may go both ways.
      features: of the examples.
      inputs: by feature.
      labels: the first one first.
      names: of the model's layers.

    Raises:
      SpecError: a pattern matches no feature, or there are no ids.
    """
    deep = encode_inputs(
        features, inputs, names, prefix="deep_", only=matching(features, model.deep, "model.deep")
    )
    if model.input_noise:
        deep = keras.layers.GaussianNoise(model.input_noise, name=names("deep_input_noise"))(deep)
    deep = HiddenLayers(model, names, "deep_").stack(deep, model.hidden)
    heads = Heads(model, labels, names, "deep_")
    parts = [*_wide(model, features, inputs, heads.units, names), heads(deep)]
    return keras.layers.Add(name=names("sum"), dtype="float32")(parts)


def _wide(
    model: Model,
    features: Sequence[OutputFeature],
    inputs: dict[str, keras.KerasTensor],
    units: int,
    names: LayerNames,
) -> list[keras.KerasTensor]:
    """The terms of the linear part, without a bias: the head of the deep part has it."""
    chosen = matching(features, model.wide, "model.wide")
    if not model.wide:
        chosen = {feature.name for feature in features if feature.cardinality}
        if not chosen:
            hint = "name features under `wide`, or take kind: dnn"
            raise SpecError("spec", None, "model.wide", "is empty, and no feature gives ids", hint)
    terms, numbers = [], set(chosen)
    for feature in features:
        if feature.name not in chosen or not feature.cardinality:
            continue
        numbers.discard(feature.name)
        # Zeros: an id that is never seen adds nothing.
        table = keras.layers.Embedding(
            feature.cardinality,
            units,
            embeddings_initializer="zeros",
            embeddings_regularizer=kernel_regularizer(model),
            name=names(f"wide_{feature.name}"),
            dtype="float32",
        )
        ids = inputs[feature.name]
        if not feature.shape:
            terms.append(table(ids))
            continue
        weights = next((inputs[other.name] for other in features if other.weights_of == feature.name), None)
        total = PoolEmbeddings("sum", name=names(f"wide_{feature.name}_sum"), dtype="float32")
        found = table(IdsOrFirst(name=names(f"wide_{feature.name}_ids"))(ids))
        terms.append(total(found, ids, weights))
    if numbers:
        x = encode_inputs(features, inputs, names, prefix="wide_", only=numbers)
        linear = keras.layers.Dense(
            units,
            use_bias=False,
            kernel_initializer="zeros",
            kernel_regularizer=kernel_regularizer(model),
            name=names("wide_numbers"),
            dtype="float32",
        )
        terms.append(linear(x))
    return terms
