"""In: small runs. Out: trained models, the same for the same seed, or one clear line and nothing published."""

from __future__ import annotations

import json
import os
import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from prebake.schemas.errors import ArtifactError, PrebakeError
from prebake.schemas.manifest import read_manifest
from prebake.schemas.run_dir import read_spec
from prebake.schemas.spec_pb2 import ADAM, CONSTANT_RATE, NADAM, SGD
from prebake.training.dataset import evaluation_batches, open_examples
from prebake.training.evaluate import evaluate, open_model
from prebake.training.train import main, train
from small_run import make_run


def published(run: str) -> list[str]:
    folder = os.path.join(run, "training")
    return sorted(os.listdir(folder)) if os.path.exists(folder) else []


def weights(run: str, name: str = "default") -> list[np.ndarray]:
    return open_model(run, name)[0].get_weights()


def test_training_writes_what_a_person_looks_for(exported_run):
    run, kind = exported_run
    directory = os.path.join(run, "training", "default")
    manifest = read_manifest(directory, "training")
    assert [file.path for file in manifest.files] == [
        "advice.txt",
        "checkpoints/last.keras",
        "evaluation.json",
        "history.json",
        "logs/train/events.out.tfevents.prebake",
        "logs/valid/events.out.tfevents.prebake",
        "model.json",
        "model.keras",
        "spec.pbtxt",
    ]
    assert [part.name for part in manifest.parts] == ["examples", "model", "seed", "training"]
    with open(os.path.join(directory, "history.json"), encoding="utf-8") as file:
        history = json.load(file)
    assert [entry["epoch"] for entry in history] == [1, 2, 3]
    assert {"loss", "val_loss", "learning_rate"} < history[0].keys()
    with open(os.path.join(directory, "evaluation.json"), encoding="utf-8") as file:
        assert json.load(file) == {"split": "test", "rows": 50, "metrics": evaluate(run)}
    assert evaluate(run).keys() == {
        "regression": {"rmse", "mae"}, "binary": {"accuracy", "auc", "log_loss"}, "multiclass": {"accuracy", "log_loss"}
    }[kind]  # fmt: skip


def test_scalar_log_is_what_tensorboard_reads(exported_run):
    run, _ = exported_run
    directory = os.path.join(run, "training", "default")
    with open(os.path.join(directory, "history.json"), encoding="utf-8") as file:
        history = json.load(file)
    curves = {}
    for curve in ("train", "valid"):
        path = os.path.join(directory, "logs", curve, "events.out.tfevents.prebake")
        events = list(tf.compat.v1.train.summary_iterator(path))
        assert events[0].file_version == "brain.Event:2"
        curves[curve] = [
            (event.step, value.simple_value)
            for event in events
            for value in event.summary.value
            if value.tag == "loss"
        ]
    assert curves["train"] == [(entry["epoch"], pytest.approx(entry["loss"])) for entry in history]
    assert curves["valid"] == [(entry["epoch"], pytest.approx(entry["val_loss"])) for entry in history]


def test_early_stopping_keeps_the_best_epoch(run_dir):
    spec = read_spec(run_dir)
    # Steps so large that the loss soon goes up again.
    spec.training.learning_rate, spec.training.optimizer.kind, spec.training.epochs = 0.5, ADAM, 40
    spec.training.patience, spec.training.schedule.kind = 2, CONSTANT_RATE
    result = train(run_dir, spec, progress=False)
    assert result.epochs == result.best_epoch + 2
    with open(os.path.join(result.directory, "history.json"), encoding="utf-8") as file:
        losses = [entry["val_loss"] for entry in json.load(file)]
    assert min(losses) < losses[-1]
    assert evaluate(run_dir, split="valid")["rmse"] == pytest.approx(np.sqrt(min(losses)), rel=1e-5)
    last = keras.models.load_model(os.path.join(result.directory, "checkpoints", "last.keras"), compile=False)
    assert any((a != b).any() for a, b in zip(last.get_weights(), weights(run_dir), strict=True))


def test_same_seed_gives_the_same_bits_and_another_does_not(run_dir):
    spec = read_spec(run_dir)
    spec.model.dropout = 0.1
    for name, seed in (("first", 7), ("second", 7), ("third", 8)):
        spec.training.name, spec.seed = name, seed
        train(run_dir, spec, progress=False)
        tf.random.uniform([3])  # what the process does between must not matter
    for a, b in zip(weights(run_dir, "first"), weights(run_dir, "second"), strict=True):
        np.testing.assert_array_equal(a, b)
    assert any(
        (a != b).any() for a, b in zip(weights(run_dir, "first"), weights(run_dir, "third"), strict=True)
    )


