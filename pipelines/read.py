"""In: byte ranges of CSV files. Out: blocks of typed rows with their record numbers, bad rows, and a count per range."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any, BinaryIO, cast

import apache_beam as beam
from apache_beam import pvalue

from ..schemas.compressed import open_stream
from ..schemas.csv_file import CsvFile, FileBlock
from ..schemas.csv_rows import Block, read_block, whole_records
from ..schemas.errors import DataError
from ..schemas.spec_pb2 import Data
from . import block_coder  # noqa: F401  # registers the coder of FileBlock
from .index import CsvRange
from .progress import count_rows
from .range_reader import RangeReader, file_changed, open_raw
from .read_ahead import read_ahead

# Rows of one Beam element are those of about this many bytes of CSV: large enough that a TensorFlow call and an Arrow
# batch cost little per row, small enough that a few of them fit into the processor's cache.
BLOCK_BYTES = 1 << 20

BAD_ROWS, COUNTS = "bad_rows", "counts"


class ReadRange(beam.DoFn):
    """CsvRange → FileBlocks; tagged BAD_ROWS: dicts of a DataError; tagged COUNTS: one dict a range."""

    def __init__(self, data: Data):
        self._data = data

    def process(self, work: CsvRange) -> Iterator[Any]:
        path = work.file.path
        size = work.stop - work.start
        count: dict[str, Any] = {
            "path": work.file.relative,
            "start": work.start,
            "size": size,
            "rows": 0,
            "blank": 0,
            "bad": 0,
            "crc32c": 0,
        }
        try:
            with (
                RangeReader(open_raw(path), work.start, work.stop) as reader,
                read_ahead(self._blocks(reader, work)) as blocks,
            ):
                for block in blocks:
                    count["rows"] += len(block.rows) + len(block.errors)
                    count["blank"] += block.blank
                    count["bad"] += len(block.errors)
                    for error in block.errors:
                        yield pvalue.TaggedOutput(BAD_ROWS, bad_row(work.file, error))
                    count_rows(read=len(block.rows) + len(block.errors), rejected=len(block.errors))
                    if len(block.rows):
                        yield FileBlock(work.file, work.layout.header, block)
                count["crc32c"] = reader.crc32c
                if work.stop == work.file.size and reader.file_goes_on:
                    raise file_changed(path)
        except DataError as error:
            # About the file as a whole, e.g. changed since it was indexed: no share of bad rows excuses it.
            count["fault"] = [error.row, error.column, error.value, error.reason]
        yield pvalue.TaggedOutput(COUNTS, count)

    def _blocks(self, reader: RangeReader, work: CsvRange) -> Generator[Block, None, None]:
        layout, path = work.layout, work.file.path
        stream = cast(BinaryIO, reader)
        if work.compressed:
            stream = open_stream(stream, path, self._data.dialect.compression)
        if work.start == 0:
            _skip(stream, layout.skip_bytes, path)
        for block, row, ends in whole_records(stream, BLOCK_BYTES, work.first_row, layout, path):
            yield read_block(block, row, layout, path, ends)


def _skip(stream: BinaryIO, size: int, path: str) -> None:
    while size:
        skipped = len(stream.read(size))
        if not skipped:
            raise file_changed(path)
        size -= skipped


def bad_row(file: CsvFile, error: DataError) -> dict[str, Any]:
    """A DataError as a row of the rejected table; the file by its relative path."""
    return {
        "file": file.relative,
        "path": file.path,
        "row": error.row,
        "column": error.column,
        "value": error.value,
        "reason": error.reason,
    }


class ReadCsv(beam.PTransform):
    """CsvRanges → tagged outputs of ReadRange, spread over the workers."""

    def __init__(self, ranges: list[CsvRange], data: Data):
        super().__init__()
        self._ranges, self._data = ranges, data

    def expand(self, pbegin):
        return (
            pbegin
            | "Ranges" >> beam.Create(self._ranges)
            # CsvRange
            | "Spread" >> beam.Reshuffle()
            | "Read"
            >> beam.ParDo(ReadRange(self._data))
            .with_output_types(FileBlock)
            .with_outputs(BAD_ROWS, COUNTS, main="blocks")
        )
