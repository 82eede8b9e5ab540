"""In: the launcher as one of several hosts. Out: its own worker alone, started again until it ends well."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from prebake.training.launch import launch_one, main

# Writes down the TF_CONFIG that it got, and ends with the next of the codes that it is given.
WORKER = """
import os, sys
with open(sys.argv[1], "a") as file:
    print(os.environ["TF_CONFIG"], file=file)
codes = sys.argv[2].split(",")
sys.exit(int(codes[sum(1 for line in open(sys.argv[1])) - 1]))
"""


def launched(path: str, codes: str, restarts: int = 5) -> int:
    return launch_one([sys.executable, "-c", WORKER, path, codes], ["a", "b"], 1, 7000, restarts)


def test_its_own_worker_is_started_again(tmp_path, capfd):
    path = str(tmp_path / "configs")
    assert launched(path, "75,1,0") == 0
    (config,) = {(tmp_path / "configs").read_text().splitlines()[place] for place in range(3)}
    assert json.loads(config) == {
        "cluster": {"worker": ["a:7000", "b:7000"]},
        "task": {"type": "worker", "index": 1},
    }
    assert capfd.readouterr().err == (
        "launch: worker 1 ended with code 75: starting it again\n"
        "launch: worker 1 ended with code 1: starting it again\n"
    )


def test_no_restart_is_left(tmp_path, capfd):
    """As in a Kubernetes job, which starts the pod again by itself."""
    assert launched(str(tmp_path / "configs"), "75", restarts=0) == 75
    assert capfd.readouterr().err == "launch: worker 1 ended with code 75: no restart is left\n"


def test_a_mistake_is_not_repeated(tmp_path):
    assert launched(str(tmp_path / "configs"), "2") == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "--index", "0"], "--index goes with --hosts"),
        (
            ["run", "--hosts", "a", "--workers", "2"],
            "--workers are processes of this host, --hosts are others: give one of them",
        ),
    ],
)
def test_options_that_do_not_go_together(arguments, said, capsys):
    with pytest.raises(SystemExit) as error:
        main(arguments)
    assert error.value.code == 2
    assert said in capsys.readouterr().err


def test_a_mistake_in_the_hosts_is_one_line(capsys, monkeypatch):
    monkeypatch.setenv("JOB_COMPLETION_INDEX", "2")
    assert main(["run", "--hosts", "a[0-1]"]) == 2
    assert capsys.readouterr().err == ("launch: there is no host 2: --hosts names 2, and they count from 0\n")


# The launcher with a worker that only waits, once it has said that it is there.
WAITING = """
import sys
from prebake.training import launch
launch._start = lambda *_: launch.subprocess.Popen(
    [sys.executable, "-c", "import os, time; print(os.getpid(), flush=True); time.sleep(600)"], start_new_session=True
)
sys.exit(launch.main(["run", "--hosts", "a,b", "--index", "0"]))
"""


@pytest.mark.parametrize(("kind", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_launcher_that_is_stopped_takes_its_worker_with_it(kind, code):
    with subprocess.Popen([sys.executable, "-c", WAITING], stdout=subprocess.PIPE, text=True) as launcher:
        assert launcher.stdout is not None
        worker = int(launcher.stdout.readline())
        launcher.send_signal(kind)
        assert launcher.wait(60) == code
    until = time.monotonic() + 60
    while os.path.exists(f"/proc/{worker}"):
        assert time.monotonic() < until
        time.sleep(0.05)
