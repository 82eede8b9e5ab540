"""In: a directory or file to be made. Out: it is there, complete, or it is as it was before.

A step writes into a temporary directory beside the final one (the same file system, so that a rename can publish it),
the manifest last, everything is flushed, and one rename makes it visible; one that is there already is exchanged for it in
one step where the system can (schemas/exchange.py). Temporary names start with `.tmp-`: no reader takes them for a result,
and TensorFlow Serving, which loads any new numeric directory, does not see them.

A killed process leaves its temporary directories; the next step of the same name on the same host removes them. It tells
them from those of a living process by the lock that this holds: the system releases it however the process ends.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import glob
import os
import shutil
import socket
import uuid
from collections.abc import Iterator, Mapping

from .disk import disk_fault, disk_faults
from .errors import ArtifactError
from .exchange import exchange
from .manifest import MANIFEST, fill_files, list_files, read_manifest, write_manifest
from .manifest_pb2 import Manifest

TEMPORARY_PREFIX = ".tmp-"
# See `publication`.
Stamp = tuple[int, ...] | None


def is_current(directory: str, manifest: Manifest, *, replace: bool = False) -> bool:
    """Tells whether the step has been done already. What killed runs of the step have left is tidied up first.

    Args:
      directory: of the step.
      manifest: what would be written, with its fingerprint set.
      replace: another fingerprint is not an error.

    Returns:
      True if the directory is there with the same fingerprint, False if the step has to run.

    Raises:
      ArtifactError: the directory holds the result of something else; names what differs.
    """
    directory = os.path.normpath(directory)
    _tidy(directory)
    if publication(directory) is None:
        return False
    try:
        found = read_manifest(directory, manifest.step)
    except ArtifactError:
        if replace:
            return False
        raise
    if found.fingerprint == manifest.fingerprint:
        return True
    if replace:
        return False
    raise ArtifactError(
        directory,
        f"was made from other {differences(found, manifest)}: add --replace, or choose another --run",
    )


def different_parts(found: Manifest, wanted: Manifest) -> list[str]:
    """Names of the parts in which two fingerprints differ, sorted."""
    old = {part.name: part.sha256 for part in found.parts}
    new = {part.name: part.sha256 for part in wanted.parts}
    return sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))


def differences(found: Manifest, wanted: Manifest) -> str:
    """Names of the parts in which two fingerprints differ, in one line."""
    return ", ".join(different_parts(found, wanted))


@contextlib.contextmanager
def publish(
    directory: str, manifest: Manifest, *, replace: bool = False, made_from: Mapping[str, Stamp] | None = None
) -> Iterator[str]:
    """Yields a temporary directory; publishes it as `directory` when the block ends without an exception.

    Args:
      directory: to be made.
      manifest: its `files` are filled in here; the caller may set other fields until the block ends.
      replace: a directory that is there is replaced; it stays as it is until the new one is complete.
      made_from: directories beside it, with the `publication` of each that this one is made from.

    Raises:
      ArtifactError: the directory is there and `replace` is False, another run published it, or replaced what it is made
        from, since this one began, or it cannot be written.
    """
    directory = os.path.normpath(directory)
    _tidy(directory)
    before = publication(directory)
    if before is not None and not replace:
        raise ArtifactError(directory, "is there already: add --replace, or choose another --run")
    parent, name = os.path.split(directory)
    with temporary_directory(parent, name) as temporary:
        with disk_faults(directory, temporary):
            yield temporary
            fill_files(manifest, temporary)
            write_manifest(manifest, temporary)
            _flush(temporary)
        with _lock(parent or ".", wait=True):
            for source, stamp in (made_from or {}).items():
                if publication(source) != stamp:
                    raise ArtifactError(
                        source, f"another run replaced it; the {name} made from it are dropped: run again"
                    )
            _put_in_place(temporary, directory, before)


@contextlib.contextmanager
def new_file(path: str) -> Iterator[str]:
    """Yields the path of a draft; when the block ends without an exception, the file that was written there is `path`.

    Raises:
      ArtifactError: it cannot be written; what was at `path` is there as before.
    """
    parent, name = os.path.split(path)
    with temporary_directory(parent, name) as temporary, disk_faults(path, temporary):
        draft = os.path.join(temporary, name)
        yield draft
        _flush_one(draft)
        os.replace(draft, path)
        _flush_one(parent or ".")


@contextlib.contextmanager
def temporary_directory(parent: str, name: str) -> Iterator[str]:
    """Yields a new directory `parent/.tmp-<name>-…`; when the block ends it is gone, unless it was renamed.

    Those of the same name that killed processes of this host have left are removed first.

    Raises:
      ArtifactError: nothing can be written into `parent`.
    """
    parent = parent or "."
    path = _stem(parent, name) + uuid.uuid4().hex[:8]
    with contextlib.ExitStack() as lock:
        try:
            os.makedirs(parent, exist_ok=True)
            with _lock(parent, wait=True):  # so that nobody sees a new directory before it is locked
                _remove_abandoned(parent, name)
                os.mkdir(path)
                lock.callback(_remove, path)
                lock.enter_context(_lock(path, wait=True))
        except OSError as error:
            fault = disk_fault(error)
            advice = f": {fault.advice}" if fault else ""
            raise ArtifactError(parent, f"cannot be written into: {error.strerror}{advice}") from None
        yield path


def _stem(parent: str, name: str) -> str:
    return os.path.join(parent, f"{TEMPORARY_PREFIX}{name}-{socket.gethostname()}-")


def _remove_abandoned(parent: str, name: str) -> None:
    for path in glob.glob(glob.escape(_stem(parent, name)) + "*"):
        with contextlib.suppress(OSError), _lock(path, wait=False):
            _remove(path)


def _remove(path: str) -> None:
    if os.path.islink(path):
        os.unlink(path)
    shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def _lock(directory: str, *, wait: bool) -> Iterator[None]:
    """Holds the directory's lock; without `wait` an OSError says that another process holds it."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except OSError:
            # A file system without locks: then nobody gets one, and nothing is ever removed.
            if not wait:
                raise
        yield
    finally:
        os.close(descriptor)


