"""One spec with every family, trained and exported: the gate is green, every signature agrees, planted faults are red."""

from __future__ import annotations

import csv
import json
import os
import shutil

import every_family
import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from prebake.pipelines.preprocess import preprocess
from prebake.schemas.errors import ArtifactError
from prebake.schemas.run_dir import write_spec
from prebake.schemas.spec_pb2 import Model, Spec
from prebake.training import parity
from prebake.training.dataset import evaluation_batches, open_examples
from prebake.training.evaluate import evaluate, open_model
from prebake.training.export import export, write_saved_model
from prebake.training.model import build_model
from prebake.training.parity_sample import read_sample
from prebake.training.predict import load
from prebake.training.signatures import SIGNATURES
from prebake.training.train import train
from prebake.transforms.graph import TransformGraph, load_graph
from prebake.transforms.learnt import read_learnt

# Keras turns its variables into numpy arrays by a protocol that numpy 2 calls outdated; nothing that prebake could change.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)


@pytest.fixture(scope="module")
def trained(every, tmp_path_factory) -> tuple[str, str]:
    """The folder of the files, and a copy of the run with a small model, exported."""
    folder, original = every
    run = str(tmp_path_factory.mktemp("trained") / "run")
    shutil.copytree(original, run)
    spec = read_spec_of(folder)
    spec.model.hidden[:] = [8]
    spec.training.epochs = 1
    write_spec(run, spec)
    train(run, progress=False)
    export(run)
    return folder, run


def read_spec_of(folder: str) -> Spec:
    from prebake.pipelines.preprocess import load as load_spec

    return load_spec(os.path.join(folder, "every.yaml"))


