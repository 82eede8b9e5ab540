"""A loss that goes wrong stops the training soon, and what went wrong first is named; a loss that does not stops nothing."""

from __future__ import annotations

import math
import os

import keras
import numpy as np
import pytest
import tensorflow as tf
from prebake.schemas.errors import PrebakeError
from prebake.training.callbacks import NonFiniteLossError, StopOnNonFinite
from prebake.training.diagnose import look
from prebake.training.train import train
from small_run import make_run

X = {"a": tf.constant([1.0, 2.0]), "b": tf.constant([0.5, -3.0])}
Y = tf.constant([[1.0], [0.0]])


def small_model(activation: str = "linear", loss: keras.losses.Loss | str = "mse") -> keras.Model:
    inputs = {name: keras.Input((), name=name) for name in ("a", "b")}
    x = keras.layers.Concatenate(name="inputs")(
        [keras.layers.Reshape((1,), name=f"{n}_1")(i) for n, i in inputs.items()]
    )
    for number in (1, 2):
        x = keras.layers.Dense(2, activation=activation, kernel_initializer="ones", name=f"hidden_{number}")(
            x
        )
    model = keras.Model(inputs, keras.layers.Dense(1, kernel_initializer="ones", name="head")(x))
    model.compile("sgd", loss)
    return model


class ZeroForNaN(keras.layers.Layer):
    def call(self, x):
        return tf.where(tf.math.is_nan(x), 0.0, x)


def seen(model: keras.Model, x=X, y=Y, **options) -> str:
    return look(model, (x, y), "in step 3 of epoch 1", **options)[0]


def test_nothing_is_wrong():
    text, layers = look(small_model(), (X, Y), "")
    assert text == ""
    # a + b is 1.5 and -1; each layer adds up two of the same.
    sizes = {layer.name: (layer.inputs, layer.outputs) for layer in layers}
    assert sizes["hidden_1"] == (3.0, 1.5)
    assert sizes["hidden_2"] == (1.5, 3.0)
    assert sizes["head"] == (3.0, 6.0)


def test_a_feature_that_is_no_number():
    x = X | {"b": tf.constant([1.0, math.nan])}
    assert seen(small_model(), x) == "the feature 'b' holds nan in step 3 of epoch 1"
    x = X | {"a": tf.constant([1.0, -math.inf])}
    assert seen(small_model(), x) == "the feature 'a' holds inf in step 3 of epoch 1"
    # Lists are padded with NaN: only infinity is a fault there.
    inputs = keras.Input((2,), name="list")
    model = keras.Model({"list": inputs}, keras.layers.Dense(1)(ZeroForNaN()(inputs)))
    model.compile("sgd", "mse")
    assert seen(model, {"list": tf.constant([[1.0, math.nan], [1.0, 2.0]])}) == ""
    assert (
        seen(model, {"list": tf.constant([[1.0, 2.0], [math.inf, 1.0]])})
        == "the feature 'list' holds inf in step 3 of epoch 1"
    )


def test_a_label_or_weight_that_is_no_number():
    assert (
        seen(small_model(), y=tf.constant([[1.0], [math.inf]])) == "the label holds inf in step 3 of epoch 1"
    )
    text, _ = look(small_model(), (X, Y, tf.constant([1.0, math.nan])), "in step 3 of epoch 1")
    assert text == "the weight holds nan in step 3 of epoch 1"


def test_the_first_layer_whose_outputs_are_no_numbers():
    model = small_model()
    model.get_layer("hidden_2").kernel.assign(tf.fill([2, 2], 3e38))
    assert seen(model) == (
        "the first to go wrong is layer 'hidden_2': its outputs became inf in step 3 of epoch 1, from inputs of up to 1.5"
    )
    # exp(4e6)
    assert seen(small_model("exponential"), X | {"a": tf.constant([4e6, 0.0])}) == (
        "the first to go wrong is layer 'hidden_1': its outputs became inf in step 3 of epoch 1, from inputs of up to 4e+06"
        "; the feature 'a' goes up to 4e+06"
    )


def test_weights_that_the_step_before_spoiled():
    model = small_model()
    model.get_layer("hidden_2").kernel.assign(tf.fill([2, 2], math.nan))
    assert seen(model) == (
        "the first to go wrong are the weights 'hidden_2/kernel', made nan by the step before: seen in step 3 of epoch 1"
    )


def test_a_loss_that_is_none_though_the_outputs_are_numbers():
    # 1e25 squared.
    assert seen(small_model(), y=tf.constant([[1e25], [0.0]])) == (
        "the loss itself became inf in step 3 of epoch 1, of outputs of up to 6"
    )


def test_gradients():
    @tf.custom_gradient
    def spoil(x):
        return x, lambda upstream: upstream * math.nan

    class Spoil(keras.layers.Layer):
        def call(self, x):
            return spoil(x)

    inputs = keras.Input((1,), name="a")
    x = keras.layers.Dense(1, kernel_initializer="ones", name="below")(inputs)
    x = keras.layers.Dense(1, kernel_initializer="ones", name="hidden")(x)
    model = keras.Model(
        {"a": inputs}, keras.layers.Dense(1, kernel_initializer="ones", name="head")(Spoil()(x))
    )
    model.compile("sgd", "mse")
    x = {"a": tf.constant([[1.0], [2.0]])}
    # The head's are right; the layer below the one that spoils them is the first, from above.
    assert (
        seen(model, x)
        == "the first to go wrong is the gradient of 'hidden/bias' in step 3 of epoch 1: it became nan"
    )
    assert seen(model, x, training=False) == ""


