"""In: the checkpoints of a training that several hosts are at. Out: one place that all go on from, and one host that writes.

The chief holds the directory and decides; the others read what it tells them to. A training on one host is its own chief.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping

from ..schemas.spec_pb2 import Training
from .checkpoint_file import Checkpoint
from .checkpoints import Checkpoints, Place, directory_beside, open_checkpoints
from .replicas import Replicas
from .state import Progress

# To agree that it is time for a checkpoint, hosts have to wait for each other.
_STEPS_BETWEEN_LOOKS = 64


def hold_checkpoints(
    directory: str, parts: Mapping[str, str], restart: bool, replicas: Replicas
) -> contextlib.AbstractContextManager[Checkpoints]:
    """The checkpoints; see `open_checkpoints`, which the chief alone does."""
    if replicas.is_chief:
        return open_checkpoints(directory, parts, restart=restart)
    return contextlib.nullcontext(Checkpoints(directory_beside(directory), parts))


def find_start(
    checkpoints: Checkpoints, replicas: Replicas, notice: Callable[[str], None], drop_others: bool
) -> Checkpoint | None:
    """The checkpoint that all hosts go on from: the chief's newest, see `Checkpoints.newest`."""
    found = checkpoints.newest(notice, drop_others=drop_others) if replicas.is_chief else None
    epoch, step = replicas.from_chief(found.record["place"] if found else (-1, -1))
    if replicas.is_chief or epoch < 0:
        return found
    return checkpoints.read(Place(int(epoch), int(step)))


def is_due(training: Training, so_far: Progress, seconds: float, replicas: Replicas) -> bool:
    """Whether it is time for a checkpoint, `seconds` after the last. Where they are written does not change the result."""
    minutes, every = training.checkpoint.minutes, training.checkpoint.steps
    if not so_far.step or (every and so_far.step % every == 0):
        return True
    if not minutes or (replicas.workers > 1 and so_far.step % _STEPS_BETWEEN_LOOKS):
        return False
    return bool(replicas.from_chief([seconds >= 60 * minutes])[0])
