"""What kernels begin with, cost and may become: by hand, on kernels and not on biases, after every step of the loop."""

from __future__ import annotations

import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf
from prebake.schemas.manifest_pb2 import OUTPUT_FLOAT, LabelEntry, OutputFeature
from prebake.schemas.run_dir import read_spec
from prebake.schemas.spec_pb2 import DNN, ENSEMBLE, LINEAR, NUMBER, REGRESSION, RESIDUAL, WIDE_AND_DEEP, Model
from prebake.training import train
from prebake.training.compile import compiled_model
from prebake.training.dataset import evaluation_batches, open_examples, training_batches
from prebake.training.loop import train_epochs
from prebake.training.model import build_model
from prebake.training.state import Progress

from prebake import cli

PAIR = [OutputFeature(name=name, type=OUTPUT_FLOAT, encode=NUMBER) for name in ("age", "hours")]
BATCH = {"age": tf.constant([0.5, -1.0]), "hours": tf.constant([3.0, 1.0])}
LABEL = LabelEntry(kind=REGRESSION)


def build(kind: int = DNN, **values) -> keras.Model:
    hidden = [] if kind == LINEAR else [2]
    members = {"members": 2} if kind == ENSEMBLE else {}
    values = {"activation": "relu", "initializer": "he_normal"} | values
    return build_model(Model(kind=kind, hidden=hidden, **members, **values), PAIR, LABEL)


# hidden: |2| + |-1| + |0| + |1| = 4, squares 6; head: |3| + |-2| = 5, squares 13
@pytest.mark.parametrize(
    ("values", "wanted"),
    [({"l1": 0.1}, 0.9), ({"l2": 0.01}, 0.19), ({"l1": 0.1, "l2": 0.01}, 0.9 + 0.19), ({}, 0)],
)
def test_penalties_are_of_kernels_and_not_of_biases(values, wanted):
    model = build(**values)
    model.get_layer("hidden_1").set_weights([np.array([[2.0, -1], [0, 1]]), np.array([100.0, 100])])
    model.get_layer("head").set_weights([np.array([[3.0], [-2]]), np.array([100.0])])
    assert float(sum(model.losses, start=tf.constant(0.0))) == pytest.approx(wanted)


@pytest.mark.parametrize("kind", [LINEAR, RESIDUAL, ENSEMBLE])
def test_penalties_are_of_every_kernel(kind):
    model = build(kind, l2=1.0)
    kernels = [weight for weight in model.weights if weight.path.endswith("/kernel")]
    assert len(kernels) == {LINEAR: 1, RESIDUAL: 3, ENSEMBLE: 2}[kind]
    wanted = sum((kernel.numpy() ** 2).sum() for kernel in kernels)
    assert float(sum(model.losses)) == pytest.approx(wanted, rel=1e-5)


def test_a_step_pulls_the_kernel_and_leaves_the_bias():
    model = build(LINEAR, l2=0.5)
    model.get_layer("head").set_weights([np.array([[1.0], [-2]]), np.array([0.0])])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    zeros = {name: tf.zeros_like(value) for name, value in BATCH.items()}
    model.train_on_batch(zeros, tf.zeros((2, 1)))
    # No error; the gradient of 0.5 w² is w, and the rate 0.1.
    kernel, bias = model.get_layer("head").get_weights()
    np.testing.assert_allclose(kernel, [[0.9], [-1.8]], rtol=1e-6)
    assert bias.tolist() == [0]


@pytest.mark.parametrize(
    ("axis", "wanted"), [(0, [[0.6, 0.3], [0.8, 0]]), (1, [[0.9950372, 0.0995037], [0.4, 0]])]
)
def test_max_norm_scales_down_what_is_longer(axis, wanted):
    model = build(max_norm=1.0, max_norm_axis=axis)
    layer = model.get_layer("hidden_1")
    # Columns: (3, 4) of length 5, (0.3, 0) of 0.3. Rows: (3, 0.3), by hand its length is 3.0149627.
    kernel = np.array([[3, 0.3], [4, 0]] if axis == 0 else [[3, 0.3], [0.4, 0]], np.float32)
    np.testing.assert_allclose(layer.kernel_constraint(kernel), wanted, rtol=1e-5)
    assert layer.bias_constraint is None
    assert model.get_layer("head").kernel_constraint is None


