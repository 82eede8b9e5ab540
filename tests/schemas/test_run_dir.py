"""The spec of a run comes back as it was resolved."""

import os
import re

import pytest
from prebake.schemas.errors import ArtifactError, SpecError
from prebake.schemas.run_dir import read_spec, write_spec
from prebake.schemas.spec_check import check
from prebake.schemas.spec_defaults import resolve
from prebake.schemas.spec_yaml import parse_yaml

YAML = "seed: 3\ndata:\n  files: /data/*.csv\n  columns: {Größe: float, y: float}\n  label: y\n"


def resolved(text: str = YAML):
    spec, source = parse_yaml(text, "s.yaml")
    spec = resolve(spec)
    check(spec, source)
    return spec


def test_a_spec_comes_back_without_its_data(tmp_path):
    run = str(tmp_path / "new" / "run")
    spec = resolved()
    write_spec(run, spec)
    assert read_spec(run) == spec
    assert os.listdir(run) == ["spec.pbtxt"]


def test_the_last_spec_counts(tmp_path):
    write_spec(str(tmp_path), resolved())
    write_spec(str(tmp_path), resolved(YAML.replace("seed: 3", "seed: 4")))
    assert read_spec(str(tmp_path)).seed == 4
    assert os.listdir(tmp_path) == ["spec.pbtxt"]


@pytest.mark.fault(37)
def test_a_fault_leaves_the_old_spec(tmp_path, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    write_spec(str(tmp_path), resolved())
    monkeypatch.setattr(os, "fsync", full)
    text = (
        f"{tmp_path}/spec.pbtxt: could not be written: No space left on device; it is as it was before: free some space and "
        "run again"
    )
    with pytest.raises(ArtifactError, match=f"^{re.escape(text)}$"):
        write_spec(str(tmp_path), resolved(YAML.replace("seed: 3", "seed: 4")))
    assert read_spec(str(tmp_path)).seed == 3
    assert os.listdir(tmp_path) == ["spec.pbtxt"]


@pytest.mark.parametrize("name", ["absent", ""])
def test_no_run_directory(tmp_path, name):
    path = os.path.join(tmp_path, name)
    text = f"{path}: is not a run directory: it has no spec.pbtxt; give a spec or a run directory"
    with pytest.raises(ArtifactError, match=f"^{re.escape(text)}$"):
        read_spec(path)


def test_a_damaged_spec_names_its_line(tmp_path):
    (tmp_path / "spec.pbtxt").write_text("seed: 3\nseeds: 4\n")
    text = f"{tmp_path}/spec.pbtxt:2: unknown key 'seeds' (did you mean 'seed'?)"
    with pytest.raises(SpecError, match=f"^{re.escape(text)}$"):
        read_spec(str(tmp_path))
