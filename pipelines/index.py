"""In: CSV files. Out: how many records each has, its checksum, and the byte ranges at which it can be read in parallel.

Large files are scanned in ranges side by side; only this tells which newlines end a record (schemas/csv_scan.py).
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, cast

import apache_beam as beam

from ..schemas.compressed import open_stream, resolve_compression
from ..schemas.csv_file import CsvFile
from ..schemas.csv_layout import BOM, HEAD_BYTES, Layout, has_no_content, read_layout
from ..schemas.csv_scan import Ends, FileCuts, RangeScan, resolve_cuts, scan_range, unclosed_quote_row
from ..schemas.errors import DataError
from ..schemas.spec_pb2 import COMPRESSION_NONE, Data, Spec
from .collect import WriteJson, read_json
from .progress import count_rows, progress_bar
from .range_reader import RangeReader, file_changed, open_raw
from .runner import make_pipeline, run

# Files are scanned and read in ranges of about this size.
RANGE_BYTES = 32 << 20


@dataclasses.dataclass(frozen=True)
class CsvRange:
    """Whole records of one file, bytes [start, stop).

    A compressed file is one range; start and stop then count compressed bytes. Of the range at the start of the file the
    header is to be skipped: `first_row` is the number of the first record below it.
    """

    file: CsvFile
    layout: Layout
    start: int
    stop: int
    first_row: int
    compressed: bool


@dataclasses.dataclass(frozen=True)
class IndexedFile:
    """One file, its CRC32C, its records without the header (blank lines included), its ranges in order, and whether it has
    no content at all, not even a header."""

    file: CsvFile
    crc32c: int
    records: int
    ranges: tuple[CsvRange, ...]
    empty: bool = False


class ScanRange(beam.DoFn):
    """(file number, range number, path, start, stop) → JSON of its scan, or of the fault that it found."""

    def __init__(self, data: Data):
        self._compression = data.dialect.compression
        self._quoting = data.dialect.quoting

    def process(self, work: tuple[int, int, str, int, int]) -> Iterator[dict[str, Any]]:
        number, place, path, start, stop = work
        found: dict[str, Any] = {"file": number, "place": place}
        try:
            with RangeReader(open_raw(path), start, stop) as reader:
                scans = [dataclasses.asdict(scan) for scan in self._scan(reader, path)]
                if reader.left:
                    raise file_changed(path)
                yield found | {"scans": scans, "crc32c": reader.crc32c}
        except DataError as error:
            yield found | {"error": [error.row, error.column, error.value, error.reason]}

    def _scan(self, reader: RangeReader, path: str) -> Iterator[RangeScan]:
        stream = cast(BinaryIO, reader)
        if not self._plain(path):
            stream = open_stream(stream, path, self._compression)
        while block := stream.read(RANGE_BYTES):
            scan = scan_range(block, self._quoting)
            count_rows(read=scan.outside.count)
            yield scan

    def _plain(self, path: str) -> bool:
        return resolve_compression(path, self._compression) == COMPRESSION_NONE


def index_files(
    spec: Spec, files: Sequence[CsvFile], temporary: str, beam_args: Sequence[str]
) -> list[IndexedFile]:
    """Scans all files once.

    Args:
      spec: resolved.
      files: to be scanned.
      temporary: directory that driver and workers share.
      beam_args: Beam's own options.

    Raises:
      DataError: a file cannot be read, or its header does not match the spec; or no file has a row.
    """
    layouts = [find_layout(file, spec.data) for file in files]
    work = scan_work(files, spec.data)
    result = os.path.join(temporary, "index.json")
    pipeline = make_pipeline(beam_args)
    scanned = (
        pipeline
        | "Ranges" >> beam.Create(work)
        # (file number, range number, path, start, stop)
        | "Spread" >> beam.Reshuffle()
        | "Scan" >> beam.ParDo(ScanRange(spec.data))
        # dict
    )
    {"scans": scanned} | "Collect" >> WriteJson(result)
    with progress_bar("index", None):
        run(pipeline)
    scans: list[list[dict[str, Any]]] = [[] for _ in files]
    for entry in read_json(result)["scans"]:
        scans[entry["file"]].append(entry)
    indexed = [join_scans(spec.data, *each) for each in zip(files, layouts, scans, strict=True)]
    if not any(file.records for file in indexed):
        raise DataError(
            files[0].path, None, None, None, f"no rows: {len(files)} file(s) with nothing below the header"
        )
    return indexed


def find_layout(file: CsvFile, data: Data) -> Layout | None:
    """The layout of a file; None of one without content, where the spec allows such files."""
    with open_raw(file.path) as raw:
        head = open_stream(raw, file.path, data.dialect.compression).read(HEAD_BYTES)
    if data.allow_empty_files and has_no_content(head):
        return None
    return read_layout(head, file.path, data)


def scan_work(files: Sequence[CsvFile], data: Data) -> list[tuple[int, int, str, int, int]]:
    """What ScanRange takes, for all ranges of all files; a compressed file is one range."""
    work = []
    for number, file in enumerate(files):
        whole = resolve_compression(file.path, data.dialect.compression) != COMPRESSION_NONE
        step = max(file.size, 1) if whole else RANGE_BYTES
        for place, start in enumerate(range(0, file.size, step)):
            work.append((number, place, file.path, start, min(start + step, file.size)))
    return work


def join_scans(
    data: Data, file: CsvFile, layout: Layout | None, entries: list[dict[str, Any]]
) -> IndexedFile:
    """Makes one file's index of what ScanRange gave for its ranges, in any order.

    Raises:
      DataError: a range could not be read, or a quote is opened and never closed.
    """
    entries.sort(key=lambda entry: entry["place"])
    for entry in entries:
        if "error" in entry:
            raise DataError(file.path, *entry["error"])
    cuts = resolve_cuts([_parse_scan(scan) for entry in entries for scan in entry["scans"]])
    if cuts.open_quote:
        with open_raw(file.path) as raw:
            stream = open_stream(raw, file.path, data.dialect.compression)
            row = unclosed_quote_row(stream, data.dialect.delimiter)
        raise DataError(file.path, row, None, None, "a quote is opened here and never closed: close it")
    compressed = resolve_compression(file.path, data.dialect.compression) != COMPRESSION_NONE
    if layout is None:
        if cuts.size > len(BOM):
            raise file_changed(file.path)
        crc32c = entries[0]["crc32c"] if entries else 0
        return IndexedFile(file, crc32c, 0, (), empty=True)
    header_records = layout.first_row - 1
    return IndexedFile(
        file,
        # That of the file's own bytes, compressed or not.
        entries[0]["crc32c"] if compressed else cuts.crc32c,
        cuts.records - header_records,
        tuple(_ranges(file, layout, cuts, compressed)),
    )


def _ranges(file: CsvFile, layout: Layout, cuts: FileCuts, compressed: bool) -> Iterator[CsvRange]:
    if cuts.records < layout.first_row:
        return
    if compressed:
        yield CsvRange(file, layout, 0, file.size, layout.first_row, compressed=True)
        return
    for cut in cuts.cuts:
        row = layout.first_row if cut.start == 0 else cut.row
        yield CsvRange(file, layout, cut.start, cut.stop, row, compressed=False)


def _parse_scan(scan: dict[str, Any]) -> RangeScan:
    outside, inside = Ends(**scan.pop("outside")), Ends(**scan.pop("inside"))
    return RangeScan(**scan, outside=outside, inside=inside)
