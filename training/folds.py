"""In: the examples and how to train on some of them. Out: k models, each measured on the part that it did not see.

A row is in a training shard by a seeded hash of its identity, and shard s is in fold s mod k: the same rows are in the same
fold whenever and wherever the examples are made. (HOML, chapter 2: cross-validation.)

training/<name>.folds/fold-<i>/   the model that did not see fold i, complete or absent
training/<name>/                  the model of all training rows, with cross_validation.json
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
from collections.abc import Callable, Sequence
from typing import Any

import keras

from ..schemas.errors import ArtifactError
from ..schemas.manifest_pb2 import Manifest
from ..schemas.spec_pb2 import Spec
from .dataset import Examples
from .evaluate import MODEL_FILE, measure

FILE = "cross_validation.json"
CrossValidation = dict[str, Any]


def cross_validate(
    run_dir: str,
    spec: Spec,
    examples: Examples,
    train: Callable[[Spec, Examples], Any],
    notice: Callable[[str], None],
) -> CrossValidation:
    """Trains a model for each fold; those that are there already are taken as they are.

    Args:
      run_dir: of the run.
      spec: resolved, with training.folds.
      examples: all of them.
      train: trains by a spec on examples, into `training/` and the spec's training.name.
      notice: is called with one line for each fold.

    Returns:
      What cross_validation.json holds: "folds", "rows" [k], and by metric "mean", "deviation" (of a sample: divided by
      k - 1) and "values" [k]; each model is measured on its own fold.

    Raises:
      ArtifactError: there are fewer training shards than folds, or a fold has no rows.
    """
    folds = spec.training.folds
    every = [fold_examples(examples, folds, number) for number in range(folds)]
    parent = folds_name(spec.training.name)
    _drop_others(os.path.join(run_dir, "training", parent), folds)
    values = []
    for number, some in enumerate(every):
        one = Spec()
        one.CopyFrom(spec)
        one.training.folds = 0
        one.training.name = f"{parent}/fold-{number}"
        notice(
            f"fold {number + 1} of {folds}: {some.rows('train'):,} rows, measured on {some.rows('valid'):,}"
        )
        train(one, some)
        path = os.path.join(run_dir, "training", one.training.name, MODEL_FILE)
        values.append(measure(keras.models.load_model(path, compile=False), some, "valid", one).metrics)
    return {
        "folds": folds,
        "rows": [some.rows("valid") for some in every],
        "metrics": {name: _summary([value[name] for value in values]) for name in values[0]},
    }


def fold_examples(examples: Examples, folds: int, number: int) -> Examples:
    """The training split without a fold, and the fold as validation split. There is no test split.

    Raises:
      ArtifactError: see `cross_validate`.
    """
    split = examples.split("train")
    if len(split.shards) < folds:
        raise ArtifactError(
            examples.directory,
            f"has {len(split.shards)} training shards, too few for training.folds: {folds}; set examples.train_shards: "
            f"{folds} (or a multiple), and transform again",
        )
    manifest = Manifest()
    manifest.CopyFrom(examples.manifest)
    del manifest.splits[:]
    manifest.fingerprint = f"{examples.manifest.fingerprint}, fold {number} of {folds}"
    for name, inside in (("train", False), ("valid", True)):
        part = manifest.splits.add(name=name, compression=split.compression)
        part.shards.extend(
            shard for place, shard in enumerate(split.shards) if (place % folds == number) == inside
        )
        part.rows = sum(shard.rows for shard in part.shards)
        if not part.rows:
            raise ArtifactError(
                examples.directory,
                f"fold {number + 1} of {folds} has {'no' if inside else 'all the'} rows: choose fewer folds",
            )
    return examples._replace(manifest=manifest, samples={})


def folds_name(name: str) -> str:
    """The folder of a training's folds, below `training/`."""
    return f"{name}.folds"


def write_cross_validation(directory: str, found: CrossValidation) -> None:
    """Writes cross_validation.json."""
    with open(os.path.join(directory, FILE), "w", encoding="utf-8") as file:
        json.dump(found, file, indent=1)
        file.write("\n")


def read_cross_validation(directory: str) -> CrossValidation | None:
    """What `write_cross_validation` wrote; None if the training had no folds."""
    path = os.path.join(directory, FILE)
    if not os.path.exists(path):
        return None
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def describe(found: CrossValidation) -> str:
    """One line for a person."""
    metrics = (f"{name} {one['mean']:.4f} ± {one['deviation']:.4f}" for name, one in found["metrics"].items())
    return f"{found['folds']} folds: {', '.join(metrics)}"


def _summary(values: Sequence[float]) -> dict[str, Any]:
    return {"mean": statistics.fmean(values), "deviation": statistics.stdev(values), "values": list(values)}


def _drop_others(directory: str, folds: int) -> None:
    """Folds of an earlier, larger number of them."""
    if os.path.isdir(directory):
        for name in os.listdir(directory):
            number = name.removeprefix("fold-")
            if name.startswith("fold-") and number.isdigit() and int(number) >= folds:
                shutil.rmtree(os.path.join(directory, name))
