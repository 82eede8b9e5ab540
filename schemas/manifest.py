"""In: a directory that a step wrote. Out: its manifest, checked against every file, or one `ArtifactError`.

A reader opens the manifest, never a glob: a file that the manifest does not name does not exist, and one that it names
is there with that size and CRC32C or the directory is refused.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping

import google_crc32c
from google.protobuf import text_format

from .errors import ArtifactError
from .manifest_pb2 import FileEntry, Manifest

FORMAT_VERSION = 1
MANIFEST = "manifest.pbtxt"
_CHUNK_BYTES = 1 << 20
# About 500,000 files; a file that is larger is read no further, whatever a directory from elsewhere holds.
_MAX_BYTES = 64 << 20
_SHOWN = 200


def file_crc32c(path: str) -> int:
    """CRC32C of a file's content."""
    checksum = google_crc32c.Checksum()
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            checksum.update(chunk)
    return int.from_bytes(checksum.digest(), "big")


def set_fingerprint(manifest: Manifest, parts: Mapping[str, str | bytes]) -> None:
    """Writes the SHA-256 of each part, and of all, into the manifest.

    Args:
      manifest: changed in place.
      parts: what the step's result depends on, by a name that a person understands.
    """
    del manifest.parts[:]
    for name in sorted(parts):
        content = parts[name]
        digest = hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()
        manifest.parts.add(name=name, sha256=digest)
    _join_parts(manifest)


def add_part(manifest: Manifest, name: str, sha256: str) -> None:
    """Adds one more part to a fingerprint that is set."""
    manifest.parts.add(name=name, sha256=sha256)
    manifest.parts.sort(key=lambda part: part.name)
    _join_parts(manifest)


def _join_parts(manifest: Manifest) -> None:
    whole = hashlib.sha256()
    for part in manifest.parts:
        whole.update(f"{part.name}={part.sha256}\n".encode())
    manifest.fingerprint = whole.hexdigest()


def list_files(directory: str) -> Iterator[str]:
    """Paths of all files below a directory but the manifest, relative to it, with `/`, sorted."""
    found = []
    for folder, _, names in os.walk(directory, onerror=_raise):
        for name in names:
            path = os.path.relpath(os.path.join(folder, name), directory).replace(os.sep, "/")
            if path != MANIFEST:
                found.append(path)
    yield from sorted(found)


def _raise(error: OSError) -> None:
    # os.walk would go on without the folder, and what lies in it would be no part of the result.
    raise error


def fill_files(manifest: Manifest, directory: str) -> None:
    """Writes path, size and CRC32C of every file of the directory into the manifest."""
    del manifest.files[:]
    for path in list_files(directory):
        full = os.path.join(directory, path)
        manifest.files.add(path=path, size=os.path.getsize(full), crc32c=file_crc32c(full))


def write_manifest(manifest: Manifest, directory: str) -> None:
    """Writes `manifest.pbtxt`, durably."""
    manifest.format_version = FORMAT_VERSION
    with open(os.path.join(directory, MANIFEST), "w", encoding="utf-8") as file:
        file.write(text_format.MessageToString(manifest, as_utf8=True))
        file.flush()
        os.fsync(file.fileno())


def read_manifest(directory: str, step: str, *, verify: bool = True) -> Manifest:
    """Reads a directory's manifest.

    Args:
      directory: of the step.
      step: the step that must have written it, as in `Manifest.step`.
      verify: also check every file's size and CRC32C.

    Raises:
      ArtifactError: no manifest, another step or a newer format, or a file is missing, altered or not inside.
    """
    path = os.path.join(directory, MANIFEST)
    try:
        with open(path, "rb") as file:
            content = file.read(_MAX_BYTES + 1)
        if len(content) > _MAX_BYTES:
            raise ArtifactError(path, f"is not a manifest: it is larger than {_MAX_BYTES >> 20} MiB")
        text = content.decode()
        _check_format(path, text)
        manifest = text_format.Parse(text, Manifest())
    except (FileNotFoundError, NotADirectoryError):
        raise ArtifactError(directory, f"no {step} here: run the step that writes it first") from None
    except OSError as error:
        raise ArtifactError(path, f"cannot be read: {error.strerror}") from None
    except (text_format.ParseError, UnicodeDecodeError) as error:
        reason = str(error).splitlines()[0]
        shown = reason if len(reason) <= _SHOWN else reason[:_SHOWN] + "…"
        raise ArtifactError(path, f"is not a manifest: {shown}") from None
    if manifest.step != step:
        raise ArtifactError(directory, f"holds {manifest.step or 'nothing known'}, not {step}")
    for entry in manifest.files:
        check_inside(directory, entry.path)
        if verify:
            _check_file(directory, entry)
    _check_splits(directory, manifest)
    return manifest


def _check_format(path: str, text: str) -> None:
    # Before the text is parsed: a newer format has fields that this one does not know.
    version = re.match(r"format_version: (\d+)", text)
    if version and int(version[1]) > FORMAT_VERSION:
        raise ArtifactError(path, f"format {version[1]} is newer than this prebake reads: upgrade prebake")


def check_inside(directory: str, path: str) -> None:
    """Refuses a path that leaves the directory whose manifest, or one of whose files, names it."""
    if path.startswith(("/", "\\")) or ".." in path.replace("\\", "/").split("/"):
        raise ArtifactError(directory, f"the manifest names '{path}', outside the directory: do not use it")


def _check_splits(directory: str, manifest: Manifest) -> None:
    """What the splits name are files of the manifest, so that they lie inside and have a checksum."""
    known = {entry.path for entry in manifest.files}
    for split in manifest.splits:
        for path in [*(shard.path for shard in split.shards), *([split.sample] if split.sample else [])]:
            if path not in known:
                raise ArtifactError(
                    directory,
                    f"the manifest's {split.name} split names '{path}', which is none of its files: do not use it",
                )


def _check_file(directory: str, entry: FileEntry) -> None:
    path = os.path.join(directory, entry.path)
    if not os.path.isfile(path):
        raise ArtifactError(
            path, "is missing, though the manifest names it: run the step again with --replace"
        )
    size = os.path.getsize(path)
    if size != entry.size:
        raise ArtifactError(
            path, f"has {size} bytes, the manifest says {entry.size}: run the step again with --replace"
        )
    if file_crc32c(path) != entry.crc32c:
        raise ArtifactError(
            path, "does not have the CRC32C of the manifest: run the step again with --replace"
        )
