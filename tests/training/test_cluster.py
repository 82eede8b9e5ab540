"""TF_CONFIG, devices that are not there, and the launcher of local workers: one line where something is wrong."""

from __future__ import annotations

import json
import os
import socket
import sys
import time

import pytest
from prebake.schemas.errors import PrebakeError
from prebake.schemas.spec_pb2 import DISTRIBUTION_MULTI_WORKER, DISTRIBUTION_TPU, LOOP_CUSTOM, Training
from prebake.training.launch import free_ports, launch, main
from prebake.training.multi_worker import read_cluster
from prebake.training.replicas import Replicas
from prebake.training.shared_checkpoints import is_due
from prebake.training.state import Progress
from prebake.training.strategy import open_replicas

HOSTS = ["a:1", "b:1", "c:1"]


def config(cluster: object, role: object = "worker", index: object = 0) -> dict[str, str]:
    return {"TF_CONFIG": json.dumps({"cluster": cluster, "task": {"type": role, "index": index}})}


def test_cluster():
    assert read_cluster(config({"worker": HOSTS}, index=2)) == (2, 3)
    with_chief = {"worker": HOSTS, "chief": ["d:1"]}
    assert read_cluster(config(with_chief, "chief")) == (0, 4)
    assert read_cluster(config(with_chief)) == (1, 4)
    assert read_cluster(config({"worker": HOSTS[:1]}, index="0")) == (0, 1)


EXAMPLE = (
    '\'{"cluster": {"worker": ["host0:7000", "host1:7000"]}, "task": {"type": "worker", "index": 0}}\' on the first of '
    "two hosts; on one host `python -m prebake.training.launch --workers 2 RUN` sets it"
)


@pytest.mark.parametrize(
    ("environment", "why"),
    [
        ({}, "multi_worker needs TF_CONFIG"),
        ({"TF_CONFIG": "{"}, "TF_CONFIG cannot be used, Expecting property name"),
        ({"TF_CONFIG": "[]"}, "TF_CONFIG cannot be used, it names no such task"),
        (config({"worker": HOSTS}, index=3), "TF_CONFIG cannot be used, it names no such task"),
        (config({"worker": HOSTS}, index=-1), "TF_CONFIG cannot be used, a task counts from 0"),
        (config({"worker": HOSTS}, "chief"), "TF_CONFIG cannot be used, it names no such task"),
        (config({"worker": HOSTS, "ps": ["d:1"]}), "TF_CONFIG cannot be used, there is no use for a ps"),
        (config({"worker": HOSTS, "chief": ["d:1", "e:1"]}), "TF_CONFIG cannot be used, one chief at most"),
    ],
)
def test_cluster_that_is_none(environment, why):
    with pytest.raises(PrebakeError) as error:
        read_cluster(environment)
    assert str(error.value).startswith(f"training.distribution: {why}")
    assert str(error.value).endswith(f": {EXAMPLE}")


def test_host_without_a_tpu(monkeypatch):
    monkeypatch.delenv("TPU_NAME", raising=False)
    with pytest.raises(PrebakeError) as error:
        open_replicas(Training(distribution=DISTRIBUTION_TPU, loop=LOOP_CUSTOM))
    text = str(error.value)
    assert text.startswith("training.distribution: tpu finds no TPU (")
    assert text.endswith("): leave it out, or train on a host that has one, with TensorFlow for TPUs")
    assert "\n" not in text


def test_several_hosts_must_be_joined_before_tensorflow_is_used(monkeypatch):
    """As it is by now in this process."""
    import tensorflow as tf

    assert tf.constant(1) + 1 == 2
    for name, value in config({"worker": [f"localhost:{port}" for port in free_ports(2)]}).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(PrebakeError) as error:
        open_replicas(Training(distribution=DISTRIBUTION_MULTI_WORKER, loop=LOOP_CUSTOM))
    assert str(error.value).startswith(
        "training.distribution: multi_worker must begin before TensorFlow is used in a process: "
    )


def test_one_device_has_itself_as_chief():
    replicas = Replicas()
    assert (replicas.count, replicas.is_chief, replicas.from_chief([1, True])) == (1, True, [1.0, 1.0])


