"""In: the transform graph of a user's own TFT `preprocessing_fn`. Out: its features, computed by TensorFlow alone.

TFT gives the graph, so its statistics and its determinism are TFT's.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping

import tensorflow as tf
from google.protobuf import json_format

from ..schemas.manifest_pb2 import OutputFeature
from . import lists, missing
from .batch import Raw

FOLDER = "user_features"
_DESCRIPTION = "features.json"


def write_description(directory: str, columns: Mapping[str, str], features: list[OutputFeature]) -> None:
    """Writes which raw columns the user's function reads, by its graph's input names, and what it gives."""
    content = {
        "columns": dict(columns),
        "features": [json_format.MessageToDict(feature) for feature in features],
    }
    with open(os.path.join(directory, FOLDER, _DESCRIPTION), "w", encoding="utf-8") as file:
        json.dump(content, file, indent=1)


class UserFeatures(tf.Module):
    """What the user's function computes.

    Args:
      transform_dir: has the folder `user_features`.

    Attributes:
      columns: raw columns that it reads.
      features: what it gives.
    """

    def __init__(self, transform_dir: str):
        super().__init__(name="user_features")
        folder = os.path.join(transform_dir, FOLDER)
        with open(os.path.join(folder, _DESCRIPTION), encoding="utf-8") as file:
            content = json.load(file)
        self._inputs: dict[str, str] = content["columns"]
        self.columns = list(self._inputs.values())
        self.features = [json_format.ParseDict(feature, OutputFeature()) for feature in content["features"]]
        self._loaded = tf.saved_model.load(os.path.join(folder, "transform_fn"))

    def apply(self, raw: Raw) -> dict[str, tf.Tensor]:
        """Its features of a batch, lists padded."""
        found = self._loaded.transform_fn({name: raw[column] for name, column in self._inputs.items()})
        return {feature.name: self._output(found[feature.name], feature) for feature in self.features}

    def _output(self, x: tf.Tensor | tf.SparseTensor, feature: OutputFeature) -> tf.Tensor:
        if isinstance(x, tf.SparseTensor):
            x = tf.RaggedTensor.from_sparse(x)
        if isinstance(x, tf.RaggedTensor):
            return lists.to_dense(x, missing.NAN if x.dtype.is_floating else -1)
        return x