def test_the_first_layer_that_grew():
    model = small_model()
    _, before = look(model, (X, Y), "")
    model.get_layer("hidden_1").kernel.assign(tf.fill([2, 2], 50.0))
    model.get_layer("hidden_2").kernel.assign(tf.fill([2, 2], 300.0))
    assert seen(model, limit=1e6, before=before) == (
        "the first to grow is layer 'hidden_2': its outputs went from 3 to 4.5e+04 in step 3 of epoch 1"
    )
    assert seen(model, limit=1e30, before=before) == ""


def test_looking_changes_nothing():
    from prebake.training.diagnose import _put_back

    inputs = keras.Input((2,), name="a")
    x = keras.layers.BatchNormalization()(keras.layers.Dropout(0.5, seed=1)(inputs))
    model = keras.Model({"a": inputs}, keras.layers.Dense(1)(x))
    model.compile("sgd", "mse", weighted_metrics=["mae"])
    batch = ({"a": tf.random.normal([8, 2])}, tf.zeros([8, 1]))
    model.train_on_batch(*batch)
    variables = [*model.variables, *(v for metric in model.metrics for v in metric.variables)]
    before = [variable.numpy() for variable in variables]
    calls = [layer.call for layer in model.layers]
    with _put_back(model):
        look(model, batch, "")
        assert any((a != b.numpy()).any() for a, b in zip(before, variables, strict=True))
    for a, b in zip(before, variables, strict=True):
        np.testing.assert_array_equal(a, b.numpy())
    assert calls == [layer.call for layer in model.layers]


def failing(run: str, **training) -> str:
    spec = make_run(run, rows=3000)
    spec.training.clipnorm, spec.training.batch_size = 0, 10
    for name, value in training.items():
        setattr(spec.training, name, value)
    with pytest.raises(PrebakeError) as error:
        train(run, spec, progress=False)
    return str(error.value)


def test_a_training_says_which_layer_went_wrong_and_keeps_what_was_good(tmp_path):
    run = str(tmp_path / "run")
    text = failing(run, learning_rate=1e5)
    path = f"{run}/training/.unfinished-default/model.keras"
    start = "training: loss became nan in epoch 1, by step 50: the first to go wrong is "
    end = (
        ": lower training.learning_rate, set training.clipnorm, or look for extreme values in features that are not scaled; "
        f"the model as it was before is kept in {path}"
    )
    assert text.startswith(start)
    assert text.endswith(end)
    assert " of epoch 1" in text
    kept = keras.models.load_model(path, compile=False)
    assert all(np.isfinite(weight).all() for weight in kept.get_weights())


def test_a_training_that_fails_later_is_done_again_from_its_last_checkpoint(tmp_path, monkeypatch):
    """A layer's kernel is spoiled before step 120 of the second epoch; a look at step 100 was the last that was well."""
    run = str(tmp_path / "run")

    class Spoil(keras.callbacks.Callback):
        STATE = ()

        def on_epoch_begin(self, epoch, logs=None):
            self.epoch = epoch

        def on_train_batch_begin(self, batch, logs=None):
            if (self.epoch, batch) == (1, 119):
                kernel = self.model.trainable_variables[-2]
                kernel.assign(tf.fill(kernel.shape, 3e38))

    from prebake.training import train as module

    callbacks = module.build_callbacks
    monkeypatch.setattr(module, "build_callbacks", lambda *args: [*callbacks(*args), Spoil()])
    text = failing(run, epochs=3)
    assert text.startswith(
        "training: loss became nan in epoch 2, by step 150: the first to go wrong are the weights "
    )
    assert " made nan by the step before: seen in step 121 of epoch 2: lower" in text
    assert text.endswith(
        f"; the best model so far, of epoch 1, is kept in {run}/training/.unfinished-default/model.keras"
    )
    assert os.listdir(f"{run}/training") == [".unfinished-default"]


def looks(callback: StopOnNonFinite, *losses: float, epoch: int = 0) -> None:
    callback.on_epoch_begin(epoch)
    for number, loss in enumerate(losses, 1):
        callback.on_train_batch_end(number * 50 - 1, {"loss": tf.constant(loss)})


def test_what_is_not_stopped():
    callback = StopOnNonFinite()
    # Falls from far above and rises again; 1e6 times the first is the limit, and that of a small one is 1e6.
    looks(callback, 4e10, 3.0, 3e16)
    assert callback.first == pytest.approx(4e10)
    callback = StopOnNonFinite()
    looks(callback, 1e-8, 9e5)
    callback.on_epoch_end(0, {"loss": 9e5, "val_loss": 1e9})
    # Between two looks nothing is read.
    callback.on_train_batch_end(48, {"loss": math.nan})
    callback.on_train_batch_end(49, None)


def test_what_is_stopped():
    callback = StopOnNonFinite()
    with pytest.raises(NonFiniteLossError) as error:
        looks(callback, 2.0, 5.0, 2.1e6, epoch=4)
    assert str(error.value) == "training: loss grew from 2 to 2.1e+06 in epoch 5, by step 150"
    assert (error.value.good, error.value.limit) == ((4, 99), 2e6)
    with pytest.raises(
        NonFiniteLossError, match="^training: loss became inf in epoch 1, by step 50$"
    ) as error:
        looks(StopOnNonFinite(), math.inf)
    assert (error.value.good, error.value.limit) == ((0, 0), math.inf)
    callback = StopOnNonFinite()
    callback.on_epoch_end(6, {"loss": 1.0, "val_loss": 1.0})
    with pytest.raises(NonFiniteLossError, match="^training: val_loss became nan in epoch 8$") as error:
        callback.on_epoch_end(7, {"loss": 1.0, "val_loss": math.nan})
    assert error.value.good == (7, 0)
    # A training that is resumed knows where it began.
    assert StopOnNonFinite.STATE == ("first",)
