"""In: TF_CONFIG, which names the hosts of a training and this one. Out: a strategy over all; one line where one is lost.

Every host runs the same command on the same run directory, which all must see. The chief (the task `chief`, or worker 0)
finds where to begin, writes checkpoints and the result, and decides when to stop; the others follow, and write nothing.
If a host is lost, the others end with exit code 75, "try again": whoever started them starts all of them again, and they go
on from the last checkpoint. `python -m prebake.training.launch` does so for processes of one host.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping

import tensorflow as tf

from ..schemas.errors import PrebakeError
from .replicas import Replicas

_ROLES = ("chief", "worker")
_EXAMPLE = (
    '\'{"cluster": {"worker": ["host0:7000", "host1:7000"]}, "task": {"type": "worker", "index": 0}}\' on the first of '
    "two hosts; on one host `python -m prebake.training.launch --workers 2 RUN` sets it"
)
# What a step says when a host does not answer: gone, gone and back again, or on its way out like this one.
_LOST = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.FailedPreconditionError,
    tf.errors.InternalError,
)


class WorkerLostError(PrebakeError):
    """Another host of the training does not answer."""

    # EX_TEMPFAIL of sysexits.h.
    exit_code = 75


def read_cluster(environment: Mapping[str, str] = os.environ) -> tuple[int, int]:
    """The number of this host, the chief being 0, and how many there are.

    Raises:
      PrebakeError: TF_CONFIG is not there, or is not what it must be.
    """
    text = environment.get("TF_CONFIG", "")
    if not text:
        raise PrebakeError(f"training.distribution: multi_worker needs TF_CONFIG: {_EXAMPLE}")
    try:
        config = json.loads(text)
        cluster = {role: list(config["cluster"].get(role, ())) for role in config["cluster"]}
        role, index = config["task"]["type"], int(config["task"]["index"])
        strange = [name for name in cluster if name not in _ROLES]
        if strange:
            raise ValueError(f"there is no use for a {strange[0]}")
        if index < 0:
            raise ValueError("a task counts from 0")
        if len(cluster.get("chief", ())) > 1:
            raise ValueError("one chief at most")
        cluster[role][index]
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        why = str(error) if isinstance(error, ValueError) else "it names no such task"
        raise PrebakeError(f"training.distribution: TF_CONFIG cannot be used, {why}: {_EXAMPLE}") from None
    chiefs = len(cluster.get("chief", ()))
    return index + (chiefs if role == "worker" else 0), sum(map(len, cluster.values()))


def join_cluster() -> Replicas:
    """Waits until all hosts are there. Nothing else may have used TensorFlow in this process before.

    Raises:
      PrebakeError: see `read_cluster`, or it is too late.
    """
    worker, workers = read_cluster()
    try:
        return Replicas(tf.distribute.MultiWorkerMirroredStrategy(), worker, workers)
    except RuntimeError as error:
        raise PrebakeError(
            f"training.distribution: multi_worker must begin before TensorFlow is used in a process: {error}"
        ) from None


@contextlib.contextmanager
def lost_hosts(replicas: Replicas) -> Iterator[None]:
    """Turns what TensorFlow says when another host is gone into one line.

    Raises:
      WorkerLostError: see above.
    """
    try:
        yield
    except _LOST as error:
        if replicas.workers == 1:
            raise
        reason = next((line for line in error.message.splitlines() if "Collective" not in line and line), "")
        raise WorkerLostError(
            f"training: another worker is lost ({reason.strip()[:100] or type(error).__name__}): start all "
            f"{replicas.workers} workers again to go on from the last checkpoint"
        ) from None
