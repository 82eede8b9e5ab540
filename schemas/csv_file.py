"""In: a spec's file patterns and what finds the files that match one. Out: the CSV files, as rows are known by them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import NamedTuple

from .csv_rows import Block
from .errors import SpecError
from .spec import pattern_root, relative_path
from .spec_pb2 import Spec

SPLITS = ("train", "valid", "test")


@dataclasses.dataclass(frozen=True)
class CsvFile:
    """One input file.

    Attributes:
      path: as it is opened.
      relative: to the root of all patterns; with the record number, the identity of a row.
      size: bytes.
      split: index into SPLITS if the spec gives patterns per split, else None.
    """

    path: str
    relative: str
    size: int
    split: int | None


class FileBlock(NamedTuple):
    """A block of rows and the file that it is from."""

    file: CsvFile
    header: str
    block: Block


def list_files(spec: Spec, match: Callable[[str], Sequence[tuple[str, int]]]) -> list[CsvFile]:
    """Expands the patterns of a resolved spec.

    Args:
      spec: resolved.
      match: a pattern → (path, size) of each file that matches; raises SpecError if there is none.

    Raises:
      SpecError: a pattern matches no file, or two splits share one.
    """
    by_split = [list(getattr(spec.data.split.files, name)) for name in SPLITS]
    groups = [(None, list(spec.data.files))] if spec.data.files else list(enumerate(by_split))
    root = pattern_root([pattern for _, patterns in groups for pattern in patterns])
    found: dict[str, CsvFile] = {}
    for split, patterns in groups:
        for pattern in patterns:
            for path, size in match(pattern):
                file = CsvFile(path, relative_path(path, root), size, split)
                if found.setdefault(path, file).split != split:
                    raise SpecError("spec", None, "data.split.files", f"{path} is in two splits", "")
    return sorted(found.values(), key=lambda file: file.relative)
