"""In: a folder. Out: CSV files about people in it, and specs that preprocess, train and export them in a few seconds."""

from __future__ import annotations

import os
from typing import Any

import people

# Checkpoints within the epochs; two shards, so that one may be there without the other.
SPEC = people.merged(
    people.SMALL,
    {
        "model": {"hidden": [8]},
        "training": {"epochs": 3, "checkpoint": {"steps": 5}},
        "examples": {"train_shards": 2, "valid_shards": 1, "test_shards": 1},
    },
)
# Other results of the same files, by command.
OTHER: dict[str, dict[str, Any]] = {
    "preprocess": {"seed": 1},
    "train": {"training": {"learning_rate": 0.01, "epochs": 1}},
    "export": {"export": {"prediction_tolerance": 0.01}},
}


def write_people(folder: str) -> None:
    """Writes the files."""
    people.write_data(os.path.join(folder, "data"))


def write_spec(folder: str, name: str, changes: dict[str, Any] | None = None) -> str:
    """Writes a spec of the files in `folder`; returns its path."""
    path = os.path.join(folder, name)
    os.rename(people.write_spec_file(folder, changes, SPEC), path)
    return path
