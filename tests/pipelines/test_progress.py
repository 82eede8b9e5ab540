"""In: rows that workers count, here or on a cluster. Out: lines and a bar on stderr that say how far the job is."""

from __future__ import annotations

import io
import re
import sys
import threading

import apache_beam as beam
import pytest
from apache_beam.metrics.execution import MetricKey, MetricResult
from apache_beam.metrics.metricbase import MetricName
from prebake.pipelines import progress
from prebake.pipelines.progress import count_rows, follow, progress_bar
from prebake.pipelines.runner import make_pipeline


class Job:
    """Of a cluster: tells of the counters of two steps, then of the same once more, each time with 10 rows more."""

    def __init__(self) -> None:
        self.asked = 0
        self.told = threading.Event()

    def metrics(self) -> Job:
        return self

    def query(self, _) -> dict:
        self.asked += 1
        if self.asked == 5:
            self.told.set()
        if self.asked == 2:
            raise OSError("the cluster does not answer")
        rows = {"rows_read": 1000 * self.asked, "rows_written": 70, "rows_rejected": 0}
        return {
            "counters": [
                MetricResult(MetricKey(step, MetricName("prebake", name)), None, count)
                for step in ("one", "other")
                for name, count in rows.items()
            ]
        }


@pytest.fixture
def at_once(monkeypatch) -> None:
    for name in ("_REFRESH_SECONDS", "_ASK_SECONDS", "_LINE_SECONDS"):
        monkeypatch.setattr(progress, name, 0.01)


def test_lines_of_a_job_elsewhere(at_once, capsys):
    job = Job()
    with progress_bar("transform", 40_000), follow(job):
        assert job.told.wait(60)
    lines = capsys.readouterr().err.splitlines()
    # The second time it did not answer: what was known is said again.
    for line, read in zip(lines, ("2,000", "2,000", "6,000", "8,000"), strict=False):
        said = f"transform: {read} of 40,000 rows read, 140 written, 0 rejected, [\\d,]+ rows/s"
        assert re.fullmatch(said, line), line
    assert len(lines) >= 4


def test_nothing_is_said_in_a_log_of_a_job_here(at_once, capsys):
    with progress_bar("transform", 10):
        count_rows(read=5)
        threading.Event().wait(0.2)
    assert capsys.readouterr().err == ""


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Not a fixture: between those and the test itself pytest puts its own stderr in place."""
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    return screen


def test_bar_of_a_job_here(at_once, monkeypatch):
    screen = terminal(monkeypatch)
    with progress_bar("analyze", 10):
        count_rows(read=3, rejected=1)
        count_rows(read=4)
        threading.Event().wait(0.3)
    assert "analyze:  70%" in screen.getvalue()
    assert " 7.00/10.0 " in screen.getvalue()
    assert "rejected" not in screen.getvalue()


def test_bar_of_a_job_elsewhere(at_once, monkeypatch):
    screen = terminal(monkeypatch)
    job = Job()
    with progress_bar("transform", 40_000), follow(job):
        assert job.told.wait(60)
        threading.Event().wait(0.3)
    assert "2.00k/40.0k" in screen.getvalue()
    assert "140 written, 0 rejected" in screen.getvalue()


def test_each_job_counts_from_0(at_once, monkeypatch):
    screen = terminal(monkeypatch)
    with progress_bar("one", 10):
        count_rows(read=3)
    with progress_bar("other", 10):
        threading.Event().wait(0.1)
    assert "other:  30%" not in screen.getvalue()
    assert "other:   0%" in screen.getvalue()


def test_counters_of_a_portable_runner():
    """As they come from a job server: Beam's own, in this process."""

    def work(number: int) -> None:
        from prebake.pipelines.progress import count_rows

        count_rows(read=number, rejected=1)

    pipeline = make_pipeline(
        ["--runner=PortableRunner", "--job_endpoint=embed", "--environment_type=LOOPBACK"]
    )
    _ = pipeline | beam.Create([1, 2, 3]) | beam.Map(work)
    job = pipeline.run()
    progress._ask(job)  # an answer from before the end must not stay
    job.wait_until_finish()
    assert progress._ask(job) == {"rows_read": 6, "rows_rejected": 3}
