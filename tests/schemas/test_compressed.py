"""In: compressed files, whole and damaged. Out: proof that none is ever read by half."""

from __future__ import annotations

import bz2
import gzip
import io
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest
from prebake.schemas import spec_pb2
from prebake.schemas.compressed import open_stream, resolve_compression
from prebake.schemas.errors import DataError

AUTO = spec_pb2.COMPRESSION_AUTO
TEXT = b"".join(b"%d,%d\n" % (i, i * i) for i in range(20_000))
NOISE = np.random.default_rng(0).bytes(700_000)


def zstd(data: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(data)
    return sink.getvalue().to_pybytes()


COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "a.csv.gz": gzip.compress,
    "a.csv.bz2": bz2.compress,
    "a.csv.zst": zstd,
}
NAME = {"a.csv.gz": "gzip", "a.csv.bz2": "bzip2", "a.csv.zst": "zstd"}
each = pytest.mark.parametrize("path", COMPRESS)


def read(stored: bytes, path: str, compression: spec_pb2.Compression = AUTO) -> bytes:
    return open_stream(io.BytesIO(stored), path, compression).read()


def message(stored: bytes, path: str, compression: spec_pb2.Compression = AUTO) -> str:
    with pytest.raises(DataError) as caught:
        read(stored, path, compression)
    return str(caught.value)


@each
@pytest.mark.parametrize("content", [b"", b"x", TEXT, NOISE], ids=["none", "one", "text", "noise"])
def test_reads_back(path, content):
    assert read(COMPRESS[path](content), path) == content


@each
def test_small_reads_give_the_same(path):
    stream = open_stream(io.BytesIO(COMPRESS[path](TEXT)), path, AUTO)
    parts = []
    while part := stream.read(999):
        parts.append(part)
    assert b"".join(parts) == TEXT


@each
def test_fault_3_all_members_are_read(path):
    compress = COMPRESS[path]
    assert read(compress(TEXT) + compress(b"") + compress(NOISE), path) == TEXT + NOISE


def test_gzip_padding_is_allowed_as_in_gzip_open():
    stored = gzip.compress(b"a") + b"\0" * 300_000 + gzip.compress(b"b") + b"\0" * 5
    assert gzip.decompress(stored) == b"ab" == read(stored, "a.gz")


@pytest.mark.parametrize(
    ("flag", "cause"),
    [(0x20, "unknown header flags set"), (0x02, "header crc mismatch")],
)
def test_gzip_headers_are_judged_as_rfc_1952_asks(flag, cause):
    """Section 2.3.1.2; gzip.decompress reads over both."""
    stored = bytearray(gzip.compress(TEXT))
    stored[3] |= flag
    assert message(bytes(stored), "a.gz") == (
        f"a.gz: damaged gzip file: Error -3 while decompressing data: {cause}; copy or make it again"
    )


@each
def test_fault_1_truncated(path):
    stored = COMPRESS[path](NOISE)
    for kept in (12, 1000, len(stored) // 2, len(stored) - 1):
        text = message(stored[:kept], path)
        cause = "Truncated compressed stream" if "zst" in path else "it ends too early (truncated)"
        assert text == f"{path}: damaged {NAME[path]} file: {cause}; copy or make it again"


def test_fault_1_truncated_second_member():
    stored = gzip.compress(TEXT) + gzip.compress(TEXT)[:-3]
    assert message(stored, "a.gz").startswith("a.gz: damaged gzip file: it ends too early (truncated)")


def test_fault_2_gzip_crc_and_length_flipped():
    stored = bytearray(gzip.compress(TEXT))
    stored[-8] ^= 1
    assert message(bytes(stored), "a.gz") == (
        "a.gz: damaged gzip file: Error -3 while decompressing data: incorrect data check; "
        "copy or make it again"
    )
    stored[-8] ^= 1
    stored[-1] ^= 1
    assert "incorrect length check" in message(bytes(stored), "a.gz")


def test_fault_2_bzip2_bit_flipped():
    stored = bytearray(bz2.compress(TEXT))
    stored[len(stored) // 2] ^= 1
    assert message(bytes(stored), "a.bz2").startswith("a.bz2: damaged bzip2 file: Invalid data stream")


def test_fault_2_zstd_checksum():
    # b"a,b\n1,2\n" by zstandard.ZstdCompressor(write_checksum=True); Arrow writes no checksum.
    stored = bytes.fromhex("28b52ffd2408410000612c620a312c320a35e7cace")
    assert read(stored, "a.zst") == b"a,b\n1,2\n"
    assert "checksum" in message(stored[:-1] + bytes([stored[-1] ^ 1]), "a.zst")


@each
def test_fault_2_trailing_garbage(path):
    text = message(COMPRESS[path](TEXT) + b"garbage!", path)
    cause = (
        "ZSTD decompress failed: Unknown frame descriptor" if "zst" in path else "other bytes follow its end"
    )
    assert text == f"{path}: damaged {NAME[path]} file: {cause}; copy or make it again"


@each
def test_fault_4_text_named_as_compressed(path):
    assert message(b"a,b\n1,2\n", path) == (
        f"{path}: is not compressed but should be {NAME[path]} by its name or data.dialect.compression; "
        "rename the file or set data.dialect.compression"
    )


@each
def test_fault_4_compressed_named_as_text(path):
    assert message(COMPRESS[path](TEXT), "a.csv") == (
        f"a.csv: is compressed with {NAME[path]} but should not be compressed by its name or "
        "data.dialect.compression; rename the file or set data.dialect.compression"
    )


def test_fault_4_one_compression_named_as_another():
    assert message(bz2.compress(TEXT), "a.gz").startswith(
        "a.gz: is compressed with bzip2 but should be gzip by"
    )


def test_the_spec_overrules_the_name():
    assert read(gzip.compress(TEXT), "a.csv", spec_pb2.COMPRESSION_GZIP) == TEXT
    assert read(TEXT, "a.gz", spec_pb2.COMPRESSION_NONE) == TEXT


def test_text_is_handed_on_as_it_is():
    raw = io.BytesIO(b"BZh9,b\n")  # begins as bzip2 does, and is a header all the same
    assert open_stream(raw, "a.csv", AUTO) is raw
    assert raw.tell() == 0


@pytest.mark.parametrize("path", ["a.csv", "a.csv.gz"])
def test_fault_11_an_empty_file_is_empty(path):
    assert read(b"", path) == b""


def test_resolve_compression():
    names = ["a.GZ", "a.bz2", "a.zst", "a.csv", "gz"]
    assert [resolve_compression(name, AUTO) for name in names] == [
        spec_pb2.COMPRESSION_GZIP,
        spec_pb2.COMPRESSION_BZIP2,
        spec_pb2.COMPRESSION_ZSTD,
        spec_pb2.COMPRESSION_NONE,
        spec_pb2.COMPRESSION_NONE,
    ]
    assert resolve_compression("a.gz", spec_pb2.COMPRESSION_NONE) == spec_pb2.COMPRESSION_NONE
