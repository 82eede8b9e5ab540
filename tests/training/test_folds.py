"""In: a small run of four shards. Out: k models, each of the rows outside its fold; an interrupted one goes on."""

from __future__ import annotations

import json
import math
import os

import numpy as np
import pytest
from prebake.schemas.errors import ArtifactError
from prebake.schemas.spec_pb2 import Spec
from prebake.training.dataset import evaluation_batches, keep_in_memory, open_examples
from prebake.training.evaluate import measure, open_model
from prebake.training.folds import _summary, describe, fold_examples
from prebake.training.train import train
from small_run import make_run


@pytest.fixture
def spec(run_dir) -> Spec:
    spec = make_run(run_dir + "2")  # equal to run_dir's
    spec.training.epochs, spec.training.folds = 1, 2
    return spec


def labels(examples, split: str) -> list[float]:
    batches = evaluation_batches(examples, split, batch_size=64)
    return [float(value) for _, label in batches for value in label.numpy()[:, 0]]


def shard_labels(run: str) -> list[list[float]]:
    """Labels of each training shard of 50 rows."""
    every = labels(open_examples(run), "train")
    return [every[start : start + 50] for start in range(0, 200, 50)]


@pytest.mark.parametrize("kept", [False, True])
def test_a_fold_is_every_kth_shard(run_dir, kept):
    examples = open_examples(run_dir)
    if kept:
        examples = keep_in_memory(examples, 2)
    zero, one, two, three = shard_labels(run_dir)
    first, second, third = (fold_examples(examples, 3, number) for number in range(3))
    assert labels(first, "valid") == zero + three
    assert labels(first, "train") == one + two
    assert labels(second, "valid") == one
    assert labels(third, "train") == zero + one + three
    assert [(some.rows("train"), some.rows("valid"), some.rows("test")) for some in (first, second)] == [
        (100, 100, 0),
        (150, 50, 0),
    ]


def test_mean_and_deviation_by_hand():
    # Mean 4; squared distances 9, 1, 16, sum 26, over 3 - 1: 13.
    assert _summary([1.0, 3.0, 8.0]) == {"mean": 4.0, "deviation": math.sqrt(13), "values": [1.0, 3.0, 8.0]}
    found = {"folds": 3, "metrics": {"rmse": _summary([1.0, 3.0, 8.0])}}
    assert describe(found) == "3 folds: rmse 4.0000 ± 3.6056"


def test_each_fold_is_measured_by_the_model_that_did_not_see_it(run_dir, spec):
    notes: list[str] = []
    trained = train(run_dir, spec, progress=False, notice=notes.append)
    assert notes == [f"fold {number} of 2: 100 rows, measured on 100" for number in (1, 2)]
    with open(os.path.join(trained.directory, "cross_validation.json"), encoding="utf-8") as file:
        found = json.load(file)
    assert found == trained.cross_validation
    assert (found["folds"], found["rows"], sorted(found["metrics"])) == (2, [100, 100], ["mae", "rmse"])
    for number in range(2):
        model, _ = open_model(run_dir, f"default.folds/fold-{number}")
        again = measure(model, fold_examples(open_examples(run_dir), 2, number), "valid", spec).metrics
        assert again["rmse"] == found["metrics"]["rmse"]["values"][number]
    values = found["metrics"]["rmse"]["values"]
    assert values[0] != values[1]
    assert found["metrics"]["rmse"]["mean"] == pytest.approx(np.mean(values))
    # The model itself is that of all rows, as without folds.
    plain = Spec()
    plain.CopyFrom(spec)
    plain.training.folds, plain.training.name = 0, "plain"
    other = train(run_dir, plain, progress=False)
    assert other.cross_validation is None
    weights, others = (open_model(run_dir, name)[0].get_weights() for name in ("default", "plain"))
    assert all((one == two).all() for one, two in zip(weights, others, strict=True))
    assert train(run_dir, spec, progress=False, notice=notes.append).up_to_date
    assert len(notes) == 2


class StoppedError(Exception):
    pass


def test_an_interrupted_cross_validation_goes_on_with_the_fold_that_is_missing(run_dir, spec):
    def stop(text: str) -> None:
        if text.startswith("fold 2"):
            raise StoppedError

    with pytest.raises(StoppedError):
        train(run_dir, spec, progress=False, notice=stop)
    assert not os.path.exists(os.path.join(run_dir, "training", "default"))
    first = os.path.join(run_dir, "training", "default.folds", "fold-0", "model.keras")
    written = os.stat(first).st_mtime_ns
    resumed = train(run_dir, spec, progress=False)
    assert os.stat(first).st_mtime_ns == written
    whole = train(run_dir + "2", spec, progress=False)
    assert resumed.cross_validation == whole.cross_validation


def test_folds_of_another_number_are_replaced_when_that_is_asked(run_dir, spec):
    spec.training.folds = 4
    train(run_dir, spec, progress=False)
    spec.training.folds = 2
    with pytest.raises(ArtifactError, match="was made from other training: add --replace"):
        train(run_dir, spec, progress=False)
    train(run_dir, spec, progress=False, replace=True)
    assert sorted(os.listdir(os.path.join(run_dir, "training", "default.folds"))) == ["fold-0", "fold-1"]


def test_more_folds_than_shards_is_one_clear_line(run_dir, spec):
    spec.training.folds = 5
    with pytest.raises(ArtifactError) as error:
        train(run_dir, spec, progress=False)
    assert str(error.value) == (
        f"{run_dir}/examples: has 4 training shards, too few for training.folds: 5; set examples.train_shards: 5 (or a "
        "multiple), and transform again"
    )


def test_a_fold_without_rows_is_one_clear_line(tmp_path):
    make_run(str(tmp_path), rows=6, shards=5)  # four training rows
    with pytest.raises(ArtifactError) as error:
        fold_examples(open_examples(str(tmp_path)), 5, 4)
    assert str(error.value) == f"{tmp_path}/examples: fold 5 of 5 has no rows: choose fewer folds"
