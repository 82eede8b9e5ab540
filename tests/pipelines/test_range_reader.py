"""A range of a file, read in either way."""

import io

import google_crc32c
import pytest
from prebake.pipelines.range_reader import RangeReader

DATA = bytes(range(256)) * 3


@pytest.mark.parametrize("wrap", [lambda raw: raw, io.BufferedReader], ids=["read", "readinto"])
@pytest.mark.parametrize(("start", "stop"), [(0, len(DATA)), (0, 0), (5, 300), (700, len(DATA))])
def test_bytes_and_checksum_of_a_range(wrap, start, stop):
    reader = RangeReader(io.BytesIO(DATA), start, stop)
    stream = wrap(reader)
    found = b"".join(iter(lambda: stream.read(100), b""))
    assert found == DATA[start:stop]
    assert reader.crc32c == google_crc32c.value(found)
    assert reader.left == 0
    assert reader.file_goes_on == (stop < len(DATA))


def test_all_of_a_range_at_once():
    assert RangeReader(io.BytesIO(DATA), 5, 300).read() == DATA[5:300]


def test_a_file_that_became_shorter():
    reader = RangeReader(io.BytesIO(DATA), 700, 1000)
    assert reader.read() == DATA[700:]
    assert reader.left == 1000 - len(DATA)
