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
from typing import Any

import apache_beam as beam
from apache_beam.metrics.execution import MetricKey, MetricResult
from apache_beam.metrics.metric import MetricResults, MetricsFilter
from apache_beam.metrics.metricbase import MetricName
from apache_beam.options.pipeline_options import FlinkRunnerOptions, PipelineOptions
from apache_beam.portability.api import beam_runner_api_pb2
from apache_beam.runners.portability.portable_runner import PortableRunner
from apache_beam.runners.runner import PipelineResult, PipelineRunner, PipelineState

from ..pipelines.runner import find_cause
from ..schemas.errors import PrebakeError
from .flink_failure import WorkerFailedError, failure_line
from .flink_install import classpath

# Python workers of a job stay between its stages: each one starts TensorFlow.
_WORKER_STAYS_MS = 30_000
_ANSWER_SECONDS = 10


class FlinkFolder(PipelineOptions):
    """Where the cluster's Java classes are."""

    @classmethod
    def _add_argparse_args(cls, parser):
        parser.add_argument("--flink_folder", default=os.path.join("build", "flink"))


class FlinkSessionRunner(PipelineRunner):
    """Runs bounded pipelines in one window."""

    def run_pipeline(self, pipeline: beam.Pipeline, options: PipelineOptions) -> PipelineResult:
        """Submits the pipeline; the result waits for its end.

        Raises:
          PrebakeError: there is no cluster.
        """
        proto = PortableRunner.get_proto_pipeline(pipeline, options)
        master = options.view_as(FlinkRunnerOptions).flink_master
        host, _, port = master.removeprefix("http://").partition(":")
        address = f"http://{host}:{port or '8081'}"
        try:
            with urllib.request.urlopen(f"{address}/overview", timeout=_ANSWER_SECONDS) as answer:
                slots = json.load(answer)["slots-total"]
        except (OSError, ValueError) as error:
            raise PrebakeError(
                f"no Flink cluster answers at {address}: {error}: see --flink_master"
            ) from None
        with tempfile.TemporaryDirectory() as folder:
            return self._submit(proto, options, folder, address, slots)

    def _submit(
        self,
        proto: beam_runner_api_pb2.Pipeline,
        options: PipelineOptions,
        folder: str,
        address: str,
        slots: int,
    ) -> PipelineResult:
        with open(os.path.join(folder, "pipeline.pb"), "wb") as file:
            file.write(proto.SerializeToString())
        with open(os.path.join(folder, "options.json"), "w", encoding="utf-8") as text:
            given = options.get_all_options(drop_default=True) | {
                "environment_cache_millis": _WORKER_STAYS_MS
            }
            json.dump({f"beam:option:{name}:v1": value for name, value in given.items()}, text)
        parallelism = options.view_as(FlinkRunnerOptions).parallelism
        command = [
            "java",
            "-Xmx256m",
            "-cp",
            classpath(options.view_as(FlinkFolder).flink_folder),
            "FlinkJob",
            *address.removeprefix("http://").split(":"),
            str(parallelism if parallelism > 0 else max(slots, 1)),
            os.path.join(folder, "pipeline.pb"),
            os.path.join(folder, "options.json"),
            "prebake",
        ]
        # It has read its files when it has told its number.
        return _Job(command, address)


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
        try:
            self.job = self._read_number()
        except BaseException:
            # Ctrl-C while it is submitted: it may run already, and only its number can end it.
            self.job = self._read_number()
            self.cancel()
            raise

    def _read_number(self) -> str:
        assert self._process.stdout is not None
        found = re.match(r"job (\w+)", self._process.stdout.readline())
        return found[1] if found else ""

    def wait_until_finish(self, duration=None):
        """Waits for the job's end; cancels it if that is broken off.

        Raises:
          WorkerFailedError: a worker failed; one line.
          RuntimeError: it failed by a fault of the data, or before it began, with what Java said.
        """
        try:
            _, text = self._process.communicate()
        except BaseException:
            self.cancel()
            raise
        if self._process.returncode:
            self._state = PipelineState.FAILED
            error = RuntimeError(text)
            line = None if find_cause(error) else self._failure()
            raise (
                WorkerFailedError(f"{line}: see {self._address}/#/job/{self.job}/exceptions")
                if line
                else error
            )
        self._state = PipelineState.DONE
        return self._state

    def metrics(self) -> MetricResults:
        """Counters so far, added up over all tasks. What a lost task had counted is taken back."""
        found = self._ask("accumulators")["user-task-accumulators"]
        return _Counters({one["name"]: int(one["value"]) for one in found if one["type"] == "LongCounter"})

    def _failure(self) -> str | None:
        try:
            return failure_line(self._ask("exceptions")) if self.job else None
        except (OSError, ValueError):
            return None  # the cluster is gone

    def _ask(self, what: str) -> Any:
        with urllib.request.urlopen(
            f"{self._address}/jobs/{self.job}/{what}", timeout=_ANSWER_SECONDS
        ) as answer:
            return json.load(answer)

    def cancel(self):
        """Ends the job on the cluster, if there is one, and says so."""
        try:
            if self.job:
                self._cancel()
        except OSError as error:
            print(f"job {self.job} on {self._address} may still run: {error}", file=sys.stderr)
        self._process.kill()
        self._process.communicate()
        self._state = PipelineState.CANCELLED

    def _cancel(self) -> None:
        request = urllib.request.Request(f"{self._address}/jobs/{self.job}?mode=cancel", method="PATCH")
        urllib.request.urlopen(request, timeout=_ANSWER_SECONDS).close()
        print(f"job {self.job} on {self._address} is cancelled", file=sys.stderr)


class _Counters(MetricResults):
    """Counters by `namespace:name`; Flink does not tell of which step."""

    def __init__(self, counters: dict[str, int]):
        self._counters = counters

    def query(self, filter: MetricsFilter | None = None) -> dict[str, list[MetricResult]]:
        found = []
        for name, count in self._counters.items():
            namespace, _, own = name.partition(":")
            key = MetricKey("", MetricName(namespace, own))
            if self.matches(filter, key):
                found.append(MetricResult(key, None, count))
        return {self.COUNTERS: found}
