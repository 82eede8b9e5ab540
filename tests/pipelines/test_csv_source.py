"""In: preprocessed runs. Out: training from their CSV files has the rows, the order and the weights of one from examples."""

from __future__ import annotations

import os
import shutil

import people
import pytest
from prebake.pipelines.preprocess import load, preprocess
from prebake.schemas.errors import ArtifactError, DataError
from prebake.schemas.spec_pb2 import Spec
from prebake.training.csv_source import read_csv
from prebake.training.dataset import Examples, evaluation_batches, open_examples, training_batches
from prebake.training.evaluate import evaluate, open_model
from prebake.training.export import export
from prebake.training.train import train

# Keras turns its variables into numpy arrays by a protocol that numpy 2 calls outdated; nothing that prebake could change.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)


def bits(batches) -> list[tuple[bytes, ...]]:
    found = []
    for features, *others in batches:
        arrays = [features[name].numpy() for name in sorted(features)] + [one.numpy() for one in others]
        found.append(tuple(repr((array.dtype, array.shape)).encode() + array.tobytes() for array in arrays))
    return found


def epochs(examples: Examples, **options) -> list[tuple[bytes, ...]]:
    return bits(
        training_batches(examples, seed=5, epochs=range(2), batch_size=32, shuffle_buffer=100, **options)
    )


def spec_of(folder: str) -> Spec:
    return load(os.path.join(folder, "every.yaml"))


def check_same(csv: Examples, stored: Examples) -> None:
    assert csv.manifest.fingerprint == stored.manifest.fingerprint
    assert csv.manifest.features == stored.manifest.features
    for found, wanted in zip(csv.manifest.splits, stored.manifest.splits, strict=True):
        assert (found.name, found.rows, found.shards) == (wanted.name, wanted.rows, wanted.shards)
    assert epochs(csv) == epochs(stored)
    for split in ("train", "valid", "test"):
        found, wanted = (bits(evaluation_batches(one, split, batch_size=50)) for one in (csv, stored))
        assert found == wanted
        assert list(csv.raw_rows(split)) == stored.raw_rows(split) != []


def test_every_family_of_feature_is_bit_equal_in_the_same_order(every):
    folder, run = every
    csv, stored = read_csv(run, spec_of(folder)), open_examples(run)
    check_same(csv, stored)
    assert epochs(csv, first_step=5) == epochs(stored)[5:]


def copy_of(folder: str, tmp_path) -> tuple[str, Spec]:
    """A folder with the files of people, and a run that was only analyzed."""
    copy = str(tmp_path / "people")
    shutil.copytree(folder, copy)
    shutil.rmtree(os.path.join(copy, "run", "examples"))
    spec = load(os.path.join(copy, "people.yaml"))
    spec.model.hidden[:] = [4]
    spec.training.epochs, spec.training.source = 1, "csv"
    return copy, spec


def weights(run: str, name: str = "default") -> list[bytes]:
    return [array.tobytes() for array in open_model(run, name)[0].get_weights()]


def test_training_evaluation_and_export_need_no_examples(people_folder, tmp_path):
    folder, spec = copy_of(people_folder, tmp_path)
    run = os.path.join(folder, "run")
    train(run, spec, progress=False)
    metrics = evaluate(run, split="test")
    exported = export(run, spec=spec)
    assert os.path.exists(exported.parity)
    assert not os.path.exists(os.path.join(run, "examples"))
    # Rows that are the same and come in the same order: it is the same training, wherever it finds them.
    preprocess(spec, run, steps=["transform"])
    spec.training.source = "examples"
    assert train(run, spec, progress=False).up_to_date
    assert evaluate(run, split="test", spec=spec) == metrics
    spec.training.name = "again"
    train(run, spec, progress=False)
    assert weights(run, "again") == weights(run)


