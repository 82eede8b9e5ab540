"""In: a trained model and a split of the examples. Out: the model's metrics on it, and on slices of it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from typing import NamedTuple

import keras
from google.protobuf import text_format

from ..schemas.errors import ArtifactError
from ..schemas.labels import label_entries
from ..schemas.manifest import read_manifest
from ..schemas.manifest_pb2 import Manifest
from ..schemas.run_dir import SPEC
from ..schemas.spec_pb2 import Spec
from . import model as _architectures  # noqa: F401  registers the classes that a model is loaded by
from .dataset import Examples, evaluation_batches
from .output_metrics import OutputMetric, metrics_of_labels
from .own_loss import own_loss, own_metric
from .slice_names import names_of_ids
from .slices import Slice, measure_slices
from .source import open_source
from .sum_of_losses import loss_of_labels
from .user_model import run_code_of

MODEL_FILE = "model.keras"
BATCH_SIZE = 1024


def open_model(run_dir: str, name: str, code: str | Sequence[str] = ()) -> tuple[keras.Model, Manifest]:
    """The trained model of a name, uncompiled, and its manifest.

    Args:
      run_dir: of the run.
      name: of the training.
      code: Python files that may run; needed if the model has pieces of its own.

    Raises:
      ArtifactError: it is absent, a file does not match, the model needs a Python file that may not run, or it holds code
        itself (a Lambda layer), which is never run.
    """
    directory = os.path.join(run_dir, "training", name)
    manifest = read_manifest(directory, "training")
    path = os.path.join(directory, MODEL_FILE)
    run_code_of(manifest, directory, code)
    try:
        return keras.models.load_model(path, compile=False, safe_mode=True), manifest
    except (TypeError, ValueError) as error:
        raise ArtifactError(path, f"cannot be loaded: {str(error).splitlines()[0]}") from None


def training_spec(run_dir: str, name: str) -> Spec:
    """The spec that a model was trained by; an empty one if it did not keep it."""
    path = os.path.join(run_dir, "training", name, SPEC)
    if not os.path.exists(path):
        return Spec()
    # Not read_spec: what was trained is not checked again, by rules that may be newer.
    with open(path, encoding="utf-8") as file:
        return text_format.Parse(file.read(), Spec())


class Evaluation(NamedTuple):
    """How well a model does on a split.

    Attributes:
      metrics: of all rows, by name.
      slices: of the features that `training.slices` names, see slices.py.
    """

    metrics: dict[str, float]
    slices: dict[str, list[Slice]]


def measure(model: keras.Model, examples: Examples, split: str, spec: Spec) -> Evaluation:
    """Metrics of a model on a split, weighted if the examples are.

    Args:
      model: is compiled anew.
      examples: that it was trained on.
      split: train, valid or test.
      spec: that it was trained by; says which loss and metrics.
    """
    labels = label_entries(examples.manifest)
    loss = loss_of_labels(labels, spec.training, own_loss)
    measures = metrics_of_labels(labels, spec.training, own_metric)
    model.compile(loss=loss, weighted_metrics=measures)
    batches = evaluation_batches(examples, split, batch_size=BATCH_SIZE)
    values = model.evaluate(batches, verbose=0, return_dict=True)
    # The loss says the same, or with weights another thing: it is divided by the rows, not by their weights.
    metrics = {name: float(value) for name, value in values.items() if name != "loss"}
    places = {one.name: one.place for one in measures if isinstance(one, OutputMetric)}
    # Label by label.
    metrics = dict(sorted(metrics.items(), key=lambda item: places.get(item[0], 0)))
    slices: dict[str, list[Slice]] = {}
    if spec.training.slices:
        names = names_of_ids(os.path.dirname(examples.directory))
        slices = measure_slices(model, examples, split, spec.training, names)
    return Evaluation(metrics, slices)


def evaluate(
    run_dir: str, name: str = "default", split: str = "test", spec: Spec | None = None, *,
    code: str | Sequence[str] = (),
) -> dict[str, float]:  # fmt: skip
    """Metrics of a trained model: those of `evaluate_slices` without the slices.

    Args, Raises: see there.

    Returns:
      rmse, mae (regression, in units of the label); accuracy, auc, log_loss (binary; auc by 200 thresholds); accuracy,
      log_loss (multiclass); and what `training.metrics` named. Of a further label with its name before: `kind_accuracy`.
    """
    return evaluate_slices(run_dir, name, split, spec, code=code).metrics


def evaluate_slices(
    run_dir: str, name: str = "default", split: str = "test", spec: Spec | None = None, *,
    code: str | Sequence[str] = (),
) -> Evaluation:  # fmt: skip
    """Metrics of a trained model, of all rows and of slices of them.

    Args:
      run_dir: of the run.
      name: of the training.
      split: train, valid or test.
      spec: resolved, says where the examples come from; the one of the training if None.
      code: see `open_model`.

    Raises:
      ArtifactError: the training or the split is absent, the examples changed, or they are not those it was trained on.
    """
    # First what was to be made first, so that this is what is missed.
    examples = open_source(run_dir, spec or training_spec(run_dir, name))
    model, manifest = open_model(run_dir, name, code)
    trained = training_spec(run_dir, name)
    check_same_examples(manifest, examples)
    return measure(model, examples, split, trained)


def check_same_examples(training: Manifest, examples: Examples) -> None:
    """Refuses examples that the model was not trained on: their features may mean something else."""
    wanted = {part.name: part.sha256 for part in training.parts}["examples"]
    if wanted != hashlib.sha256(examples.manifest.fingerprint.encode()).hexdigest():
        raise ArtifactError(
            examples.directory,
            "are not the examples that the model was trained on: train again with --replace",
        )
