"""Two hosts with addresses of their own train as a cluster has them: each launcher alone, and a killed worker comes back."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest
from keras_arrays import keras_file
from network_hosts import Host, network_hosts, why_not
from prebake.schemas.run_dir import read_spec, write_spec
from prebake.schemas.spec_pb2 import DISTRIBUTION_MULTI_WORKER, LOOP_CUSTOM
from small_run import make_run

pytestmark = [pytest.mark.long]


@pytest.fixture(scope="module")
def hosts():
    if reason := why_not():
        pytest.skip(f"hosts are network namespaces, which need root: {reason}")
    with network_hosts(2) as two:
        yield two


def launch(hosts: list[Host], run: str, name: str) -> list[subprocess.Popen]:
    """The launcher on each host."""
    command = [sys.executable, "-m", "prebake.training.launch", run, "--name", name, "--port", "7000"]
    command += ["--hosts", ",".join(host.address for host in hosts)]
    return [
        subprocess.Popen(
            [*host.enter, *command, "--index", str(index)],
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        for index, host in enumerate(hosts)
    ]


def ends(launchers: list[subprocess.Popen], seconds: int = 240) -> list[str]:
    """What each said."""
    try:
        said = [launcher.communicate(timeout=seconds)[1] for launcher in launchers]
    finally:
        for launcher in launchers:
            launcher.terminate()  # its worker goes with it
    assert [launcher.returncode for launcher in launchers] == [0, 0], said
    return said


def worker_of(launcher: subprocess.Popen) -> int:
    """The process of `ip` becomes the launcher."""
    return int(pathlib.Path(f"/proc/{launcher.pid}/task/{launcher.pid}/children").read_text().split()[0])


@pytest.mark.parametrize("victim", [0, 1])
def test_a_killed_worker_is_started_again_by_its_own_host(hosts, tmp_path, victim):
    """Nobody tells the other host, whose worker ends by itself and is started again too."""
    run = str(tmp_path / "run")
    make_run(run)
    spec = read_spec(run)
    spec.training.distribution, spec.training.loop = DISTRIBUTION_MULTI_WORKER, LOOP_CUSTOM
    spec.training.epochs, spec.training.checkpoint.steps = 8, 2
    write_spec(run, spec)
    whole = ends(launch(hosts, run, "whole"))
    assert not any("launch:" in said for said in whole)

    launchers = launch(hosts, run, "broken")
    unfinished = os.path.join(run, "training", ".unfinished-broken")
    until = time.monotonic() + 120
    while not (os.path.isdir(unfinished) and any(name > "epoch-00002" for name in checkpoints(unfinished))):
        assert time.monotonic() < until
        time.sleep(0.01)
    os.kill(worker_of(launchers[victim]), signal.SIGKILL)
    said = ends(launchers)
    assert f"launch: worker {victim} was ended by signal 9: starting it again\n" in said[victim]
    assert f"launch: worker {1 - victim} ended with code 75: starting it again\n" in said[1 - victim]
    assert "train: resuming at epoch " in said[0]
    for file in ("model.keras", "checkpoints/last.keras"):
        one, other = (keras_file(pathlib.Path(run, "training", name, file)) for name in ("whole", "broken"))
        assert one == other


def checkpoints(directory: str) -> list[str]:
    return [name for name in os.listdir(directory) if name.startswith("epoch-")]
