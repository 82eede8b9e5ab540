"""In: models that were trained for some steps. Out: others of the same kind that go on in their place, to the same bits."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from prebake.schemas.errors import PrebakeError
from prebake.training.checkpoint_file import Checkpoint, read_checkpoint, write_checkpoint
from prebake.training.optimizer import OPTIMIZERS
from prebake.training.state import (
    Progress,
    capture,
    is_finite,
    restore_callbacks,
    restore_progress,
    restore_variables,
)

GENERATOR = np.random.default_rng(0)
X, Y = GENERATOR.normal(size=(96, 3)).astype("float32"), GENERATOR.normal(size=(96, 1)).astype("float32")


def two_optimizers() -> keras.optimizers.Optimizer:
    named = keras.optimizers.OptimizerMap(
        keras.optimizers.Nadam(0.01), {".*head.*": keras.optimizers.Ftrl(0.02)}
    )
    return keras.optimizers.MultiOptimizer(named)


def scaled() -> keras.optimizers.Optimizer:
    return keras.optimizers.LossScaleOptimizer(keras.optimizers.Nadam(0.01), dynamic_growth_steps=2)


def new_model(optimizer: keras.optimizers.Optimizer, units: int = 4) -> keras.Model:
    """With all that has a state of its own: moving statistics, a generator for dropout, metrics."""
    model = keras.Sequential(
        [
            keras.Input((3,)),
            keras.layers.Dense(units),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(1, name="head"),
        ]
    )
    model.compile(optimizer, "mse", weighted_metrics=[keras.metrics.RootMeanSquaredError(), "mae"])
    return model


def steps(model: keras.Model, first: int, last: int) -> None:
    for step in range(first, last):
        # train_on_batch would begin the metrics anew.
        model.train_step((X[step * 16 :][:16], Y[step * 16 :][:16]))


def everything(model: keras.Model) -> list[np.ndarray]:
    metrics = [variable for metric in model.metrics for variable in metric.variables]
    inner = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    products = [inner._u_product] if isinstance(inner, keras.optimizers.Nadam) else []
    return [v.value.numpy() for v in [*model.variables, *model.optimizer.variables, *metrics, *products]]


@pytest.mark.fault(45)
@pytest.mark.parametrize(
    "make",
    [*OPTIMIZERS.values(), two_optimizers, scaled],
    ids=lambda make: make.__name__,
)
def test_another_model_goes_on_in_its_place(tmp_path, make):
    whole = new_model(make())
    whole.reset_metrics()
    steps(whole, 0, 3)
    path = str(tmp_path / "one.checkpoint")
    write_checkpoint(path, capture(whole, [], Progress(step=3)))
    steps(whole, 3, 6)
    other = new_model(make())
    other.evaluate(X[:16], Y[:16], verbose=0)
    restore_variables(read_checkpoint(path), other)
    steps(other, 3, 6)
    # 8 of the layers, 1 of dropout, at least 2 of the optimizer, 6 of loss and metrics.
    assert len(everything(whole)) >= 17
    for wanted, found in zip(everything(whole), everything(other), strict=True):
        np.testing.assert_array_equal(wanted, found)


def test_model_of_another_shape_is_refused():
    model = new_model(keras.optimizers.SGD())
    steps(model, 0, 1)
    before = everything(other := new_model(keras.optimizers.SGD(), units=5))
    with pytest.raises(PrebakeError) as error:
        restore_variables(capture(model, [], Progress(epoch=1)), other)
    assert str(error.value) == (
        "training: the checkpoint is of a model with other variables, which another version of prebake made: "
        "add --restart to train from the start"
    )
    for wanted, found in zip(before, everything(other), strict=False):
        np.testing.assert_array_equal(wanted, found)


def test_callbacks_remember_what_they_wait_for():
    class Bar(keras.callbacks.Callback):
        STATE = ()

    model = new_model(keras.optimizers.SGD())
    steps(model, 0, 1)
    stop, rate = keras.callbacks.EarlyStopping(patience=9), keras.callbacks.ReduceLROnPlateau()
    for callback in (stop, rate):
        callback.set_model(model)
        callback.on_train_begin()
        for epoch, loss in enumerate([3.0, 2.0, 2.5]):
            callback.on_epoch_end(epoch, {"val_loss": loss})
    # A bar may come or go between two runs.
    checkpoint = capture(model, [Bar(), stop, rate], Progress(epoch=3))
    others = [keras.callbacks.EarlyStopping(patience=9), keras.callbacks.ReduceLROnPlateau()]
    restore_callbacks(checkpoint, others)
    # 2.0 in the second epoch (1, from 0) was the best; one epoch without a better one since.
    assert (others[0].best, others[0].best_epoch, others[0].wait) == (2.0, 1, 1)
    assert (others[1].best, others[1].wait, others[1].cooldown_counter) == (2.0, 1, 0)


def test_callback_whose_state_is_not_known_is_no_silent_loss():
    model = new_model(keras.optimizers.SGD())
    steps(model, 0, 1)
    with pytest.raises(TypeError, match="CSVLogger has no STATE"):
        capture(model, [keras.callbacks.CSVLogger("never written")], Progress())


def test_progress_comes_back_as_it_was(tmp_path):
    progress = Progress(2, 7, [{"loss": 0.1, "val_loss": 1 / 3}] * 2, [1.5, 2.5], True)
    path = str(tmp_path / "one.checkpoint")
    model = new_model(keras.optimizers.SGD())
    steps(model, 0, 1)
    write_checkpoint(path, capture(model, [], progress))
    found = restore_progress(read_checkpoint(path))
    assert found == progress
    assert (found.place, found.losses) == ((2, 7), [1 / 3, 1 / 3])
    assert isinstance(read_checkpoint(path), Checkpoint)


@pytest.mark.fault(47)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weight_that_is_no_number_is_noticed(value):
    model = new_model(keras.optimizers.SGD())
    assert is_finite(model)
    kernel = model.get_layer("head").kernel
    kernel.assign(np.array([[0], [0], [value], [0]], np.float32))
    assert not is_finite(model)
