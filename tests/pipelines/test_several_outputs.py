"""In: rows with a price, a duty on it and a kind. Out: one model that learns all three, and answers for each.

The price is the first label. The duty is learnt as a standardised logarithm; the kind is one of three classes.
"""

from __future__ import annotations

import csv
import functools
import json
import math
import os
import subprocess
import sys

import keras
import numpy as np
import people
import pytest
import tensorflow as tf
import yaml
from google.protobuf import text_format
from prebake.pipelines.preprocess import load, preprocess
from prebake.schemas.errors import ArtifactError, SpecError
from prebake.schemas.spec_pb2 import Spec
from prebake.training import train as train_module
from prebake.training.callback_list import build_callbacks
from prebake.training.compile import compiled_model
from prebake.training.csv_source import read_csv
from prebake.training.dataset import evaluation_batches, open_examples
from prebake.training.evaluate import evaluate, evaluate_slices, open_model
from prebake.training.export import export, find_version
from prebake.training.performance import PerformanceSchedule, higher_is_better
from prebake.training.state import Progress
from prebake.training.train import train
from prebake.transforms.summary import statistics_summary

import prebake
from prebake.explain import explain

# Keras turns its variables into numpy arrays by a protocol that numpy 2 calls outdated; nothing that prebake could change.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)

HEADER = ["x", "city", "w", "price", "duty", "kind"]
KINDS = ["high", "low", "mid"]  # sorted: their ids are 0, 1, 2
ROWS = {"train": 240, "valid": 60, "test": 61}
SPEC = {
    "data": {
        "columns": {
            "x": "float", "city": "string", "w": "float", "price": "float", "duty": "float", "kind": "string",
        },
        "label": "price",
        "more_labels": {"duty": {"log": True, "standardize": True}, "kind": {"kind": "multiclass"}},
        "weight": "w",
        "split": {"files": {name: f"data/{name}.csv" for name in ROWS}},
        "bad_rows": {"reject_up_to": 0.01},
    },
    "features": {"x": "standardize", "city": "vocabulary"},
    "examples": {"train_shards": 4, "sample_rows": 20},
    "model": {"hidden": [8, 6], "dropout": 0.1},
    "training": {
        "epochs": 3,
        "batch_size": 32,
        "folds": 2,
        "slices": ["city"],
        "schedule": {"monitor": "val_kind_accuracy"},
        "outputs": {"kind": {"loss_weight": 0.3, "metrics": ["recall"], "class_weights": {"high": 2}}, "duty": 0.5},
    },
    "export": {"samples": 3, "bad_rows": "mark"},
}  # fmt: skip


def make_rows(name: str) -> list[list[str]]:
    generator = np.random.default_rng(list(ROWS).index(name))
    rows = []
    for number in range(ROWS[name]):
        x, city = generator.normal(), "ab"[number % 2]
        price = 2 * x + (city == "a") + 0.1 * generator.normal()
        kind = KINDS[0] if price > 1 else KINDS[1] if price < -0.5 else KINDS[2]
        cells = [f"{x:.4f}", city, str(1 + number % 3), f"{price:.4f}", f"{math.exp(price / 4):.4f}", kind]
        rows.append(cells)
    return rows


def write(folder: str) -> dict[str, list[list[str]]]:
    """Three files; two rows of the test split are bad: a class that nothing was learnt of, and no duty."""
    rows = {name: make_rows(name) for name in ROWS}
    rows["test"][7][5], rows["test"][9][4] = "odd", ""
    for name, cells in rows.items():
        text = "".join(",".join(row) + "\n" for row in [HEADER, *cells])
        people.write_file(os.path.join(folder, "data", f"{name}.csv"), text.encode())
    return rows


