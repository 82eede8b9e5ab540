"""In: a file and a byte range. Out: a stream of just these bytes that knows their CRC32C."""

from __future__ import annotations

import io
from typing import BinaryIO

import google_crc32c
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems


def open_raw(path: str) -> BinaryIO:
    """The bytes of a file as they are: Beam's own decompression reads half of a truncated gzip file without an error."""
    return FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED)


class RangeReader(io.RawIOBase):
    """Bytes [start, stop) of a stream; closes it.

    `crc32c` is that of what has been read so far: of the range once it is read to its end.
    """

    def __init__(self, raw: BinaryIO, start: int, stop: int):
        super().__init__()
        raw.seek(start)
        self._raw = raw
        self._left = stop - start
        self._checksum = google_crc32c.Checksum()

    @property
    def crc32c(self) -> int:
        return int.from_bytes(self._checksum.digest(), "big")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        chunk = self._raw.read(min(len(buffer), self._left))
        self._left -= len(chunk)
        self._checksum.update(chunk)
        buffer[: len(chunk)] = chunk
        return len(chunk)

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()
