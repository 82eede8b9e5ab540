"""In: a model of three labels. Out: a head, a loss, metrics and answers of each, as they are by hand."""

from __future__ import annotations

import csv
import json
import math
import os

import numpy as np
import pytest
import tensorflow as tf
from prebake.schemas.spec_pb2 import Spec
from prebake.training.callback_list import build_callbacks
from prebake.training.compile import compiled_model
from prebake.training.dataset import open_examples
from prebake.training.evaluate import evaluate, evaluate_slices, open_model
from prebake.training.export import find_version
from prebake.training.performance import PerformanceSchedule, higher_is_better
from prebake.training.state import Progress
from prebake.training.train import train
from several_labels import KINDS, duty_unit, logits_of, one_batch, softmax, spec_of

import prebake

# Keras turns its variables into numpy arrays by a protocol that numpy 2 calls outdated; nothing that prebake could change.
pytestmark = [
    pytest.mark.filterwarnings(
        "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
    ),
    pytest.mark.usefixtures("several_trained"),
]


@pytest.mark.parametrize("kind", ["dnn", "linear", "residual", "reconstructing", "wide_and_deep"])
def test_each_label_has_a_head(several_folder, several_run, kind):
    hidden = {} if kind != "linear" else {"hidden": None, "dropout": None}
    spec = spec_of(several_folder, {"model": {"kind": kind, **hidden}, "export": {"samples": 0}})
    model = compiled_model(spec, open_examples(several_run))
    prefix = "deep_" if kind == "wide_and_deep" else ""
    width = {"linear": 1 + 4}.get(kind, 6)  # x, and four ids: a, b, another, missing
    shapes = {
        f"{prefix}head": (width, 1), f"{prefix}head_duty": (width, 1), f"{prefix}head_kind": (width, 3),
    }  # fmt: skip
    assert {name: tuple(model.get_layer(name).kernel.shape) for name in shapes} == shapes
    features, labels, weights = one_batch(several_run, "valid")
    assert model(features).shape == (60, 5)
    before = [model.get_layer(name).kernel.numpy() for name in shapes]
    model.train_on_batch(features, labels, weights)
    for name, kernel in zip(shapes, before, strict=True):
        assert (model.get_layer(name).kernel.numpy() != kernel).any(), name


def test_the_loss_is_the_weighted_sum_and_metrics_have_the_name_of_their_label(
    several_folder, several_run, several_rows
):
    """By hand, for the model after training."""
    y, z, w = logits_of(several_run, "test")
    kinds = y[:, 2].astype(int)
    square = (y[:, 0] - z[:, 0]) ** 2
    square_duty = (y[:, 1] - z[:, 1]) ** 2
    entropy = -np.log(softmax(z[:, 2:])[np.arange(len(y)), kinds])
    total = square + 0.5 * square_duty + 0.3 * np.where(kinds == 0, 2, 1) * entropy
    spec, examples = spec_of(several_folder), open_examples(several_run)
    model = compiled_model(spec, examples)
    model.set_weights(open_model(several_run, "default")[0].get_weights())
    values = model.evaluate(*one_batch(several_run, "test")[:2], sample_weight=w, verbose=0, return_dict=True)
    assert values["loss"] == pytest.approx(np.mean(total * w), rel=1e-5)

    mean, deviation = duty_unit(several_rows)
    duty, said = (np.expm1(x * deviation + mean) for x in (y[:, 1], z[:, 1]))
    wanted = {
        "rmse": math.sqrt(np.average(square, weights=w)),
        "mae": np.average(np.abs(y[:, 0] - z[:, 0]), weights=w),
        "duty_rmse": math.sqrt(np.average((duty - said) ** 2, weights=w)),
        "duty_mae": np.average(np.abs(duty - said), weights=w),
        "kind_accuracy": np.average(z[:, 2:].argmax(axis=1) == kinds, weights=w),
        "kind_log_loss": np.average(entropy, weights=w),
    }
    found = evaluate(several_run, spec=spec)
    # Label by label, the first one first.
    assert list(found) == [
        "mae", "rmse", "duty_mae", "duty_rmse", "kind_accuracy", "kind_log_loss", "kind_recall",
    ]  # fmt: skip
    assert {name: found[name] for name in wanted} == pytest.approx(wanted, rel=1e-5)
    with open(os.path.join(several_run, "training", "default", "history.json"), encoding="utf-8") as file:
        epoch = json.load(file)[-1]
    assert {"loss", "rmse", "kind_recall", "val_loss", "val_duty_mae", "val_kind_accuracy"} < set(epoch)


