"""In: a spec's file patterns. Out: the CSV files, sorted, each with its size and its path relative to the patterns' root."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from typing import BinaryIO

from apache_beam.io.filesystems import FileSystems

from ..schemas.errors import SpecError
from ..schemas.spec import expand, pattern_root, relative_path
from ..schemas.spec_pb2 import Spec
from .range_reader import open_raw

SPLITS = ("train", "valid", "test")


@dataclasses.dataclass(frozen=True)
class CsvFile:
    """One input file.

    Attributes:
      path: as Beam's filesystems open it.
      relative: to the root of all patterns; with the record number, the identity of a row.
      size: bytes.
      split: index into SPLITS if the spec gives patterns per split, else None.
    """

    path: str
    relative: str
    size: int
    split: int | None


def find_files(spec: Spec) -> list[CsvFile]:
    """Expands the patterns of a resolved spec.

    Raises:
      SpecError: a pattern matches no file, or two splits share one.
    """
    by_split = [list(getattr(spec.data.split.files, name)) for name in SPLITS]
    groups = [(None, list(spec.data.files))] if spec.data.files else list(enumerate(by_split))
    root = pattern_root([pattern for _, patterns in groups for pattern in patterns])
    found: dict[str, CsvFile] = {}
    for split, patterns in groups:
        for pattern in patterns:
            for path, size in _match(pattern):
                file = CsvFile(path, relative_path(path, root), size, split)
                if found.setdefault(path, file).split != split:
                    raise SpecError("spec", None, "data.split.files", f"{path} is in two splits", "")
    return sorted(found.values(), key=lambda file: file.relative)


def _match(pattern: str) -> list[tuple[str, int]]:
    """(path, size) of each file that matches."""
    if "://" not in pattern:
        # Not Beam's matching, which takes `**` for something else: what was sampled is what is read.
        return [(path, os.path.getsize(path)) for path in expand([pattern])]
    (result,) = FileSystems.match([pattern])
    # A wildcard means what it means in a shell: an editor's or a copy program's hidden files are no data.
    hidden = _name(pattern).startswith(".")
    found = [match for match in result.metadata_list if hidden or not _name(match.path).startswith(".")]
    if not found:
        raise SpecError("spec", None, "data.files", f"no file matches '{pattern}'", "check the pattern")
    return [(match.path, match.size_in_bytes) for match in found]


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def expand_patterns(patterns: Sequence[str]) -> list[str]:
    """Paths of all files that match, sorted, each once."""
    return sorted({path for pattern in patterns for path, _ in _match(pattern)})


def open_data_file(path: str, mode: str) -> BinaryIO:
    """Opens a file of any of Beam's filesystems, as builtin `open` does for local ones ("rb" alone)."""
    assert mode == "rb", mode
    return open_raw(path)
