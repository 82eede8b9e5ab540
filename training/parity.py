"""In: an exported model, not yet published, and the raw rows kept beside the examples. Out: parity.json, or an error.

Raw rows go through every signature of the reloaded SavedModel in batches of 1, 7 and 512. Features must be bit-equal with
the training examples', predictions within a tolerance of the Keras model's on those examples.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tqdm

from ..schemas.errors import ArtifactError
from ..schemas.labels import prefix_of
from ..schemas.manifest_pb2 import LabelEntry
from ..transforms.graph import NO_FOLD, TransformGraph
from .dataset import Examples
from .model import answers
from .monte_carlo import Sampler, describe_samples
from .outputs import told_by_output
from .parity_sample import ParitySample, join_padded, read_sample
from .signatures import SAMPLES, SIGNATURES, inputs_of

PARITY_FILE = "parity.json"
BATCH_SIZES = (1, 7, 512)


@dataclasses.dataclass
class Difference:
    """How far one column of an answer is from what it must be.

    Attributes:
      largest: difference, infinite where one of the two is not a number.
      row: index of the row that has it; None if all rows agree.
      found, expected: values of that row.
    """

    largest: float
    row: int | None
    found: Any
    expected: Any


def check_parity(
    directory: str, graph: TransformGraph, model: keras.Model, examples: Examples, tolerance: float,
    sampler: Sampler | None = None,
) -> None:  # fmt: skip
    """Runs the gate and writes `parity.json` into the directory.

    Features named there under "out_of_fold" are compared twice: the examples with what the other folds say, the answers
    with what all training rows say.

    Args:
      directory: of the SavedModel.
      graph: for the columns, and the label's classes.
      model: trained, features to output.
      examples: whose samples are tried.
      tolerance: largest difference of a prediction that is allowed.
      sampler: of the model, if it was exported with samples.

    Raises:
      ArtifactError: a feature is not bit-equal or a prediction is too far off; names the worst row and both values.
    """
    sample = read_sample(examples, graph)
    wanted = _wanted_features(directory, graph, sample)
    served = tf.saved_model.load(directory)
    labels = [graph.label, *graph.more_labels]
    output = model({name: tf.constant(x) for name, x in wanted.items()}, training=False)
    expected = told_by_output(output, labels, answers)
    predictions = {name: value.numpy() for name, value in expected.items() if value.dtype != tf.string}
    features: dict[str, dict[str, dict[str, float]]] = {}
    prediction: dict[str, dict[str, float]] = {}
    for signature, size in tqdm.tqdm(_passes(), desc="parity", unit="pass", disable=None):
        request = sample.requests[signature]
        found = _ask(served.signatures[SIGNATURES[signature]], request, size)
        for name, want in sorted(wanted.items()):
            difference = bit_difference(found[name], want)
            if difference.row is not None:
                raise _failure(
                    directory, f"feature '{name}'", SIGNATURES[signature], size, sample, difference
                )
            features.setdefault(name, {}).setdefault(SIGNATURES[signature], {})[str(size)] = (
                difference.largest
            )
        found = _ask(served.signatures[signature], request, size)
        for label in labels:
            _check_classes(directory, found, label, signature)
        for name, want in predictions.items():
            difference = number_difference(found[name], want)
            if not difference.largest <= tolerance:
                raise _failure(directory, name, signature, size, sample, difference)
            prediction.setdefault(signature, {})[str(size)] = difference.largest
    report: dict[str, Any] = {
        "passed": True,
        "rows": sample.rows,
        "batch_sizes": list(BATCH_SIZES),
        "largest_feature_difference": features,
        "largest_prediction_difference": prediction,
        "prediction_tolerance": tolerance,
    }
    out_of_fold = [feature.name for feature in graph.features if feature.out_of_fold]
    if out_of_fold:
        report["out_of_fold"] = out_of_fold
    if sampler is not None:
        report["largest_samples_difference"] = _compare_samples(
            directory, served, sampler, labels, sample, wanted, tolerance
        )
    with open(os.path.join(directory, PARITY_FILE), "w", encoding="utf-8") as file:
        json.dump(report, file, indent=1)
        file.write("\n")


def _compare_samples(
    directory: str, served: Any, sampler: Sampler, labels: Sequence[LabelEntry], sample: ParitySample,
    wanted: Mapping[str, np.ndarray], tolerance: float,
) -> dict[str, float]:  # fmt: skip
    """The largest difference of each signature of samples; once each: a request costs as much as so many others."""
    outputs = sampler({name: tf.constant(x) for name, x in wanted.items()})
    expected = told_by_output(outputs, labels, describe_samples)
    found_by: dict[str, float] = {}
    for signature, name in SAMPLES.items():
        found = _ask(served.signatures[name], sample.requests[signature], BATCH_SIZES[-1])
        for key, want in expected.items():
            if want.dtype == tf.string:
                continue
            difference = number_difference(found[key], want.numpy())
            if not difference.largest <= tolerance:
                raise _failure(directory, key, name, BATCH_SIZES[-1], sample, difference)
            found_by[name] = max(found_by.get(name, 0.0), difference.largest)
    return found_by


def _wanted_features(directory: str, graph: TransformGraph, sample: ParitySample) -> dict[str, np.ndarray]:
    """What the exported model must give: the examples' features, but for those that training examples hold out of fold.

    Raises:
      ArtifactError: an out-of-fold feature of the examples is not what the other folds say.
    """
    names = [feature.name for feature in graph.features if feature.out_of_fold]
    if not names:
        return sample.features
    inputs = inputs_of(graph)
    request = sample.requests["serving_default"]
    raw = {column: tf.constant(request[inputs[column]]) for column in graph.raw_spec}
    # Not eagerly, which takes a long time for bytes: they are decoded row by row.
    apply = tf.function(graph.apply, autograph=False)
    out_of_fold, whole = (
        apply(raw, tf.constant(folds)) for folds in (sample.folds, np.full_like(sample.folds, NO_FOLD))
    )
    for name in names:
        difference = bit_difference(sample.features[name], out_of_fold[name].numpy())
        if difference.row is not None:
            raise ArtifactError(
                os.path.dirname(directory),
                f"parity: feature '{name}' is {difference.found!s} in the examples, but the other folds say "
                f"{difference.expected!s}, at {sample.places[difference.row]}; nothing is published",
            )
    return sample.features | {name: whole[name].numpy() for name in names}


def bit_difference(found: np.ndarray, expected: np.ndarray) -> Difference:
    """The row with the largest difference among those whose bits differ; NaN equals NaN.

    Args:
      found, expected: float32 or int64 [rows, …]; lists may be padded to different lengths.
    """
    if found.dtype != expected.dtype or found.ndim != expected.ndim:
        return Difference(np.inf, 0, found[0], expected[0])
    if found.shape != expected.shape:
        both = join_padded([found, expected])
        found, expected = both[: len(found)], both[len(found) :]
    found, expected = (np.ascontiguousarray(x).reshape(len(x), -1) for x in (found, expected))
    if found.dtype == np.float32:
        unequal = found.view(np.uint32) != expected.view(np.uint32)
        unequal &= ~(np.isnan(found) & np.isnan(expected))
    else:
        unequal = found != expected
    if not unequal.any():
        return Difference(0.0, None, None, None)
    distance = np.where(unequal, _distance(found, expected), -1.0)
    row, place = np.unravel_index(np.argmax(distance), distance.shape)
    return Difference(float(distance[row, place]), int(row), found[row, place], expected[row, place])


def number_difference(found: np.ndarray, expected: np.ndarray) -> Difference:
    """The row with the largest difference, relative where the value is larger than 1; float32 [rows] or [rows, classes]."""
    distance = _distance(found, expected) / np.maximum(1.0, np.abs(np.nan_to_num(expected)))
    distance = distance.reshape(len(expected), -1).max(axis=1)
    row = int(np.argmax(distance))
    return Difference(float(distance[row]), row, found[row], expected[row])


def _distance(found: np.ndarray, expected: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        distance = np.abs(found.astype(np.float64) - expected.astype(np.float64))
    both_missing = np.isnan(found) & np.isnan(expected)
    return np.where(both_missing | (found == expected), 0.0, np.where(np.isnan(distance), np.inf, distance))


def _passes() -> list[tuple[str, int]]:
    return [(signature, size) for signature in SIGNATURES for size in BATCH_SIZES]


def _ask(
    function: Callable[..., Mapping[str, tf.Tensor]], request: dict[str, np.ndarray] | np.ndarray, size: int
) -> dict[str, np.ndarray]:
    """All rows of a request in batches of `size`. Returns the answers joined, by name."""
    parts: dict[str, list[np.ndarray]] = {}
    for batch in _batches(request, size):
        answer = function(**batch) if isinstance(batch, dict) else function(batch)
        for name, value in answer.items():
            parts.setdefault(name, []).append(value.numpy())
    return {name: join_padded(values) for name, values in parts.items()}


def _batches(
    request: dict[str, np.ndarray] | np.ndarray, size: int
) -> Iterator[dict[str, tf.Tensor] | tf.Tensor]:
    if isinstance(request, dict):
        rows = len(next(iter(request.values())))
        for start in range(0, rows, size):
            yield {name: tf.constant(column[start : start + size]) for name, column in request.items()}
    else:
        for start in range(0, len(request), size):
            yield tf.constant(request[start : start + size])


def _check_classes(directory: str, found: dict[str, np.ndarray], label: LabelEntry, signature: str) -> None:
    """The class that is named is the one that the answer's own probabilities say."""
    prefix = prefix_of(label)
    if f"{prefix}class" not in found:
        return
    names = np.array([name.encode() for name in label.classes], object)
    if f"{prefix}probability" in found:
        ids = (found[f"{prefix}probability"] >= 0.5).astype(np.int64)
    else:
        ids = found[f"{prefix}probabilities"].argmax(axis=1)
    if (names[ids] != found[f"{prefix}class"]).any():
        raise ArtifactError(directory, f"parity: {signature} names other classes than its probabilities say")


def _failure(
    directory: str, what: str, signature: str, size: int, sample: ParitySample, difference: Difference
) -> ArtifactError:
    # The directory is a temporary one; its parent is what the user asked for.
    return ArtifactError(
        os.path.dirname(directory),
        f"parity: {what} is {difference.found!s} by {signature} in batches of {size}, but {difference.expected!s} "
        f"by the training run, at {sample.places[difference.row or 0]}; nothing is published",
    )
