"""A run directory from elsewhere runs no code: a model with a function in it is refused, and nothing reads pickles."""

from __future__ import annotations

import os
import pathlib
import re

import keras
import pytest
from prebake.schemas.errors import ArtifactError
from prebake.schemas.manifest import fill_files, read_manifest, write_manifest
from prebake.training.evaluate import open_model
from prebake.training.train import train

ROOT = pathlib.Path(__file__).parents[2]


def test_a_model_with_code_in_it_is_refused(run_dir):
    train(run_dir, progress=False)
    directory = os.path.join(run_dir, "training", "default")
    inputs = keras.Input((1,))
    layer = keras.layers.Lambda(lambda x: x + 1, output_shape=(1,))
    keras.Model(inputs, layer(inputs)).save(os.path.join(directory, "model.keras"))
    manifest = read_manifest(directory, "training", verify=False)
    fill_files(manifest, directory)
    write_manifest(manifest, directory)
    with pytest.raises(ArtifactError) as caught:
        open_model(run_dir, "default")
    assert str(caught.value).startswith(f"{directory}/model.keras: cannot be loaded: ")
    assert "\n" not in str(caught.value)


def test_nothing_of_ours_reads_pickles_or_builds_objects_from_yaml():
    forbidden = re.compile(
        r"^\s*(import|from) (pickle|dill|cloudpickle|marshal|shelve)\b"
        r"|allow_pickle=True|safe_mode=False|yaml\.(unsafe_|full_)?load\b",
        re.MULTILINE,
    )
    found = [
        f"{path.relative_to(ROOT)}: {match[0].strip()}"
        for folder in ("schemas", "transforms", "pipelines", "training", "prebake", "deploy")
        for path in sorted((ROOT / folder).rglob("*.py"))
        for match in forbidden.finditer(path.read_text(encoding="utf-8"))
    ]
    assert found == []
