"""In: a directory to be made. Out: it is there, complete and verified by its manifest, or it is as it was before.

A step writes into a temporary directory beside the final one (the same file system, so that a rename can publish it),
the manifest last, everything is flushed, and one rename makes it visible. Temporary names start with `.tmp-`: no reader
takes them for a result, and TensorFlow Serving, which loads any new numeric directory, does not see them.

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
from collections.abc import Iterator

from .errors import ArtifactError
from .manifest import MANIFEST, fill_files, list_files, read_manifest, write_manifest
from .manifest_pb2 import Manifest

TEMPORARY_PREFIX = ".tmp-"


def is_current(directory: str, manifest: Manifest, *, replace: bool = False) -> bool:
    """Tells whether the step has been done already.

    Args:
      directory: of the step.
      manifest: what would be written, with its fingerprint set.
      replace: another fingerprint is not an error.

    Returns:
      True if the directory is there with the same fingerprint, False if the step has to run.

    Raises:
      ArtifactError: the directory holds the result of something else; names what differs.
    """
    if not os.path.exists(directory):
        return False
    if not os.path.exists(os.path.join(directory, MANIFEST)):
        # Not even `replace` may delete what somebody else put there.
        raise ArtifactError(
            directory, "is in the way: it has no manifest, so prebake did not write it; move it away"
        )
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
def publish(directory: str, manifest: Manifest, *, replace: bool = False) -> Iterator[str]:
    """Yields a temporary directory; publishes it as `directory` when the block ends without an exception.

    Args:
      directory: to be made.
      manifest: its `files` are filled in here; the caller may set other fields until the block ends.
      replace: a directory that is there is replaced; it stays as it is until the new one is complete.

    Raises:
      ArtifactError: the directory is there and `replace` is False, or another run published it first.
    """
    directory = os.path.normpath(directory)
    if os.path.exists(directory) and not replace:
        raise ArtifactError(directory, "is there already: add --replace, or choose another --run")
    parent, name = os.path.split(directory)
    with temporary_directory(parent, name) as temporary:
        yield temporary
        fill_files(manifest, temporary)
        write_manifest(manifest, temporary)
        _flush(temporary)
        _rename(temporary, directory, replace)


@contextlib.contextmanager
def temporary_directory(parent: str, name: str) -> Iterator[str]:
    """Yields a new directory `parent/.tmp-<name>-…`; when the block ends it is gone, unless it was renamed.

    Those of the same name that killed processes of this host have left are removed first.
    """
    parent = parent or "."
    os.makedirs(parent, exist_ok=True)
    stem = os.path.join(parent, f"{TEMPORARY_PREFIX}{name}-{socket.gethostname()}-")
    with _lock(parent, wait=True):  # so that nobody sees a new directory before it is locked
        for path in glob.glob(glob.escape(stem) + "*"):
            with contextlib.suppress(OSError), _lock(path, wait=False):
                shutil.rmtree(path, ignore_errors=True)
        path = stem + uuid.uuid4().hex[:8]
        os.mkdir(path)
        lock = contextlib.ExitStack()
        lock.enter_context(_lock(path, wait=True))
    with lock:
        try:
            yield path
        finally:
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
        descriptor = os.open(os.path.join(directory, path), os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    for folder, _, _ in os.walk(directory):
        _flush_folder(folder)


def _flush_folder(folder: str) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _rename(temporary: str, directory: str, replace: bool) -> None:
    parent, name = os.path.split(directory)
    olds = os.path.join(parent, f"{TEMPORARY_PREFIX}old-{name}-")
    old = None
    try:
        if replace and os.path.exists(directory):
            # Two renames: between them the directory is absent, never half there.
            os.rename(directory, name_of_old := olds + uuid.uuid4().hex[:8])
            old = name_of_old
        os.rename(temporary, directory)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
            raise ArtifactError(
                directory, "another run published it first; this run's result is dropped"
            ) from None
        if old is not None:
            os.rename(old, directory)
        raise ArtifactError(directory, f"could not be published: {error.strerror}") from None
    _flush_folder(parent or ".")
    # Also what a process left that was killed between its two renames; until now it was the only complete result.
    for path in glob.glob(glob.escape(olds) + "?" * 8):
        shutil.rmtree(path, ignore_errors=True)
