"""In: trainings that stop in the middle. Out: what they ended with if they had not, or where the best model so far is kept.

Kills are an exception here, as sudden as a test can survive; test_resume.py kills processes.
"""

from __future__ import annotations

import itertools
import json
import os
import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from prebake.schemas.errors import ArtifactError, PrebakeError
from prebake.schemas.run_dir import read_spec
from prebake.schemas.spec_pb2 import NADAM
from prebake.training import train as train_module
from prebake.training.checkpoints import Checkpoints
from prebake.training.dataset import evaluation_batches, open_examples, training_batches
from prebake.training.evaluate import BATCH_SIZE, open_model
from prebake.training.train import main, train


def published(run: str) -> list[str]:
    return sorted(os.listdir(os.path.join(run, "training")))


def weights(run: str, name: str) -> list[np.ndarray]:
    return open_model(run, name)[0].get_weights()


@pytest.mark.fault(47)
def test_best_model_before_a_loss_that_is_no_number_is_kept(run_dir, monkeypatch):
    """The loss goes up from the second epoch on, and is NaN in the fourth."""
    spec = read_spec(run_dir)
    spec.training.epochs = 6
    losses, bests = iter([2.0, 1.0, 3.0, np.nan]), []

    class Spoil(keras.callbacks.Callback):
        STATE = ()

        def on_epoch_end(self, epoch, logs=None):
            if epoch == 1:
                bests.extend(self.model.get_weights())

    original = keras.Model.evaluate
    monkeypatch.setattr(
        keras.Model, "evaluate", lambda *args, **options: original(*args, **options) | {"loss": next(losses)}
    )
    callbacks = train_module.build_callbacks
    monkeypatch.setattr(train_module, "build_callbacks", lambda *args: [*callbacks(*args), Spoil()])
    with pytest.raises(PrebakeError) as error:
        train(run_dir, spec, progress=False)
    path = f"{run_dir}/training/.unfinished-default/model.keras"
    assert str(error.value) == (
        "training: val_loss became nan in epoch 4: lower training.learning_rate, set training.clipnorm, or look for "
        f"extreme values in features that are not scaled; the best model so far, of epoch 2, is kept in {path}"
    )
    kept = keras.models.load_model(path, compile=False).get_weights()
    assert len(kept) == len(bests)
    for wanted, found in zip(bests, kept, strict=True):
        np.testing.assert_array_equal(wanted, found)
    monkeypatch.undo()
    # Another rate, as the line asks for, is another training: what is kept goes only when that is asked for too.
    spec.training.learning_rate = 0.001
    with pytest.raises(ArtifactError, match=r"is an unfinished training \(3 epochs\) from other training"):
        train(run_dir, spec, progress=False)
    assert os.path.exists(path)
    assert train(run_dir, spec, restart=True, progress=False).epochs == 6
    assert published(run_dir) == ["default"]


def test_loop_does_what_keras_fit_does(run_dir):
    """The same callbacks on the same batches: the same values in every epoch, and the same weights."""
    spec = read_spec(run_dir)
    spec.model.dropout, spec.training.optimizer.kind, spec.training.learning_rate = 0.2, NADAM, 0.3
    spec.training.epochs, spec.training.patience, spec.training.schedule.patience = 12, 4, 1
    result = train(run_dir, spec, progress=False)
    examples = open_examples(run_dir)
    model = train_module.compiled_model(spec, examples)
    fit = model.fit(
        training_batches(examples, seed=7, epochs=range(12), batch_size=32, shuffle_buffer=64),
        epochs=12,
        steps_per_epoch=7,
        validation_data=evaluation_batches(examples, "valid", batch_size=BATCH_SIZE),
        callbacks=[
            keras.callbacks.EarlyStopping(monitor="val_loss", patience=4),
            keras.callbacks.ReduceLROnPlateau(monitor="val_loss", factor=0.5, patience=1),
        ],
        shuffle=False,
        verbose=0,
    )
    with open(os.path.join(result.directory, "history.json"), encoding="utf-8") as file:
        history = json.load(file)
    assert 4 < len(history) < 12
    assert history[-1]["learning_rate"] < 0.3
    assert [
        {"epoch": epoch + 1, **{name: fit.history[name][epoch] for name in fit.history}}
        for epoch in fit.epoch
    ] == history
    last = keras.models.load_model(os.path.join(result.directory, "checkpoints", "last.keras"), compile=False)
    for wanted, found in zip(model.get_weights(), last.get_weights(), strict=True):
        np.testing.assert_array_equal(wanted, found)


