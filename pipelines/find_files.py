"""In: a spec's file patterns. Out: the CSV files, sorted, each with its size and its path relative to the patterns' root."""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Sequence
from typing import BinaryIO

from apache_beam.io.filesystem import BeamIOError
from apache_beam.io.filesystems import FileSystems

from ..schemas.csv_file import CsvFile, list_files
from ..schemas.errors import SpecError
from ..schemas.spec import expand
from ..schemas.spec_pb2 import Spec
from .range_reader import open_raw

_WILDCARD = re.compile(r"[*?[]")
# What brings a filesystem that Beam knows the name of.
_EXTRAS = {"s3": "prebake[s3]", "gs": "apache-beam[gcp]", "hdfs": "apache-beam[hadoop]"}

_NOT_INSTALLED = "the library for this filesystem is not installed, or there is none"


def find_files(spec: Spec) -> list[CsvFile]:
    """Expands the patterns of a resolved spec.

    Raises:
      SpecError: a pattern matches no file or cannot be looked up, or two splits share a file.
    """
    return list_files(spec, _match)


def _match(pattern: str) -> list[tuple[str, int]]:
    """(path, size) of each file that matches."""
    # Never Beam's matching, in which wildcards mean something else: what was sampled is what is read, wherever it lies.
    if "://" not in pattern:
        return [(path, os.path.getsize(path)) for path in expand([pattern])]
    found = _WILDCARD.search(pattern)
    listed = f"{pattern[: found.start()]}**" if found else pattern
    try:
        (result,) = FileSystems.match([listed])
    except Exception as error:  # of whatever library reads that filesystem
        reason = _reason(error)
        told = f"'{pattern}' cannot be looked up: {reason}"
        raise SpecError("spec", None, "data.files", told, _advice(pattern, reason)) from None
    files = [(one.path, one.size_in_bytes) for one in result.metadata_list if fits(one.path, pattern)]
    if not files:
        raise SpecError("spec", None, "data.files", f"no file matches '{pattern}'", "check the pattern")
    return files


def fits(path: str, pattern: str) -> bool:
    """Whether a path matches as in a shell: a wildcard stays in its folder, `**` are folders of any depth, and an editor's
    or a copy program's hidden files and folders are no data."""
    return _fits(path.split("/"), pattern.split("/"))


def _fits(names: Sequence[str], patterns: Sequence[str]) -> bool:
    if not patterns or not names:
        return not patterns and not names
    name, pattern = names[0], patterns[0]
    hidden = name.startswith(".") and not pattern.startswith(".")
    if pattern == "**":
        # What follows may begin here; or this folder, or at the end this file, is one of those that `**` stands for.
        return _fits(names, patterns[1:]) or (
            not hidden and (_fits(names[1:], patterns) or (len(names) == 1 and len(patterns) == 1))
        )
    return not hidden and fnmatch.fnmatchcase(name, pattern) and _fits(names[1:], patterns[1:])


def _reason(error: BaseException) -> str:
    """One line; Beam wraps what a library said in a text of its own."""
    while isinstance(error, BeamIOError) and error.exception_details:
        error = next(iter(error.exception_details.values()))
    text = " ".join(str(error).split())
    if "Unable to get filesystem" in text or "Missing boto3" in text:
        return _NOT_INSTALLED
    return text if isinstance(error, OSError) and text else f"{type(error).__name__}: {text}"


def _advice(pattern: str, reason: str) -> str:
    extra = _EXTRAS.get(pattern.partition("://")[0], "")
    return f"pip install '{extra}'" if extra and reason == _NOT_INSTALLED else ""


def expand_patterns(patterns: Sequence[str]) -> list[str]:
    """Paths of all files that match, sorted, each once."""
    return sorted({path for pattern in patterns for path, _ in _match(pattern)})


def open_data_file(path: str, mode: str) -> BinaryIO:
    """Opens a file of any of Beam's filesystems, as builtin `open` does for local ones ("rb" alone)."""
    assert mode == "rb", mode
    return open_raw(path)
