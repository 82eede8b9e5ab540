"""In: an unfinished training's directory. Out: its checkpoints, written, kept and found again, by one process at a time.

`training/.unfinished-<name>/` lies beside the result until that is published; no reader takes it for one. It holds the last
checkpoints, those of the best epochs, and a list of them, by which a missing one is noticed. A checkpoint says itself what
it belongs to, and where in the training it was written.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from ..schemas.commit import TEMPORARY_PREFIX, differences
from ..schemas.disk import disk_fault
from ..schemas.errors import ArtifactError, PrebakeError
from ..schemas.manifest import add_part
from ..schemas.manifest_pb2 import Manifest
from .checkpoint_file import Checkpoint, not_written, read_checkpoint, write_checkpoint

_PREFIX = ".unfinished-"
_LIST = "checkpoints.json"
# What a training that fails leaves, see train.py.
KEPT_MODEL = "model.keras"
_NAME = re.compile(r"epoch-(\d{5,})-step-(\d{8,})\.checkpoint")
_KEEP = 3


class Place(NamedTuple):
    """Where in a training: `epoch` epochs are complete, and `step` steps of the next one. Places sort by time."""

    epoch: int
    step: int

    @property
    def file(self) -> str:
        return f"epoch-{self.epoch:05d}-step-{self.step:08d}.checkpoint"


def best_epochs(losses: Sequence[float]) -> list[int]:
    """The epochs, counted from 1, whose validation loss was the smallest up to then."""
    found: list[int] = []
    for epoch, loss in enumerate(losses, 1):
        if not found or loss < losses[found[-1] - 1]:
            found.append(epoch)
    return found


def places_to_keep(places: Sequence[Place], losses: Sequence[float]) -> set[Place]:
    """Which checkpoints stay.

    Args:
      places: of those that are there.
      losses: the validation loss of each complete epoch.

    Returns:
      The last few; the best epoch of each, whose weights are the result if none better comes; and the best epoch before
      the best one, so that there is a way back if that one file is damaged.
    """
    last = sorted(places)[-_KEEP:]
    best = set(best_epochs(losses)[-2:])
    for place in last:
        best.update(best_epochs(losses[: place.epoch])[-1:])
    return {place for place in places if place in last or (place.epoch in best and not place.step)}


class Checkpoints:
    """The checkpoints of one training. See `open_checkpoints`."""

    def __init__(self, directory: str, parts: Mapping[str, str]):
        self.directory = directory
        self._parts = dict(parts)

    def path(self, place: Place) -> str:
        return os.path.join(self.directory, place.file)

    def write(self, place: Place, losses: Sequence[float], checkpoint: Checkpoint) -> None:
        """Adds a checkpoint, then removes those that are needed no more.

        Args:
          place: where the training stands.
          losses: the validation loss of each complete epoch.
          checkpoint: what it stands at.

        Raises:
          ArtifactError: it could not be written; all others stand.
        """
        record = {**checkpoint.record, "parts": self._parts, "place": place, "losses": list(losses)}
        write_checkpoint(self.path(place), Checkpoint(record, checkpoint.arrays))
        there = self._places()
        kept = places_to_keep(there, losses)
        try:
            self._write_list(kept)
            for old in set(there) - kept:
                os.unlink(self.path(old))
        except OSError as error:
            raise not_written(self.directory, error) from None

    def read(self, place: Place) -> Checkpoint:
        """A checkpoint of this training.

        Raises:
          ArtifactError: it is missing, cut or altered, or stands under another's name.
        """
        checkpoint = read_checkpoint(self.path(place))
        if Place(*checkpoint.record["place"]) != place:
            raise ArtifactError(self.path(place), "is another checkpoint under this name")
        return checkpoint

    def newest(self, notice: Callable[[str], None], *, drop_others: bool = False) -> Checkpoint | None:
        """The newest checkpoint that is whole, and whose best epoch is; None if the directory has none at all.

        Args:
          notice: is called with one line about each newer one that is not.
          drop_others: the checkpoints of another training are removed.

        Raises:
          ArtifactError: all are damaged, or they are of another training.
        """
        listed = self._read_list(notice)
        places = sorted(listed | set(self._places()), reverse=True)
        said: set[str] = set()
        for number, place in enumerate(places):
            try:
                checkpoint = self.read(place)
                best = Place(best_epochs(checkpoint.record["losses"] or [0])[-1], 0)
                if checkpoint.record["losses"] and best != place:
                    self.read(best)
            except ArtifactError as error:
                # Once, though several may need the same best epoch.
                if str(error) not in said:
                    notice(f"{error}: going back to the checkpoint before it")
                said.add(str(error))
                continue
            if not self._is_ours(checkpoint, drop_others):
                self.clear()
                return None
            for damaged in places[:number]:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(self.path(damaged))
            return checkpoint
        if places:
            raise ArtifactError(
                self.directory, "every checkpoint is damaged: add --restart to train from the start"
            )
        return None

    def _is_ours(self, checkpoint: Checkpoint, drop_others: bool) -> bool:
        if checkpoint.record["parts"] == self._parts:
            return True
        if drop_others:
            return False
        others = differences(_manifest(checkpoint.record["parts"]), _manifest(self._parts))
        epochs = Place(*checkpoint.record["place"]).epoch
        raise ArtifactError(
            self.directory,
            f"is an unfinished training ({epochs} epochs) from other {others}: add --restart to drop it, or give "
            "training.name another value",
        )

    def clear(self) -> None:
        """Removes all checkpoints, and what else is in the directory."""
        for entry in os.scandir(self.directory):
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path)
            else:
                os.unlink(entry.path)

    def remove(self) -> None:
        """Removes the directory."""
        shutil.rmtree(self.directory)

    def is_empty(self) -> bool:
        """Whether no checkpoint was ever written here, and no model of a training that failed is kept."""
        lasting = (_LIST, KEPT_MODEL)
        return not (
            self._places() or any(os.path.exists(os.path.join(self.directory, name)) for name in lasting)
        )

    def _places(self) -> list[Place]:
        found = (_NAME.fullmatch(name) for name in os.listdir(self.directory))
        return [Place(int(match[1]), int(match[2])) for match in found if match]

    def _write_list(self, places: set[Place]) -> None:
        path = os.path.join(self.directory, _LIST)
        temporary = os.path.join(self.directory, TEMPORARY_PREFIX + _LIST)
        with open(temporary, "w", encoding="utf-8") as file:
            json.dump(sorted(places), file)
        os.rename(temporary, path)

    def _read_list(self, notice: Callable[[str], None]) -> set[Place]:
        path = os.path.join(self.directory, _LIST)
        try:
            with open(path, encoding="utf-8") as file:
                return {Place(int(epoch), int(step)) for epoch, step in json.load(file)}
        except FileNotFoundError:
            # Killed before the first one was listed, or removed: the files speak for themselves.
            return set()
        except (ValueError, TypeError):
            notice(f"{path}: is damaged: taking the checkpoints that are there")
            return set()


def _manifest(parts: Mapping[str, str]) -> Manifest:
    manifest = Manifest()
    for name, sha256 in parts.items():
        add_part(manifest, name, sha256)
    return manifest


@contextlib.contextmanager
def open_checkpoints(
    directory: str, parts: Mapping[str, str], *, restart: bool = False
) -> Iterator[Checkpoints]:
    """Makes the directory of the checkpoints, if it is not there, and holds it until the block ends.

    Args:
      directory: of the result, `training/<name>`; the checkpoints lie beside it.
      parts: of the training's fingerprint, by name.
      restart: removes what is there.

    Raises:
      ArtifactError: another process holds it, or the disk took no more of what the block wrote.
    """
    path = directory_beside(directory)
    with _held(path):
        checkpoints = Checkpoints(path, parts)
        if restart:
            checkpoints.clear()
        for name in os.listdir(path):
            if name.startswith(TEMPORARY_PREFIX):  # a killed process was writing it
                os.unlink(os.path.join(path, name))
        try:
            yield checkpoints
        except PrebakeError:
            raise
        except Exception as error:
            if disk_fault(error) is None:
                raise
            raise not_written(path, error) from None
        finally:
            if os.path.exists(path) and checkpoints.is_empty():
                checkpoints.remove()


def drop_leftovers(directory: str, parts: Mapping[str, str]) -> None:
    """Removes the checkpoints of a training that was killed after its result was published; not those of another."""
    if os.path.isdir(directory_beside(directory)):
        with contextlib.suppress(ArtifactError), open_checkpoints(directory, parts) as checkpoints:
            if checkpoints.newest(lambda text: None) is not None:
                checkpoints.remove()


def directory_beside(directory: str) -> str:
    """Where the checkpoints of a result lie."""
    parent, name = os.path.split(os.path.normpath(directory))
    return os.path.join(parent, _PREFIX + name)


@contextlib.contextmanager
def _held(path: str) -> Iterator[None]:
    while True:
        os.makedirs(path, exist_ok=True)
        descriptor = os.open(path, os.O_RDONLY)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ArtifactError(
                    path,
                    "another process is at this training: wait until it ends, or give training.name another value",
                ) from None
            except OSError:
                pass  # a file system without locks: the rename at the end lets one of two win
            if _is_open(path, descriptor):
                yield
                return
        finally:
            os.close(descriptor)


def _is_open(path: str, descriptor: int) -> bool:
    """False if the process that held the directory has removed it, and perhaps another one made it anew."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False
