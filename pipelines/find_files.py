"""In: a spec's file patterns. Out: the CSV files, sorted, each with its size and its path relative to the patterns' root."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import BinaryIO

from apache_beam.io.filesystems import FileSystems

from ..schemas.csv_file import CsvFile, list_files
from ..schemas.errors import SpecError
from ..schemas.spec import expand
from ..schemas.spec_pb2 import Spec
from .range_reader import open_raw


def find_files(spec: Spec) -> list[CsvFile]:
    """Expands the patterns of a resolved spec.

    Raises:
      SpecError: a pattern matches no file, or two splits share one.
    """
    return list_files(spec, _match)


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
