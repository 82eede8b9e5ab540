"""In: a model trained on a data set of TensorFlow Datasets. Out: a SavedModel that takes the features as they are there.

`serving_default`, `features` and, if asked for, `serving_samples` take a tensor for each feature, [batch, …] of the data
set's own type: an image is uint8.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping

import keras
import numpy as np
import tensorflow as tf

from ..schemas.errors import ArtifactError
from ..schemas.manifest_pb2 import LabelEntry
from .dataset import Examples
from .model import answers
from .monte_carlo import Sampler, describe_samples
from .parity import BATCH_SIZES, PARITY_FILE, bit_difference, number_difference
from .signatures import SAMPLES, input_names
from .tfds_source import DataSet


def write_arrays_model(
    directory: str, data: DataSet, model: keras.Model, label: LabelEntry, sampler: Sampler | None
) -> None:
    """Writes the SavedModel with its signatures; those of samples if there is a sampler."""
    names = input_names(data.inputs)
    specification = {
        names[name]: tf.TensorSpec(one.shape, one.dtype, name=names[name])
        for name, one in data.inputs.items()
    }

    def inputs(arrays: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        return data.model_inputs({name: arrays[names[name]] for name in data.inputs})

    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint(
        "serving_default",
        lambda arrays: answers(model(inputs(arrays), training=False), label),
        input_signature=[specification],
    )
    archive.add_endpoint("features", inputs, input_signature=[specification])
    if sampler is not None:
        archive.add_endpoint(
            SAMPLES["serving_default"],
            lambda arrays: describe_samples(sampler(inputs(arrays)), label),
            input_signature=[specification],
        )
    archive.write_out(directory, verbose=False)


def check_arrays_parity(
    directory: str, data: DataSet, model: keras.Model, examples: Examples, rows: int, tolerance: float,
    sampler: Sampler | None,
) -> None:  # fmt: skip
    """Sends the first rows of each split through the reloaded model in batches of 1, 7 and 512; writes parity.json.

    Args:
      directory: of the SavedModel.
      data: set that it was trained on.
      model: trained.
      examples: of the data set.
      rows: of each split, at most.
      tolerance: largest difference of a prediction that is allowed.
      sampler: what the export was written with.

    Raises:
      ArtifactError: a feature is not bit-equal with what training read, or a prediction too far from the Keras model's.
    """
    served = tf.saved_model.load(directory)
    names = input_names(data.inputs)
    count = {split.name: min(rows, split.rows) for split in examples.manifest.splits if split.rows}
    features: dict[str, dict[str, dict[str, float]]] = {}
    label = examples.manifest.label
    predictions: dict[str, dict[str, float]] = {}
    for split, wanted_rows in count.items():
        raw, wanted = _rows(data, examples, split, wanted_rows)
        expected = {"serving_default": answers(model(wanted, training=False), label)}
        if sampler is not None:
            expected[SAMPLES["serving_default"]] = describe_samples(sampler(wanted), label)
        for size in BATCH_SIZES:
            found = _ask(served.signatures["features"], raw, names, size)
            for name, value in wanted.items():
                difference = bit_difference(found[name], value.numpy())
                if difference.row is not None:
                    raise _failure(directory, f"feature '{name}'", split, size, difference)
                features.setdefault(name, {}).setdefault("features", {})[str(size)] = difference.largest
            for signature, answer in expected.items():
                found = _ask(served.signatures[signature], raw, names, size)
                sizes = predictions.setdefault(signature, {})
                for name, value in answer.items():
                    if name == "class":
                        continue
                    difference = number_difference(found[name], value.numpy())
                    if not difference.largest <= tolerance:
                        raise _failure(directory, name, split, size, difference)
                    sizes[str(size)] = max(sizes.get(str(size), 0.0), difference.largest)
    report = {
        "passed": True,
        "rows": count,
        "batch_sizes": list(BATCH_SIZES),
        "largest_feature_difference": features,
        "largest_prediction_difference": predictions,
        "prediction_tolerance": tolerance,
    }
    with open(os.path.join(directory, PARITY_FILE), "w", encoding="utf-8") as file:
        json.dump(report, file, indent=1)
        file.write("\n")


def _rows(
    data: DataSet, examples: Examples, split: str, rows: int
) -> tuple[dict[str, np.ndarray], dict[str, tf.Tensor]]:
    """A split's first rows as the data set has them and as training read them."""
    entry = examples.split(split)
    records: list[bytes] = []
    for shard in entry.shards:
        path = os.path.join(examples.directory, shard.path)
        left = min(shard.rows, rows - len(records))
        records += list(tf.data.TFRecordDataset(path).skip(shard.first).take(left).as_numpy_iterator())
    serialized = tf.constant(records)
    assert examples.parse is not None
    # In a graph, as training does.
    parsed = tf.function(examples.parse, autograph=False)(serialized)
    raw = tf.function(data.raw, autograph=False)(serialized)
    return {name: raw[name].numpy() for name in data.inputs}, parsed[0]


def _ask(function, raw: dict[str, np.ndarray], names: Mapping[str, str], size: int) -> dict[str, np.ndarray]:
    parts: dict[str, list[np.ndarray]] = {}
    for start in range(0, len(next(iter(raw.values()))), size):
        batch = {names[name]: tf.constant(value[start : start + size]) for name, value in raw.items()}
        for name, value in function(**batch).items():
            parts.setdefault(name, []).append(value.numpy())
    return {name: np.concatenate(values) for name, values in parts.items()}


def _failure(directory: str, what: str, split: str, size: int, difference) -> ArtifactError:
    # The directory is a temporary one; its parent is what the user asked for.
    return ArtifactError(
        os.path.dirname(directory),
        f"parity: {what} is {difference.found!s} in batches of {size}, but {difference.expected!s} by the training run, "
        f"in row {difference.row} of the {split} split; nothing is published",
    )
