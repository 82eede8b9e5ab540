"""In: a run directory with examples, and a resolved spec. Out: `training/<name>/`, a trained model with its metrics.

Also a batch job: `python -m prebake.training.train RUN`. It needs neither Beam nor TensorFlow Transform.
"""

from __future__ import annotations

import argparse
import hashlib
import math
import os
import sys
import time
from collections.abc import Callable

import keras
import tensorflow as tf
from google.protobuf import text_format

from ..schemas.commit import is_current, publish
from ..schemas.errors import PrebakeError
from ..schemas.manifest import set_fingerprint
from ..schemas.manifest_pb2 import Manifest
from ..schemas.run_dir import read_spec
from ..schemas.spec_pb2 import Spec, Training
from .callback_list import build_callbacks
from .callbacks import NonFiniteLossError
from .checkpoints import Checkpoints, drop_leftovers, open_checkpoints
from .compile import compiled_model
from .dataset import Examples, evaluation_batches, keep_in_memory, training_batches
from .evaluate import BATCH_SIZE, MODEL_FILE
from .loop import train_epochs, validate
from .pruning import pruned_from
from .result import Trained, read_result, restore_best, write_result
from .source import open_source
from .state import (
    Progress,
    capture,
    is_finite,
    restore_callbacks,
    restore_progress,
    restore_variables,
)


def _to_stderr(text: str) -> None:
    print(f"train: {text}", file=sys.stderr, flush=True)


def train(
    run_dir: str, spec: Spec | None = None, *, replace: bool = False, restart: bool = False, progress: bool = True,
    notice: Callable[[str], None] = _to_stderr,
) -> Trained:  # fmt: skip
    """Trains the model of a spec on the examples of a run, from where a killed training of the same stopped.

    On CPU the weights are a function of examples, model, training and seed alone, however often it was killed. Makes
    TensorFlow's operations deterministic and sets the seeds of Python, numpy and TensorFlow, for the whole process.

    Args:
      run_dir: of the run.
      spec: resolved; `spec.pbtxt` of the run if None.
      replace: another training of the same name may be replaced, finished or not.
      restart: an unfinished training of the same name is dropped.
      progress: shows a bar if stderr is a terminal.
      notice: is called with one line if a training is resumed, or a checkpoint is damaged.

    Raises:
      ArtifactError: the examples are absent or damaged, a split is empty, another training has the name or is at it
        right now, or all checkpoints are damaged.
      PrebakeError: the loss became infinite or NaN.
    """
    spec = spec or read_spec(run_dir)
    examples = open_source(run_dir, spec)
    directory = os.path.join(run_dir, "training", spec.training.name)
    manifest = _manifest(spec, examples)
    for split in ("train", "valid"):
        examples.split(split)
    done, parts = is_current(directory, manifest, replace=replace), _parts(manifest)
    if done:
        drop_leftovers(directory, parts)
    else:
        with open_checkpoints(directory, parts, restart=restart) as checkpoints:
            # Another process may have finished while this one came to hold the checkpoints.
            done = is_current(directory, manifest, replace=replace)
            if not done:
                examples = keep_in_memory(examples, spec.training.cache)
                model, so_far = _train(checkpoints, spec, examples, replace, progress, notice)
                with publish(directory, manifest, replace=replace) as temporary:
                    write_result(temporary, model, so_far, checkpoints, examples, spec)
            checkpoints.remove()
    return read_result(directory, up_to_date=done)


def _manifest(spec: Spec, examples: Examples) -> Manifest:
    training = Training()
    training.CopyFrom(spec.training)
    # Neither where the result lies, how often it is made safe nor where the same rows come from changes it.
    for name in ("name", "checkpoint", "cache", "source", "data_dir"):
        training.ClearField(name)
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


def _parts(manifest: Manifest) -> dict[str, str]:
    """What a checkpoint must share with the training that goes on from it: other versions compute other last bits."""
    software = f"tensorflow {tf.__version__}, keras {keras.__version__}"
    parts = {part.name: part.sha256 for part in manifest.parts}
    return {**parts, "versions of TensorFlow or Keras": hashlib.sha256(software.encode()).hexdigest()}


