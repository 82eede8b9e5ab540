"""In: a run with three labels. Out: every way to train gives the same weights; a warm start takes the heads that fit."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest
from google.protobuf import text_format
from prebake.pipelines.preprocess import preprocess
from prebake.schemas.errors import SpecError
from prebake.training import train as train_module
from prebake.training.compile import compiled_model
from prebake.training.csv_source import read_csv
from prebake.training.dataset import evaluation_batches, open_examples
from prebake.training.evaluate import open_model
from prebake.training.train import train
from several_labels import one_batch, spec_of

# Keras turns its variables into numpy arrays by a protocol that numpy 2 calls outdated; nothing that prebake could change.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)


@pytest.fixture(scope="module")
def folder(several_trained, tmp_path_factory) -> str:
    """A copy, into whose run trainings may be written."""
    return shutil.copytree(several_trained, tmp_path_factory.mktemp("trainings") / "several").as_posix()


@pytest.fixture(scope="module")
def run(folder) -> str:
    return os.path.join(folder, "run")


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
    assert_equal(
        trained(folder, run, "custom", {"training": {"loop": "custom", "cache": "none"}}),
        wanted,
    )

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
