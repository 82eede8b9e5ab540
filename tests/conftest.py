"""In: nothing. Out: the environment of every test, and the real data sets that several of them use."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import sys

# Before anything imports TensorFlow.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import pytest
from fault_report import pytest_addoption, pytest_configure  # noqa: F401  hooks
from xdist.scheduler import LoadFileScheduling

# A shell that starts pytest in the background makes it, and with it all that the tests start, deaf to Ctrl-C.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = pathlib.Path(__file__).parents[1]
# benchmarks/ is not installed; `python -m pytest` finds it from here, other ways of starting would not.
sys.path.append(str(ROOT))


class ByFile(LoadFileScheduling):
    """Several processes (`-n`): the tests of a file stay together, and those of faults/, as they share fixtures."""

    def _split_scope(self, nodeid: str) -> str:
        path = super()._split_scope(nodeid)
        return "faults" if path.startswith("tests/faults/") else path


def pytest_xdist_make_scheduler(config: pytest.Config, log) -> ByFile:
    """Called by pytest-xdist."""
    return ByFile(config, log)


def fetch(name: str) -> pathlib.Path:
    """Folder of an example's 20 CSV shards; downloaded once."""
    script = ROOT / "examples" / "fetch.py"
    subprocess.run([sys.executable, script, name], check=True, stdout=subprocess.DEVNULL)
    return ROOT / "examples" / name / "data"


@pytest.fixture(scope="session")
def housing_data() -> pathlib.Path:
    return fetch("housing")


@pytest.fixture(scope="session")
def adult_data() -> pathlib.Path:
    return fetch("adult")


@pytest.fixture(scope="session")
def movies_data() -> pathlib.Path:
    return fetch("movies")