def _flush(directory: str) -> None:
    for path in list_files(directory):
        _flush_one(os.path.join(directory, path))
    for folder, _, _ in os.walk(directory):
        _flush_one(folder)


def _flush_one(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # a file system that cannot flush a folder by itself
            raise
    finally:
        os.close(descriptor)


def publication(directory: str) -> Stamp:
    """What tells one publication from another; None if there is none.

    Raises:
      ArtifactError: something else is there. Not even `replace` may delete what somebody else put there.
    """
    if not os.path.lexists(directory):
        return None
    try:
        status = os.stat(os.path.join(directory, MANIFEST))
    except (FileNotFoundError, NotADirectoryError):
        raise ArtifactError(
            directory, "is in the way: it has no manifest, so prebake did not write it; move it away"
        ) from None
    except OSError as error:
        raise ArtifactError(directory, f"cannot be read: {error.strerror}") from None
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size


def _put_in_place(temporary: str, directory: str, before: Stamp) -> None:
    """Publishes; the parent's lock is held. `temporary` then holds what was replaced, or is gone."""
    first = ArtifactError(directory, "another run published it first; this run's result is dropped")
    if publication(directory) != before:
        raise first
    try:
        if before is None:
            os.rename(temporary, directory)
        elif not exchange(temporary, directory):
            _rename_twice(temporary, directory)
    except OSError as error:
        # Where there are no locks, another run may still have come first.
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
            raise first from None
        raise ArtifactError(
            directory, f"could not be published: {error.strerror}; it is as it was before"
        ) from None
    try:
        _flush_one(os.path.dirname(directory) or ".")
    except OSError as error:
        raise ArtifactError(
            directory, f"is published, but the disk does not confirm it: {error.strerror}"
        ) from None


def _olds(directory: str) -> str:
    parent, name = os.path.split(directory)
    return os.path.join(parent, f"{TEMPORARY_PREFIX}old-{name}-")


def _rename_twice(temporary: str, directory: str) -> None:
    """Replaces where exchanging is not possible: between the renames the directory is absent, never half there."""
    old = _olds(directory) + uuid.uuid4().hex[:8]
    os.rename(directory, old)
    try:
        os.rename(temporary, directory)
    except OSError:
        os.rename(old, directory)
        raise
    _remove(old)


def _tidy(directory: str) -> None:
    """Removes what killed runs of the step have left; what one took away to replace it comes back."""
    parent, name = os.path.split(directory)
    parent = parent or "."
    with contextlib.suppress(OSError), _lock(parent, wait=True):
        for old in glob.glob(glob.escape(_olds(directory)) + "?" * 8):
            if os.path.lexists(directory):
                _remove(old)
            else:
                os.rename(old, directory)
        _remove_abandoned(parent, name)
