"""In: a run, and how many processes. Out: the training on all of them, on this host; what stops is started again.

    python -m prebake.training.launch --workers 2 RUN

Each process is a worker of `training.distribution: multi_worker`. If one is killed, the others cannot go on without it and
end too; then all are started again, and go on from the last checkpoint. A mistake of the user (exit code 2) ends it all.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence

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
    cluster = {"worker": [f"localhost:{port}" for port in free_ports(count)]}
    return [
        subprocess.Popen(
            command,
            env={
                **os.environ,
                "TF_CONFIG": json.dumps({"cluster": cluster, "task": {"type": "worker", "index": index}}),
            },
            start_new_session=True,
        )
        for index in range(count)
    ]


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
    """Runs the command on so many workers until all end well.

    Args:
      command: of one worker.
      count: of the workers.
      restarts: at most.

    Returns:
      0; or the exit code of a worker: 2 for a mistake, and what the last one to fail said if there was no restart left.
    """
    for attempt in range(restarts + 1):
        workers = start_workers(command, count)
        try:
            codes = end_of(workers)
        finally:
            kill(workers)
        if not any(codes):
            return 0
        if _MISTAKE in codes:
            return _MISTAKE
        worst = min(codes) if min(codes) < 0 else max(codes)
        ended = ", ".join(f"worker {index} {_said(code)}" for index, code in enumerate(codes) if code)
        left = restarts - attempt
        what = f"starting all {count} again" if left else "no restart is left"
        print(f"launch: {ended}: {what}", file=sys.stderr, flush=True)
    return worst if worst > 0 else 128 - worst


def _said(code: int) -> str:
    return f"was ended by signal {-code}" if code < 0 else f"ended with code {code}"


def main(arguments: list[str] | None = None) -> int:
    """The command. Returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m prebake.training.launch",
        description="Train a run with `distribution: multi_worker` on processes of this host.",
        epilog="Further options are those of `python -m prebake.training.train`.",
    )
    parser.add_argument("run", help="run directory that `prebake preprocess` wrote")
    parser.add_argument("--workers", type=int, default=2, help="processes (default: %(default)s)")
    parser.add_argument(
        "--restarts", type=int, default=10, help="how often all are started again (default: %(default)s)"
    )
    options, rest = parser.parse_known_args(arguments)
    if options.workers < 1 or options.restarts < 0:
        parser.error("--workers must be at least 1, --restarts at least 0")
    return launch(
        [sys.executable, "-m", "prebake.training.train", options.run, *rest],
        options.workers,
        options.restarts,
    )


if __name__ == "__main__":
    sys.exit(main())
