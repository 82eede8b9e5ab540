"""In: a run that is there already and a spec that may differ. Out: no work, one step again, or the difference."""

from __future__ import annotations

import fcntl
import os
import shutil
import socket

import people
import pytest
from prebake.pipelines import transform as transform_module
from prebake.pipelines.preprocess import preprocess
from prebake.schemas.commit import temporary_directory
from prebake.schemas.errors import ArtifactError


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> str:
    """A small run; tests put it back as they found it."""
    folder = tmp_path_factory.mktemp("rerun")
    people.write_file(folder / "data" / "a.csv", people.csv_bytes(people.make_rows(300, 0)))
    people.write_file(folder / "data" / "b.csv", people.csv_bytes(people.make_rows(200, 1)))
    people.run(folder, base=people.SMALL)
    return str(folder)


@pytest.fixture
def copied(folder, tmp_path) -> str:
    shutil.copytree(folder, tmp_path / "copy")
    return str(tmp_path / "copy")


def again(folder: str, changes: dict | None = None, **how) -> dict[str, bool]:
    return preprocess(people.people_spec(folder, changes, people.SMALL), os.path.join(folder, "run"), **how)


def stamps(run: str) -> dict[str, tuple[int, int]]:
    """Modification time and inode of every file."""
    found = {}
    for path in people.tree(run):
        status = os.stat(os.path.join(run, path))
        found[path] = (status.st_mtime_ns, status.st_ino)
    return found


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"training": {"learning_rate": 0.5}},
        {"model": {"hidden": [7]}},
        {"export": {"prediction_tolerance": 0.1}},
    ],
    ids=["same spec", "learning rate", "model", "export"],
)
def test_nothing_to_do(folder, changes):
    before = stamps(os.path.join(folder, "run"))
    assert again(folder, changes) == {"analyze": False, "transform": False}
    assert stamps(os.path.join(folder, "run")) == before


@pytest.mark.parametrize(
    ("changes", "different"),
    [
        ({"seed": 1}, "seed"),
        ({"features": {"age": {"as_is": {}}}}, "features part of the spec"),
        ({"data": {"split": {"train": 0.5, "test": 0.5}}, "seed": 2}, "data part of the spec, seed"),
        ({"data": {"files": "data/a.csv"}}, "input files"),
    ],
)
def test_made_from_something_else(folder, changes, different):
    run = os.path.join(folder, "run")
    before = stamps(run)
    with pytest.raises(ArtifactError) as error:
        again(folder, changes)
    assert str(error.value) == (
        f"{run}/transform: was made from other {different}: add --replace, or choose another --run"
    )
    with pytest.raises(ArtifactError) as error:
        again(folder, changes, steps=["transform"])
    assert str(error.value) == (
        f"{run}/transform: was made from other {different}: run analyze with --replace first"
    )
    assert stamps(run) == before


@pytest.mark.fault(15)
def test_a_changed_file_is_seen(copied):
    with open(os.path.join(copied, "data", "b.csv"), "ab") as file:
        file.write(people.csv_bytes(people.make_rows(1, 9)).split(b"\n", 1)[1])
    with pytest.raises(ArtifactError) as error:
        again(copied)
    assert str(error.value) == (
        f"{copied}/run/transform: was made from other input files: add --replace, or choose another --run"
    )
    assert again(copied, replace=True) == {"analyze": True, "transform": True}
    assert again(copied) == {"analyze": False, "transform": False}


@pytest.mark.fault(36)
def test_another_number_of_shards_redoes_the_examples_alone(copied):
    run = os.path.join(copied, "run")
    more = {"examples": {"train_shards": 7, "valid_shards": 2}}
    with pytest.raises(ArtifactError) as error:
        again(copied, more)
    assert str(error.value) == (
        f"{run}/examples: was made from other examples part of the spec: add --replace, or choose another --run"
    )
    before = stamps(os.path.join(run, "transform"))
    assert again(copied, more, replace=True) == {"analyze": False, "transform": True}
    assert stamps(os.path.join(run, "transform")) == before
    assert len(os.listdir(os.path.join(run, "examples", "train"))) == 7 + 1  # the sample beside the shards
    # Fewer again: nothing of the old ones is left.
    fewer = {"examples": {"train_shards": 2}}
    assert again(copied, fewer, replace=True) == {"analyze": False, "transform": True}
    assert sorted(os.listdir(os.path.join(run, "examples", "train"))) == [
        "part-00000-of-00002.tfrecord", "part-00001-of-00002.tfrecord", "sample.jsonl",
    ]  # fmt: skip


