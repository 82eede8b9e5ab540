"""In: a new model and the weights of another one. Out: the model begins with those that fit, and a line says which.

Reusing the lower layers of a network that has learnt a similar task is to start where features of the data are known already
(HOML, chapter 11, "Reusing pretrained layers").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import keras

from ..schemas.errors import PrebakeError
from ..schemas.labels import label_entries
from ..schemas.manifest_pb2 import LabelEntry, Manifest, OutputFeature
from ..schemas.spec_pb2 import WarmStart
from .layer_parts import LayerParts, embedding_name, hidden_name, layer_parts
from .warm_start_source import SourceLayer, WarmStartSource

_FIELD = "training.warm_start"


class Reused(NamedTuple):
    """What a warm start came to.

    Attributes:
      line: what was reused and what not, for a person.
      lower: the layers with reused weights below the head, from the inputs up; these are frozen if any are.
      head: those of the head.
    """

    line: str
    lower: list[keras.layers.Layer]
    head: list[keras.layers.Layer]


def reuse_weights(
    model: keras.Model,
    source: WarmStartSource,
    options: WarmStart,
    examples: Manifest,
    ids: Mapping[str, str],
) -> Reused:
    """Gives a model the weights of another one.

    Hidden layers are reused from the inputs up: `layers` of them, or as many as both models have. Embeddings are reused if
    their features' ids mean the same in both; the others, and what lies above, begin as they are. The head is reused if
    `layers` is not given, all hidden layers of both are reused, both answer for the same labels, and it fits.

    Args:
      model: built, not yet trained.
      source: see `read_weights`.
      options: how many layers.
      examples: features and label of the model.
      ids: of the model's run, see `id_digests`.

    Raises:
      PrebakeError: there are fewer layers than are asked for, or one has another shape or reads other features.
    """
    parts = layer_parts(model)
    count = min(len(parts.hidden), len(source.hidden))
    if options.HasField("layers"):
        for name, there in (("the model", len(parts.hidden)), (source.path, len(source.hidden))):
            if options.layers > there:
                raise PrebakeError(
                    f"{_FIELD}.layers: {options.layers} hidden layers are asked for, and {name} has {there}"
                )
        count = options.layers
    said: list[str] = []
    lower = _reuse_embeddings(parts, source, ids, said)
    if count:
        _check_features(source, examples.features)
    for number in range(1, count + 1):
        layers, weights = parts.hidden[number - 1], source.hidden[number - 1]
        _check_fit(hidden_name(number), layers, weights, source.path)
        _assign(layers, weights)
        lower += layers
    if count:
        said.insert(0, hidden_name(1) if count == 1 else f"hidden layers 1 to {count}")
    head = _reuse_head(parts, source, options, count, ids, label_entries(examples))
    if head is None:
        said.append("the head")
    new = [hidden_name(number) for number in range(count + 1, len(parts.hidden) + 1)]
    reasons = [text for text in said if ": not reused" in text]
    kept = [text for text in said if text not in reasons]
    line = f"starts from {source.path}: reused {', '.join(kept) or 'nothing'}"
    begin = [*new, *([f"the head ({head})"] if head else [])]
    if begin:
        line += f"; new: {', '.join(begin)}"
    return Reused("; ".join([line, *reasons]), lower, [] if head else parts.head)


def _reuse_embeddings(
    parts: LayerParts, source: WarmStartSource, ids: Mapping[str, str], said: list[str]
) -> list[keras.layers.Layer]:
    reused = []
    for names, layer in parts.embeddings.items():
        reason = _other_embedding(names, layer, source, ids)
        said.append(embedding_name(names) + (f": not reused, {reason}" if reason else ""))
        if not reason:
            _assign([layer], [source.embeddings[names]])
            reused.append(layer)
    return reused


def _other_embedding(
    names: str, layer: keras.layers.Layer, source: WarmStartSource, ids: Mapping[str, str]
) -> str:
    """Why the source's embedding cannot serve; "" if it can."""
    if names not in source.embeddings:
        return "the other model has none"
    found, wanted = _shapes([source.embeddings[names]])[0], tuple(layer.weights[0].shape)
    if found[0] != wanted[0]:
        return f"{found[0]} ids there and {wanted[0]} here"
    for name in names.split(", "):
        if source.ids.get(name.split(" ")[0]) != ids.get(name.split(" ")[0]):
            return "its ids stand for other values there"
    if found != wanted:
        return f"{found[1]} numbers an id there and {wanted[1]} here"
    return ""


def _check_features(source: WarmStartSource, features: Sequence[OutputFeature]) -> None:
    """The first hidden layer has a row of weights for each number it reads: they must come from the same features."""
    theirs, ours = ([feature.name for feature in each] for each in (source.features, features))
    if theirs != ours:
        only = [
            f"only {where} {', '.join(names)}"
            for where, names in (
                ("there", [name for name in theirs if name not in ours]),
                ("here", [name for name in ours if name not in theirs]),
            )
            if names
        ]
        raise PrebakeError(
            f"{_FIELD}: {hidden_name(1)} reads other features in {source.path} ({'; '.join(only)}): give both runs the "
            "same features"
        )


def _check_fit(name: str, layers: list[keras.layers.Layer], weights: list[SourceLayer], path: str) -> None:
    ours, theirs = (
        [type(layer).__name__ for layer in layers],
        [layer.kind for layer in weights],
    )
    if ours != theirs:
        raise PrebakeError(
            f"{_FIELD}: {name} is {' and '.join(theirs)} in {path}, and {' and '.join(ours)} here: give the models the "
            "same kind, or reuse fewer layers (layers)"
        )
    for layer, their in zip(layers, weights, strict=True):
        for weight, (_, array) in zip(layer.weights, their.arrays, strict=True):
            if tuple(weight.shape) != array.shape:
                raise PrebakeError(
                    f"{_FIELD}: {weight.name} of {name} has shape {list(array.shape)} in {path}, and "
                    f"{list(weight.shape)} here: give the models the same units and features, or reuse fewer layers "
                    "(layers)"
                )


def _reuse_head(
    parts: LayerParts,
    source: WarmStartSource,
    options: WarmStart,
    count: int,
    ids: Mapping[str, str],
    labels: Sequence[LabelEntry],
) -> str | None:
    """None if it was reused, else why not."""
    if options.HasField("layers"):
        return "layers is given"
    if count < len(parts.hidden) or count < len(source.hidden):
        return "it stands on other layers"
    if [_answers_for(one) for one in source.labels] != [_answers_for(one) for one in labels]:
        other = "another label" if len(source.labels) == 1 else "other labels"
        return f"it answers for {other} there, {', '.join(repr(one.column) for one in source.labels)}"
    if _shapes(source.head) != [tuple(w.shape) for layer in parts.head for w in layer.weights]:
        return "it has another shape"
    if any(isinstance(layer, keras.layers.Embedding) for layer in parts.head) and source.ids != ids:
        return "the ids of its tables stand for other values"
    _assign(parts.head, source.head)
    return None


def _answers_for(label: LabelEntry) -> tuple:
    return label.column, label.kind, list(label.classes)


def _shapes(layers: Sequence[SourceLayer]) -> list[tuple[int, ...]]:
    return [array.shape for layer in layers for _, array in layer.arrays]


def _assign(layers: Sequence[keras.layers.Layer], weights: Sequence[SourceLayer]) -> None:
    for layer, their in zip(layers, weights, strict=True):
        for weight, (_, array) in zip(layer.weights, their.arrays, strict=True):
            weight.assign(array)
