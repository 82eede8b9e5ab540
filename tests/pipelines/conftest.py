"""In: nothing. Out: one preprocessed run that most tests share; nobody may write into it."""

from __future__ import annotations

import os

import people
import pytest


@pytest.fixture(scope="session")
def people_folder(tmp_path_factory) -> str:
    """A folder with the CSV files in data/, the spec, and the run of it in run/."""
    folder = str(tmp_path_factory.mktemp("people"))
    people.write_data(os.path.join(folder, "data"))
    people.run(folder)
    return folder


@pytest.fixture(scope="session")
def people_run(people_folder) -> str:
    return os.path.join(people_folder, "run")


@pytest.fixture(scope="session")
def people_rows() -> dict[str, list[dict[str, str]]]:
    """The cells of every row, by file."""
    return {
        path: people.make_rows(count, number) for number, (path, count) in enumerate(people.FILES.items())
    }