class Killed(BaseException):
    """As sudden as SIGKILL, but the test lives on."""


def kill_at(monkeypatch, count: int) -> None:
    """The training ends after this many steps."""
    seen = []

    class Kill(keras.callbacks.Callback):
        STATE = ()

        def on_train_batch_end(self, batch, logs=None):
            seen.append(batch)
            if len(seen) == count:
                raise Killed

    callbacks = train_module.build_callbacks
    monkeypatch.setattr(train_module, "build_callbacks", lambda *args: [*callbacks(*args), Kill()])


@pytest.mark.fault(45, 46)
@pytest.mark.parametrize("by", ["minutes", "steps"])
def test_killed_training_says_where_it_goes_on_and_a_damaged_checkpoint_where_it_goes_back(
    run_dir, monkeypatch, capsys, by
):
    """Seven steps an epoch. Killed in step 12, its last checkpoints are after steps 10 and 11; the newest is damaged."""
    spec = read_spec(run_dir)
    spec.model.dropout, spec.training.name = 0.1, "unbroken"
    wanted = train(run_dir, spec, progress=False)
    setattr(spec.training.checkpoint, by, 1)
    spec.training.name = "killed"
    with monkeypatch.context() as patched:
        kill_at(patched, 12)
        if by == "minutes":  # a minute passes whenever it is looked at the clock
            patched.setattr(train_module.time, "monotonic", itertools.count(0, 61).__next__)
        with pytest.raises(Killed):
            train(run_dir, spec, progress=False)
    assert published(run_dir) == [".unfinished-killed", "unbroken"]
    newest = f"{run_dir}/training/.unfinished-killed/epoch-00001-step-00000004.checkpoint"
    with open(newest, "r+b") as file:
        file.truncate(1000)
    capsys.readouterr()
    result = train(run_dir, spec, progress=False)
    assert re.fullmatch(
        f"train: {newest}: is cut or altered: its CRC32C does not match: going back to the checkpoint before it\n"
        r"train: resuming at epoch 2, step 4 \(checkpoint of \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\)\n",
        capsys.readouterr().err,
    )
    assert (result.epochs, result.best_epoch, result.metrics) == (3, wanted.best_epoch, wanted.metrics)
    histories = []
    for name in ("unbroken", "killed"):
        with open(os.path.join(run_dir, "training", name, "history.json"), encoding="utf-8") as file:
            histories.append(file.read())
    assert histories[0] == histories[1]
    for a, b in zip(weights(run_dir, "unbroken"), weights(run_dir, "killed"), strict=True):
        np.testing.assert_array_equal(a, b)
    assert published(run_dir) == ["killed", "unbroken"]
    for curve in ("train", "valid"):
        path = os.path.join(run_dir, "training", "killed", "logs", curve, "events.out.tfevents.prebake")
        epochs = [event.step for event in tf.compat.v1.train.summary_iterator(path) if event.summary.value]
        assert sorted(set(epochs)) == [1, 2, 3]
        assert {epochs.count(epoch) for epoch in (1, 2, 3)} == {len(epochs) / 3}


@pytest.mark.fault(44)
def test_killed_between_the_last_epoch_and_the_end(run_dir, monkeypatch, capsys):
    spec = read_spec(run_dir)

    def killed(*args):
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(train_module, "write_result", killed)
        with pytest.raises(Killed):
            train(run_dir, spec, progress=False)
    assert published(run_dir) == [".unfinished-default"]
    with monkeypatch.context() as patched:
        patched.setattr(Checkpoints, "remove", killed)
        with pytest.raises(Killed):
            train(run_dir, spec, progress=False)
    assert "train: resuming after the last epoch (checkpoint of " in capsys.readouterr().err
    assert published(run_dir) == [".unfinished-default", "default"]
    assert train(run_dir, spec, progress=False).up_to_date
    assert published(run_dir) == ["default"]


def test_restart_begins_anew(run_dir, monkeypatch, capsys):
    spec = read_spec(run_dir)
    with monkeypatch.context() as patched:
        kill_at(patched, 12)
        with pytest.raises(Killed):
            train(run_dir, spec, progress=False)
    capsys.readouterr()
    assert main([run_dir, "--restart"]) == 0
    assert "resuming" not in capsys.readouterr().err
    assert published(run_dir) == ["default"]
