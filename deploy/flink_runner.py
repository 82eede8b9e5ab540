"""In: a Beam pipeline. Out: the same run on a Flink session cluster (deploy/flink/FlinkJob.java), to its end.

Named on the command line: -- --runner=prebake.deploy.flink_runner.FlinkSessionRunner --flink_master=HOST:PORT …
For clusters where Beam's own job server is not at hand; where it is, --runner=FlinkRunner does the same.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import urllib.request

import apache_beam as beam
from apache_beam.options.pipeline_options import FlinkRunnerOptions, PipelineOptions
from apache_beam.runners.portability.portable_runner import PortableRunner
from apache_beam.runners.runner import PipelineResult, PipelineRunner, PipelineState

from .flink_install import classpath

# Python workers of a job stay between its stages: each one starts TensorFlow.
_WORKER_STAYS_MS = 30_000


class FlinkFolder(PipelineOptions):
    """Where the cluster's Java classes are."""

    @classmethod
    def _add_argparse_args(cls, parser):
        parser.add_argument("--flink_folder", default=os.path.join("build", "flink"))


class FlinkSessionRunner(PipelineRunner):
    """Runs bounded pipelines in one window."""

    def run_pipeline(self, pipeline: beam.Pipeline, options: PipelineOptions) -> PipelineResult:
        """Submits the pipeline; the result waits for its end."""
        proto = PortableRunner.get_proto_pipeline(pipeline, options)
        flink = options.view_as(FlinkRunnerOptions)
        host, _, port = flink.flink_master.removeprefix("http://").partition(":")
        folder = tempfile.mkdtemp(prefix="flink-job-")
        with open(os.path.join(folder, "pipeline.pb"), "wb") as file:
            file.write(proto.SerializeToString())
        with open(os.path.join(folder, "options.json"), "w", encoding="utf-8") as text:
            given = options.get_all_options(drop_default=True) | {
                "environment_cache_millis": _WORKER_STAYS_MS
            }
            json.dump({f"beam:option:{name}:v1": value for name, value in given.items()}, text)
        command = [
            "java",
            "-Xmx256m",
            "-cp",
            classpath(options.view_as(FlinkFolder).flink_folder),
            "FlinkJob",
            host,
            port or "8081",
            str(max(flink.parallelism, 1)),
            os.path.join(folder, "pipeline.pb"),
            os.path.join(folder, "options.json"),
            "prebake",
        ]
        return _Job(command, f"http://{host}:{port or 8081}")


class _Job(PipelineResult):
    """A job on the cluster, with the Java process that submitted it."""

    def __init__(self, command: list[str], address: str):
        super().__init__(PipelineState.RUNNING)
        self._address = address
        # In a session of its own: Ctrl-C must reach this process alone, which then cancels the job.
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        found = re.match(r"job (\w+)", self._process.stdout.readline())
        self.job = found[1] if found else ""

    def wait_until_finish(self, duration=None):
        """Waits for the job's end; cancels it if that is broken off.

        Raises:
          RuntimeError: it failed, with what its worker said.
        """
        try:
            _, text = self._process.communicate()
        except BaseException:
            self.cancel()
            raise
        if self._process.returncode:
            self._state = PipelineState.FAILED
            raise RuntimeError(text)
        self._state = PipelineState.DONE
        return self._state

    def cancel(self):
        """Ends the job on the cluster, and says so."""
        try:
            request = urllib.request.Request(f"{self._address}/jobs/{self.job}?mode=cancel", method="PATCH")
            urllib.request.urlopen(request, timeout=10).close()
            print(f"job {self.job} on {self._address} is cancelled", file=sys.stderr)
        except OSError as error:
            print(f"job {self.job} on {self._address} may still run: {error}", file=sys.stderr)
        self._process.kill()
        self._process.communicate()
        self._state = PipelineState.CANCELLED
