"""In: a `transform/` and files that came since. Out: what was found before, so that only the new files are read.

The first pass' accumulators lie beside the statistics. Merged with those of the new files they are the very ones of a full
analysis. A pass that depends on the statistics of the one before has to read everything again.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence

from ..schemas.commit import different_parts
from ..schemas.csv_file import CsvFile
from ..schemas.errors import ArtifactError, DataError, SpecError
from ..schemas.manifest import MANIFEST, add_part, read_manifest
from ..schemas.manifest_pb2 import Manifest
from ..schemas.spec_pb2 import Spec
from ..transforms.learnt import read_statistics
from ..transforms.needs import passes_of
from ..transforms.vocabulary_files import read_vocabularies
from .index import IndexedFile
from .user_cache import covers, read_cache
from .user_function import UserFunction

INPUT_FILES, KEPT_IDS = "input files", "ids kept from before"
_ACCUMULATORS = os.path.join("accumulators", "pass-{}")


class Earlier:
    """An analysis that more files are added to.

    Args:
      transform_dir: of the run.
      spec: resolved.
      keep_ids: existing tokens keep their ids.

    Attributes:
      statistics, tokens: as they were; tokens by feature.
      is_enough: the first pass needs to read the new files only.
      user, user_cache: the user's own function, and what TFT found for it.
      found: accumulators of the first pass.
      keep: tokens whose ids stay, by feature.

    Raises:
      ArtifactError: there is no analysis, it is damaged, or it cannot be extended.
    """

    def __init__(self, transform_dir: str, spec: Spec, *, keep_ids: bool):
        self._directory = transform_dir
        self._manifest = read_manifest(transform_dir, "transform")
        self.user = UserFunction(spec) if spec.preprocessing_fn else None
        if self.user and keep_ids:
            reason = "is given, and TFT gives the ids of its vocabularies anew"
            raise SpecError("spec", None, "preprocessing_fn", reason, "leave --keep-ids out")
        self.user_cache = read_cache(transform_dir) if self.user else {}
        self.is_enough = self.user is None or covers(self.user, self.user_cache)
        self._entries = {entry.path: entry for entry in self._manifest.inputs}
        self._read_all = len(passes_of(spec)) > 1 or not self.is_enough
        self.statistics = read_statistics(transform_dir)
        self.tokens = read_vocabularies(transform_dir, self.statistics)
        self.found = read_accumulators(transform_dir, 0)
        self.keep: Mapping[str, list[bytes]] = self.tokens if keep_ids else {}

    def new_files(self, files: Sequence[CsvFile]) -> list[CsvFile]:
        """Those that were not analysed."""
        return [file for file in files if file.relative not in self._entries]

    def check_spec(self, wanted: Manifest) -> None:
        """Raises an ArtifactError unless nothing but the files is different."""
        other = [
            name for name in different_parts(self._manifest, wanted) if name not in (INPUT_FILES, KEPT_IDS)
        ]
        if other:
            reason = f"was made from another {', '.join(other)}: run analyze with --replace"
            raise ArtifactError(self._directory, reason)

    def to_index(self, files: Sequence[CsvFile]) -> list[CsvFile]:
        """The files that have to be read.

        Raises:
          ArtifactError: files that were analysed are gone.
          DataError: a file that was analysed has changed its size, or there is no new one.
        """
        gone = sorted(set(self._entries) - {file.relative for file in files})
        if gone:
            more = f" and {len(gone) - 1} more" if len(gone) > 1 else ""
            reason = f"was made from {gone[0]}{more}, which the patterns no longer match: run analyze with --replace"
            raise ArtifactError(self._directory, reason)
        for file in files:
            entry = self._entries.get(file.relative)
            if entry and entry.size != file.size:
                reason = f"had {entry.size:,} bytes when it was analyzed and has {file.size:,}: run analyze with --replace"
                raise DataError(file.path, None, None, None, reason)
        return list(files) if self._read_all else self.new_files(files)

    def with_known(self, files: Sequence[CsvFile], indexed: Sequence[IndexedFile]) -> list[IndexedFile]:
        """All files, those that were not indexed again as the manifest knows them, in the order of `files`."""
        fresh = {entry.file.relative: entry for entry in indexed}
        return [fresh.get(file.relative) or self._known(file) for file in files]

    def new(self, indexed: Sequence[IndexedFile]) -> list[IndexedFile]:
        """Those that were not analysed."""
        return [entry for entry in indexed if entry.file.relative not in self._entries]

    def write(self, manifest: Manifest) -> None:
        """Fills in what was counted before."""
        for entry in manifest.inputs:
            if entry.path in self._entries:
                entry.CopyFrom(self._entries[entry.path])

    def _known(self, file: CsvFile) -> IndexedFile:
        entry = self._entries[file.relative]
        return IndexedFile(file, entry.crc32c, entry.rows + entry.blank_lines, (), entry.empty)


def note_kept_ids(manifest: Manifest, directory: str, keep: Mapping[str, list[bytes]]) -> None:
    """Makes kept ids a part of the fingerprint; also those of an analysis that is there and was made with them."""
    if keep:
        text = "".join(f"{name}\t{token!r}\n" for name in sorted(keep) for token in keep[name])
        add_part(manifest, KEPT_IDS, hashlib.sha256(text.encode()).hexdigest())
    elif os.path.exists(os.path.join(directory, MANIFEST)):
        for part in read_manifest(directory, "transform", verify=False).parts:
            if part.name == KEPT_IDS:
                add_part(manifest, KEPT_IDS, part.sha256)


def write_accumulators(directory: str, number: int, found: Mapping[str, bytes]) -> None:
    """Keeps what a pass found below `transform/`."""
    folder = os.path.join(directory, _ACCUMULATORS.format(number + 1))
    os.makedirs(folder)
    for name, data in found.items():
        with open(os.path.join(folder, name), "wb") as file:
            file.write(data)


def read_accumulators(directory: str, number: int) -> dict[str, bytes]:
    """What `write_accumulators` kept, from a directory whose manifest was verified."""
    folder = os.path.join(directory, _ACCUMULATORS.format(number + 1))
    found = {}
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), "rb") as file:
            found[name] = file.read()
    return found
