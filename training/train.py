"""In: a run directory with examples, and a resolved spec. Out: `training/<name>/`, a trained model with its metrics.

Also a batch job: `python -m prebake.training.train RUN`. It needs neither Beam nor TensorFlow Transform.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import math
import os
import sys
import time
from collections.abc import Callable, Sequence

import keras

from ..schemas.commit import is_current, publish
from ..schemas.errors import PrebakeError
from ..schemas.run_dir import read_spec
from ..schemas.self_normalization import self_normalization_notes
from ..schemas.spec_pb2 import DISTRIBUTION_MULTI_WORKER, Spec
from .callback_list import build_callbacks
from .callbacks import NonFiniteLossError, ProgressBar, WriteScalars
from .checkpoints import Checkpoints, drop_leftovers
from .compile import compiled_model, on_one_device
from .dataset import Examples, evaluation_batches, keep_in_memory, training_batches
from .diagnose import explain_failure, look_at_validation, watch
from .evaluate import BATCH_SIZE, MODEL_FILE
from .fingerprint import checkpoint_parts, training_manifest
from .folds import cross_validate, write_cross_validation
from .loop import train_epochs, validate
from .multi_worker import lost_hosts, read_cluster
from .pruning import pruned_from
from .replicas import Replicas
from .result import Trained, read_result, restore_best, write_result
from .shared_checkpoints import find_start, hold_checkpoints, is_due
from .slices import check_slices
from .source import open_source
from .state import (
    Progress,
    capture,
    is_finite,
    restore_callbacks,
    restore_progress,
    restore_variables,
)
from .strategy import open_replicas
from .unreplaced import Unreplaced
from .user_model import UserCode, read_code, write_code
from .warm_start_source import WarmStartSource
from .warm_training import WarmTraining, open_warm_start


def _to_stderr(text: str) -> None:
    print(f"train: {text}", file=sys.stderr, flush=True)


def _say_nothing(text: str) -> None:
    """The chief says it."""


def train(
    run_dir: str, spec: Spec | None = None, *, replace: bool = False, restart: bool = False, progress: bool = True,
    code: str | Sequence[str] = (), notice: Callable[[str], None] = _to_stderr,
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
      code: Python files that may run; the one of `model_fn` must be among them.
      notice: is called with one line if a training is resumed, or a checkpoint is damaged.

    Raises:
      ArtifactError: the examples are absent or damaged, a split is empty, another training has the name or is at it
        right now, or all checkpoints are damaged.
      SpecError: the spec names a Python file that may not run, or that fails.
      PrebakeError: the loss became infinite or NaN.
    """
    spec = spec or read_spec(run_dir)
    own = read_code(spec, code)
    if own is not None:
        own.run()
    examples = open_source(run_dir, spec)
    check_slices(spec.training, examples.manifest.features)

    def train_on(one: Spec, some: Examples) -> Trained:
        return _train_on(train_on, run_dir, one, some, own, replace, restart, progress, code, notice)

    return train_on(spec, examples)


def _train_on(
    train_fold: Callable[[Spec, Examples], Trained], run_dir: str, spec: Spec, examples: Examples, own: UserCode | None,
    replace: bool, restart: bool, progress: bool, code: str | Sequence[str], notice: Callable[[str], None],
) -> Trained:  # fmt: skip
    """`train`, on these examples."""
    directory = os.path.join(run_dir, "training", spec.training.name)
    source = open_warm_start(spec.training, directory, code)
    manifest = training_manifest(spec, examples, source, own)
    for split in ("train", "valid"):
        examples.split(split)
    done, parts = is_current(directory, manifest, replace=replace), checkpoint_parts(manifest)
    if done:
        drop_leftovers(directory, parts)
    else:
        replicas = open_replicas(spec.training)
        with (
            Unreplaced(examples) as same,
            lost_hosts(replicas),
            hold_checkpoints(directory, parts, restart, replicas) as checkpoints,
        ):
            # Another process may have finished while this one came to hold the checkpoints.
            current = replicas.is_chief and is_current(directory, manifest, replace=replace)
            done = bool(replicas.from_chief([current])[0])
            if not done:
                if replicas.workers == 1:
                    examples = keep_in_memory(examples, spec.training.cache)
                if spec.training.folds:
                    cross = cross_validate(run_dir, spec, examples, train_fold, notice)
                with own.at_fault() if own else contextlib.nullcontext():
                    model, so_far = _train(
                        checkpoints, spec, examples, source, same, replicas, replace, progress, notice
                    )
            if not done and replicas.is_chief:
                model = on_one_device(model, spec, examples, replicas)
                with publish(directory, manifest, replace=replace) as temporary:
                    write_result(temporary, model, so_far, checkpoints, examples, spec)
                    if spec.training.folds:
                        write_cross_validation(temporary, cross)
                    if own is not None:
                        write_code(own, temporary)
                    same.check()
            # The others wait here until the result is there.
            replicas.from_chief([done])
            if replicas.is_chief:
                checkpoints.remove()
    return read_result(directory, up_to_date=done)


def _train(
    checkpoints: Checkpoints, spec: Spec, examples: Examples, source: WarmStartSource | None, same: Unreplaced,
    replicas: Replicas, drop_others: bool, bar: bool, notice: Callable[[str], None],
) -> tuple[keras.Model, Progress]:  # fmt: skip
    """The model after its last epoch. Its best one is in the checkpoints."""
    start = functools.partial(_do_steps, checkpoints, spec, examples, source, same, replicas, drop_others)
    try:
        return start(bar, notice, None)
    except NonFiniteLossError as error:
        again = functools.partial(start, False, _say_nothing) if replicas.strategy is None else None
        raise explain_failure(error, again, os.path.join(checkpoints.directory, MODEL_FILE)) from None


