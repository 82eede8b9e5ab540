"""In: exported models. Out: every signature answers, in a process that has only TensorFlow, from wherever it lies."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from prebake.schemas.errors import ArtifactError
from prebake.schemas.run_dir import read_spec
from prebake.training.export import export, find_version
from prebake.training.predict import load
from prebake.training.signatures import input_names
from prebake.training.train import train
from prebake.transforms.refuse import refusal
from small_run import make_rows, make_run, write_csv

ASK = """
import importlib.abc, json, sys
class Blocked(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("prebake", "tf_keras", "apache_beam", "tensorflow_transform", "tfx_bsl"):
            raise ImportError(name)
sys.meta_path.insert(0, Blocked())
import tensorflow as tf
model = tf.saved_model.load(sys.argv[1])
lines = json.loads(sys.argv[2])
answer = model.signatures["serving_csv"](tf.constant(lines))
print(json.dumps({name: value.numpy().tolist() for name, value in answer.items() if name != "class"}))
"""

TRAIN_AND_EXPORT = """
import importlib.abc, sys
class Blocked(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("tf_keras", "apache_beam", "tensorflow_transform", "tfx_bsl"):
            raise ImportError(name)
sys.meta_path.insert(0, Blocked())
from prebake.training.train import train
from prebake.training.export import export
from prebake.training.predict import load
train(sys.argv[1])
print(export(sys.argv[1]).directory)
assert len(load(sys.argv[1]).predict(sys.argv[2])["prediction"]) == 5
"""


def run_python(program: str, *arguments: str, cwd: str) -> str:
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    # TensorFlow Transform, which other tests import into this process, sets it for all children.
    environment.pop("TF_USE_LEGACY_KERAS", None)
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def csv_lines(rows: list[dict[str, str]]) -> list[str]:
    """Cells of every column but the label, quoted throughout."""
    names = ("income", "rooms", "city", "hours-per-week", "note")
    return [",".join('"' + row[name].replace('"', '""') + '"' for name in names) for row in rows]


def test_signatures_and_their_tensors(exported_run):
    run, kind = exported_run
    model = tf.saved_model.load(find_version(run))
    inputs = {name: model.signatures[name].structured_input_signature[1] for name in model.signatures}
    raw = {
        "income": tf.TensorSpec([None], tf.float32, "income"),
        "rooms": tf.TensorSpec([None], tf.int64, "rooms"),
        "city": tf.TensorSpec([None], tf.string, "city"),
        "hours_per_week": tf.TensorSpec([None], tf.float32, "hours_per_week"),
    }
    examples = {"examples": tf.TensorSpec([None], tf.string, "examples")}
    lines = {"lines": tf.TensorSpec([None], tf.string, "lines")}
    assert inputs == {
        "serving_default": raw, "serving_examples": examples, "serving_csv": lines,
        "features": raw, "features_examples": examples, "features_csv": lines,
    }  # fmt: skip
    outputs = {
        name: spec.shape.as_list()
        for name, spec in model.signatures["serving_csv"].structured_outputs.items()
    }
    assert (
        outputs
        == {
            "regression": {"prediction": [None]},
            "binary": {"probability": [None], "class": [None]},
            "multiclass": {"probabilities": [None, 3], "class": [None]},
        }[kind]
    )


def test_answers_in_a_process_with_tensorflow_alone_after_a_move(exported_run, tmp_path):
    run, kind = exported_run
    moved = str(tmp_path / "elsewhere")
    shutil.copytree(find_version(run), moved)
    rows = make_rows(9, kind)
    answer = json.loads(run_python(ASK, moved, json.dumps(csv_lines(rows)), cwd=str(tmp_path)))
    expected = load(run).predict(rows)
    for name, values in answer.items():
        np.testing.assert_allclose(values, expected[name], atol=1e-6)


def test_trains_exports_and_predicts_without_beam_and_tft(tmp_path):
    run = str(tmp_path / "run")
    make_run(run)
    write_csv(
        tmp_path / "rows.csv", ["income", "rooms", "city", "hours-per-week"], make_rows(5, "regression")
    )
    out = run_python(TRAIN_AND_EXPORT, run, str(tmp_path / "rows.csv"), cwd=str(tmp_path))
    assert out.splitlines()[-1] == f"{run}/export/saved_model/1"


def test_versions_count_up_and_the_same_is_a_no_op(run_dir):
    spec = read_spec(run_dir)
    train(run_dir, progress=False)
    first = export(run_dir)
    assert (first.version, first.up_to_date) == (1, False)
    assert (export(run_dir).version, export(run_dir).up_to_date) == (1, True)
    spec.training.name, spec.seed = "other", 8
    train(run_dir, spec, progress=False)
    second = export(run_dir, "other")
    assert (second.version, second.up_to_date) == (2, False)
    assert sorted(os.listdir(os.path.join(run_dir, "export", "saved_model"))) == ["1", "2"]
    assert find_version(run_dir) == second.directory


@pytest.mark.fault(51)
def test_cell_that_is_no_number_is_named(exported_run):
    run, _ = exported_run
    model = tf.saved_model.load(find_version(run))
    with pytest.raises(tf.errors.InvalidArgumentError) as error:
        model.signatures["serving_csv"](tf.constant(["1.5,2.5,Rome,40,"]))
    reason = "is not an integer: digits with an optional '-', nothing else"
    assert refusal(error.value) == f"row 1: column 'rooms' '2.5' {reason}"


def test_input_names_are_unique_python_names():
    names = input_names(["age", "hours-per-week", "hours per week", "1st", "_x", "größe", "self", "a.b"])
    assert names == {
        "age": "age",
        "hours-per-week": "hours_per_week",
        "hours per week": "hours_per_week_2",
        "1st": "x1st",
        "_x": "x_x",
        "größe": "gr__e",
        "self": "self_2",
        "a.b": "a_b",
    }


def test_nothing_exported_is_one_clear_line(tmp_path):
    with pytest.raises(ArtifactError) as error:
        load(tmp_path)
    assert str(error.value) == f"{tmp_path}: no exported model here: run `prebake export` first"


def test_nothing_trained_is_one_clear_line(run_dir):
    with pytest.raises(ArtifactError) as error:
        export(run_dir)
    assert (
        str(error.value) == f"{run_dir}/training/default: no training here: run the step that writes it first"
    )