def spec_of(folder: str, *changes: dict) -> Spec:
    path = os.path.join(folder, "several.yaml")
    with open(path, "w", encoding="utf-8") as file:
        yaml.safe_dump(functools.reduce(people.merged, changes, SPEC), file, sort_keys=False)
    return load(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> str:
    """With the files, and the run of them in run/: preprocessed, trained and exported."""
    folder = str(tmp_path_factory.mktemp("several"))
    write(folder)
    spec, run = spec_of(folder), os.path.join(folder, "run")
    preprocess(spec, run)
    train(run, spec, progress=False)
    export(run, spec=spec)
    return folder


@pytest.fixture(scope="module")
def run(folder) -> str:
    return os.path.join(folder, "run")


@pytest.fixture(scope="module")
def rows(folder) -> dict[str, list[dict[str, str]]]:
    """The good rows as dicts, by split."""
    found = {}
    for name in ROWS:
        with open(os.path.join(folder, "data", f"{name}.csv"), encoding="utf-8") as file:
            found[name] = [row for row in csv.DictReader(file) if row["kind"] in KINDS and row["duty"]]
    return found


def examples_of(run: str, split: str) -> list[dict]:
    """The features of each tf.Example, read by protobuf alone."""
    found = []
    for path in sorted(os.listdir(os.path.join(run, "examples", split))):
        if ".tfrecord" in path:
            for record in tf.data.TFRecordDataset(
                os.path.join(run, "examples", split, path)
            ).as_numpy_iterator():
                features = tf.train.Example.FromString(record).features.feature
                found.append(
                    {name: getattr(one, one.WhichOneof("kind")).value[0] for name, one in features.items()}
                )
    return found


def one_batch(run: str, split: str) -> tuple:
    """All rows of a split."""
    return next(iter(evaluation_batches(open_examples(run), split, batch_size=1000)))


def logits_of(run: str, split: str, name: str = "default") -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels [rows, 3], outputs [rows, 5] and weights [rows] of a trained model."""
    features, labels, weights = one_batch(run, split)
    return labels.numpy(), open_model(run, name)[0](features, training=False).numpy(), weights.numpy()


def softmax(z: np.ndarray) -> np.ndarray:
    powers = np.exp(z - z.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def duty_unit(rows: dict) -> tuple[float, float]:
    """Mean and deviation of ln(1 + duty) over the training split, by the rows' weights."""
    values = np.log1p([float(np.float32(row["duty"])) for row in rows["train"]])
    weights = np.array([float(row["w"]) for row in rows["train"]])
    mean = np.average(values, weights=weights)
    return mean, math.sqrt(np.average((values - mean) ** 2, weights=weights))


def test_examples_hold_each_label_as_it_is_learnt(run, rows):
    mean, deviation = duty_unit(rows)
    for split in ROWS:
        # Rows are shuffled: each is found by its price.
        by_price = {np.float32(row["price"]): row for row in rows[split]}
        found = examples_of(run, split)
        assert len(found) == len(rows[split])
        for example in found:
            row = by_price[np.float32(example["label"])]
            assert sorted(example) == ["city", "label", "label_duty", "label_kind", "weight", "x"]
            assert example["label_kind"] == KINDS.index(row["kind"])
            wanted = (math.log1p(float(row["duty"])) - mean) / deviation
            assert example["label_duty"] == pytest.approx(wanted, abs=2e-6)


def test_rows_that_a_further_label_makes_bad_are_set_aside(folder, run):
    with open(os.path.join(run, "rejected", "rows.csv"), encoding="utf-8") as file:
        assert list(csv.reader(file))[1:] == [
            [
                "test.csv", "9", "kind", "odd",
                "is a class that no row of the training split has: name it in data.more_labels.kind.classes or drop the row",
            ],
            ["test.csv", "11", "duty", "", "is missing, but the column needs a value in every row"],
        ]  # fmt: skip
    preprocess(spec_of(folder), run)  # nothing to do: with the same spec it is the same step
    with open(os.path.join(folder, "data", "low.csv"), "w", encoding="utf-8") as file:
        file.write(",".join(HEADER) + "\n1,a,1,2,-1,low\n")
    changes = {"data": {"split": {"files": {"test": "data/low.csv"}}, "bad_rows": {"reject_up_to": 0.5}}}
    preprocess(spec_of(folder, changes), os.path.join(folder, "low"))
    with open(os.path.join(folder, "low", "rejected", "rows.csv"), encoding="utf-8") as file:
        (_, row) = csv.reader(file)
    assert row == ["low.csv", "2", "duty", "-1", "is not above -1, which data.more_labels.duty.log needs"]


def test_further_labels_change_nothing_of_the_features_and_the_first_label(folder, run, tmp_path):
    """A file without those two rows, and a spec that does not read the further labels' columns."""
    write(str(tmp_path))
    path = tmp_path / "data" / "test.csv"
    lines = path.read_text().splitlines()
    path.write_text("".join(f"{line}\n" for number, line in enumerate(lines, 1) if number not in (9, 11)))
    changes = {
        "data": {"columns": {"duty": "ignore", "kind": "ignore"}, "more_labels": None},
        "training": {"outputs": None, "schedule": None},
    }
    preprocess(spec_of(str(tmp_path), changes), str(tmp_path / "run"))
    for split in ("train", "valid"):
        without = examples_of(str(tmp_path / "run"), split)
        found = examples_of(run, split)
        for one in found:
            del one["label_duty"], one["label_kind"]
        assert found == without
    statistics = [
        people.tree(os.path.join(one, "transform", "vocabularies")) for one in (run, tmp_path / "run")
    ]
    assert sorted(statistics[0]) == ["city.txt", "label_kind.txt"]
    assert statistics[1] == {"city.txt": statistics[0]["city.txt"]}


def test_the_parser_beside_the_examples_gives_the_labels_by_name(run):
    directory = os.path.join(run, "examples")
    code: dict = {}
    with open(os.path.join(directory, "parse_examples.py"), encoding="utf-8") as file:
        exec(file.read(), code)
    with open(os.path.join(directory, "feature_spec.json"), encoding="utf-8") as file:
        spec = json.load(file)
    assert [one["name"] for one in spec["more_labels"]] == ["label_duty", "label_kind"]
    assert spec["more_labels"][1]["classes"] == KINDS
    files = [os.path.join(directory, path) for path in spec["splits"]["valid"]["files"]]
    (batch,) = tf.data.TFRecordDataset(files).batch(1000).map(code["parse"])
    features, labels, weights = batch
    ours = one_batch(run, "valid")
    assert sorted(features) == sorted(ours[0]) == ["city", "x"]
    assert {name: one.dtype.name for name, one in labels.items()} == {
        "label": "float32", "label_duty": "float32", "label_kind": "int64",
    }  # fmt: skip
    both = np.concatenate([one.numpy().astype(np.float32) for one in labels.values()], axis=1)
    np.testing.assert_array_equal(both, ours[1].numpy())
    np.testing.assert_array_equal(weights.numpy(), ours[2].numpy())


@pytest.mark.parametrize("kind", ["dnn", "linear", "residual", "reconstructing", "wide_and_deep"])
def test_each_label_has_a_head(folder, run, kind):
    hidden = {} if kind != "linear" else {"hidden": None, "dropout": None}
    spec = spec_of(folder, {"model": {"kind": kind, **hidden}, "export": {"samples": 0}})
    model = compiled_model(spec, open_examples(run))
    prefix = "deep_" if kind == "wide_and_deep" else ""
    width = {"linear": 1 + 4}.get(kind, 6)  # x, and four ids: a, b, another, missing
    shapes = {
        f"{prefix}head": (width, 1), f"{prefix}head_duty": (width, 1), f"{prefix}head_kind": (width, 3),
    }  # fmt: skip
    assert {name: tuple(model.get_layer(name).kernel.shape) for name in shapes} == shapes
    features, labels, weights = one_batch(run, "valid")
    assert model(features).shape == (60, 5)
    before = [model.get_layer(name).kernel.numpy() for name in shapes]
    model.train_on_batch(features, labels, weights)
    for name, kernel in zip(shapes, before, strict=True):
        assert (model.get_layer(name).kernel.numpy() != kernel).any(), name


def test_the_loss_is_the_weighted_sum_and_metrics_have_the_name_of_their_label(folder, run, rows):
    """By hand, for the model after training."""
    y, z, w = logits_of(run, "test")
    kinds = y[:, 2].astype(int)
    square = (y[:, 0] - z[:, 0]) ** 2
    square_duty = (y[:, 1] - z[:, 1]) ** 2
    entropy = -np.log(softmax(z[:, 2:])[np.arange(len(y)), kinds])
    total = square + 0.5 * square_duty + 0.3 * np.where(kinds == 0, 2, 1) * entropy
    spec, examples = spec_of(folder), open_examples(run)
    model = compiled_model(spec, examples)
    model.set_weights(open_model(run, "default")[0].get_weights())
    values = model.evaluate(*one_batch(run, "test")[:2], sample_weight=w, verbose=0, return_dict=True)
    assert values["loss"] == pytest.approx(np.mean(total * w), rel=1e-5)

    mean, deviation = duty_unit(rows)
    duty, said = (np.expm1(x * deviation + mean) for x in (y[:, 1], z[:, 1]))
    wanted = {
        "rmse": math.sqrt(np.average(square, weights=w)),
        "mae": np.average(np.abs(y[:, 0] - z[:, 0]), weights=w),
        "duty_rmse": math.sqrt(np.average((duty - said) ** 2, weights=w)),
        "duty_mae": np.average(np.abs(duty - said), weights=w),
        "kind_accuracy": np.average(z[:, 2:].argmax(axis=1) == kinds, weights=w),
        "kind_log_loss": np.average(entropy, weights=w),
    }
    found = evaluate(run, spec=spec)
    # Label by label, the first one first.
    assert list(found) == [
        "mae", "rmse", "duty_mae", "duty_rmse", "kind_accuracy", "kind_log_loss", "kind_recall",
    ]  # fmt: skip
    assert {name: found[name] for name in wanted} == pytest.approx(wanted, rel=1e-5)
    with open(os.path.join(run, "training", "default", "history.json"), encoding="utf-8") as file:
        epoch = json.load(file)[-1]
    assert {"loss", "rmse", "kind_recall", "val_loss", "val_duty_mae", "val_kind_accuracy"} < set(epoch)


def test_slices_and_folds_have_the_metrics_of_every_label(folder, run):
    metrics, slices = evaluate_slices(run, spec=spec_of(folder))
    assert {one.name for one in slices["city"]} == {"'a'", "'b'"}
    for one in slices["city"]:
        assert list(one.metrics) == [
            "rmse", "mae", "duty_rmse", "duty_mae", "kind_accuracy", "kind_log_loss", "kind_recall",
        ]  # fmt: skip
    for name in ("mae", "duty_mae", "kind_accuracy", "kind_log_loss"):
        parts, weights = zip(*((one.metrics[name], one.weight) for one in slices["city"]), strict=True)
        assert np.average(parts, weights=weights) == pytest.approx(metrics[name], rel=1e-5)
    found = train(run, spec_of(folder), progress=False)
    assert found.up_to_date
    assert set(found.cross_validation["metrics"]) == set(metrics)


def test_the_exported_model_answers_for_each_label(folder, run, rows):
    y, z, _ = logits_of(run, "test")
    by_price = {price: place for place, price in enumerate(y[:, 0].tolist())}
    predictor = prebake.load(run)
    assert [column.name for column in predictor.columns] == ["x", "city"]
    answers = predictor.predict([{"x": float(row["x"]), "city": row["city"]} for row in rows["test"]])
    places = [by_price[float(np.float32(row["price"]))] for row in rows["test"]]
    mean, deviation = duty_unit(rows)
    chances = softmax(z[:, 2:])[places]
    np.testing.assert_allclose(answers["prediction"], z[places, 0], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(
        answers["duty_prediction"], np.expm1(z[places, 1] * deviation + mean), rtol=1e-5
    )
    np.testing.assert_allclose(answers["kind_probabilities"], chances, rtol=1e-5)
    assert answers["kind_class"].tolist() == [KINDS[place] for place in chances.argmax(axis=1)]
    assert sorted(answers) == ["duty_prediction", "error", "kind_class", "kind_probabilities", "prediction"]

    version = find_version(run)
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


def test_predictions_are_written_label_by_label(folder, run, rows, tmp_path):
    source, out = os.path.join(folder, "data", "valid.csv"), str(tmp_path / "out.csv")
    predictor = prebake.load(run)
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


PLAIN = {"training": {"folds": None, "slices": None, "epochs": 2}}


def trained(folder: str, run: str, name: str, *changes: dict, **how) -> list[np.ndarray]:
    """The weights of another training of the run."""
    spec = spec_of(folder, PLAIN, *changes, {"training": {"name": name}})
    train(run, spec, progress=False, **how)
    return open_model(run, name)[0].get_weights()


def assert_equal(found: list[np.ndarray], wanted: list[np.ndarray]) -> None:
    assert len(found) == len(wanted) > 0
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(one, other)


class BrokenOffError(Exception):
    pass


def test_the_same_weights_by_the_custom_loop_from_csv_without_cache_and_after_a_break(
    folder, run, monkeypatch
):
    wanted = trained(folder, run, "plain")
    assert_equal(trained(folder, run, "custom", {"training": {"loop": "custom", "cache": "none"}}), wanted)

    examples = read_csv(run, spec_of(folder))
    stored = open_examples(run)
    for found, other in zip(
        evaluation_batches(examples, "train", batch_size=50),
        evaluation_batches(stored, "train", batch_size=50),
        strict=True,
    ):
        np.testing.assert_array_equal(found[1].numpy(), other[1].numpy())
    assert examples.manifest.more_labels == stored.manifest.more_labels

    class Break(keras.callbacks.Callback):
        STATE = ()

        def on_train_batch_begin(self, batch: int, logs=None) -> None:
            if batch == 5:
                raise BrokenOffError

    build = train_module.build_callbacks
    broken = {"training": {"checkpoint": {"steps": 2}}}
    with monkeypatch.context() as patch:
        patch.setattr(train_module, "build_callbacks", lambda *args: [*build(*args), Break()])
        with pytest.raises(BrokenOffError):
            trained(folder, run, "broken", broken)
    told: list[str] = []
    assert_equal(trained(folder, run, "broken", broken, notice=told.append), wanted)
    assert "resuming at epoch 1, step 5" in told[0]
    with open(os.path.join(run, "training", "broken", "history.json"), encoding="utf-8") as file:
        history = json.load(file)
    with open(os.path.join(run, "training", "plain", "history.json"), encoding="utf-8") as file:
        assert history == json.load(file)


TWO_DEVICES = """
import sys
import tensorflow as tf
one = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(one, [tf.config.LogicalDeviceConfiguration()] * 2)
from google.protobuf import text_format
from prebake.schemas.spec_pb2 import Spec
from prebake.training.train import train
train(sys.argv[1], text_format.Parse(sys.argv[2], Spec()), progress=False)
"""


@pytest.mark.long
def test_two_devices_learn_what_one_does(folder, run):
    # Replicas draw other dropout than one device.
    changes = {"model": {"dropout": 0}, "export": {"samples": 0}}
    wanted = trained(folder, run, "one", changes)
    spec = spec_of(folder, PLAIN, changes, {"training": {"name": "two", "distribution": "mirrored"}})
    subprocess.run([sys.executable, "-c", TWO_DEVICES, run, text_format.MessageToString(spec)], check=True)
    for found, other in zip(open_model(run, "two")[0].get_weights(), wanted, strict=True):
        np.testing.assert_allclose(found, other, rtol=1e-4, atol=1e-6)


def test_fewer_bits_and_a_loss_weight_of_0(folder, run):
    silent = {"training": {"precision": "mixed_bfloat16", "outputs": {"kind": {"loss_weight": 0}}}}
    spec = spec_of(folder, silent)
    model = compiled_model(spec, open_examples(run))
    assert model.get_layer("head_kind").dtype_policy.name == "float32"
    before = model.get_layer("head_kind").kernel.numpy()
    features, labels, weights = one_batch(run, "valid")
    values = model.train_on_batch(features, labels, weights, return_dict=True)
    # It is measured and not learnt.
    assert values["kind_accuracy"] > 0
    np.testing.assert_array_equal(model.get_layer("head_kind").kernel.numpy(), before)


def test_a_warm_start_takes_the_heads_of_the_same_labels(folder, run):
    told: list[str] = []
    start = {"training": {"warm_start": {"from": "run"}, "epochs": 1}}
    trained(folder, run, "warm", start, notice=told.append)
    assert told == [f"starts from {run}/training/default: reused hidden layers 1 to 2, the head"]
    changes = {
        "data": {
            "more_labels": {"kind": None},
            "columns": {"kind": "ignore"},
            "bad_rows": {"reject_up_to": 0.02},
        },
        "training": {"outputs": {"kind": None}, "schedule": None},
    }
    other = os.path.join(folder, "two")
    preprocess(spec_of(folder, changes), other)
    trained(folder, other, "warm", changes, start, notice=told.append)
    assert told[1] == (
        f"starts from {run}/training/default: reused hidden layers 1 to 2; new: the head (it answers for other labels "
        "there, 'price', 'duty', 'kind')"
    )


def test_a_model_of_ones_own_has_one_output(folder, run, tmp_path):
    code = tmp_path / "own.py"
    code.write_text(
        "import keras\n\n\ndef model_fn(inputs, spec):\n"
        "    return keras.layers.Dense(1)(keras.layers.Concatenate()(list(inputs.values())))\n"
    )
    with pytest.raises(SpecError) as error:
        trained(folder, run, "own", {"model_fn": str(code)}, code=str(code))
    assert str(error.value) == (
        "spec: model_fn: gives a model of one output, and data.more_labels asks for more (leave one of the two out)"
    )


def test_people_are_told_of_every_label(folder, run, rows):
    assert "labels price; duty; kind, 3 classes; in " in statistics_summary(os.path.join(run, "transform"))
    text = explain(run, spec_of(folder), csv=f"{folder}/data/train.csv:2")
    labels = text[text.index("label\n") :].splitlines()
    assert labels[::3] == ["label", "label_duty", "label_kind", "weight"]
    assert labels[1] == f"  raw          price = '{rows['train'][0]['price']}'"
    assert labels[5].split("   ")[-1].startswith("regression: ln(1 + label); mean ")
    kind = rows["train"][0]["kind"]
    assert labels[8] == f"  transformed  {KINDS.index(kind)}   3 classes: {KINDS.index(kind)} is '{kind}'"


def test_a_label_that_the_header_lacks_is_named(folder, tmp_path):
    write(str(tmp_path))
    path = tmp_path / "data" / "valid.csv"
    path.write_text(path.read_text().replace("kind\n", "Kind\n", 1))
    with pytest.raises(Exception, match="the header lacks this column") as error:
        preprocess(spec_of(str(tmp_path)), str(tmp_path / "run"))
    assert str(error.value) == (
        f"{path}:1:kind: the header lacks this column; it has 'x', 'city', 'w', 'price', 'duty', 'Kind'; 'Kind' is close: "
        "rename it there or in the spec"
    )


def test_classes_of_a_further_label_are_counted(folder, tmp_path):
    write(str(tmp_path))
    changes = {"data": {"more_labels": {"kind": {"kind": "binary"}}}, "training": {"outputs": {"kind": None}}}
    with pytest.raises((SpecError, ArtifactError)) as error:
        preprocess(spec_of(str(tmp_path), changes), str(tmp_path / "run"))
    assert str(error.value) == (
        "spec: data.more_labels.kind.kind: is binary, and 'kind' has 3 classes in the training split: high, low, mid "
        "(give kind: multiclass)"
    )


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
