"""In: what a runner tells a worker on its command line. Out: Beam's Python worker, with this environment's packages.

For --environment_type=PROCESS: on every host of the cluster a file that starts this module, as `write_command` makes it.
Its output lies beside that file.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
from typing import Any

import grpc
from apache_beam.portability.api import beam_provision_api_pb2 as api
from apache_beam.portability.api import beam_provision_api_pb2_grpc as api_grpc
from google.protobuf.json_format import MessageToDict

_ANSWER_SECONDS = 60


def write_command(path: str) -> None:
    """Writes the executable that --environment_config names; it runs with the Python of this process."""
    with open(path, "w", encoding="utf-8") as file:
        # Runners throw away what their workers print. Without -P any file of the working directory could be imported.
        python = f"{shlex.quote(sys.executable)} -P -m prebake.deploy.worker"
        file.write(f'#!/bin/sh\nexec {python} "$@" >>{shlex.quote(os.path.abspath(path))}-$$.log 2>&1\n')
    os.chmod(path, 0o755)


def settings(worker: str, info: api.ProvisionInfo) -> dict[str, str]:
    """The environment variables that Beam's worker reads."""
    found = {
        "WORKER_ID": worker,
        "PIPELINE_OPTIONS": json.dumps(_whole(MessageToDict(info.pipeline_options))),
        "RUNNER_CAPABILITIES": " ".join(info.runner_capabilities),
        "CONTROL_API_SERVICE_DESCRIPTOR": str(info.control_endpoint),
        "LOGGING_API_SERVICE_DESCRIPTOR": str(info.logging_endpoint),
    }
    if info.status_endpoint.url:
        found["STATUS_API_SERVICE_DESCRIPTOR"] = str(info.status_endpoint)
    return found


def _whole(value: Any) -> Any:
    """Numbers in a Struct are all floats: --parallelism=2.0 would be refused."""
    if isinstance(value, dict):
        return {key: _whole(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_whole(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def main() -> None:
    """Asks the runner what there is to do, and does it until the runner hangs up."""
    parser = argparse.ArgumentParser(prog="python -P -m prebake.deploy.worker")
    parser.add_argument("--id", required=True)
    parser.add_argument("--provision_endpoint", required=True)
    args, _ = parser.parse_known_args()
    with grpc.insecure_channel(args.provision_endpoint) as plain:
        channel = grpc.intercept_channel(plain, _Named(args.id))
        request = api.GetProvisionInfoRequest()
        answer = api_grpc.ProvisionServiceStub(channel).GetProvisionInfo(request, timeout=_ANSWER_SECONDS)
    os.environ.update(settings(args.id, answer.info))
    # Only now: it reads the environment as it is imported.
    from apache_beam.runners.worker import sdk_worker_main

    sdk_worker_main.main([])


class _Named(grpc.UnaryUnaryClientInterceptor):
    """Says who asks, as the runner wants it."""

    def __init__(self, worker: str):
        self._worker = worker

    def intercept_unary_unary(self, continuation, client_call_details, request):
        return continuation(client_call_details._replace(metadata=[("worker_id", self._worker)]), request)


if __name__ == "__main__":
    main()
