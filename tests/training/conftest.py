"""In: nothing. Out: small runs as fixtures, and the one warning that these tests do not count as an error."""

from __future__ import annotations

import os
import warnings

import pytest
from small_run import BANDS, make_run

# Keras turns its variables into numpy arrays by a protocol that numpy 2 calls outdated; nothing that prebake could change.
KERAS_ARRAYS = "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"


def pytest_collection_modifyitems(items) -> None:
    here = os.path.dirname(__file__)
    for item in items:
        if str(item.path).startswith(here):
            item.add_marker(pytest.mark.filterwarnings(KERAS_ARRAYS))


@pytest.fixture
def run_dir(tmp_path) -> str:
    """A small regression run, not trained."""
    make_run(str(tmp_path / "run"))
    return str(tmp_path / "run")


@pytest.fixture(scope="session", params=list(BANDS))
def exported_run(request, tmp_path_factory) -> tuple[str, str]:
    """A small run, trained and exported, and its kind of label. Tests only read it."""
    from prebake.training.export import export
    from prebake.training.train import train

    run = str(tmp_path_factory.mktemp(request.param) / "run")
    make_run(run, request.param)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "__array__ implementation", DeprecationWarning)
        train(run, progress=False)
        export(run)
    return run, request.param
