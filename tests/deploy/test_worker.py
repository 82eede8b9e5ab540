"""In: what a runner tells a worker. Out: the environment of Beam's Python worker, and the command that starts it."""

from __future__ import annotations

import json
import os
import subprocess

from apache_beam.portability.api import beam_provision_api_pb2 as api
from prebake.deploy.worker import settings, write_command


def test_settings():
    info = api.ProvisionInfo(runner_capabilities=["one", "two"])
    info.control_endpoint.url = "host:1"
    info.logging_endpoint.url = "host:2"
    # As Struct has them: all numbers are floats.
    info.pipeline_options.update({"parallelism": 2, "share": 0.5, "list": [3, "a"]})
    found = settings("7", info)
    options = json.loads(found.pop("PIPELINE_OPTIONS"))
    assert options == {"list": [3, "a"], "parallelism": 2, "share": 0.5}
    assert type(options["parallelism"]) is int
    assert found == {
        "WORKER_ID": "7",
        "RUNNER_CAPABILITIES": "one two",
        "CONTROL_API_SERVICE_DESCRIPTOR": 'url: "host:1"\n',
        "LOGGING_API_SERVICE_DESCRIPTOR": 'url: "host:2"\n',
    }


def test_command(tmp_path):
    """Its output lies beside it, and files of the working directory are no modules of the worker."""
    (tmp_path / "grpc.py").write_text("raise SystemExit('not this one')\n")
    command = str(tmp_path / "the worker")
    write_command(command)
    done = subprocess.run([command, "--help"], cwd=tmp_path, capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    (log,) = (name for name in os.listdir(tmp_path) if name.endswith(".log"))
    assert "--provision_endpoint" in (tmp_path / log).read_text()
