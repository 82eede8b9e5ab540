"""In: examples that another run replaces while a training reads them. Out: one line, and no model of the rows of both."""

from __future__ import annotations

import os
import shutil

import pytest
from prebake.schemas.errors import ArtifactError
from prebake.training import train as training
from prebake.training.callbacks import StopOnNonFinite
from small_run import make_run


@pytest.mark.fault(56)
@pytest.mark.parametrize("moment", ["on_epoch_begin", "on_train_batch_end", "on_train_end"])
def test_replaced_examples_end_the_training(tmp_path, monkeypatch, moment):
    """At an epoch's beginning; within the last epoch, all but the last checkpoint; after the last step of all."""
    run, other = str(tmp_path / "run"), str(tmp_path / "other")
    spec = make_run(run)
    make_run(other, rows=360)
    examples = os.path.join(run, "examples")

    def replace(*_: object, **__: object) -> None:
        if not os.path.exists(other):
            return
        shutil.rmtree(examples)
        os.rename(os.path.join(other, "examples"), examples)
        shutil.rmtree(other)

    # Of the callbacks that every training has, this one is the first.
    monkeypatch.setattr(StopOnNonFinite, moment, replace)
    with pytest.raises(ArtifactError) as error:
        training.train(run, spec)
    assert str(error.value) == f"{examples}: was replaced while a training was reading it: train again"
    assert not os.path.exists(os.path.join(run, "training", "default"))


@pytest.mark.fault(56)
def test_examples_that_are_gone(tmp_path, monkeypatch):
    """TensorFlow would say which file it does not find, with a stack of its own."""
    run = str(tmp_path)
    spec = make_run(run)
    examples = os.path.join(run, "examples")
    monkeypatch.setattr(
        StopOnNonFinite, "on_epoch_begin", lambda *_: shutil.rmtree(examples, ignore_errors=True)
    )
    with pytest.raises(ArtifactError) as error:
        training.train(run, spec)
    assert str(error.value) == f"{examples}: was replaced while a training was reading it: train again"
