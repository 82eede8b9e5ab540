"""In: a run directory with examples, and a resolved spec. Out: `training/<name>/`, a trained model with its metrics.

Also a batch job: `python -m prebake.training.train RUN`. It needs neither Beam nor TensorFlow Transform.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import os
import sys

import keras
import tensorflow as tf
from google.protobuf import text_format

from ..schemas.commit import is_current, publish
from ..schemas.errors import PrebakeError
from ..schemas.manifest import set_fingerprint
from ..schemas.manifest_pb2 import Manifest
from ..schemas.run_dir import read_spec
from ..schemas.spec_pb2 import Spec, Training
from .callbacks import ProgressBar, StopOnNonFinite, WriteScalars
from .dataset import Examples, evaluation_batches, open_examples, training_batches
from .evaluate import BATCH_SIZE, MODEL_FILE, measure
from .model import build_model, loss_of, metrics_of
from .optimizer import build_optimizer
from .scalar_log import ScalarLog
from .schedule import build_schedule

LAST_CHECKPOINT = "checkpoints/last.keras"


@dataclasses.dataclass
class Trained:
    """What a training came to.

    Attributes:
      directory: `training/<name>`.
      epochs: trained.
      best_epoch: counted from 1; the one whose weights were kept.
      metrics: of the test split, by name; empty if it has no rows.
      up_to_date: True if it was there already and nothing was done.
    """

    directory: str
    epochs: int
    best_epoch: int
    metrics: dict[str, float]
    up_to_date: bool


def train(run_dir: str, spec: Spec | None = None, *, replace: bool = False, progress: bool = True) -> Trained:
    """Trains the model of a spec on the examples of a run.

    On CPU the weights are a function of examples, model, training and seed alone. Makes TensorFlow's operations
    deterministic and sets the seeds of Python, numpy and TensorFlow, for the whole process.

    Args:
      run_dir: of the run.
      spec: resolved; `spec.pbtxt` of the run if None.
      replace: another training of the same name may be replaced.
      progress: shows a bar if stderr is a terminal.

    Raises:
      ArtifactError: the examples are absent or damaged, a split is empty, or another training has the name.
      PrebakeError: the loss became infinite or NaN.
    """
    spec = spec or read_spec(run_dir)
    examples = open_examples(run_dir)
    directory = os.path.join(run_dir, "training", spec.training.name)
    manifest = _manifest(spec, examples)
    for split in ("train", "valid"):
        examples.split(split)
    if is_current(directory, manifest, replace=replace):
        return _read_result(directory, up_to_date=True)
    with publish(directory, manifest, replace=replace) as temporary:
        _train_into(temporary, spec, examples, progress)
    return _read_result(directory, up_to_date=False)


def _manifest(spec: Spec, examples: Examples) -> Manifest:
    training = Training()
    training.CopyFrom(spec.training)
    training.ClearField("name")  # where the result lies does not change it
    manifest = Manifest(step="training", features=examples.manifest.features, label=examples.manifest.label)
    set_fingerprint(
        manifest,
        {
            "examples": examples.manifest.fingerprint,
            "model": text_format.MessageToString(spec.model),
            "training": text_format.MessageToString(training),
            "seed": str(spec.seed),
        },
    )
    return manifest


def _train_into(directory: str, spec: Spec, examples: Examples, progress: bool) -> None:
    keras.utils.set_random_seed(spec.seed % 2**32)
    tf.config.experimental.enable_op_determinism()
    training, label = spec.training, examples.manifest.label
    model = build_model(spec.model, examples.manifest.features, label)
    model.compile(build_optimizer(training), loss_of(label), weighted_metrics=metrics_of(label))
    batches = training_batches(
        examples,
        seed=spec.seed,
        epochs=range(training.epochs),
        batch_size=training.batch_size,
        shuffle_buffer=training.shuffle_buffer,
    )
    rows = examples.split("train").rows
    os.makedirs(os.path.join(directory, os.path.dirname(LAST_CHECKPOINT)))
    log = ScalarLog(os.path.join(directory, "logs"))
    try:
        fit = model.fit(
            batches,
            epochs=training.epochs,
            steps_per_epoch=math.ceil(rows / training.batch_size),
            validation_data=evaluation_batches(examples, "valid", batch_size=BATCH_SIZE),
            callbacks=_callbacks(directory, training, log, rows, progress),
            shuffle=False,  # the batches are shuffled already; keeps Keras from saying so
            verbose=0,
        )
    finally:
        log.close()
    model.save(os.path.join(directory, LAST_CHECKPOINT))
    history = [
        {"epoch": number + 1, **{name: float(values[number]) for name, values in fit.history.items()}}
        for number in range(len(fit.epoch))
    ]
    _write_json(os.path.join(directory, "history.json"), history)
    if examples.rows("test"):
        best = keras.models.load_model(os.path.join(directory, MODEL_FILE), compile=False)
        metrics = measure(best, examples, "test")
        _write_json(
            os.path.join(directory, "evaluation.json"),
            {"split": "test", "rows": examples.rows("test"), "metrics": metrics},
        )


def _callbacks(
    directory: str, training: Training, log: ScalarLog, rows: int, progress: bool
) -> list[keras.callbacks.Callback]:
    callbacks = [
        # First: a model whose loss is not a number must not reach the others.
        StopOnNonFinite(),
        keras.callbacks.ModelCheckpoint(
            os.path.join(directory, MODEL_FILE), monitor="val_loss", mode="min", save_best_only=True
        ),
        WriteScalars(log),
    ]
    if training.patience:
        callbacks.append(keras.callbacks.EarlyStopping(monitor="val_loss", patience=training.patience))
    schedule = build_schedule(training.schedule)
    if schedule is not None:
        callbacks.append(schedule)
    if progress:
        callbacks.append(ProgressBar(rows, training.batch_size))
    return callbacks


def _write_json(path: str, content: object) -> None:
    with open(path, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=1)
        file.write("\n")


def _read_result(directory: str, up_to_date: bool) -> Trained:
    with open(os.path.join(directory, "history.json"), encoding="utf-8") as file:
        history = json.load(file)
    evaluation = os.path.join(directory, "evaluation.json")
    metrics: dict[str, float] = {}
    if os.path.exists(evaluation):
        with open(evaluation, encoding="utf-8") as file:
            metrics = json.load(file)["metrics"]
    best = min(history, key=lambda entry: entry["val_loss"])
    return Trained(directory, len(history), best["epoch"], metrics, up_to_date)


def main(arguments: list[str] | None = None) -> int:
    """The batch job. Returns the exit code: 0, or 2 after one line on stderr."""
    parser = argparse.ArgumentParser(
        prog="python -m prebake.training.train", description="Train on the examples of a run directory."
    )
    parser.add_argument("run", help="run directory that `prebake preprocess` wrote")
    parser.add_argument("--name", help="folder below training/ (default: training.name of the spec)")
    parser.add_argument("--replace", action="store_true", help="replace another training of the same name")
    options = parser.parse_args(arguments)
    try:
        spec = read_spec(options.run)
        spec.training.name = options.name or spec.training.name
        result = train(options.run, spec, replace=options.replace)
    except PrebakeError as error:
        print(error, file=sys.stderr)
        return 2
    if result.up_to_date:
        print(f"{result.directory}: up to date, nothing done")
    metrics = ", ".join(f"{name} {value:.4f}" for name, value in result.metrics.items())
    print(
        f"{result.directory}: {result.epochs} epochs, best {result.best_epoch}; test: {metrics or 'no rows'}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