def test_done_already_is_a_no_op_and_another_spec_an_error(run_dir):
    assert not train(run_dir, progress=False).up_to_date
    model = os.path.join(run_dir, "training", "default", "model.keras")
    before = os.stat(model).st_mtime_ns
    again = train(run_dir, progress=False)
    assert again.up_to_date
    assert again.metrics == evaluate(run_dir)
    spec = read_spec(run_dir)
    spec.training.learning_rate = 0.02
    with pytest.raises(ArtifactError) as error:
        train(run_dir, spec, progress=False)
    assert str(error.value) == (
        f"{run_dir}/training/default: was made from other training: add --replace, or choose another --run"
    )
    assert os.stat(model).st_mtime_ns == before
    assert not train(run_dir, spec, replace=True, progress=False).up_to_date
    assert published(run_dir) == ["default"]


@pytest.mark.parametrize("empty", ["train", "valid"])
def test_split_without_rows_is_one_clear_line(tmp_path, empty):
    run = str(tmp_path)
    make_run(run, splits=tuple(name for name in ("train", "valid", "test") if name != empty))
    with pytest.raises(ArtifactError) as error:
        train(run, progress=False)
    assert str(error.value) == (
        f"{run}/examples: the {empty} split has no rows: give it a share under data.split and transform again"
    )
    assert published(run) == []


def test_no_test_rows_trains_without_evaluation(tmp_path):
    make_run(str(tmp_path), splits=("train", "valid"))
    assert train(str(tmp_path), progress=False).metrics == {}


@pytest.mark.fault(47)
def test_loss_that_is_no_number_stops_and_publishes_nothing(run_dir):
    spec = read_spec(run_dir)
    spec.training.learning_rate, spec.training.optimizer.kind, spec.training.clipnorm = 1e30, SGD, 0
    with pytest.raises(PrebakeError) as error:
        train(run_dir, spec, progress=False)
    kept = f"{run_dir}/training/.unfinished-default/model.keras"
    assert re.sub(r"[0-9.]+e\+[0-9]+", "SIZE", str(error.value)) == (
        "training: loss became nan in epoch 1: the first to go wrong is layer 'hidden_1': its outputs became inf in step 2 "
        "of epoch 1, from inputs of up to SIZE: lower training.learning_rate, set training.clipnorm, or look for extreme "
        f"values in features that are not scaled; the model as it was before is kept in {kept}"
    )
    assert published(run_dir) == [".unfinished-default"]
    assert sorted(os.listdir(os.path.dirname(kept))) == ["logs", "model.keras"]


def test_metrics_are_weighted_if_the_examples_are(tmp_path):
    run = str(tmp_path)
    make_run(run, weighted=True)
    train(run, progress=False)
    model, _ = open_model(run, "default")
    ((features, label, weight),) = evaluation_batches(open_examples(run), "test", batch_size=50)
    error = (model(features) - label).numpy()[:, 0]
    assert evaluate(run)["rmse"] == pytest.approx(np.sqrt(np.average(error**2, weights=weight)), rel=1e-5)
    assert evaluate(run)["rmse"] != pytest.approx(np.sqrt(np.mean(error**2)), rel=1e-5)


@pytest.mark.fault(43)
def test_evaluation_of_other_examples_is_refused(tmp_path):
    run = str(tmp_path)
    spec = make_run(run)
    train(run, progress=False)
    os.rename(os.path.join(run, "examples"), os.path.join(run, "old"))
    make_run(str(tmp_path / "other"), rows=60)
    os.rename(os.path.join(run, "other", "examples"), os.path.join(run, "examples"))
    with pytest.raises(ArtifactError) as error:
        evaluate(run)
    assert str(error.value) == (
        f"{run}/examples: are not the examples that the model was trained on: train again with --replace"
    )
    assert spec.training.name == "default"


def test_learns(tmp_path):
    """The small problem is nearly linear: a working optimizer gets far below the label's deviation of 2.8."""
    run = str(tmp_path)
    make_run(run, rows=600)
    spec = read_spec(run)
    spec.training.optimizer.kind, spec.training.learning_rate, spec.training.epochs = NADAM, 0.02, 20
    assert train(run, spec, progress=False).metrics["rmse"] < 1.2


def test_batch_job_prints_a_summary_and_one_line_for_a_fault(run_dir, capsys, monkeypatch):
    assert main([run_dir, "--name", "quick"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"{run_dir}/training/quick: 3 epochs, best 3; test: ")
    assert main([run_dir, "--name", "quick"]) == 0
    assert capsys.readouterr().out.startswith(f"{run_dir}/training/quick: up to date, nothing done\n")
    assert main([os.path.join(run_dir, "nowhere")]) == 2
    assert capsys.readouterr().err == (
        f"{run_dir}/nowhere: is not a run directory: it has no spec.pbtxt; give a spec or a run directory\n"
    )
