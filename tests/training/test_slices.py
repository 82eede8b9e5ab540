"""Metrics by the ids of a feature: by hand, and equal to the streaming metrics of the same rows."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from prebake.schemas.errors import PrebakeError
from prebake.schemas.manifest_pb2 import OUTPUT_FLOAT, OUTPUT_INT64, LabelEntry, OutputFeature
from prebake.schemas.spec_pb2 import BINARY, MULTICLASS, REGRESSION, Training
from prebake.training.evaluate import evaluate_slices
from prebake.training.metrics import metrics_of
from prebake.training.slice_sums import finish, row_sums, widths
from prebake.training.slices import Slice, check_slices, slice_tables
from prebake.training.train import train
from small_run import make_run

LABELS = {
    "regression": LabelEntry(kind=REGRESSION),
    "scaled": LabelEntry(kind=REGRESSION, mean=3, deviation=0.5),
    "log": LabelEntry(kind=REGRESSION, log=True, mean=2, deviation=0.5),
    "binary": LabelEntry(kind=BINARY, classes=["no", "yes"]),
    "multiclass": LabelEntry(kind=MULTICLASS, classes=["a", "b", "c"]),
}
ASKED = {
    REGRESSION: 'metrics: ["mse", "huber", "coverage"] loss { kind: "huber" delta: 0.3 }',
    BINARY: 'metrics: ["precision", "recall", "pr_auc"]',
    MULTICLASS: 'metrics: ["precision", "recall"]',
}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", LABELS)
def test_sums_give_what_the_streaming_metrics_give(name, weighted):
    label, generator = LABELS[name], np.random.default_rng(1)
    training = text_format.Parse(ASKED[label.kind], Training())
    units = 3 if name == "multiclass" else 1
    output = generator.normal(size=(500, units)).astype(np.float32)
    if label.kind == REGRESSION:
        y = tf.constant(generator.normal(size=(500, 1)).astype(np.float32))
    else:
        y = tf.constant(generator.integers(0, len(label.classes), (500, 1)))
    weights = generator.integers(1, 5, 500).astype(np.float32) if weighted else np.ones(500, np.float32)
    sums = {key: np.zeros((1, width)) for key, width in widths(label).items()}
    for key, (places, values) in row_sums(label, training.loss, y, output).items():
        np.add.at(sums[key][0], np.broadcast_to(places, 500), values * weights)
    found = finish(label, training, sums)
    wanted = {}
    for metric in metrics_of(label, training):
        metric.update_state(y, tf.constant(output), tf.constant(weights))
        wanted[metric.name] = float(metric.result())
    assert list(found) == list(wanted)
    assert {key: float(value[0]) for key, value in found.items()} == pytest.approx(wanted, rel=2e-5)


def test_by_hand_from_a_run(tmp_path):
    run = str(tmp_path / "run")
    spec = make_run(run, "regression", rows=180, weighted=True)
    spec.training.slices[:] = ["city", "shift"]
    spec.training.epochs = 2
    directory = train(run, spec, progress=False).directory
    with open(os.path.join(directory, "evaluation.json"), encoding="utf-8") as file:
        evaluation = json.load(file)
    slices = evaluation["slices"]
    assert list(slices) == ["city", "shift"]
    for each in slices.values():
        assert sum(one["rows"] for one in each) == evaluation["rows"] == 30
        # Weights of the rows are 1, 2, 3, 1, …
        assert sum(one["weight"] for one in each) == 60
        assert [one["rows"] for one in each] == sorted((one["rows"] for one in each), reverse=True)
        total = sum(one["weight"] * one["metrics"]["mae"] for one in each) / 60
        assert total == pytest.approx(evaluation["metrics"]["mae"], rel=1e-5)
        squares = sum(one["weight"] * one["metrics"]["rmse"] ** 2 for one in each) / 60
        assert squares == pytest.approx(evaluation["metrics"]["rmse"] ** 2, rel=1e-5)
    # Vocabulary Rome, Oslo, Bonn, one bucket for the others, and one id for missing.
    names = {one["id"]: one["name"] for one in slices["city"]}
    assert names == {0: "'Rome'", 1: "'Oslo'", 2: "'Bonn'", 3: "unseen", 4: "missing"}
    names = {one["id"]: one["name"] for one in slices["shift"]}
    assert names == {0: "below 20", 1: "from 20 to below 40", 2: "40 and above"}
    metrics, again = evaluate_slices(run)
    assert metrics == pytest.approx(evaluation["metrics"], rel=1e-6)
    assert [one._asdict() for one in again["city"]] == slices["city"]
    # Without the transform the ids have no names.
    os.rename(os.path.join(run, "transform"), os.path.join(run, "elsewhere"))
    assert {one.name for one in evaluate_slices(run, split="valid").slices["city"]} == {""}


def test_a_slice_of_one_class_has_no_auc():
    label, training = LABELS["binary"], Training(metrics=["pr_auc", "precision"])
    sums = {key: np.zeros((1, width)) for key, width in widths(label).items()}
    for key, (places, values) in row_sums(
        label, training.loss, tf.constant([[0]]), np.array([[-1.0]], np.float32)
    ).items():
        np.add.at(sums[key][0], np.broadcast_to(places, 1), values)
    found = {name: float(value[0]) for name, value in finish(label, training, sums).items()}
    assert np.isnan([found["auc"], found["pr_auc"]]).all()
    assert (found["accuracy"], found["precision"]) == (1, 0)


def test_table():
    slices = {
        "city": [
            Slice(0, "'Rome'", 1200, 1200.0, {"accuracy": 0.9, "auc": 0.75}),
            Slice(7, "", 3, 3.0, {"accuracy": 1.0, "auc": None}),
            Slice(2, "'Bonn'", 1, 1.0, {"accuracy": 0.0, "auc": None}),
        ],
        "shift": [Slice(0, "below 20", 4, 9.5, {"accuracy": 0.25, "auc": 0.5})],
    }
    assert slice_tables(slices, most=2).split("\n") == [
        "city     rows  accuracy     auc",
        "'Rome'  1,200    0.9000  0.7500",
        "id 7        3    1.0000       -",
        "the 2 with most rows, of 3",
        "shift     rows  weight  accuracy     auc",
        "below 20     4     9.5    0.2500  0.5000",
    ]
    assert slice_tables({}) == ""


FEATURES = [
    OutputFeature(name="city", type=OUTPUT_INT64, cardinality=5),
    OutputFeature(name="words", type=OUTPUT_INT64, cardinality=5, shape=[-1]),
    OutputFeature(name="income", type=OUTPUT_FLOAT),
]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("words", "'words' has several ids a row"),
        ("income", "'income' is a number, not an id: slice by one with buckets"),
        ("citi", "'citi' the examples have no such feature"),
    ],
)
def test_only_by_features_with_one_id_a_row(name, reason):
    check_slices(Training(slices=["city"]), FEATURES)
    with pytest.raises(PrebakeError) as error:
        check_slices(Training(slices=["city", name]), FEATURES)
    assert str(error.value) == f"training.slices: {reason} (features with one id a row: city)"


def test_a_training_is_refused_before_it_begins(tmp_path):
    run_dir = str(tmp_path / "run")
    spec = make_run(run_dir, rows=60)
    spec.training.slices[:] = ["income"]
    with pytest.raises(PrebakeError, match=r"^training.slices: 'income' is a number"):
        train(run_dir, spec, progress=False)
