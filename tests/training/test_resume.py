"""Trainings that are killed with SIGKILL again and again end as one that never was: weights, optimizer, history, metrics."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys

import pytest
import tensorflow as tf
from keras_arrays import keras_file
from prebake.training.checkpoint_file import read_checkpoint
from small_run import make_run

EVENTS = "events.out.tfevents.prebake"
SCRIPT = pathlib.Path(__file__).with_name("kill_and_resume.py")


def killed(run: str, count: int, seed: int) -> dict:
    """What kill_and_resume.py says."""
    make_run(run)
    done = subprocess.run(
        [sys.executable, SCRIPT, run, str(count), str(seed)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1]) | {"stderr": done.stderr}


def state(run: str, name: str) -> dict[str, object]:
    """All that a training came to, without the times of day."""
    kept = pathlib.Path(run, "kept", name)
    found: dict[str, object] = {}
    # Steps within an epoch: where checkpoints are written is not part of the result.
    for path in sorted(kept.glob("epoch-*-step-00000000.checkpoint")):
        checkpoint = read_checkpoint(str(path))
        progress = {**checkpoint.record["progress"], "ended": None}
        found[path.name] = (progress, checkpoint.record["callbacks"])
        found |= {f"{path.name} {array}": value.tobytes() for array, value in checkpoint.arrays.items()}
    result = pathlib.Path(run, "training", name)
    for file in ("history.json", "evaluation.json"):
        found[file] = (result / file).read_bytes()
    for file in ("model.keras", "checkpoints/last.keras"):
        found |= {f"{file} {part}": content for part, content in keras_file(result / file).items()}
    for curve in ("train", "valid"):
        events = tf.compat.v1.train.summary_iterator(str(result / "logs" / curve / EVENTS))
        found[curve] = [(event.step, event.summary.SerializeToString()) for event in events]
    return found


def check(run: str, told: dict, count: int) -> None:
    whole = state(run, "unbroken")
    kills = told["kills"]
    assert kills["killed"] == count
    assert kills["finished"], "every training was killed"
    for name in kills["finished"]:
        found = state(run, name)
        # Where one has checkpoints within epochs, the other has one more of an epoch's end: of those only the last and
        # the best epoch's are in both for sure.
        epochs = sorted(key for key in whole.keys() & found.keys() if key.endswith(".checkpoint"))
        assert len(epochs) >= 2
        assert epochs[-1] == max(key for key in whole if key.endswith(".checkpoint"))
        one_only = {key for key in whole.keys() ^ found.keys() if key.startswith("epoch-")}
        assert {key: found[key] for key in found if key not in one_only} == {
            key: whole[key] for key in whole if key not in one_only
        }


@pytest.mark.fault(38, 44, 45)
def test_killed_and_run_again(tmp_path):
    run = str(tmp_path / "run")
    told = killed(run, count=5, seed=1)
    # Killed at each call to the system while a checkpoint is written: the one before, or the new one whole.
    assert set(told["writes"]) == {4, 5}
    assert told["writes"] == sorted(told["writes"])
    assert len(told["writes"]) > 10
    # Two trainings of one name: the first wins whole.
    assert told["two"] == [2, 0]
    assert "another process is at this training" in told["stderr"]
    check(run, told, 5)
    history = json.loads(pathlib.Path(run, "training", "unbroken", "history.json").read_text())
    # All that could be lost took part.
    assert 4 < len(history) < 40
    assert history[-1]["learning_rate"] < history[0]["learning_rate"]
    there = os.listdir(os.path.join(run, "training"))
    # The last one may be killed in its turn.
    assert not [name for name in told["kills"]["finished"] if f".unfinished-{name}" in there]


@pytest.mark.long
@pytest.mark.fault(44, 45)
def test_killed_a_hundred_times(tmp_path):
    run = str(tmp_path / "run")
    check(run, killed(run, count=100, seed=2), 100)
