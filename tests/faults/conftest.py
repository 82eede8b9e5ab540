"""In: nothing. Out: what try_whole_runs.py found, tried once for all tests of this folder."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

HERE = pathlib.Path(__file__).parent


@pytest.fixture(scope="session")
def try_whole_runs(tmp_path_factory) -> Callable[..., dict[str, Any]]:
    """Runs the script with its options; prints the line of figures."""

    def tried(*options: str) -> dict[str, Any]:
        modules = os.pathsep.join(str(HERE.parent / name) for name in ("pipelines", "training"))
        done = subprocess.run(
            [sys.executable, HERE / "try_whole_runs.py", tmp_path_factory.mktemp("whole"), *options],
            env={**os.environ, "PYTHONPATH": modules},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{options}: {done.stderr[-5000:]}"
        print(done.stdout, end="")
        return json.loads(done.stdout)

    return tried


@pytest.fixture(scope="session")
def whole_runs(try_whole_runs) -> dict[str, Any]:
    return try_whole_runs("--kills", "2", "--seed", "1", "--others")