def test_free_ports():
    ports = free_ports(3)
    assert len(set(ports)) == 3
    for port in ports:
        with socket.socket() as one:
            one.bind(("localhost", port))


# A worker that writes down its number and its fellows, and ends as the file `<number>-<attempt>` says: a code, or "kill".
WORKER = """
import json, os, signal, sys
task = json.loads(os.environ["TF_CONFIG"])
number, folder = task["task"]["index"], sys.argv[1]
attempt = len([name for name in os.listdir(folder) if name.startswith(f"was-{number}-")])
with open(f"{folder}/was-{number}-{attempt}", "w") as file:
    file.write(json.dumps(task["cluster"]["worker"]))
ends = json.loads(sys.argv[2])[number]
end = ends[attempt] if attempt < len(ends) else 0
if end == "kill":
    os.kill(os.getpid(), signal.SIGKILL)
if end == "wait":
    import time
    time.sleep(600)
sys.exit(end)
"""


def launched(folder: str, ends: list[list], restarts: int = 10) -> int:
    return launch([sys.executable, "-c", WORKER, folder, json.dumps(ends)], len(ends), restarts)


def test_launcher_starts_all_again_until_they_end_well(tmp_path, capfd):
    folder = str(tmp_path)
    assert launched(folder, [["kill", 75], [75, 1]]) == 0
    assert sorted(os.listdir(folder)) == [
        f"was-{number}-{attempt}" for number in (0, 1) for attempt in (0, 1, 2)
    ]
    fellows = [
        [(tmp_path / f"was-{number}-{attempt}").read_text() for number in (0, 1)] for attempt in range(3)
    ]
    assert all(len(set(json.loads(one))) == 2 and one == other for one, other in fellows)
    assert capfd.readouterr().err == (
        "launch: worker 0 was ended by signal 9, worker 1 ended with code 75: starting all 2 again\n"
        "launch: worker 0 ended with code 75, worker 1 ended with code 1: starting all 2 again\n"
    )


def test_launcher_gives_up(tmp_path, capfd):
    assert launched(str(tmp_path), [["kill", "kill"], [75, 75]], restarts=1) == 128 + 9
    assert capfd.readouterr().err.splitlines()[-1] == (
        "launch: worker 0 was ended by signal 9, worker 1 ended with code 75: no restart is left"
    )


def test_launcher_does_not_repeat_a_mistake(tmp_path, capfd):
    assert launched(str(tmp_path), [[2], [75]]) == 2
    assert len(os.listdir(tmp_path)) == 2
    assert capfd.readouterr().err == ""


def test_launcher_ends_a_worker_that_hangs(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr("prebake.training.launch._SECONDS_TO_END", 0.5)
    started = time.monotonic()
    assert launched(str(tmp_path), [["wait"], [75]]) == 0
    assert time.monotonic() - started < 60
    assert capfd.readouterr().err == (
        "launch: worker 0 was ended by signal 9, worker 1 ended with code 75: starting all 2 again\n"
    )


def test_launcher_refuses_no_workers(capsys):
    with pytest.raises(SystemExit) as error:
        main(["run", "--workers", "0"])
    assert error.value.code == 2
    assert "--workers must be at least 1, --restarts at least 0" in capsys.readouterr().err


class Fellows:
    """Two hosts; the chief says what it says."""

    workers = 2

    def __init__(self, chief_says: float):
        self.asked, self._says = 0, chief_says

    def from_chief(self, values: list) -> list[float]:
        self.asked += 1
        return [self._says]


def test_hosts_agree_that_it_is_time_for_a_checkpoint():
    """Their clocks differ: the chief's counts, and is asked for at every 64th step only, as all have to wait for it."""
    training = Training(checkpoint={"minutes": 5, "steps": 10})
    late, early = Fellows(1.0), Fellows(0.0)
    due = [is_due(training, Progress(step=step), 0.0, late) for step in range(1, 129)]
    assert [step for step, one in enumerate(due, 1) if one] == sorted({*range(10, 129, 10), 64, 128})
    assert late.asked == 2
    assert not is_due(training, Progress(step=64), 1e9, early)
    assert is_due(training, Progress(epoch=1), 0.0, early)  # an epoch's end
    assert is_due(training, Progress(step=1), 300.0, Replicas())
    assert not is_due(training, Progress(step=1), 299.0, Replicas())
