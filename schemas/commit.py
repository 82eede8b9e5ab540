"""In: a directory to be made. Out: it is there, complete and verified by its manifest, or it is as it was before.

A step writes into a temporary directory beside the final one (the same file system, so that a rename can publish it),
the manifest last, everything is flushed, and one rename makes it visible. Temporary names start with `.tmp-`: no reader
takes them for a result, and TensorFlow Serving, which loads any new numeric directory, does not see them.
"""

from __future__ import annotations

import contextlib
import os
import shutil
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
        if replace:
            return False
        raise ArtifactError(directory, "is in the way: it has no manifest, so prebake did not write it; move it away")
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
        directory, f"was made from other {_differences(found, manifest)}: add --replace, or choose another --run"
    )


def _differences(found: Manifest, wanted: Manifest) -> str:
    old = {part.name: part.sha256 for part in found.parts}
    new = {part.name: part.sha256 for part in wanted.parts}
    return ", ".join(sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name)))


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
    os.makedirs(parent or ".", exist_ok=True)
    temporary = os.path.join(parent, f"{TEMPORARY_PREFIX}{name}-{uuid.uuid4().hex[:8]}")
    os.mkdir(temporary)
    try:
        yield temporary
        fill_files(manifest, temporary)
        write_manifest(manifest, temporary)
        _flush(temporary)
        _rename(temporary, directory, replace)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


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
    old = None
    if replace and os.path.exists(directory):
        # Two renames: between them the directory is absent, never half there.
        old = os.path.join(parent, f"{TEMPORARY_PREFIX}old-{name}-{uuid.uuid4().hex[:8]}")
        os.rename(directory, old)
    try:
        os.rename(temporary, directory)
    except OSError as error:
        if old is not None:
            os.rename(old, directory)
        if os.path.exists(directory):
            raise ArtifactError(directory, "another run published it first; this run's result is dropped") from None
        raise ArtifactError(directory, f"could not be published: {error.strerror}") from None
    _flush_folder(parent or ".")
    if old is not None:
        shutil.rmtree(old, ignore_errors=True)
