"""In: Beam options and errors of workers. Out: the local runner by default, and the one line that a worker meant."""

from __future__ import annotations

import apache_beam as beam
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from prebake.pipelines.runner import find_cause, make_pipeline, run
from prebake.schemas.errors import ArtifactError, DataError, PrebakeError

TEXT = "a.csv:3:x 'v\\nw' is bad: it's [not] a number"


@pytest.mark.parametrize("args", [[], ["--runner=DirectRunner"], ["--runner=FnApiRunner"]])
def test_this_machine(args):
    assert isinstance(make_pipeline(args).runner, FnApiRunner)


def test_another_runner():
    assert type(make_pipeline(["--runner=PrismRunner"]).runner).__name__ == "PrismRunner"


@pytest.mark.parametrize(
    "runner", ["DataflowRunner", "apache_beam.runners.dataflow.dataflow_runner.DataflowRunner"]
)
def test_dataflow_is_refused(runner):
    """Before anything is made: its workers would not find the run directory."""
    with pytest.raises(PrebakeError) as error:
        make_pipeline(
            [f"--runner={runner}", "--project=one", "--region=here", "--temp_location=gs://one/tmp"]
        )
    assert str(error.value) == (
        f"--runner={runner}: its workers share no folder with this machine, and the run directory must be one: use Flink "
        "or Spark on machines that share a file system, see docs/scaling.md"
    )


def test_find_cause():
    meant = ArtifactError("run/examples", "is in the way")
    outer = RuntimeError("bundle failed")
    outer.__context__ = ValueError("step failed")
    outer.__context__.__cause__ = meant
    assert find_cause(outer) is meant
    assert find_cause(meant) is meant
    assert find_cause(RuntimeError("no fault of the user's")) is None
    assert find_cause(None) is None


def test_find_cause_ends_in_a_circle():
    one, other = RuntimeError("one"), RuntimeError("other")
    one.__context__, other.__context__ = other, one
    assert find_cause(one) is None


@pytest.mark.parametrize(
    "step", ["", " [while running 'Read/Read']", " [while running 'Map(<lambda at a.py:1>)']"]
)
def test_find_cause_in_the_text_of_another_process(step):
    error = RuntimeError(
        "Traceback (most recent call last):\n"
        '  File "x.py", line 1, in f\n'
        f"prebake.schemas.errors.DataError: {TEXT}{step}\n\nDuring handling …\nTraceback …\nValueError: other\n"
    )
    found = find_cause(error)
    assert type(found) is PrebakeError
    assert str(found) == TEXT


@pytest.mark.parametrize(
    "args",
    [
        [],
        ["--direct_num_workers=2", "--direct_running_mode=multi_threading"],
        pytest.param(
            ["--direct_num_workers=2", "--direct_running_mode=multi_processing"], marks=pytest.mark.long
        ),
    ],
    ids=["in process", "threads", "processes"],
)
def test_an_error_of_a_worker_comes_out_as_its_line(args):
    def fail(_: int) -> None:  # in here, so that it is sent whole: another process cannot import this file
        raise DataError("a.csv", 3, "x", "v\nw", "is bad: it's [not] a number")

    pipeline = make_pipeline(args)
    _ = pipeline | beam.Create([1, 2]) | beam.Map(fail)
    with pytest.raises(PrebakeError) as error:
        run(pipeline)
    assert str(error.value) == TEXT


def test_a_fault_of_the_program_keeps_its_traceback():
    pipeline = make_pipeline([])
    _ = pipeline | beam.Create([1]) | beam.Map(lambda x: x / 0)
    with pytest.raises(ZeroDivisionError):
        run(pipeline)


@pytest.mark.fault(37)
@pytest.mark.parametrize(
    ("error", "raised", "logged"),
    [
        (DataError("a.csv", 3, "x", "v", "is bad"), PrebakeError, False),
        (OSError(28, "No space left on device"), RuntimeError, False),
        (ZeroDivisionError("a fault of prebake"), ZeroDivisionError, True),
    ],
)
def test_only_what_nobody_can_mend_is_logged_with_its_traceback(caplog, error, raised, logged):
    def fail(_):
        raise error

    pipeline = make_pipeline([])
    _ = pipeline | beam.Create([1]) | beam.Map(fail)
    with pytest.raises(raised, match=r"is bad|No space|a fault"):
        run(pipeline)
    assert bool(caplog.records) == logged
