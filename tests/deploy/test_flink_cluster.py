"""In: hosts of a Flink cluster. Out: what is started on each, and the options that lead to it. Really: tests/pipelines."""

from __future__ import annotations

import pytest
import yaml
from prebake.deploy.flink_cluster import SETTINGS, Cluster, ClusterError, Host


@pytest.fixture
def started(monkeypatch) -> dict[str, list[str]]:
    """Commands by the name of the process, in the place of processes."""
    commands: dict[str, list[str]] = {}
    monkeypatch.setattr(Cluster, "_start", lambda _, name, command: commands.update({name: list(command)}))
    monkeypatch.setattr(Cluster, "wait_for_slots", lambda *_: None)
    return commands


def named(command: list[str]) -> dict[str, str]:
    """What stands behind -D."""
    return dict(
        option.split("=", 1) for flag, option in zip(command, command[1:], strict=False) if flag == "-D"
    )


def test_one_host_by_default(tmp_path, started):
    cluster = Cluster(str(tmp_path))
    cluster.start(workers=2)
    assert sorted(started) == ["jobmanager", "taskmanager-1", "taskmanager-2"]
    assert all(command[0] == "java" for command in started.values())
    assert named(started["taskmanager-2"]) == {
        "taskmanager.resource-id": "taskmanager-2",
        "taskmanager.host": "localhost",
        "taskmanager.bind-host": "localhost",
    }
    assert cluster.beam_args()[1] == f"--flink_master=localhost:{cluster.rest}"


def test_several_hosts(tmp_path, started):
    """The first has the JobManager alone; the others take turns."""
    hosts = [Host(f"10.0.0.{number}", ("enter", str(number))) for number in range(3)]
    cluster = Cluster(str(tmp_path), hosts=hosts)
    cluster.start(workers=3)
    assert {name: command[:3] for name, command in started.items()} == {
        "jobmanager": ["enter", "0", "java"],
        "taskmanager-1": ["enter", "1", "java"],
        "taskmanager-2": ["enter", "2", "java"],
        "taskmanager-3": ["enter", "1", "java"],
    }
    assert named(started["taskmanager-2"])["taskmanager.host"] == "10.0.0.2"
    settings = yaml.safe_load((tmp_path / "cluster" / "config.yaml").read_text())
    assert settings["jobmanager.rpc.address"] == settings["rest.address"] == "10.0.0.0"
    assert settings["jobmanager.bind-host"] == settings["rest.bind-address"] == "10.0.0.0"
    assert SETTINGS.items() <= settings.items()
    assert f"--flink_master=10.0.0.0:{cluster.rest}" in cluster.beam_args()


def test_a_cluster_that_runs_is_not_started_again(tmp_path, started, monkeypatch):
    monkeypatch.setattr(Cluster, "running", lambda _: ["jobmanager"])
    with pytest.raises(ClusterError) as error:
        Cluster(str(tmp_path)).start()
    assert str(error.value) == f"a cluster runs in {tmp_path}/cluster: stop it first"
    assert not started
