"""In: arrays by name and a record of plain values. Out: one file, complete or absent, and both back; none of it is ever run.

The file: a line that names the format, the length of the head (8 bytes, little endian), the head (JSON: the record, and
name, dtype and shape of each array), the arrays' bytes, and the CRC32C of all that (4 bytes, little endian).
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import google_crc32c
import numpy as np

from ..schemas.commit import TEMPORARY_PREFIX
from ..schemas.disk import disk_fault
from ..schemas.errors import ArtifactError

_FORMAT = b"prebake checkpoint 1\n"
_LENGTH_BYTES = 8
_CHECKSUM_BYTES = 4


class Checkpoint(NamedTuple):
    """What a training stands at.

    Attributes:
      record: what JSON can hold; numbers come back as they were, infinities and NaN too.
      arrays: by name.
    """

    record: dict[str, Any]
    arrays: Mapping[str, np.ndarray]


def write_checkpoint(path: str, checkpoint: Checkpoint) -> None:
    """Writes the file under another name, flushes it to the disk and renames it.

    Raises:
      ArtifactError: the disk is full, or takes the file for another reason not; a file that was there stands as it was.
    """
    folder, name = os.path.split(path)
    temporary = os.path.join(folder, TEMPORARY_PREFIX + name)
    try:
        with open(temporary, "wb") as file:
            checksum = google_crc32c.Checksum()
            for part in _parts(checkpoint):
                checksum.update(part)
                file.write(part)
            file.write(int.from_bytes(checksum.digest(), "big").to_bytes(_CHECKSUM_BYTES, "little"))
            file.flush()
            os.fsync(file.fileno())
        os.rename(temporary, path)
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise not_written(path, error) from None


def not_written(path: str, error: Exception) -> ArtifactError:
    """What a person reads when a checkpoint, or what lies beside it, could not be written."""
    fault = disk_fault(error)
    reason, advice = fault or (getattr(error, "strerror", None) or str(error), "run again")
    return ArtifactError(path, f"could not be written: {reason}: {advice}, to go on from the last checkpoint")


def _parts(checkpoint: Checkpoint) -> Iterator[bytes]:
    described = [[name, array.dtype.str, array.shape] for name, array in checkpoint.arrays.items()]
    head = json.dumps({"record": checkpoint.record, "arrays": described}).encode()
    yield _FORMAT + len(head).to_bytes(_LENGTH_BYTES, "little") + head
    for array in checkpoint.arrays.values():
        yield array.tobytes()


def read_checkpoint(path: str) -> Checkpoint:
    """What `write_checkpoint` wrote; the arrays may not be written to.

    Raises:
      ArtifactError: the file is missing, cut, altered or something else.
    """
    try:
        with open(path, "rb") as file:
            content = file.read(max(0, os.fstat(file.fileno()).st_size - _CHECKSUM_BYTES))
            checksum = file.read()
    except FileNotFoundError:
        raise ArtifactError(path, "is missing") from None
    except OSError as error:
        raise ArtifactError(path, f"cannot be read: {error.strerror}") from None
    if not content.startswith(_FORMAT):
        raise ArtifactError(path, "is no checkpoint of this version of prebake")
    if google_crc32c.value(content) != int.from_bytes(checksum, "little"):
        raise ArtifactError(path, "is cut or altered: its CRC32C does not match")
    at = len(_FORMAT) + _LENGTH_BYTES
    size = int.from_bytes(content[len(_FORMAT) : at], "little")
    try:
        head = json.loads(content[at : at + size])
        at += size
        arrays = {}
        for name, dtype, shape in head["arrays"]:
            count = math.prod(shape)
            arrays[name] = np.frombuffer(content, np.dtype(dtype), count, at).reshape(shape)
            if count < 0:  # which for numpy would be all that is left
                raise ValueError
            at += arrays[name].nbytes
        return Checkpoint(head["record"], arrays)
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        # Nothing that prebake wrote: the checksum is right.
        raise ArtifactError(path, "is no checkpoint: its head does not describe what follows") from None