def test_dropout_is_alpha_dropout_with_selu_alone():
    def kinds(**values):
        return [type(layer).__name__ for layer in build(dropout=0.5, **values).layers if "drop" in layer.name]

    assert kinds(activation="selu", initializer="lecun_normal") == ["AlphaDropout"]
    assert kinds(activation="elu") == ["Dropout"]


def test_alpha_dropout_keeps_mean_and_deviation():
    model = build(activation="selu", initializer="lecun_normal", dropout=0.3)
    drop = model.get_layer("hidden_1_dropout")
    x = np.random.default_rng(0).normal(size=(20000, 2)).astype(np.float32)
    y = drop(x, training=True).numpy()
    assert abs(y.mean()) < 0.03
    assert abs(y.std() - 1) < 0.03


@pytest.mark.parametrize("kind", [DNN, LINEAR, ENSEMBLE, WIDE_AND_DEEP])
def test_input_noise_is_for_training_alone(kind):
    values = {"wide": ["hours"]} if kind == WIDE_AND_DEEP else {}
    model = build(kind, input_noise=0.5, **values)
    (noise,) = [layer for layer in model.layers if isinstance(layer, keras.layers.GaussianNoise)]
    zeros = np.zeros((10000, 2), np.float32)
    assert abs(noise(zeros, training=True).numpy().std() - 0.5) < 0.02
    assert (noise(zeros, training=False).numpy() == 0).all()
    np.testing.assert_array_equal(model(BATCH), model(BATCH))


@pytest.mark.parametrize("several", [False, True])
def test_max_norm_holds_after_each_step_of_the_loop(run_dir, several):
    """Keras applies constraints in the optimizer; of several optimizers each must."""
    spec, examples = read_spec(run_dir), open_examples(run_dir)
    spec.model.max_norm, spec.model.kind = 0.5, WIDE_AND_DEEP
    spec.training.learning_rate, spec.training.clipnorm = 5.0, 0
    if several:
        part = spec.training.parts.add(name="deep*", learning_rate=5.0)
        part.optimizer.kind = spec.training.optimizer.kind
    model = compiled_model(spec, examples)
    layer = model.get_layer("deep_hidden_1")
    assert isinstance(model.optimizer, keras.optimizers.MultiOptimizer) == several
    steps = -(-examples.rows("train") // 32)
    batches = training_batches(examples, seed=1, epochs=range(1), batch_size=32, shuffle_buffer=64)
    callbacks = keras.callbacks.CallbackList([], model=model, epochs=1, steps=steps)
    largest = []
    before = layer.kernel.numpy()
    for _ in train_epochs(
        model,
        batches,
        evaluation_batches(examples, "valid", batch_size=64),
        callbacks,
        Progress(),
        epochs=1,
        steps=steps,
    ):
        largest.append(np.linalg.norm(layer.kernel.numpy(), axis=0).max())
    assert len(largest) == steps
    assert max(largest) <= 0.5 + 1e-6
    assert largest[0] > 0.4  # it is the limit that holds, and not small steps
    assert (layer.kernel.numpy() != before).any()


NOTE = (
    "model.activation: selu will not normalise itself: inputs must have mean 0 and deviation 1, and rooms may not "
    "(standardize)"
)


def test_both_ways_to_train_say_what_breaks_self_normalisation(run_dir, capsys):
    shutil.rmtree(f"{run_dir}/examples")  # what is said first is enough
    assert train.main([run_dir]) == 2
    assert capsys.readouterr().err.splitlines()[0] == f"train: {NOTE}"
    assert cli.main(["train", run_dir]) == 2
    assert capsys.readouterr().out == f"note: {NOTE}\n"
