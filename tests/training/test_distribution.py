"""Two logical devices, and two processes on loopback, train as one device does; a worker that is killed costs nothing."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys

import numpy as np
import pytest
from keras_arrays import keras_file
from prebake.training.evaluate import open_model
from small_run import make_run

SCRIPT = pathlib.Path(__file__).with_name("several_devices.py")


def run_for(command: list[str], seconds: int) -> tuple[str, str]:
    """stdout and stderr; after so many seconds all its processes are ended, and the test fails."""
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        out, err = process.communicate(timeout=seconds)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 0, err
    return out, err


def scenarios(run: str, *names: str) -> tuple[dict, str]:
    """What several_devices.py says, and its stderr."""
    make_run(run, weighted=True)
    out, err = run_for([sys.executable, str(SCRIPT), run, *names], 400)
    return json.loads(out.splitlines()[-1]), err


def history(run: str, name: str) -> list[dict[str, float]]:
    return json.loads(pathlib.Path(run, "training", name, "history.json").read_text())


def check_same(run: str, wanted: str, found: str) -> None:
    """The same training but for the rounding of sums."""
    names = ("checkpoints/last.keras", "model.keras")
    for file in names:
        one, several = (keras_file(pathlib.Path(run, "training", name, file)) for name in (wanted, found))
        assert one.keys() == several.keys()
    pair = [open_model(run, name)[0].get_weights() for name in (wanted, found)]
    differences = [
        np.linalg.norm(a - b) / max(np.linalg.norm(a), 1e-30)
        for a, b in zip(*pair, strict=True)
        if a.dtype.kind == "f"
    ]
    assert max(differences) <= 1e-5
    epochs = history(run, wanted), history(run, found)
    assert len(epochs[0]) in (8, 28)  # of 7 steps, or of 2
    for one, several in zip(*epochs, strict=True):
        # The promise is of the weights. A loss is a mean of squared differences of numbers many times as large.
        assert several == pytest.approx(one, rel=1e-4)
        assert list(several) == list(one)


def written(run: str, name: str) -> list[str]:
    root = pathlib.Path(run, "training", name)
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def test_two_devices_and_two_processes_are_as_one(tmp_path):
    run = str(tmp_path / "run")
    told, err = scenarios(run, "one", "mirrored", "two", "masks")
    assert told == {"one": 0, "mirrored": 0, "two": [0, 0], "masks": 0}, err
    check_same(run, "one", "mirrored")
    check_same(run, "one", "two")
    assert written(run, "two") == written(run, "one")
    assert sorted(os.listdir(os.path.join(run, "training"))) == ["mirrored", "one", "two"]


@pytest.mark.long
def test_batch_normalization_and_constraints_are_those_of_the_whole_batch(tmp_path):
    run = str(tmp_path / "run")
    told, err = scenarios(run, "one_rich", "mirrored_rich", "two_rich")
    assert told == {"one_rich": 0, "mirrored_rich": 0, "two_rich": [0, 0]}, err
    check_same(run, "one_rich", "mirrored_rich")
    check_same(run, "one_rich", "two_rich")


@pytest.mark.long
@pytest.mark.parametrize("victim", [0, 1])
def test_killed_worker_and_its_fellow_go_on_from_the_last_checkpoint(tmp_path, victim):
    """Killed is the chief, or the other one. The fellow ends by itself, with code 75 and one line."""
    run = str(tmp_path / "run")
    told, err = scenarios(run, "two", f"killed_{victim}")
    first, second = told[f"killed_{victim}"]
    assert first[victim] == -signal.SIGKILL
    assert first[1 - victim] == 75, err
    assert second == [0, 0], err
    lost = [line for line in err.splitlines() if line.startswith("training: another worker is lost (")]
    assert len(lost) == 1
    assert lost[0].endswith("): start all 2 workers again to go on from the last checkpoint")
    # The chief alone says where it goes on.
    assert len([line for line in err.splitlines() if line.startswith("train: resuming at epoch ")]) == 1
    assert history(run, "two") == history(run, f"killed_{victim}")
    for file in ("model.keras", "checkpoints/last.keras"):
        whole, broken = (
            keras_file(pathlib.Path(run, "training", name, file)) for name in ("two", f"killed_{victim}")
        )
        assert whole == broken
    assert sorted(os.listdir(os.path.join(run, "training"))) == [f"killed_{victim}", "two"]