def test_slices_and_folds_have_the_metrics_of_every_label(several_folder, several_run):
    metrics, slices = evaluate_slices(several_run, spec=spec_of(several_folder))
    assert {one.name for one in slices["city"]} == {"'a'", "'b'"}
    for one in slices["city"]:
        assert list(one.metrics) == [
            "rmse", "mae", "duty_rmse", "duty_mae", "kind_accuracy", "kind_log_loss", "kind_recall",
        ]  # fmt: skip
    for name in ("mae", "duty_mae", "kind_accuracy", "kind_log_loss"):
        parts, weights = zip(*((one.metrics[name], one.weight) for one in slices["city"]), strict=True)
        assert np.average(parts, weights=weights) == pytest.approx(metrics[name], rel=1e-5)
    found = train(several_run, spec_of(several_folder), progress=False)
    assert found.up_to_date
    assert set(found.cross_validation["metrics"]) == set(metrics)


def test_the_exported_model_answers_for_each_label(several_folder, several_run, several_rows):
    y, z, _ = logits_of(several_run, "test")
    by_price = {price: place for place, price in enumerate(y[:, 0].tolist())}
    predictor = prebake.load(several_run)
    assert [column.name for column in predictor.columns] == ["x", "city"]
    answers = predictor.predict([{"x": float(row["x"]), "city": row["city"]} for row in several_rows["test"]])
    places = [by_price[float(np.float32(row["price"]))] for row in several_rows["test"]]
    mean, deviation = duty_unit(several_rows)
    chances = softmax(z[:, 2:])[places]
    np.testing.assert_allclose(answers["prediction"], z[places, 0], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(
        answers["duty_prediction"], np.expm1(z[places, 1] * deviation + mean), rtol=1e-5
    )
    np.testing.assert_allclose(answers["kind_probabilities"], chances, rtol=1e-5)
    assert answers["kind_class"].tolist() == [KINDS[place] for place in chances.argmax(axis=1)]
    assert sorted(answers) == ["duty_prediction", "error", "kind_class", "kind_probabilities", "prediction"]

    version = find_version(several_run)
    with open(os.path.join(version, "parity.json"), encoding="utf-8") as file:
        parity = json.load(file)
    assert parity["passed"]
    served = tf.saved_model.load(version).signatures
    for signature in ("serving_default", "serving_examples", "serving_csv"):
        assert sorted(served[signature].structured_outputs) == sorted(answers)
    # Labels and weight are no cells of a line.
    line = served["serving_csv"](tf.constant(["0.5,a", "0.5"]))
    assert line["error"].numpy().tolist() == [
        b"",
        b"'0.5' has 1 fields, expected 2: check its delimiters and quotes",
    ]
    assert np.isnan(line["duty_prediction"].numpy()).tolist() == [False, True]
    assert line["kind_class"].numpy()[1] == b""
    sampled = sorted(served["serving_samples"].structured_outputs)
    assert sampled == [
        "deviation", "duty_deviation", "duty_mean", "duty_quantiles", "error", "kind_class", "kind_deviations",
        "kind_entropy", "kind_probabilities", "mean", "quantiles",
    ]  # fmt: skip


def test_predictions_are_written_label_by_label(several_folder, several_run, several_rows, tmp_path):
    source, out = os.path.join(several_folder, "data", "valid.csv"), str(tmp_path / "out.csv")
    predictor = prebake.load(several_run)
    assert predictor.predict_csv(source, out, progress=False).rows == 60
    answers = predictor.predict(source)
    with open(out, encoding="utf-8") as file:
        header, *lines = csv.reader(file)
    assert header == [
        "prediction", "duty_prediction", "kind_class", "kind_probability high", "kind_probability low",
        "kind_probability mid", "error",
    ]  # fmt: skip
    columns = dict(zip(header, zip(*lines, strict=True), strict=True))
    np.testing.assert_array_equal(np.float32(columns["duty_prediction"]), answers["duty_prediction"])
    np.testing.assert_array_equal(
        np.float32(columns["kind_probability low"]), answers["kind_probabilities"][:, 1]
    )
    assert list(columns["kind_class"]) == answers["kind_class"].tolist()
    predictor.predict_csv(source, out, samples=3, progress=False)
    with open(out, encoding="utf-8") as file:
        header = next(csv.reader(file))
    assert header == [
        "mean", "deviation", "quantile 0.05", "quantile 0.5", "quantile 0.95", "duty_mean", "duty_deviation",
        "duty_quantile 0.05", "duty_quantile 0.5", "duty_quantile 0.95", "kind_class", "kind_probability high",
        "kind_probability low", "kind_probability mid", "kind_deviation high", "kind_deviation low", "kind_deviation mid",
        "kind_entropy", "error",
    ]  # fmt: skip


def test_the_direction_of_a_metric_is_not_told_by_the_name_of_its_label():
    training = Spec().training
    training.outputs.add(name="auc")
    training.schedule.monitor = "val_auc_rmse"
    assert higher_is_better("val_auc_rmse")  # which is why it is not asked
    callbacks = build_callbacks(training, Progress(), ".", 10, False, dict)
    (looks,) = [one for one in callbacks if isinstance(one, PerformanceSchedule)]
    looks.on_train_begin()
    for value in (3.0, 2.0):
        looks._look({"val_auc_rmse": value})
    assert (looks.best, looks.wait) == (2.0, 0)