def write_bad_rows(tmp_path, share: float) -> Spec:
    """Files with three bad rows of 64: a bad number, a short row, and a class that only the test split has."""
    rows = [[str(number % 7), "ab"[number % 2]] for number in range(60)]
    rows[3][0] = "x"
    rows[9] = ["1"]
    files = {
        "train-0.csv": rows,
        "test-0.csv": [["1", "a"], ["2", "c"], ["3", "b"]],
        "valid-0.csv": [["4", "a"]],
    }
    for name, lines in files.items():
        text = "".join(",".join(line) + "\n" for line in [["x", "y"], *lines])
        people.write_file(tmp_path / "data" / name, text.encode())
    base = {
        "data": {
            "columns": {"x": "float", "y": "string"},
            "label": {"column": "y", "kind": "binary"},
            "split": {"files": {name: f"data/{name}-*.csv" for name in ("train", "valid", "test")}},
            "bad_rows": {"reject_up_to": share},
        },
        "features": {"x": "standardize"},
    }
    return people.people_spec(tmp_path, base=base)


def test_the_same_rows_are_set_aside(tmp_path):
    spec = write_bad_rows(tmp_path, 0.1)
    preprocess(spec, str(tmp_path / "run"))
    csv, stored = read_csv(str(tmp_path / "run"), spec), open_examples(str(tmp_path / "run"))
    check_same(csv, stored)
    assert [csv.rows(name) for name in ("train", "valid", "test")] == [58, 1, 2]


def test_more_bad_rows_than_are_allowed_are_refused(tmp_path):
    # The class that is not known is found only when the graph is applied: the analysis saw 2 of 64, now it is 3.
    spec = write_bad_rows(tmp_path, 0.04)
    preprocess(spec, str(tmp_path / "run"), steps=["analyze"])
    with pytest.raises(DataError) as error:
        read_csv(str(tmp_path / "run"), spec)
    assert str(error.value).startswith(
        f"{tmp_path}/data/test-0.csv:3:y 'c' is a class that no row of the training split has: name it in "
        "data.label.classes or drop the row (the first of 3 bad rows of 64"
    )


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ("edit", "{folder}/data/a.csv: changed since it was analyzed: run `prebake analyze` again"),
        ("add", "{folder}/data/new.csv: came after the analysis: run `prebake analyze` again"),
        (
            "remove",
            "{folder}/run/transform: was learnt from sub/c.csv, which the spec does not name: analyze again",
        ),
        (
            "spec",
            "{folder}/run/transform: was made from another spec (features, seed): run `prebake analyze` with --replace "
            "first",
        ),
        (
            "remote",
            "gs://here/*.csv: is not on this machine: training.source csv reads local files; run `prebake transform` "
            "instead",
        ),
        (
            "memory",
            "{folder}/run/transform: training.source csv keeps all rows in memory: 3,000 rows take about 0.0 GB, and a "
            "quarter of what is free is 0.0 GB; leave source out and run `prebake transform`",
        ),
    ],
)
def test_what_cannot_be_read_is_one_clear_line(people_folder, tmp_path, change, error):
    folder, spec = copy_of(people_folder, tmp_path)
    first = os.path.join(folder, "data", "a.csv")
    if change == "edit":
        with open(first, "r+b") as file:
            content = file.read().replace(b"Oslo", b"Olso", 1)
            file.seek(0)
            file.write(content)
    elif change == "add":
        shutil.copy(first, os.path.join(folder, "data", "new.csv"))
    elif change == "remove":
        os.remove(os.path.join(folder, "data", "sub", "c.csv"))
    elif change == "spec":
        spec.seed = 1
        del spec.features[0]
    elif change == "remote":
        spec.data.files[:] = ["gs://here/*.csv"]
    with pytest.raises((ArtifactError, DataError)) as found:
        read_csv(os.path.join(folder, "run"), spec, free=1000 if change == "memory" else 2**40)
    assert str(found.value) == error.format(folder=folder)


def test_it_needs_the_analysis(people_folder, tmp_path):
    folder, spec = copy_of(people_folder, tmp_path)
    with pytest.raises(ArtifactError, match="no transform here: run the step that writes it first"):
        train(str(tmp_path / "nothing"), spec, progress=False)
