"""In: a run, a training or an exported version. Out: its model's weights by part, and what its features' ids mean.

An exported version has no Keras model. Its variables are in the SavedModel, in the order of the model's, and `LAYERS_FILE`,
a few kilobytes beside them, says which belongs to which part.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from ..schemas.errors import ArtifactError
from ..schemas.labels import label_entries
from ..schemas.manifest import MANIFEST, read_manifest
from ..schemas.manifest_pb2 import LabelEntry, Manifest, OutputFeature
from ..transforms.graph import TransformGraph, load_graph
from .evaluate import open_model
from .feature_ids import id_digests
from .layer_parts import layer_parts

LAYERS_FILE = "assets.extra/layers.json"


class SourceLayer(NamedTuple):
    """A layer's weights: its class' name, and arrays in Keras' order, by name."""

    kind: str
    arrays: list[tuple[str, np.ndarray]]


class WarmStartSource(NamedTuple):
    """Weights to begin with.

    Attributes:
      path: of the training or the exported version.
      embeddings, hidden, head: as in `LayerParts`.
      features: that the model reads.
      ids: see `id_digests`.
      labels: what the heads answer for, the first one first.
    """

    path: str
    embeddings: dict[str, SourceLayer]
    hidden: list[list[SourceLayer]]
    head: list[SourceLayer]
    features: list[OutputFeature]
    ids: dict[str, str]
    labels: list[LabelEntry]

    def digest(self) -> str:
        """SHA-256 of all that a warm start may take from here: equal for a training and its export."""
        layers = [*self.embeddings.values(), *(layer for part in self.hidden for layer in part), *self.head]
        digest = hashlib.sha256(json.dumps([sorted(self.ids.items()), list(self.embeddings)]).encode())
        for layer in layers:
            for name, array in layer.arrays:
                digest.update(json.dumps([layer.kind, name, array.shape, array.dtype.str]).encode())
                digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()


def read_weights(path: str, code: str | Sequence[str] = ()) -> WarmStartSource:
    """Reads the weights.

    Args:
      path: of a run (its training "default"), of a training in it, or of an exported version.
      code: Python files that may run; needed if a training's model has pieces of its own.

    Raises:
      ArtifactError: there is no model, or its files do not match their manifest.
    """
    path = os.path.normpath(path)
    if os.path.isfile(os.path.join(path, "saved_model.pb")):
        return _of_export(path)
    if os.path.isfile(os.path.join(path, MANIFEST)):
        training, name = os.path.split(path)
        run = os.path.dirname(training)
    else:
        run, name = path, "default"
    if not os.path.isfile(os.path.join(run, "training", name, MANIFEST)):
        raise ArtifactError(
            path,
            "there is nothing to start from: give training.warm_start.from a run with a training 'default', the "
            "directory of a training, or an exported version",
        )
    model, manifest = open_model(run, name, code)
    described = _described(model, ids_of_run(run))
    values = [variable.value.numpy() for variable in model.variables]
    where = os.path.join(run, "training", name)
    return _source(where, described, values.__getitem__, manifest)


def ids_of_run(run_dir: str) -> dict[str, str]:
    """See `id_digests`; empty for a run that nothing was learnt for, as of images."""
    transform = os.path.join(run_dir, "transform")
    return id_digests(load_graph(transform)) if os.path.isdir(transform) else {}


def _of_export(path: str) -> WarmStartSource:
    manifest = read_manifest(path, "export")
    try:
        with open(os.path.join(path, LAYERS_FILE), encoding="utf-8") as file:
            described = json.load(file)
    except FileNotFoundError:
        raise ArtifactError(
            path, f"was exported by an older prebake, without {LAYERS_FILE}: start from its training, or export again"
        ) from None  # fmt: skip
    variables = tf.train.load_checkpoint(os.path.join(path, "variables", "variables"))
    return _source(
        path,
        described,
        lambda number: variables.get_tensor(f"variables/{number}/.ATTRIBUTES/VARIABLE_VALUE"),
        manifest,
    )


def write_layers(directory: str, model: keras.Model, graph: TransformGraph | None) -> None:
    """Writes `LAYERS_FILE` of an export, whose features `graph` makes, if any does."""
    path = os.path.join(directory, LAYERS_FILE)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(_described(model, id_digests(graph) if graph else {}), file)
        file.write("\n")


def _described(model: keras.Model, ids: dict[str, str]) -> dict[str, Any]:
    """The parts of a model, each variable as its name and its place among the model's."""
    places = {id(variable): place for place, variable in enumerate(model.variables)}

    def described(layers: Iterable[keras.layers.Layer]) -> list[dict[str, Any]]:
        return [
            {"kind": type(layer).__name__, "weights": [[w.name, places[id(w)]] for w in layer.weights]}
            for layer in layers
        ]

    parts = layer_parts(model)
    return {
        "embeddings": dict(zip(parts.embeddings, described(parts.embeddings.values()), strict=True)),
        "hidden": [described(layers) for layers in parts.hidden],
        "head": described(parts.head),
        "ids": ids,
    }


def _source(
    path: str,
    described: dict[str, Any],
    value: Callable[[int], np.ndarray],
    manifest: Manifest,
) -> WarmStartSource:
    def layer(entry: dict[str, Any]) -> SourceLayer:
        return SourceLayer(entry["kind"], [(name, value(place)) for name, place in entry["weights"]])

    return WarmStartSource(
        path,
        {name: layer(entry) for name, entry in described["embeddings"].items()},
        [[layer(entry) for entry in part] for part in described["hidden"]],
        [layer(entry) for entry in described["head"]],
        list(manifest.features),
        described["ids"],
        label_entries(manifest),
    )
