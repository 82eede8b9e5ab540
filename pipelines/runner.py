"""In: Beam options as a user gives them. Out: a pipeline on the runner that they name, on this machine by default."""

from __future__ import annotations

import logging
import re
import shlex
import sys
from collections.abc import Sequence

import apache_beam as beam
from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import DirectOptions, PipelineOptions, StandardOptions
from apache_beam.portability.api import beam_provision_api_pb2
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.runners.portability.fn_api_runner.fn_runner import ExtendedProvisionInfo
from apache_beam.transforms.environments import SubprocessSDKEnvironment

from ..schemas.disk import disk_fault
from ..schemas.errors import PrebakeError
from .lost_worker import lost_worker
from .progress import follow

# Of another process only the text of the traceback arrives, to whose last line Beam adds the step.
_IN_TRACEBACK = re.compile(
    r"^prebake\.schemas\.errors\.\w+: (.*?)(?: \[while running '.*'\])?$", re.MULTILINE
)

_WORKER_LOG = "apache_beam.runners.common"
_LOCAL = (None, "DirectRunner", "FnApiRunner")
_PROCESSES = "multi_processing"
_SAYS_WORKERS = ("--direct_num_workers", "--direct_running_mode")


def use_options(beam_args: Sequence[str]) -> None:
    """Beam's filesystems follow these options, e.g. --s3_endpoint_url, from now on: files are looked up before any job."""
    FileSystems.set_options(PipelineOptions(list(beam_args)))


def make_pipeline(beam_args: Sequence[str], processes: int = 1) -> beam.Pipeline:
    """A pipeline, to be given to `run`.

    Args:
      beam_args: Beam's own options, e.g. ["--runner=FlinkRunner", "--flink_master=…"]. Without a runner: this machine.
      processes: that work on this machine, unless the options say how many.

    Raises:
      PrebakeError: it is Dataflow.
    """
    options = PipelineOptions(list(beam_args))
    runner = options.view_as(StandardOptions).runner
    if str(runner).rpartition(".")[2].removeprefix("Test") == "DataflowRunner":
        raise PrebakeError(
            f"--runner={runner}: its workers share no folder with this machine, and the run directory must be one: use "
            "Flink or Spark on machines that share a file system, see docs/scaling.md"
        )
    direct = options.view_as(DirectOptions)
    if processes > 1 and not any(one.startswith(_SAYS_WORKERS) for one in beam_args):
        direct.direct_num_workers, direct.direct_running_mode = processes, _PROCESSES
    # Named, because Beam's own choice on one machine first tries to download and start another runner.
    return beam.Pipeline(runner=_local(options) if runner in _LOCAL else runner, options=options)


def _local(options: PipelineOptions) -> FnApiRunner:
    """With what its worker processes need to know of the options, which it would keep to itself: how files are reached."""
    given = options.get_all_options(drop_default=True).items()
    # Numbers would arrive there as 2.0.
    told = {f"beam:option:{name}:v1": value for name, value in given if isinstance(value, str | bool)}
    info = beam_provision_api_pb2.ProvisionInfo(retrieval_token="none")
    info.pipeline_options.update(told)
    environment, direct = None, options.view_as(DirectOptions)
    if direct.direct_running_mode == _PROCESSES:
        # Beam's own would be loud, and would import any file of the working directory.
        command = f"{shlex.quote(sys.executable)} -P -m prebake.pipelines.local_worker"
        environment = SubprocessSDKEnvironment.from_command_string(command)
        direct.direct_running_mode = "in_memory"
    return FnApiRunner(default_environment=environment, provision_info=ExtendedProvisionInfo(info))


def is_local(pipeline: beam.Pipeline) -> bool:
    """Whether all workers run on this machine."""
    return isinstance(pipeline.runner, FnApiRunner)


def run(pipeline: beam.Pipeline) -> None:
    """Runs a pipeline to its end.

    Raises:
      PrebakeError: the fault for a person that a worker raised, without Beam's own story around it; or a worker was killed.
    """
    log = logging.getLogger(_WORKER_LOG)
    log.addFilter(_is_news)
    try:
        if is_local(pipeline):
            with lost_worker():
                pipeline.run()
        else:
            job = pipeline.run()
            with follow(job):
                job.wait_until_finish()
    except Exception as error:
        cause = find_cause(error)
        if cause is None:
            raise
        raise cause from None
    finally:
        log.removeFilter(_is_news)


def _is_news(record: logging.LogRecord) -> bool:
    """False of a fault that ends the command with one line: Beam writes a traceback of it before that."""
    error = record.exc_info[1] if record.exc_info else None
    return error is None or (find_cause(error) is None and disk_fault(error) is None)


def find_cause(error: BaseException | None) -> PrebakeError | None:
    """The PrebakeError in an exception's chain of causes, if there is one, or in the text that a worker process sent."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, PrebakeError):
            return error
        if told := _IN_TRACEBACK.search(str(error)):
            return PrebakeError(told[1])
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return None