def _do_steps(
    checkpoints: Checkpoints, spec: Spec, examples: Examples, source: WarmStartSource | None, same: Unreplaced,
    replicas: Replicas, drop_others: bool, bar: bool, notice: Callable[[str], None], failed: NonFiniteLossError | None,
) -> tuple[keras.Model, Progress]:  # fmt: skip
    """`_train`; with `failed`, a training that has failed does the same again and is watched."""
    training, rows = spec.training, examples.split("train").rows
    steps = math.ceil(rows / training.batch_size)
    if not replicas.is_chief:
        notice = _say_nothing
    found = find_start(checkpoints, replicas, notice, drop_others)
    so_far = restore_progress(found) if found else Progress(best_from=pruned_from(training))
    model = compiled_model(spec, examples, replicas)
    warm = WarmTraining(model, training, source, examples, so_far, checkpoints.directory, notice)
    hosts = {"worker": replicas.worker, "workers": replicas.workers}
    validation = evaluation_batches(warm.stages[0].examples, "valid", batch_size=BATCH_SIZE, **hosts)
    each = build_callbacks(
        training, so_far, checkpoints.directory, rows, bar, lambda: validate(model, validation)
    )
    each += [same, *warm.callbacks(steps)]
    if not replicas.is_chief or failed:
        each = [callback for callback in each if not isinstance(callback, ProgressBar | WriteScalars)]
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
    last = time.monotonic()
    try:
        for stage in warm.stages:
            validation = evaluation_batches(stage.examples, "valid", batch_size=BATCH_SIZE, **hosts)
            batches = training_batches(
                stage.examples,
                seed=spec.seed,
                # One that was killed after its last epoch has none left, and a dataset needs one.
                epochs=range(min(so_far.epoch, stage.epochs - 1), stage.epochs),
                batch_size=training.batch_size,
                shuffle_buffer=training.shuffle_buffer,
                first_step=so_far.step,
                **hosts,
            )
            each_step = train_epochs(
                model,
                replicas.distribute(batches),
                validation,
                callbacks,
                so_far,
                epochs=stage.epochs,
                steps=steps,
            )
            if failed:
                each_step = watch(model, batches, each_step, so_far, failed)
            for _ in each_step:
                if failed:
                    continue
                # In the middle of an epoch only if the weights are numbers.
                if is_due(training, so_far, time.monotonic() - last, replicas) and (
                    not so_far.step or is_finite(model)
                ):
                    # On all hosts: of some variables each one holds a part.
                    checkpoint = capture(model, each, so_far)
                    same.check()
                    if replicas.is_chief:
                        checkpoints.write(so_far.place, so_far.losses, checkpoint)
                    last = time.monotonic()
    except NonFiniteLossError as error:
        if replicas.is_chief and not failed:
            alone = on_one_device(model, spec, examples, replicas)
            if error.name == "val_loss":
                error.cause = look_at_validation(alone, validation)
            error.kept = _keep_best(alone, so_far, checkpoints)
        raise
    finally:
        callbacks.on_train_end()
        warm.end()
    return model, so_far


def _keep_best(model: keras.Model, so_far: Progress, checkpoints: Checkpoints) -> str:
    """Saves what there is before a training fails; says where."""
    if not so_far.epoch:
        return ""
    best = restore_best(model, so_far, checkpoints)
    path = os.path.join(checkpoints.directory, MODEL_FILE)
    model.save(path)
    return f"; the best model so far, of epoch {best}, is kept in {path}"


def main(arguments: list[str] | None = None) -> int:
    """The batch job. Returns the exit code: 0, or after one line on stderr 2, or 75 if another worker is lost."""
    parser = argparse.ArgumentParser(
        prog="python -m prebake.training.train", description="Train on the examples of a run directory."
    )
    parser.add_argument("run", help="run directory that `prebake preprocess` wrote")
    parser.add_argument("--name", help="folder below training/ (default: training.name of the spec)")
    parser.add_argument("--replace", action="store_true", help="replace another training of the same name")
    parser.add_argument(
        "--restart", action="store_true", help="drop what a killed training of the same name has left"
    )
    parser.add_argument(
        "--code",
        action="append",
        default=[],
        metavar="FILE",
        help="the Python file that the spec's model_fn names: lets it run",
    )
    options = parser.parse_args(arguments)
    try:
        spec = read_spec(options.run)
        spec.training.name = options.name or spec.training.name
        read_code(spec, options.code)  # An error comes alone.
        for note in self_normalization_notes(spec):
            _to_stderr(note)
        result = train(options.run, spec, replace=options.replace, restart=options.restart, code=options.code)
    except PrebakeError as error:
        print(error, file=sys.stderr)
        return getattr(error, "exit_code", 2)
    if spec.training.distribution == DISTRIBUTION_MULTI_WORKER and read_cluster()[0]:
        return 0  # the chief says it
    if result.up_to_date:
        print(f"{result.directory}: up to date, nothing done")
    metrics = ", ".join(f"{name} {value:.4f}" for name, value in result.metrics.items())
    print(
        f"{result.directory}: {result.epochs} epochs, best {result.best_epoch}; test: {metrics or 'no rows'}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
