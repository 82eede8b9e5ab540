"""Blocks go from step to step with the coder that does not pickle them to tell their size."""

import apache_beam as beam
import pyarrow as pa
import pytest
from prebake.pipelines.block_coder import BlockCoder
from prebake.pipelines.read import ReadCsv
from prebake.schemas.csv_file import CsvFile, FileBlock
from prebake.schemas.csv_rows import Block
from prebake.schemas.spec_pb2 import Data


class Unpicklable:
    """What stands for a block whose size is asked for."""

    nbytes = 7

    def __reduce__(self):
        raise AssertionError("pickled")


def test_the_size_is_told_without_pickling():
    file = CsvFile("/a.csv", "a.csv", 3, None)
    block = Block(Unpicklable(), None, [], 0, None, 0)
    assert BlockCoder().get_impl().estimate_size(FileBlock(file, "x", block)) == 7


def test_a_block_comes_back():
    batch = pa.record_batch({"x": pa.array([1.5, None], pa.float32())})
    coder = BlockCoder()
    assert coder.decode(coder.encode(batch)).equals(batch)


@pytest.mark.parametrize("kind", [FileBlock, pa.RecordBatch])
def test_it_is_the_coder_of(kind):
    assert isinstance(beam.coders.registry.get_coder(kind), BlockCoder)


def test_beam_knows_what_is_read():
    blocks = (beam.Pipeline() | ReadCsv([], Data())).blocks
    assert blocks.element_type is FileBlock