def _train(
    checkpoints: Checkpoints, spec: Spec, examples: Examples, drop_others: bool, bar: bool,
    notice: Callable[[str], None],
) -> tuple[keras.Model, Progress]:  # fmt: skip
    """The model after its last epoch. Its best one is in the checkpoints."""
    training, rows = spec.training, examples.split("train").rows
    steps = math.ceil(rows / training.batch_size)
    found = checkpoints.newest(notice, drop_others=drop_others)
    so_far = restore_progress(found) if found else Progress(best_from=pruned_from(training))
    model = compiled_model(spec, examples)
    warm = WarmTraining(model, training, source, examples, so_far, checkpoints.directory, notice)
    validation = evaluation_batches(warm.stages[0].examples, "valid", batch_size=BATCH_SIZE)
    each = build_callbacks(
        training, so_far, checkpoints.directory, rows, bar, lambda: validate(model, validation)
    )
    each += warm.callbacks(steps)
    callbacks = keras.callbacks.CallbackList(each, model=model, epochs=training.epochs, steps=steps)
    callbacks.on_train_begin()
    if found:
        if so_far.step:
            model.evaluate(validation.take(1), verbose=0)  # makes the variables of the metrics
        restore_variables(found, model)
        restore_callbacks(found, each)
        ended = so_far.stopped or so_far.epoch == training.epochs
        where = "after the last epoch" if ended else f"at epoch {so_far.epoch + 1}, step {so_far.step + 1}"
        written = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(found.record["written"]))
        notice(f"resuming {where} (checkpoint of {written})")
    batches = training_batches(
        examples,
        seed=spec.seed,
        # One that was killed after its last epoch has none left, and a dataset needs one.
        epochs=range(min(so_far.epoch, training.epochs - 1), training.epochs),
        batch_size=training.batch_size,
        shuffle_buffer=training.shuffle_buffer,
        first_step=so_far.step,
    )
    last = time.monotonic()
    try:
        for _ in train_epochs(
            model, batches, validation, callbacks, so_far, epochs=training.epochs, steps=steps
        ):
            if _is_due(training, so_far, time.monotonic() - last) and (not so_far.step or is_finite(model)):
                checkpoints.write(so_far.place, so_far.losses, capture(model, each, so_far))
                last = time.monotonic()
    except NonFiniteLossError as error:
        raise PrebakeError(f"{error}{_keep_best(model, so_far, checkpoints)}") from None
    finally:
        callbacks.on_train_end()
    return model, so_far


def _is_due(training: Training, so_far: Progress, seconds: float) -> bool:
    """Whether it is time for a checkpoint, `seconds` after the last. Where they are written does not change the result."""
    minutes, every = training.checkpoint.minutes, training.checkpoint.steps
    if not so_far.step:
        return True
    return bool((every and so_far.step % every == 0) or (minutes and seconds >= 60 * minutes))


def _keep_best(model: keras.Model, so_far: Progress, checkpoints: Checkpoints) -> str:
    """Saves what there is before a training fails; says where."""
    if not so_far.epoch:
        return ""
    best = restore_best(model, so_far, checkpoints)
    path = os.path.join(checkpoints.directory, MODEL_FILE)
    model.save(path)
    return f"; the best model so far, of epoch {best}, is kept in {path}"


def main(arguments: list[str] | None = None) -> int:
    """The batch job. Returns the exit code: 0, or 2 after one line on stderr."""
    parser = argparse.ArgumentParser(
        prog="python -m prebake.training.train", description="Train on the examples of a run directory."
    )
    parser.add_argument("run", help="run directory that `prebake preprocess` wrote")
    parser.add_argument("--name", help="folder below training/ (default: training.name of the spec)")
    parser.add_argument("--replace", action="store_true", help="replace another training of the same name")
    parser.add_argument(
        "--restart", action="store_true", help="drop what a killed training of the same name has left"
    )
    options = parser.parse_args(arguments)
    try:
        spec = read_spec(options.run)
        spec.training.name = options.name or spec.training.name
        result = train(options.run, spec, replace=options.replace, restart=options.restart)
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
