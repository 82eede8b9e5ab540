"""In: the bytes of parts. Out: files of one folder that hold them, and each part's place.

Workers of one machine hand on the places alone: the bytes themselves the local runner would copy several times and hold in
memory until all rows are there.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable
from typing import NamedTuple


class Place(NamedTuple):
    """Bytes [start, start + size) of a file."""

    path: str
    start: int
    size: int


class Spill:
    """One file, of one worker thread; what was added can be read after `flush`.

    Args:
      folder: exists, and is removed with all files in it when the job has ended.
    """

    def __init__(self, folder: str):
        self._path = os.path.join(folder, uuid.uuid4().hex)
        self._file = open(self._path, "xb")  # noqa: SIM115  open for as long as its worker
        self._size = 0

    def add(self, data: bytes) -> Place:
        self._file.write(data)
        place = Place(self._path, self._size, len(data))
        self._size += len(data)
        return place

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        self._file.close()


def read_places(places: Iterable[Place]) -> list[bytes]:
    """The bytes of each.

    Raises:
      OSError: a file is gone or was cut short.
    """
    descriptors: dict[str, int] = {}
    found = []
    try:
        for path, start, size in places:
            if path not in descriptors:
                descriptors[path] = os.open(path, os.O_RDONLY)
            data = os.pread(descriptors[path], size, start)
            if len(data) < size:
                raise OSError(f"{path} was cut short while it was in use")
            found.append(data)
    finally:
        for descriptor in descriptors.values():
            os.close(descriptor)
    return found
