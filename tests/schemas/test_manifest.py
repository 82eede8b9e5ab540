"""A directory is what its manifest says, or it is refused by one line that says why."""

import os
import re

import google_crc32c
import pytest
from prebake.schemas.errors import ArtifactError
from prebake.schemas.manifest import (
    MANIFEST,
    file_crc32c,
    fill_files,
    list_files,
    read_manifest,
    set_fingerprint,
    write_manifest,
)
from prebake.schemas.manifest_pb2 import Manifest


@pytest.fixture
def directory(tmp_path) -> str:
    """A written directory of two files."""
    folder = tmp_path / "examples"
    (folder / "train").mkdir(parents=True)
    (folder / "train" / "part-0").write_bytes(b"abcdef")
    (folder / "b.txt").write_bytes(b"")
    manifest = Manifest(step="examples")
    set_fingerprint(manifest, {"spec": "x"})
    fill_files(manifest, str(folder))
    write_manifest(manifest, str(folder))
    return str(folder)


def refused(directory: str, text: str, step: str = "examples", **options) -> None:
    with pytest.raises(ArtifactError) as caught:
        read_manifest(directory, step, **options)
    assert str(caught.value) == text


def rewrite(directory: str, old: str, new: str) -> None:
    path = os.path.join(directory, MANIFEST)
    with open(path, encoding="utf-8") as file:
        text = file.read()
    assert old in text
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace(old, new))


def test_what_was_written_is_read(directory):
    manifest = read_manifest(directory, "examples")
    assert (manifest.format_version, manifest.step) == (1, "examples")
    assert [(entry.path, entry.size) for entry in manifest.files] == [("b.txt", 0), ("train/part-0", 6)]
    # CRC32C("abcdef") and of nothing.
    assert [entry.crc32c for entry in manifest.files] == [0, google_crc32c.value(b"abcdef")]
    assert list(list_files(directory)) == ["b.txt", "train/part-0"]


def test_crc32c_is_castagnoli_over_many_chunks(tmp_path):
    path = tmp_path / "nine"
    path.write_bytes(b"123456789")
    assert file_crc32c(str(path)) == 0xE3069283  # the check value of RFC 3720's polynomial
    path.write_bytes(bytes(range(256)) * 10_000)
    assert file_crc32c(str(path)) == google_crc32c.value(bytes(range(256)) * 10_000)


def test_a_fingerprint_covers_names_and_contents():
    def fingerprint(parts) -> str:
        manifest = Manifest()
        set_fingerprint(manifest, {"stale": "part"})
        set_fingerprint(manifest, parts)
        assert [part.name for part in manifest.parts] == sorted(parts)
        return manifest.fingerprint

    parts = {"a": "1", "b": b"2"}
    assert fingerprint(parts) == fingerprint({"b": "2", "a": "1"})
    assert len({fingerprint(p) for p in (parts, {"a": "1"}, {"a": "2", "b": "1"}, {"a": "1", "c": "2"})}) == 4
    # SHA-256 of "a=<SHA-256 of 1>\n".
    assert fingerprint({"a": "1"}) == "dad8a4db06ffae1fec0d4f86311c809f646282e252bafc7bec3d73c779c64b98"


def test_no_manifest(tmp_path):
    refused(str(tmp_path), f"{tmp_path}: no examples here: run the step that writes it first")
    absent = str(tmp_path / "absent")
    refused(absent, f"{absent}: no transform here: run the step that writes it first", step="transform")
    file = tmp_path / "file"
    file.write_text("x")
    refused(str(file), f"{file}: no examples here: run the step that writes it first")


def test_a_manifest_that_cannot_be_read(tmp_path):
    os.mkdir(tmp_path / MANIFEST)
    refused(str(tmp_path), f"{tmp_path}/{MANIFEST}: cannot be read: Is a directory")


@pytest.mark.fault(42)
def test_a_missing_file(directory):
    os.remove(f"{directory}/train/part-0")
    refused(
        directory,
        f"{directory}/train/part-0: is missing, though the manifest names it: run the step again with --replace",
    )


@pytest.mark.fault(41)
def test_a_file_of_another_size(directory):
    with open(f"{directory}/train/part-0", "ab") as file:
        file.write(b"g")
    refused(
        directory,
        f"{directory}/train/part-0: has 7 bytes, the manifest says 6: run the step again with --replace",
    )


@pytest.mark.fault(41)
def test_a_flipped_bit(directory):
    with open(f"{directory}/train/part-0", "wb") as file:
        file.write(b"abcdeg")
    refused(
        directory,
        f"{directory}/train/part-0: does not have the CRC32C of the manifest: run the step again with --replace",
    )
    assert read_manifest(directory, "examples", verify=False).step == "examples"


@pytest.mark.fault(39, 42)
def test_an_extra_file_does_not_exist(directory):
    with open(f"{directory}/train/part-1", "wb") as file:
        file.write(b"from another run")
    assert [entry.path for entry in read_manifest(directory, "examples").files] == ["b.txt", "train/part-0"]


@pytest.mark.parametrize(
    "path", ["../b.txt", "/etc/passwd", "train/../../b", "..", "a\\\\..\\\\..\\\\b", "\\\\b"]
)
@pytest.mark.parametrize("verify", [True, False])
def test_a_path_that_leaves_the_directory(directory, path, verify):
    rewrite(directory, '"b.txt"', f'"{path}"')
    shown = path.replace("\\\\", "\\")
    refused(
        directory,
        f"{directory}: the manifest names '{shown}', outside the directory: do not use it",
        verify=verify,
    )


def test_dots_inside_a_name_are_no_way_out(directory):
    os.rename(f"{directory}/b.txt", f"{directory}/b..txt")
    rewrite(directory, '"b.txt"', '"b..txt"')
    assert read_manifest(directory, "examples").files[0].path == "b..txt"


@pytest.mark.parametrize("field", ["", "a_new_field: 3\n"])
def test_a_newer_format(directory, field):
    rewrite(directory, "format_version: 1\n", f"format_version: 2\n{field}")
    refused(directory, f"{directory}/{MANIFEST}: format 2 is newer than this prebake reads: upgrade prebake")


@pytest.mark.fault(42)
def test_another_step(directory):
    refused(directory, f"{directory}: holds examples, not transform", step="transform")
    rewrite(directory, 'step: "examples"\n', "")
    refused(directory, f"{directory}: holds nothing known, not examples")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"<html>\n", "1:1 : '<html>': Expected identifier or number, got <."),
        (
            b"format_version: 1\nsteps: 3\n",
            '2:1 : Message type "prebake.v1.Manifest" has no field named "steps"',
        ),
        (b"\xff\xfe", "'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"),
        (b'step: "exam', "1:7 : "),
    ],
)
def test_garbage(directory, content, reason):
    path = os.path.join(directory, MANIFEST)
    with open(path, "wb") as file:
        file.write(content)
    with pytest.raises(ArtifactError, match=f"^{re.escape(path)}: is not a manifest: .*") as caught:
        read_manifest(directory, "examples")
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_empty_manifest_is_refused(directory):
    with open(os.path.join(directory, MANIFEST), "wb"):
        pass
    refused(directory, f"{directory}: holds nothing known, not examples")