def test_files_that_change_places_between_splits(tmp_path):
    """The same files, patterns per split: which file goes where is part of the fingerprint."""
    rows = people.make_rows(60, 0)
    for number, name in enumerate(("a", "b", "c")):
        people.write_file(tmp_path / "data" / f"{name}.csv", people.csv_bytes(rows[number * 20 :][:20]))

    def by_split(train: str, test: str) -> dict:
        files = {"train": f"data/{train}.csv", "valid": "data/b.csv", "test": f"data/{test}.csv"}
        return {"data": {"files": None, "split": {"files": files}}}

    assert again(str(tmp_path), by_split("a", "c")) == {"analyze": True, "transform": True}
    with pytest.raises(ArtifactError) as error:
        again(str(tmp_path), by_split("c", "a"))
    assert str(error.value) == (
        f"{tmp_path}/run/transform: was made from other input files: add --replace, or choose another --run"
    )


def test_a_damaged_result_is_not_taken_for_done(copied):
    path = os.path.join(copied, "run", "transform", "statistics.pb")
    with open(path, "ab") as file:
        file.write(b"\0")
    size = os.path.getsize(path)
    with pytest.raises(ArtifactError) as error:
        again(copied)
    assert str(error.value) == (
        f"{path}: has {size} bytes, the manifest says {size - 1}: run the step again with --replace"
    )


def test_transform_alone_needs_analyze(folder):
    spec = people.people_spec(folder, base=people.SMALL)
    with pytest.raises(ArtifactError) as error:
        preprocess(spec, os.path.join(folder, "other"), steps=["transform"])
    assert str(error.value) == (
        f"{folder}/other/transform: no transform here: run the step that writes it first"
    )


def test_abandoned_temporary_directories_are_removed(tmp_path):
    host = socket.gethostname()
    abandoned = tmp_path / f".tmp-examples-{host}-11111111"
    others = [".tmp-transform-" + host + "-1", ".tmp-examples-elsewhere-1", "examples"]
    for name in [abandoned.name, *others]:
        people.write_file(tmp_path / name / "train" / "part", b"half")
    with temporary_directory(str(tmp_path), "examples") as path:
        assert sorted(os.listdir(tmp_path)) == sorted([*others, os.path.basename(path)])
        # One that lives is left alone by the next.
        with temporary_directory(str(tmp_path), "examples") as second:
            assert os.path.isdir(path)
            assert second != path
    assert sorted(os.listdir(tmp_path)) == sorted(others)


def test_a_file_system_without_locks_keeps_everything(tmp_path, monkeypatch):
    def no_locks(descriptor: int, operation: int) -> None:
        raise OSError(95, "Operation not supported")

    people.write_file(tmp_path / f".tmp-examples-{socket.gethostname()}-11111111" / "part", b"half")
    monkeypatch.setattr(fcntl, "flock", no_locks)
    with temporary_directory(str(tmp_path), "examples") as path:
        assert len(os.listdir(tmp_path)) == 2
        assert os.path.isdir(path)
    assert os.listdir(tmp_path) == [f".tmp-examples-{socket.gethostname()}-11111111"]


@pytest.mark.fault(38)
def test_a_transform_that_another_run_replaces_meanwhile(tmp_path, monkeypatch):
    """Else examples of one run would lie beside the statistics of the other, and both would be whole."""
    people.write_data(os.path.join(tmp_path, "data"))
    run = people.run(tmp_path, base=people.SMALL)
    before = people.tree(os.path.join(run, "examples")) | people.tree(os.path.join(run, "rejected"))
    write = transform_module.write_feature_spec

    def write_late(*args) -> None:
        write(*args)
        people.run(tmp_path, {"seed": 2}, base=people.SMALL, steps=["analyze"], replace=True)

    monkeypatch.setattr(transform_module, "write_feature_spec", write_late)
    with pytest.raises(ArtifactError) as error:
        people.run(
            tmp_path, {"examples": {"train_shards": 3}}, base=people.SMALL, steps=["transform"], replace=True
        )
    assert str(error.value) == (
        f"{run}/transform: another run replaced it; the rejected made from it are dropped: run again"
    )
    assert before == people.tree(os.path.join(run, "examples")) | people.tree(os.path.join(run, "rejected"))
