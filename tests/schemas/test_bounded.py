"""A spec or a run directory from elsewhere: whatever it holds, one short line, within 1 GiB of address space."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from prebake.schemas.errors import ArtifactError
from prebake.schemas.manifest import MANIFEST, fill_files, read_manifest, write_manifest
from prebake.schemas.manifest_pb2 import Manifest

READ = """
import json, resource, sys
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
from prebake.schemas.errors import PrebakeError
from prebake.schemas.manifest import read_manifest
from prebake.schemas.spec import parse_spec
found = {}
for name in sys.argv[1:]:
    try:
        read_manifest(name, "examples") if name.startswith("run") else parse_spec(name)
    except PrebakeError as error:
        found[name] = str(error)
print(json.dumps(found))
"""
# Ten lists of nine of the one before it: 3.5 billion values if it were unfolded.
LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n"
    for old, new in zip("abcdefghi", "bcdefghij", strict=True)
)
NESTED = "is not valid YAML: is nested deeper than 32 levels"
HOSTILE = {
    "laughs.yaml": (LAUGHS, "laughs.yaml:1: is not valid YAML: anchors and aliases are not taken: write the value out"),
    "merge.yaml": ("data: {<<: {files: a}}", "merge.yaml:1: data: unknown key '<<'"),
    "lists.yaml": ("[" * 100_000, f"lists.yaml:1: {NESTED}"),
    "mappings.yaml": ("{a: " * 100_000, f"mappings.yaml:1: {NESTED}"),
    "dashes.yaml": ("- " * 100_000, f"dashes.yaml:1: {NESTED}"),
    "keys.yaml": ("? " * 100_000, f"keys.yaml:1: {NESTED}"),
    "block.yaml": ("".join(f"{' ' * depth}a:\n" for depth in range(1000)), f"block.yaml:32: {NESTED}"),
    "number.yaml": ("seed: " + "9" * 900_000, f"number.yaml:1: seed: '{'9' * 80}…' is out of range"),
    "large.yaml": (200 << 20, "large.yaml: is larger than 1 MiB (is this a spec?)"),
    "nested.pbtxt": ("data {" * 10_000, "nested.pbtxt:1: unknown key 'data'"),
    "lists.pbtxt": ("features: " + "[" * 10_000, "lists.pbtxt:1: is not a valid text proto: Expected"),
    "any.pbtxt": ("[type.googleapis.com/prebake.v1.Spec] {" * 10_000, "any.pbtxt:1: is not a valid text proto: Message"),
    "number.pbtxt": (
        "seed: " + "9" * 900_000,
        f"number.pbtxt:1: is not a valid text proto: Couldn't parse integer: {'9' * 176}…",
    ),
    "run/nested": ("label {" * 10_000, f"run/nested/{MANIFEST}: is not a manifest: 1:8 : Message type"),
    "run/lists": ("inputs: " + "[" * 100_000, f"run/lists/{MANIFEST}: is not a manifest: 1:10 : 'inputs: [[["),
    "run/any": ("[type.googleapis.com/prebake.v1.Manifest] {" * 10_000, f"run/any/{MANIFEST}: is not a manifest: 1:18"),
    "run/cut": ('step: "examples"\nfiles { path: "a" size: 429', f"run/cut/{MANIFEST}: is not a manifest: 2:"),
    "run/large": (1 << 30, f"run/large/{MANIFEST}: is not a manifest: it is larger than 64 MiB"),
}  # fmt: skip


def test_one_short_line_in_little_memory(tmp_path):
    for name, (content, _) in HOSTILE.items():
        path = tmp_path / name / MANIFEST if name.startswith("run/") else tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "wb") as file:
            if isinstance(content, int):
                file.truncate(content)
            else:
                file.write(content.encode())
    done = subprocess.run(
        [sys.executable, "-c", READ, *HOSTILE], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    assert found.keys() == HOSTILE.keys()
    for name, (_, text) in HOSTILE.items():
        assert found[name].startswith(text), name
        assert len(found[name]) < 400
        assert "\n" not in found[name]


@pytest.mark.fault(42)
@pytest.mark.parametrize("field", ["shard", "sample"])
@pytest.mark.parametrize("path", ["../secret", "/etc/passwd", "train/other", "link/../../secret"])
def test_a_split_names_files_of_the_manifest_alone(tmp_path, field, path):
    (tmp_path / "train").mkdir()
    for name in ("train/part-0", "train/sample.jsonl", "train/other"):
        (tmp_path / name).write_text("x")
    manifest = Manifest(step="examples")
    split = manifest.splits.add(name="train", sample="train/sample.jsonl")
    split.shards.add(path="train/part-0", rows=1)
    fill_files(manifest, str(tmp_path))
    del manifest.files[[entry.path for entry in manifest.files].index("train/other")]
    write_manifest(manifest, str(tmp_path))
    assert read_manifest(str(tmp_path), "examples").splits[0] == split
    if field == "shard":
        split.shards[0].path = path
    else:
        split.sample = path
    write_manifest(manifest, str(tmp_path))
    for verify in (True, False):
        with pytest.raises(ArtifactError) as caught:
            read_manifest(str(tmp_path), "examples", verify=verify)
        assert str(caught.value) == (
            f"{tmp_path}: the manifest's train split names '{path}', which is none of its files: do not use it"
        )
    assert os.path.exists(tmp_path / "train" / "other")