def cells_of(folder: str, number: int) -> list[dict[str, str]]:
    with open(os.path.join(folder, "data", f"{number}.csv"), encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_gate_has_seen_every_feature_bit_equal(trained):
    _, run = trained
    with open(os.path.join(run, "export/saved_model/1/parity.json"), encoding="utf-8") as file:
        report = json.load(file)
    graph = load_graph(os.path.join(run, "transform"))
    assert report["largest_feature_difference"].keys() == {feature.name for feature in graph.features}
    sizes = {"1": 0.0, "7": 0.0, "512": 0.0}
    for by_signature in report["largest_feature_difference"].values():
        assert by_signature == {name: sizes for name in SIGNATURES.values()}
    assert report["out_of_fold"] == ["city_price"]
    assert min(report["rows"].values()) > 30


def test_every_signature_says_what_the_model_says_of_the_examples(trained):
    _, run = trained
    graph = load_graph(os.path.join(run, "transform"))
    sample = read_sample(open_examples(run), graph)
    model, _ = open_model(run, "default")
    served = tf.saved_model.load(os.path.join(run, "export/saved_model/1"))
    found = {}
    for name, request in sample.requests.items():
        call = served.signatures[name]
        answer = (
            call(**{column: tf.constant(value) for column, value in request.items()})
            if isinstance(request, dict)
            else call(tf.constant(request))
        )
        found[name] = answer["prediction"].numpy()
    assert found["serving_default"].tobytes() == found["serving_examples"].tobytes()
    assert found["serving_default"].tobytes() == found["serving_csv"].tobytes()
    # The label is learnt as (ln(1 + price) - mean) / deviation: turned back by Python's own functions. Rows of the valid and
    # test splits have no fold, so that their examples hold what serving says.
    rows = np.flatnonzero(sample.folds < 0)
    features = {name: tf.constant(value[rows]) for name, value in sample.features.items()}
    learnt = model(features, training=False).numpy()[:, 0].astype(np.float64)
    prices = np.expm1(learnt * graph.label.deviation + graph.label.mean)
    assert len(rows) > 60
    np.testing.assert_allclose(found["serving_default"][rows], prices, rtol=1e-5)


def test_metrics_are_in_the_users_unit_and_weighted(trained):
    folder, run = trained
    predictor = load(run)
    prices = {round(float(row["price"]), 2) for number in range(3) for row in cells_of(folder, number)}
    graph = load_graph(os.path.join(run, "transform"))
    model, _ = open_model(run, "default")
    errors, weights = [], []
    for features, label, weight in evaluation_batches(open_examples(run), "test", batch_size=64):
        back = lambda x: np.expm1(np.float64(x) * graph.label.deviation + graph.label.mean)  # noqa: E731
        wanted = back(label.numpy()[:, 0])
        assert {round(float(price), 2) for price in wanted} <= prices
        errors.append(back(model(features).numpy()[:, 0]) - wanted)
        weights.append(weight.numpy())
    error, weight = np.concatenate(errors), np.concatenate(weights)
    found = evaluate(run, split="test")
    assert found["mae"] == pytest.approx(float((np.abs(error) * weight).sum() / weight.sum()), rel=1e-4)
    assert found["rmse"] == pytest.approx(float(np.sqrt((error**2 * weight).sum() / weight.sum())), rel=1e-4)
    assert predictor.columns[0].name == "age"


def test_predictions_from_csv_and_from_python_agree(trained, tmp_path):
    folder, run = trained
    predictor = load(run)
    out = tmp_path / "predictions.csv"
    rows, refused, _ = predictor.predict_csv(os.path.join(folder, "data", "0.csv"), str(out), progress=False)
    cells = cells_of(folder, 0)
    lines = out.read_text(encoding="utf-8").splitlines()
    assert (rows, refused, lines[0], len(lines)) == (len(cells), 0, "prediction", len(cells) + 1)
    given = [dict(row) for row in cells[:9]]
    for row in given:
        # A request carries the file and not its path.
        path = row["picture"]
        row["picture"] = b""
        if path:
            with open(os.path.join(folder, "data", path), "rb") as file:
                row["picture"] = file.read()
    found = predictor.predict(given)["prediction"]
    np.testing.assert_allclose(found, [float(line) for line in lines[1:10]], rtol=1e-5)


FEW = ("city_price", "words", "vectors", "pca")


@pytest.fixture(scope="module")
def few(tmp_path_factory) -> str:
    """A run with one feature of each family whose numbers the faults below change."""
    folder = str(tmp_path_factory.mktemp("few"))
    run = os.path.join(folder, "run")
    preprocess(every_family.write(folder, every_family.with_features(*FEW)), run)
    return run


def gate(run: str, directory: str, fault) -> None:
    """The gate, on an export of a graph with a fault."""
    transform = os.path.join(run, "transform")
    with open(os.path.join(transform, "spec.pbtxt"), encoding="utf-8") as file:
        spec = text_format.Parse(file.read(), Spec())
    learnt = read_learnt(transform, spec)
    fault(spec, learnt)
    graph = TransformGraph(spec, learnt.statistics, learnt.vocabularies, learnt.vectors)
    examples = open_examples(run)
    layers = Model(hidden=[4], activation="selu", initializer="lecun_normal")
    model = build_model(layers, examples.manifest.features, graph.label)
    write_saved_model(directory, graph, model)
    parity.check_parity(directory, graph, model, examples, 1e-5)


def nothing(spec, learnt):
    pass


def one_target_mean(spec, learnt):
    (value,) = [one for one in learnt.statistics.targets[0].values if one.key == b"Rome"]
    value.folds[0].label[0] += 0.5


def one_idf(spec, learnt):
    (file,) = [
        one for column in learnt.statistics.columns for one in column.vocabularies if one.feature == "words"
    ]
    file.document_frequency[2] += 1


def one_word_vector(spec, learnt):
    learnt.vectors["vectors"] = learnt.vectors["vectors"].replace(b"fox 4 1.0 -1.5", b"fox 4 1.0 -1.25")


def one_covariance(spec, learnt):
    learnt.statistics.covariances[0].covariance[0] *= 1.01


def test_the_gate_is_green_without_a_fault(few, tmp_path, monkeypatch):
    monkeypatch.setattr(parity, "BATCH_SIZES", (512,))
    gate(few, str(tmp_path / "1"), nothing)
    assert os.path.exists(tmp_path / "1" / parity.PARITY_FILE)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (one_target_mean, "feature 'city_price' is .* in the examples, but the other folds say "),
        (one_idf, "feature 'words_weights' is .* by features in batches of 512, but "),
        (one_word_vector, "feature 'vectors' is .* by features in batches of 512, but "),
        (one_covariance, "feature 'pca' is .* by features in batches of 512, but "),
    ],
)
def test_a_planted_fault_turns_the_gate_red(few, tmp_path, monkeypatch, fault, message):
    monkeypatch.setattr(parity, "BATCH_SIZES", (512,))
    with pytest.raises(ArtifactError, match=f"parity: {message}.*; nothing is published"):
        gate(few, str(tmp_path / "1"), fault)
    assert not os.path.exists(tmp_path / "1" / parity.PARITY_FILE)
