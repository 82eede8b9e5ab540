"""In: what Flink tells of a job that failed. Out: one line, with the worker's name."""

from __future__ import annotations

import pytest
from prebake.deploy.flink_failure import failure_line, what_matters

PYTHON = """java.util.concurrent.ExecutionException: java.lang.RuntimeException: Error received for instruction 9: \
Traceback (most recent call last):
  File "apache_beam/runners/common.py", line 1512, in apache_beam.runners.common.DoFnRunner.process
    yield from self._write(shard)
               ~~~~~~~~~~~^^^^^^^
OSError: [Errno 28] No space left on device

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "sdk_worker.py", line 310, in _execute
OSError: [Errno 28] No space left on device [while running 'Write']

\tat java.base/java.util.concurrent.CompletableFuture.get(CompletableFuture.java:2073)
Caused by: java.lang.RuntimeException: Error received from SDK harness for instruction 9: Traceback (most recent call last):
  File "sdk_worker.py", line 310, in _execute
OSError: [Errno 28] No space left on device [while running 'Write']
"""
JAVA = """org.apache.flink.util.FlinkException: Exchange failed
\tat org.apache.flink.runtime.taskmanager.Task.run(Task.java:575)
Caused by: java.lang.IllegalStateException: Process died with exit code 137
\tat org.apache.beam.runners.fnexecution.environment.ProcessManager.run(ProcessManager.java:71)
\t... 1 more
"""


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (PYTHON, "OSError: [Errno 28] No space left on device, while running 'Write'"),
        (JAVA, "IllegalStateException: Process died with exit code 137"),
        ("org.apache.flink.runtime.jobmaster.JobMasterException: TaskManager with id a is no longer reachable.\n",
         "JobMasterException: TaskManager with id a is no longer reachable."),
        ("Traceback (most recent call last):\n  File 'a'\nMemoryError\n", "MemoryError"),
        ("no trace at all\nreally", "no trace at all"),
        ("", ""),
    ],
)  # fmt: skip
def test_what_matters(text, line):
    assert what_matters(text) == line


def entry(text: str, worker: str | None = None, also: tuple[dict, ...] = ()) -> dict:
    where = {"taskManagerId": worker, "endpoint": "host1:4711"} if worker else {}
    return {"stacktrace": text, "concurrentExceptions": list(also), **where}


def test_worker():
    """The job's own end, which comes last, has none: it is that of the task that failed with it."""
    whole = {
        "entries": [entry("JobException: no more tries", also=(entry(PYTHON, "one"),)), entry(JAVA, "two")]
    }
    assert failure_line({"exceptionHistory": whole}) == (
        "worker one at host1:4711: OSError: [Errno 28] No space left on device, while running 'Write'"
    )


def test_without_a_worker():
    slots = "org.apache.flink.NoResourceAvailableException: Could not acquire the minimum required resources.\n\tat a"
    assert failure_line({"exceptionHistory": {"entries": [entry(slots)]}}) == (
        "NoResourceAvailableException: Could not acquire the minimum required resources."
    )
    assert failure_line({"exceptionHistory": {"entries": []}}) is None
    assert failure_line({}) is None
