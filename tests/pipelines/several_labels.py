"""In: nothing. Out: rows with a price, a duty on it and a kind, a spec that learns all three, and figures by hand.

The price is the first label. The duty is learnt as a standardised logarithm; the kind is one of three classes.
"""

from __future__ import annotations

import csv
import functools
import math
import os

import numpy as np
import people
import tensorflow as tf
import yaml
from prebake.pipelines.preprocess import load
from prebake.schemas.spec_pb2 import Spec
from prebake.training.dataset import evaluation_batches, open_examples
from prebake.training.evaluate import open_model

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


def good_rows(folder: str) -> dict[str, list[dict[str, str]]]:
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
