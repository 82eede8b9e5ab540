"""In: what each byte range of the input reports. Out: rows per file and split, checked: nothing lost, nothing altered."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

from ..schemas.bad_rows import NAMED, check_bad_rows
from ..schemas.csv_scan import combine_crc32c
from ..schemas.errors import ArtifactError, DataError
from ..schemas.manifest_pb2 import InputFile, Manifest
from ..schemas.spec_pb2 import Spec
from .index import IndexedFile
from .range_reader import RangeReader, file_changed, open_raw


@dataclasses.dataclass
class InputCounts:
    """Rows of each input file.

    Attributes:
      files: by relative path; rows, blank_lines, rejected, rows per split, size and crc32c as read.
      first_bad: the first bad rows, as dicts of their DataErrors.
      faults: faults of whole files, by relative path.
    """

    files: dict[str, InputFile]
    first_bad: list[dict[str, Any]]
    faults: dict[str, list[Any]]

    @classmethod
    def from_json(
        cls, ranges: list[dict[str, Any]], splits: Iterable[dict[str, Any]], bad: Sequence[dict[str, Any]]
    ) -> InputCounts:
        """From the COUNTS of ReadRange, rows per split and bad rows."""
        files: dict[str, InputFile] = {}
        faults: dict[str, list[Any]] = {}
        for entry in sorted(ranges, key=lambda entry: (entry["path"], entry["start"])):
            file = files.setdefault(entry["path"], InputFile(path=entry["path"]))
            file.rows += entry["rows"]
            file.blank_lines += entry["blank"]
            file.rejected += entry["bad"]
            file.crc32c = combine_crc32c(file.crc32c, entry["crc32c"], entry["size"])
            file.size += entry["size"]
            if "fault" in entry:
                faults.setdefault(entry["path"], entry["fault"])
        for entry in splits:
            file = files[entry["path"]]
            train, valid, test = entry["rows"]
            file.train_rows += train
            file.valid_rows += valid
            file.test_rows += test
        first = sorted(bad, key=lambda one: (one["file"], one["row"]))[:NAMED]
        return cls(files, first, faults)

    def write(self, manifest: Manifest) -> None:
        """Writes the rows of each file into the manifest's inputs."""
        for entry in manifest.inputs:
            found = self.files.get(entry.path)
            if found is None:  # nothing but a header
                continue
            for field in ("rows", "blank_lines", "rejected", "train_rows", "valid_rows", "test_rows"):
                setattr(entry, field, getattr(found, field))


def check_counts(counts: InputCounts, indexed: Sequence[IndexedFile], spec: Spec) -> None:
    """Refuses an input that changed, rows that were lost, and more bad rows than the spec allows.

    Raises:
      DataError: as said.
    """
    paths = {entry.file.relative: entry.file.path for entry in indexed}
    for relative in sorted(counts.faults):
        raise DataError(paths[relative], *counts.faults[relative])
    for entry in indexed:
        _check_file(counts, entry)
    rejected = sum(file.rejected for file in counts.files.values())
    rows = sum(file.rows for file in counts.files.values())
    fields = ("path", "row", "column", "value", "reason")
    first = [DataError(*(bad[field] for field in fields)) for bad in counts.first_bad]
    check_bad_rows(first, rejected, rows, spec.data)


def _check_file(counts: InputCounts, entry: IndexedFile) -> None:
    path = entry.file.path
    found = counts.files.get(entry.file.relative)
    if found is None:
        if entry.records:
            raise ArtifactError(path, "was not read: run the step again")
        _check_unread(entry)
        return
    if found.crc32c != entry.crc32c or found.rows + found.blank_lines != entry.records:
        raise file_changed(path)
    if found.rows != found.rejected + found.train_rows + found.valid_rows + found.test_rows:
        raise ArtifactError(path, "rows were lost between reading and splitting: this is a fault of prebake")


def _check_unread(entry: IndexedFile) -> None:
    """A file without a row is in no range, so that nobody would see that rows came into it."""
    with RangeReader(open_raw(entry.file.path), 0, entry.file.size) as reader:
        reader.read()
        if reader.left or reader.file_goes_on or reader.crc32c != entry.crc32c:
            raise file_changed(entry.file.path)
