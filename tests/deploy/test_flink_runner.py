"""In: options that name no cluster, and jobs as a cluster tells of them. Out: counters, one line of a failure.

With a cluster: tests/pipelines/test_flink.py.
"""

from __future__ import annotations

import http.server
import json
import os
import signal
import sys
import threading
from collections.abc import Iterator

import apache_beam as beam
import pytest
from apache_beam.metrics.metric import MetricsFilter
from prebake.deploy.flink_failure import WorkerFailedError
from prebake.deploy.flink_runner import _Job
from prebake.pipelines.runner import find_cause, make_pipeline, run
from prebake.schemas.errors import PrebakeError


@pytest.mark.parametrize("master", ["localhost:1", "http://localhost:1"])
def test_no_cluster(master):
    name = "prebake.deploy.flink_runner.FlinkSessionRunner"
    command = '--environment_config={"command": "worker"}'
    pipeline = make_pipeline(
        [f"--runner={name}", f"--flink_master={master}", "--environment_type=PROCESS", command]
    )
    _ = pipeline | beam.Create([1])
    with pytest.raises(PrebakeError) as error:
        run(pipeline)
    assert str(error.value) == (
        "no Flink cluster answers at http://localhost:1: <urlopen error [Errno 111] Connection refused>: "
        "see --flink_master"
    )


ANSWERS = {
    "accumulators": {
        "job-accumulators": [],
        "user-task-accumulators": [
            {"name": "prebake:rows_read", "type": "LongCounter", "value": "12345"},
            {"name": "tfx.Transform:num_instances", "type": "LongCounter", "value": "7"},
            {"name": "prebake:other", "type": "Histogram", "value": "{}"},
        ],
    },
    "exceptions": {
        "exceptionHistory": {
            "entries": [
                {
                    "stacktrace": "java.io.IOException: No space left on device\n\tat a.B.c(B.java:1)\n",
                    "taskManagerId": "taskmanager-1",
                    "endpoint": "host1:4711",
                }
            ]
        }
    },
}


cancelled: list[str] = []


class Flink(http.server.BaseHTTPRequestHandler):
    """Its REST interface, of the job 0a."""

    def do_GET(self) -> None:
        found = ANSWERS.get(self.path.removeprefix("/jobs/0a/"))
        self.send_response(200 if found else 404)
        self.end_headers()
        self.wfile.write(json.dumps(found).encode())

    def do_PATCH(self) -> None:
        cancelled.append(self.path)
        self.send_response(202)
        self.end_headers()

    def log_message(self, *_) -> None: ...


@pytest.fixture
def address() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("localhost", 0), Flink) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://localhost:{server.server_port}"
        server.shutdown()


def submitted(address: str, said: str, code: int) -> _Job:
    """With a process in the place of Java that says so on stderr, and ends."""
    work = f"import sys; print('job 0a', flush=True); sys.stderr.write({said!r}); sys.exit({code})"
    return _Job([sys.executable, "-c", work], address)


def test_counters_of_a_job(address):
    job = submitted(address, "", 0)
    (count,) = job.metrics().query(MetricsFilter().with_namespace("prebake"))["counters"]
    assert (count.key.metric.namespace, count.key.metric.name) == ("prebake", "rows_read")
    assert count.result == 12345
    assert job.wait_until_finish() == "DONE"


def test_a_failure_is_one_line_with_the_name_of_the_worker(address):
    with pytest.raises(WorkerFailedError) as error:
        submitted(address, "Exception in thread main …\n", 1).wait_until_finish()
    assert str(error.value) == (
        "worker taskmanager-1 at host1:4711: IOException: No space left on device: "
        f"see {address}/#/job/0a/exceptions"
    )
    assert error.value.exit_code == 1  # not 2, which is a mistake of the user's


def test_a_fault_of_the_data_stays_what_it_is(address):
    told = (
        "Caused by: …\nprebake.schemas.errors.DataError: a.csv:3:x 'v' is no number [while running 'Read']\n"
    )
    with pytest.raises(RuntimeError) as error:
        submitted(address, told, 1).wait_until_finish()
    assert str(find_cause(error.value)) == "a.csv:3:x 'v' is no number"


def test_ctrl_c_while_a_job_is_submitted(address, capsys):
    cancelled.clear()
    work = "import time; time.sleep(1); print('job 0a', flush=True); time.sleep(60)"
    threading.Timer(0.3, os.kill, [os.getpid(), signal.SIGINT]).start()
    with pytest.raises(KeyboardInterrupt):
        _Job([sys.executable, "-c", work], address)
    assert cancelled == ["/jobs/0a?mode=cancel"]
    assert capsys.readouterr().err == f"job 0a on {address} is cancelled\n"


def test_ctrl_c_before_there_is_a_job(address, capsys):
    cancelled.clear()
    threading.Timer(0.3, os.kill, [os.getpid(), signal.SIGINT]).start()
    with pytest.raises(KeyboardInterrupt):
        _Job([sys.executable, "-c", "import time; time.sleep(1)"], address)
    assert cancelled == []
    assert capsys.readouterr().err == ""


def test_a_failure_of_a_cluster_that_is_gone(address):
    """What Java said is all that there is."""
    with pytest.raises(RuntimeError, match="^Connection refused$"):
        submitted("http://localhost:1", "Connection refused", 1).wait_until_finish()
