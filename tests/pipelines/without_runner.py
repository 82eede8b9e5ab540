"""In: the data part of a spec and files. Out: what the pipeline finds in them, its DoFns called one by one, without Beam."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from prebake.pipelines import read as read_module
from prebake.pipelines.counts import InputCounts, check_counts
from prebake.pipelines.index import IndexedFile, ScanRange, find_layout, join_scans, scan_work
from prebake.pipelines.read import FileBlock, ReadRange
from prebake.schemas.csv_file import CsvFile
from prebake.schemas.spec_pb2 import Data, Spec


@dataclasses.dataclass
class Found:
    """What was read.

    Attributes:
      rows: by file (relative path), (record number, cells) in the order of the file.
      bad: by file, the numbers of rejected rows.
      counts: as the driver gets them.
      indexed: the files' index.
    """

    rows: dict[str, list[tuple]]
    bad: dict[str, list[int]]
    counts: InputCounts
    indexed: list[IndexedFile]


def index_and_read(data: Data, files: Sequence[CsvFile], seed: int | None = None) -> Found:
    """Indexes files, reads them and checks the counts, as a step does.

    Args:
      data: of a resolved spec.
      files: to be read.
      seed: ranges are scanned and read in an order that it gives; None: that of the files.

    Raises:
      DataError: a fault of a whole file, or more bad rows than `data` allows.
    """
    shuffled = random.Random(seed).shuffle if seed is not None else (lambda _: None)
    layouts = [find_layout(file, data) for file in files]
    work = scan_work(files, data)
    shuffled(work)
    scans: list[list[dict[str, Any]]] = [[] for _ in files]
    for one in work:
        for entry in ScanRange(data).process(one):
            scans[entry["file"]].append(entry)
    indexed = [join_scans(data, *each) for each in zip(files, layouts, scans, strict=True)]
    rows, bad, counts = read_ranges(data, indexed, shuffled)
    check_counts(counts, indexed, Spec(data=data))
    return Found(rows, bad, counts, indexed)


def read_ranges(
    data: Data, indexed: Sequence[IndexedFile], shuffled=lambda _: None
) -> tuple[dict[str, list[tuple]], dict[str, list[int]], InputCounts]:
    """Rows and bad rows by file, and the counts, of which nothing is checked."""
    ranges = [one for file in indexed for one in file.ranges]
    shuffled(ranges)
    rows: dict[str, list[tuple]] = {file.file.relative: [] for file in indexed if file.ranges}
    bad: dict[str, list[int]] = {}
    counts, errors, splits = [], [], []
    for one in ranges:
        for item in ReadRange(data).process(one):
            if isinstance(item, FileBlock):
                found = rows_of(item)
                rows[item.file.relative] += found
                splits.append({"path": item.file.relative, "rows": [len(found), 0, 0]})
            elif item.tag == read_module.COUNTS:
                counts.append(item.value)
            else:
                errors.append(item.value)
                bad.setdefault(item.value["file"], []).append(item.value["row"])
    for found in rows.values():
        found.sort(key=lambda row: row[0])
    for numbers in bad.values():
        numbers.sort()
    return rows, bad, InputCounts.from_json(counts, splits, errors)


def rows_of(rows: FileBlock) -> list[tuple]:
    """(record number, cells) of each row of a block."""
    cells = pa.Table.from_batches([rows.block.batch]).to_pylist()
    return [(number, *row.values()) for number, row in zip(rows.block.rows.tolist(), cells, strict=True)]
