"""In: nothing. Out: preprocessed runs that most tests share; nobody may write into them."""

from __future__ import annotations

import os

import every_family
import people
import pytest
import several_labels
from prebake.pipelines.preprocess import preprocess
from prebake.training.export import export
from prebake.training.train import train


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


@pytest.fixture(scope="session")
def every(tmp_path_factory) -> tuple[str, str]:
    """The folder of files with every family of feature, and the run of it."""
    folder = str(tmp_path_factory.mktemp("every"))
    run = os.path.join(folder, "run")
    preprocess(every_family.write(folder), run)
    return folder, run


@pytest.fixture(scope="session")
def several_folder(tmp_path_factory) -> str:
    """The folder of files with three labels, and in run/ the run of it."""
    folder = str(tmp_path_factory.mktemp("several"))
    several_labels.write(folder)
    preprocess(several_labels.spec_of(folder), os.path.join(folder, "run"))
    return folder


@pytest.fixture(scope="session")
def several_trained(several_folder) -> str:
    """The same, and the run is trained and exported."""
    spec, run = several_labels.spec_of(several_folder), os.path.join(several_folder, "run")
    train(run, spec, progress=False)
    export(run, spec=spec)
    return several_folder


@pytest.fixture(scope="session")
def several_run(several_folder) -> str:
    return os.path.join(several_folder, "run")


@pytest.fixture(scope="session")
def several_rows(several_folder) -> dict[str, list[dict[str, str]]]:
    """The good rows, by split."""
    return several_labels.good_rows(several_folder)
