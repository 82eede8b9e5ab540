"""In: the transform graph of a user's own TFT `preprocessing_fn`. Out: its features, computed by TensorFlow alone.

TFT gives the graph, so its statistics and its determinism are TFT's.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping

import tensorflow as tf
from google.protobuf import json_format

from ..schemas.manifest_pb2 import OutputFeature
from . import lists, missing
from .batch import Raw
from .sources import placeholder

FOLDER = "user_features"
_DESCRIPTION = "features.json"


def write_description(
    directory: str,
    inputs: Mapping[str, tuple[str, tf.DType]],
    used: Collection[str],
    features: list[OutputFeature],
) -> None:
    """Writes what the user's graph takes and gives.

    Args:
      directory: `transform/`.
      inputs: raw column and dtype by name of the graph's input.
      used: columns that its features depend on.
      features: that it gives.
    """
    content = {
        "inputs": {
            name: {"column": column, "dtype": dtype.name, "used": column in used}
            for name, (column, dtype) in inputs.items()
        },
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
        self._inputs: dict[str, dict] = content["inputs"]
        self.columns = [entry["column"] for entry in self._inputs.values() if entry["used"]]
        self.features = [json_format.ParseDict(feature, OutputFeature()) for feature in content["features"]]
        self._loaded = tf.saved_model.load(os.path.join(folder, "transform_fn"))

    def apply(self, raw: Raw) -> dict[str, tf.Tensor]:
        """Its features of a batch, lists padded."""
        rows = tf.shape(raw[self.columns[0]])[0]
        found = self._loaded.transform_fn(
            {
                # A column that nothing depends on need not be in a request.
                name: raw[entry["column"]]
                if entry["used"]
                else tf.fill([rows], placeholder(tf.as_dtype(entry["dtype"])))
                for name, entry in self._inputs.items()
            }
        )
        return {feature.name: self._output(found[feature.name], feature) for feature in self.features}

    def _output(self, x: tf.Tensor | tf.SparseTensor, feature: OutputFeature) -> tf.Tensor:
        if isinstance(x, tf.SparseTensor):
            x = tf.RaggedTensor.from_sparse(x)
        if isinstance(x, tf.RaggedTensor):
            return lists.to_dense(x, missing.NAN if x.dtype.is_floating else -1)
        return x
