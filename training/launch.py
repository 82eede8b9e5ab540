"""In: a run, and how many processes or which hosts. Out: the training on all of them; what stops is started again.

    python -m prebake.training.launch --workers 2 RUN                           # two processes of this host
    python -m prebake.training.launch --hosts node[01-04] --index 0 RUN         # one of four hosts: the same on each

Each process is a worker of `training.distribution: multi_worker`. If one is killed, the others cannot go on without it and
end too; then all are started again, and go on from the last checkpoint. A mistake of the user (exit code 2) ends it all.
On several hosts each launcher starts its own worker again, which waits for the others.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

from ..schemas.errors import PrebakeError
from .hosts import INDEX_VARIABLES, expand_hosts, host_index, tf_config

# That the spec, the data or the command is wrong: it would be again.
_MISTAKE = 2
# The others notice by themselves that one is lost, after a few seconds; they are not waited for longer than this.
_SECONDS_TO_END = 30.0


def free_ports(count: int) -> list[int]:
    """Ports of this host that nobody listens on now."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("localhost", 0))
        return [one.getsockname()[1] for one in sockets]


def start_workers(command: Sequence[str], count: int) -> list[subprocess.Popen]:
    """Starts the command so many times, each time with another TF_CONFIG, in a process group of its own."""
    hosts = [f"localhost:{port}" for port in free_ports(count)]
    return [_start(command, tf_config(hosts, index, 0)) for index in range(count)]


def _start(command: Sequence[str], config: str) -> subprocess.Popen:
    return subprocess.Popen(command, env={**os.environ, "TF_CONFIG": config}, start_new_session=True)


def end_of(workers: Sequence[subprocess.Popen]) -> list[int]:
    """Waits until all have ended; once one has failed, the others have half a minute. Returns their exit codes."""
    failed_at = None
    while any(worker.poll() is None for worker in workers):
        if failed_at is None and any(worker.poll() for worker in workers):
            failed_at = time.monotonic()
        if failed_at is not None and time.monotonic() - failed_at > _SECONDS_TO_END:
            kill(workers)
        time.sleep(0.1)
    return [worker.wait() for worker in workers]


def kill(workers: Sequence[subprocess.Popen]) -> None:
    """Ends all that are still there, at once."""
    for worker in workers:
        if worker.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(worker.pid, signal.SIGKILL)


def launch(command: Sequence[str], count: int, restarts: int) -> int:
    """Runs the command on so many workers of this host until all end well.

    Args:
      command: of one worker.
      count: of the workers.
      restarts: at most.

    Returns:
      0; or the exit code of a worker: 2 for a mistake, and what the last one to fail said if there was no restart left.
    """
    return _repeat(lambda: start_workers(command, count), 0, f"all {count}", restarts)


def launch_one(command: Sequence[str], hosts: Sequence[str], index: int, port: int, restarts: int) -> int:
    """Runs the command as the worker of this host until it ends well.

    Args:
      command: of one worker.
      hosts: of all workers.
      index: which of them this is.
      port: that each host listens on, if it has none of its own.
      restarts: at most.

    Returns:
      As `launch`.

    Raises:
      PrebakeError: see `tf_config`.
    """
    config = tf_config(hosts, index, port)
    return _repeat(lambda: [_start(command, config)], index, "it", restarts)


def _repeat(start: Callable[[], list[subprocess.Popen]], first: int, who: str, restarts: int) -> int:
    for attempt in range(restarts + 1):
        workers = start()
        try:
            codes = end_of(workers)
        finally:
            kill(workers)
        if not any(codes):
            return 0
        if _MISTAKE in codes:
            return _MISTAKE
        worst = min(codes) if min(codes) < 0 else max(codes)
        ended = ", ".join(f"worker {index} {_said(code)}" for index, code in enumerate(codes, first) if code)
        left = restarts - attempt
        what = f"starting {who} again" if left else "no restart is left"
        print(f"launch: {ended}: {what}", file=sys.stderr, flush=True)
    return worst if worst > 0 else 128 - worst


def _said(code: int) -> str:
    return f"was ended by signal {-code}" if code < 0 else f"ended with code {code}"


def main(arguments: list[str] | None = None) -> int:
    """The command. Returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m prebake.training.launch",
        description="Train a run with `distribution: multi_worker` on processes of this host, or as one of several hosts.",
        epilog="Further options, behind RUN, are those of `python -m prebake.training.train`.",
    )
    parser.add_argument("run", help="run directory that `prebake preprocess` wrote; all hosts must see it")
    parser.add_argument("--workers", type=int, help="processes of this host (default: 2)")
    parser.add_argument(
        "--hosts", help="all hosts of the training, e.g. node[01-04] or a,b: one worker on each"
    )
    parser.add_argument(
        "--index",
        type=int,
        help=f"which of --hosts this is, from 0 (default: {' or '.join(INDEX_VARIABLES)})",
    )
    parser.add_argument(
        "--port", type=int, default=7000, help="that each of --hosts listens on (default: %(default)s)"
    )
    parser.add_argument(
        "--restarts",
        type=int,
        default=10,
        help="how often what stops is started again (default: %(default)s)",
    )
    options, rest = parser.parse_known_args(arguments)
    if (options.workers is not None and options.workers < 1) or options.restarts < 0:
        parser.error("--workers must be at least 1, --restarts at least 0")
    if options.hosts is None and options.index is not None:
        parser.error("--index goes with --hosts")
    if options.hosts is not None and options.workers is not None:
        parser.error("--workers are processes of this host, --hosts are others: give one of them")
    command = [sys.executable, "-m", "prebake.training.train", options.run, *rest]
    # A cluster takes a host away with SIGTERM, which the first process of a container does not obey by itself.
    before = signal.signal(signal.SIGTERM, _stop)
    try:
        if options.hosts is None:
            return launch(command, options.workers or 2, options.restarts)
        index = host_index(os.environ) if options.index is None else options.index
        return launch_one(command, expand_hosts(options.hosts), index, options.port, options.restarts)
    except PrebakeError as error:
        print(f"launch: {error}", file=sys.stderr)
        return _MISTAKE
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    finally:
        signal.signal(signal.SIGTERM, before)


def _stop(number: int, _: object) -> None:
    """Ends the workers as well: see `_repeat`."""
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
