"""In: a file's bytes, perhaps compressed. Out: a stream of its content that fails where the file is damaged.

Beam's own reader gives the first half of a truncated .gz without an error, hence this one.
"""

from __future__ import annotations

import bz2
import io
import zlib
from typing import BinaryIO, cast

import pyarrow as pa

from . import spec_pb2
from .errors import DataError

_CHUNK_BYTES = 1 << 18
_NAMES = {
    spec_pb2.COMPRESSION_GZIP: "gzip",
    spec_pb2.COMPRESSION_BZIP2: "bzip2",
    spec_pb2.COMPRESSION_ZSTD: "zstd",
}
_ENDINGS = {
    ".gz": spec_pb2.COMPRESSION_GZIP,
    ".bz2": spec_pb2.COMPRESSION_BZIP2,
    ".zst": spec_pb2.COMPRESSION_ZSTD,
}
# (first bytes, bytes 4 to 9): a text may begin with BZh, but not with a whole bzip2 block header.
_MAGIC = {
    spec_pb2.COMPRESSION_GZIP: (b"\x1f\x8b", b""),
    spec_pb2.COMPRESSION_BZIP2: (b"BZh", b"1AY&SY"),
    spec_pb2.COMPRESSION_ZSTD: (b"\x28\xb5\x2f\xfd", b""),
}


def resolve_compression(path: str, compression: spec_pb2.Compression) -> spec_pb2.Compression:
    """COMPRESSION_AUTO becomes what the path's ending says; anything else is returned as it is."""
    if compression != spec_pb2.COMPRESSION_AUTO:
        return compression
    for ending, meant in _ENDINGS.items():
        if path.lower().endswith(ending):
            return meant
    return spec_pb2.COMPRESSION_NONE


def open_stream(raw: BinaryIO, path: str, compression: spec_pb2.Compression) -> BinaryIO:
    """The content of a file.

    Args:
      raw: the file as it is stored, seekable, at its start.
      path: for messages, and for its ending.
      compression: COMPRESSION_AUTO goes by the ending of `path`.

    Returns:
      `raw` itself, rewound, if it is not compressed; else a buffered stream over all members (frames) of the
      file.

    Raises:
      DataError: the first bytes are not of this compression, or are compressed where nothing should be.
      Reading the
        stream raises it where the file is truncated, damaged or followed by something else.
    """
    head = raw.read(10)
    raw.seek(0)
    meant = resolve_compression(path, compression)
    found = next(
        (c for c, (start, block) in _MAGIC.items() if head.startswith(start) and head[4:].startswith(block)),
        spec_pb2.COMPRESSION_NONE,
    )
    # An empty file is the reader's to judge, and a bzip2 file of no bytes has no block.
    if head and found != meant and not (meant in _MAGIC and head.startswith(_MAGIC[meant][0])):
        is_text = found == spec_pb2.COMPRESSION_NONE
        really = "not compressed" if is_text else f"compressed with {_NAMES[found]}"
        asked = f"be {_NAMES[meant]}" if meant in _NAMES else "not be compressed"
        raise DataError(
            path,
            None,
            None,
            None,
            f"is {really} but should {asked} by its name or data.dialect.compression; "
            "rename the file or set data.dialect.compression",
        )
    if meant not in _NAMES or not head:
        return raw
    if meant == spec_pb2.COMPRESSION_ZSTD:
        unbuffered: io.RawIOBase = _Zstd(raw, path)
    else:
        unbuffered = _Members(raw, path, meant)
    return cast(BinaryIO, io.BufferedReader(unbuffered, _CHUNK_BYTES))


def _damaged(path: str, compression: spec_pb2.Compression, cause: str) -> DataError:
    return DataError(
        path, None, None, None, f"damaged {_NAMES[compression]} file: {cause}; copy or make it again"
    )


class _Members(io.RawIOBase):
    """Decompresses the gzip or bzip2 members of a file one after the other."""

    def __init__(self, raw: BinaryIO, path: str, compression: spec_pb2.Compression):
        self._raw, self._path, self._compression = raw, path, compression
        self._pending = b""  # compressed bytes that were read and not yet used
        self._member = self._new_member()
        self._fresh = True  # nothing was given to the current member
        self._members = 0

    def _new_member(self):
        if self._compression == spec_pb2.COMPRESSION_GZIP:
            return zlib.decompressobj(wbits=31)  # 16 + 15: a gzip member, its CRC and length checked
        return bz2.BZ2Decompressor()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        while True:
            out = self._decompress(len(buffer))
            if out:
                buffer[: len(out)] = out
                return len(out)
            if out is None:
                return 0

    def _decompress(self, at_most: int) -> bytes | None:
        """Some content, perhaps empty; None at the end of the file."""
        if self._member.eof:
            self._pending = self._member.unused_data
            self._member, self._fresh = self._new_member(), True
            self._members += 1
        if self._fresh and self._members and self._compression == spec_pb2.COMPRESSION_GZIP:
            self._pending = self._pending.lstrip(b"\0")  # gzip allows padding, tape archives have it
        if not self._pending and getattr(self._member, "needs_input", True):
            self._pending = self._raw.read(_CHUNK_BYTES)
            if not self._pending:
                if self._fresh:
                    return None
                raise _damaged(self._path, self._compression, "it ends too early (truncated)")
            if self._fresh:
                return b""  # look at the padding again
        try:
            out = self._member.decompress(self._pending, at_most)
        except (zlib.error, OSError) as error:
            if self._fresh and self._members:
                raise _damaged(self._path, self._compression, "other bytes follow its end") from error
            raise _damaged(self._path, self._compression, f"{error}") from error
        self._fresh = False
        self._pending = getattr(self._member, "unconsumed_tail", b"")
        return out


class _Zstd(io.RawIOBase):
    """Decompresses zstd frames; Arrow raises for truncation and for other bytes behind the last frame."""

    def __init__(self, raw: BinaryIO, path: str):
        self._path = path
        self._stream = pa.CompressedInputStream(pa.PythonFile(raw, mode="r"), "zstd")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        try:
            out = self._stream.read(len(buffer))
        except OSError as error:
            raise _damaged(self._path, spec_pb2.COMPRESSION_ZSTD, f"{error}") from error
        buffer[: len(out)] = out
        return len(out)
