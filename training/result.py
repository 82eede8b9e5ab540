"""In: a model after its last epoch. Out: what lies in `training/<name>/`, and a summary of it.

model.keras               the best epoch's weights
checkpoints/last.keras    the last epoch's
history.json              the values of each epoch
logs/                     the same for TensorBoard
spec.pbtxt                the spec that it was trained by, resolved
model.json                its best epoch, how many weights it has, how many of them are 0, and bytes
advice.txt                what was seen in the history, and which line of the spec to change
evaluation.json           metrics of the best model on the test split, if that has rows
cross_validation.json     metrics of the folds, with training.folds
"""

from __future__ import annotations

import dataclasses
import json
import os

import keras

from ..schemas.run_dir import SPEC
from ..schemas.spec import spec_text
from ..schemas.spec_pb2 import Spec
from .advice import advise
from .checkpoints import Checkpoints, Place, best_epochs
from .compile import in_float32
from .dataset import Examples
from .evaluate import MODEL_FILE, measure
from .folds import CrossValidation, read_cross_validation
from .scalar_log import write_scalars
from .slices import slices_as_json
from .sparsity import size_of, zero_tiny
from .state import Progress, restore_variables
from .weight_average import use_averages

LAST_CHECKPOINT = "checkpoints/last.keras"
LOGS = "logs"
_MODEL_RECORD = "model.json"
_ADVICE = "advice.txt"


@dataclasses.dataclass
class Trained:
    """What a training came to.

    Attributes:
      directory: `training/<name>`.
      epochs: trained.
      best_epoch: counted from 1; the one whose weights were kept.
      metrics: of the test split, by name; empty if it has no rows.
      size: of the model, see `size_of`.
      advice: one paragraph, see advice.py.
      up_to_date: True if it was there already and nothing was done.
      cross_validation: see folds.py; None without training.folds.
    """

    directory: str
    epochs: int
    best_epoch: int
    metrics: dict[str, float]
    size: dict[str, int | float]
    advice: str
    up_to_date: bool
    cross_validation: CrossValidation | None = None


def restore_best(model: keras.Model, so_far: Progress, checkpoints: Checkpoints) -> int:
    """Gives the model the weights of its best epoch; returns its number.

    Raises:
      ArtifactError: the checkpoint of that epoch was damaged since it was written.
    """
    best = best_epochs(so_far.losses)[-1]
    restore_variables(checkpoints.read(Place(best, 0)), model)
    use_averages(model)
    return best


def write_result(
    directory: str,
    model: keras.Model,
    so_far: Progress,
    checkpoints: Checkpoints,
    examples: Examples,
    spec: Spec,
) -> None:
    """Writes the files.

    Args:
      directory: to write into.
      model: compiled, with the last epoch's weights; it is left with the best epoch's.
      so_far: of the training, at its end.
      checkpoints: hold the best epoch's.
      examples: to measure it on.
      spec: resolved.
    """
    os.makedirs(os.path.join(directory, os.path.dirname(LAST_CHECKPOINT)))
    model.save(os.path.join(directory, LAST_CHECKPOINT))
    best = restore_best(model, so_far, checkpoints)
    zero_tiny(model, spec.training.zero_below)
    model = in_float32(model, spec, examples)
    model.save(os.path.join(directory, MODEL_FILE))
    # Not write_spec: it would wait for the lock of this very directory, which is not published yet.
    with open(os.path.join(directory, SPEC), "w", encoding="utf-8") as file:
        file.write(spec_text(spec))
    _write_json(os.path.join(directory, _MODEL_RECORD), {"best_epoch": best, **size_of(model)})
    write_scalars(os.path.join(directory, LOGS), so_far.history, so_far.ended)
    history = [{"epoch": epoch, **values} for epoch, values in enumerate(so_far.history, 1)]
    _write_json(os.path.join(directory, "history.json"), history)
    with open(os.path.join(directory, _ADVICE), "w", encoding="utf-8") as file:
        file.write(f"{advise(so_far.history, spec, best)}\n")
    if examples.rows("test"):
        loaded = keras.models.load_model(os.path.join(directory, MODEL_FILE), compile=False)
        metrics, slices = measure(loaded, examples, "test", spec)
        _write_json(
            os.path.join(directory, "evaluation.json"),
            {
                "split": "test",
                "rows": examples.rows("test"),
                "metrics": metrics,
                **({"slices": slices_as_json(slices)} if slices else {}),
            },
        )


def _write_json(path: str, content: object) -> None:
    with open(path, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=1)
        file.write("\n")


def read_result(directory: str, up_to_date: bool) -> Trained:
    """The summary of a training that is complete."""
    with open(os.path.join(directory, "history.json"), encoding="utf-8") as file:
        history = json.load(file)
    evaluation = os.path.join(directory, "evaluation.json")
    metrics: dict[str, float] = {}
    if os.path.exists(evaluation):
        with open(evaluation, encoding="utf-8") as file:
            metrics = json.load(file)["metrics"]
    with open(os.path.join(directory, _MODEL_RECORD), encoding="utf-8") as file:
        size = json.load(file)
    best, cross = size.pop("best_epoch"), read_cross_validation(directory)
    with open(os.path.join(directory, _ADVICE), encoding="utf-8") as file:
        advice = file.read().rstrip()
    return Trained(directory, len(history), best, metrics, size, advice, up_to_date, cross)
