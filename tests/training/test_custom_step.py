"""The step of our own on one device: worked by hand, beside Keras' own one, killed and resumed, compiled with XLA."""

from __future__ import annotations

import json
import os

import keras
import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from prebake.schemas.run_dir import read_spec
from prebake.schemas.spec_pb2 import LOOP_CUSTOM, LOOP_FIT, Spec
from prebake.training import train as train_module
from prebake.training.compile import compiled_model
from prebake.training.custom_step import install
from prebake.training.dataset import evaluation_batches, open_examples, training_batches
from prebake.training.replicas import Replicas
from prebake.training.train import train
from small_run import make_run


def test_step_by_hand():
    """y = w x, rows x = 1, 2, 3 with y = 1, 1, 4 and weights 1, 2, 0; w = 1, l2 = 0.1, SGD at 0.1.

    Errors: 0, 1, -1. Loss: (1 * 0 + 2 * 1 + 0 * 1) / 3 + 0.1 * 1 = 0.7667. Its gradient: (2 * 2 * 1 * 2) / 3 + 2 * 0.1 * 1
    = 2.8667. The new w: 1 - 0.1 * 2.8667 = 0.71333.
    """
    ones = keras.layers.Dense(
        1, use_bias=False, kernel_initializer="ones", kernel_regularizer=keras.regularizers.L2(0.1)
    )
    model = keras.Sequential([keras.Input((1,)), ones])
    model.compile(keras.optimizers.SGD(0.1), "mse", weighted_metrics=["mae"])
    install(model, Replicas())
    model.make_train_function()
    rows = tf.data.Dataset.from_tensors(
        (tf.constant([[1.0], [2.0], [3.0]]), tf.constant([[1.0], [1.0], [4.0]]), tf.constant([1.0, 2.0, 0.0]))
    )
    logs = {name: float(value) for name, value in model.train_function(iter(rows)).items()}
    # Weighted: (1 * 0 + 2 * 1 + 0 * 1) / 3.
    assert logs == pytest.approx({"loss": 2 / 3 + 0.1, "mae": 2 / 3})
    assert float(ones.kernel.numpy()[0, 0]) == pytest.approx(1 - 0.1 * (8 / 3 + 0.2))


def steps(spec: Spec, run: str, loop: int, count: int) -> tuple[list[bytes], list[dict], dict]:
    """All variables after so many steps, what each step said, and the validation's values."""
    spec.training.loop = loop
    examples = open_examples(run)
    model = compiled_model(spec, examples, Replicas())
    model.make_train_function()
    iterator = iter(training_batches(examples, seed=7, epochs=range(2), batch_size=32, shuffle_buffer=64))
    said = [
        {name: float(value) for name, value in model.train_function(iterator).items()} for _ in range(count)
    ]
    measured = model.evaluate(
        evaluation_batches(examples, "valid", batch_size=64), return_dict=True, verbose=0
    )
    variables = [*model.variables, *model.optimizer.variables]
    return [variable.value.numpy().tobytes() for variable in variables], said, measured


@pytest.mark.parametrize(
    "text",
    [
        "model { dropout: 0.2 } training { optimizer { kind: NADAM } weight_average: 0.9 }",
        "model { normalization: NORMALIZATION_BATCH activation: 'elu' initializer: 'he_normal' l1: 0.001 max_norm: 0.5 }",
        "model { kind: RECONSTRUCTING reconstruction: 0.1 } training { precision: PRECISION_MIXED_FLOAT16 }",
        "model { kind: WIDE_AND_DEEP activation: 'elu' dropout: 0.2 } training { optimizer { kind: NADAM } "
        "parts { name: 'wide*' optimizer { kind: FTRL } learning_rate: 0.05 } }",
    ],
)  # fmt: skip
def test_same_bits_as_the_step_of_fit(tmp_path, text):
    run = str(tmp_path)
    spec = make_run(run, weighted=True)
    text_format.Merge(text, spec)
    assert steps(spec, run, LOOP_FIT, 9) == steps(spec, run, LOOP_CUSTOM, 9)


def results(run: str, name: str) -> tuple[str, list[np.ndarray]]:
    directory = os.path.join(run, "training", name)
    with open(os.path.join(directory, "history.json"), encoding="utf-8") as file:
        history = file.read()
    last = keras.models.load_model(os.path.join(directory, "checkpoints", "last.keras"), compile=False)
    return history, [weight.tobytes() for weight in last.get_weights()]


def test_whole_training_is_that_of_fit_though_it_was_killed(run_dir, monkeypatch, capsys):
    """Dropout, early stopping and a rate that falls take part; killed in step 12, its checkpoint is after step 10."""
    spec = read_spec(run_dir)
    text_format.Merge(
        "model { dropout: 0.2 } training { optimizer { kind: NADAM } epochs: 12 patience: 3 }", spec
    )
    spec.training.learning_rate, spec.training.schedule.patience = 0.3, 1
    spec.training.name = "fit"
    train(run_dir, spec, progress=False)

    class Killed(BaseException):
        """As sudden as SIGKILL, but the test lives on."""

    class Kill(keras.callbacks.Callback):
        STATE = ()
        seen = 0

        def on_train_batch_end(self, batch, logs=None):
            Kill.seen += 1
            if Kill.seen == 12:
                raise Killed

    callbacks = train_module.build_callbacks
    monkeypatch.setattr(train_module, "build_callbacks", lambda *args: [*callbacks(*args), Kill()])
    spec.training.name, spec.training.loop, spec.training.checkpoint.steps = "custom", LOOP_CUSTOM, 3
    with pytest.raises(Killed):
        train(run_dir, spec, progress=False)
    capsys.readouterr()
    train(run_dir, spec, progress=False)
    assert "train: resuming at epoch 2, step 4 (" in capsys.readouterr().err
    history, weights = results(run_dir, "custom")
    assert (history, weights) == results(run_dir, "fit")
    assert 3 < len(json.loads(history)) < 12


def test_compiled_with_xla(tmp_path):
    """Fused sums round otherwise; the step is the same."""
    run = str(tmp_path)
    spec = make_run(run)
    text_format.Merge("training { optimizer { kind: ADAM } }", spec)
    plain = steps(spec, run, LOOP_CUSTOM, 9)[1]
    spec.training.jit_compile = True
    compiled = steps(spec, run, LOOP_CUSTOM, 9)[1]
    for one, other in zip(plain, compiled, strict=True):
        assert other == pytest.approx(one, rel=1e-4)
    assert plain[-1]["loss"] < plain[0]["loss"]
