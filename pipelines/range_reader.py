"""In: a file and a byte range. Out: a stream of just these bytes that knows their CRC32C."""

from __future__ import annotations

import io
from typing import BinaryIO

import google_crc32c
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

from ..schemas.errors import DataError


def open_raw(path: str) -> BinaryIO:
    """The bytes of a file as they are: Beam's own decompression reads half of a truncated gzip file without an error.

    Raises:
      DataError: the file is gone or may not be read.
    """
    try:
        return FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED)
    except OSError as error:
        raise DataError(path, None, None, None, f"cannot be read: {error.strerror or error}") from None


def read_whole(path: str) -> bytes:
    """The bytes of a file.

    Raises:
      OSError: it cannot be read.
    """
    with FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED) as file:
        return file.read()


def file_changed(path: str) -> DataError:
    """The error of a file that is not what it was when it was found or indexed."""
    return DataError(
        path, None, None, None, "changed while it was read: run the step again when it is complete"
    )


class RangeReader(io.RawIOBase):
    """Bytes [start, stop) of a stream; closes it.

    `crc32c` is that of what has been read so far: of the range once it is read to its end.
    """

    def __init__(self, raw: BinaryIO, start: int, stop: int):
        super().__init__()
        self._raw = raw
        self._start, self._stop = start, stop
        self.seek(0)

    @property
    def crc32c(self) -> int:
        return int.from_bytes(self._checksum.digest(), "big")

    @property
    def left(self) -> int:
        """Bytes of the range that have not been read; not 0 at the end of a file that has become shorter."""
        return self._left

    @property
    def file_goes_on(self) -> bool:
        """Whether the file has bytes behind the range, once that has been read to its end."""
        return self._goes_on

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Back to the start of the range: decompression looks at the first bytes and begins again."""
        assert (offset, whence) == (0, io.SEEK_SET), "a range is read from its start"
        self._raw.seek(self._start)
        self._left = self._stop - self._start
        self._goes_on = False
        self._checksum = google_crc32c.Checksum()
        return 0

    def read(self, size: int | None = -1) -> bytes:
        # RawIOBase would read into a buffer, to copy that and this.
        return self.readall() if size is None or size < 0 else self._next(size)

    def readinto(self, buffer) -> int:
        chunk = self._next(len(buffer))
        buffer[: len(chunk)] = chunk
        return len(chunk)

    def _next(self, size: int) -> bytes:
        chunk = self._raw.read(min(size, self._left))
        self._left -= len(chunk)
        self._checksum.update(chunk)
        if not self._left:
            # Now, because whoever reads the stream to its end may close it.
            self._goes_on = self._goes_on or bool(self._raw.read(1))
        return chunk

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()
