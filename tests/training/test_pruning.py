"""In: small trainings with pruning. Out: the shares of the paper's formula, held by every step, the same after a kill."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from prebake.schemas.run_dir import read_spec
from prebake.schemas.spec_pb2 import Pruning
from prebake.training.checkpoint_file import read_checkpoint, write_checkpoint
from prebake.training.evaluate import open_model
from prebake.training.pruning import Prune, kernels, pruned_from, share_at, smallest
from prebake.training.state import Progress, capture, restore_callbacks, restore_variables
from prebake.training.train import train

X = np.random.default_rng(0).normal(size=(256, 4)).astype("float32")
Y = X.sum(axis=1, keepdims=True)


def test_share_by_hand():
    """0.8 * (1 - (1 - 1/2)^3) = 0.8 * 7/8 = 0.7 half way."""
    assert [share_at(step, begin=10, end=30, share=0.8) for step in (0, 10, 20, 30, 99)] == pytest.approx(
        [0, 0, 0.7, 0.8, 0.8]
    )


def test_smallest_by_hand():
    """A quarter of 8 is 2; of the equal ones the first."""
    weights = np.array([[3.0, -0.5, 1.0, -2.0], [0.5, 4.0, -0.5, 9.0]])
    assert smallest(weights, 0.25).tolist() == [[False, True, False, False], [True, False, False, False]]
    assert smallest(weights, 0).sum() == 0


def test_epochs_before_the_end_do_not_count():
    from prebake.schemas.spec_pb2 import Training

    assert pruned_from(Training()) == 0
    # Ended in the middle of the third epoch, so at the end of the third (number 2) all zeros are there.
    assert pruned_from(Training(pruning=Pruning(share=0.5, end=2.5))) == 2
    assert pruned_from(Training(pruning=Pruning(share=0.5, end=3))) == 2


def new_model() -> tuple[keras.Model, Prune]:
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(8, activation="selu", kernel_constraint="max_norm"),
         keras.layers.Dense(8, activation="selu"), keras.layers.Dense(1)]
    )  # fmt: skip
    model.compile(keras.optimizers.Nadam(0.01), "mse")
    prune = Prune(Pruning(share=0.75, begin=0, end=1, every=2), steps=8)
    prune.set_model(model)
    return model, prune


def test_heads_keep_their_weights():
    """Of each label, and of each part of the model; of a model without such a layer the last one is taken for it."""
    x = keras.Input((4,))
    hidden = keras.layers.Dense(8, name="hidden_1")(x)
    heads = [keras.layers.Dense(1, name=name)(hidden) for name in ("head", "head_kind", "deep_head")]
    model = keras.Model(x, keras.layers.Concatenate()([*heads, keras.layers.Dense(2, name="ahead")(hidden)]))
    assert [kernel.path for kernel in kernels(model)] == ["hidden_1/kernel", "ahead/kernel"]
    assert len(kernels(new_model()[0])) == 2
    alone = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, name="head")])
    assert [kernel.path for kernel in kernels(alone)] == [f"{alone.name}/head/kernel"]


def steps(model: keras.Model, prune: Prune, first: int, last: int) -> None:
    prune.on_epoch_begin(0)
    for step in range(first, last):
        model.train_step((X[step * 16 :][:16], Y[step * 16 :][:16]))
        prune.on_train_batch_end(step)


def zeros(model: keras.Model) -> list[int]:
    return [int((kernel.numpy() == 0).sum()) for kernel in kernels(model)]


def test_each_kernel_but_the_heads_has_its_share_and_keeps_it():
    model, prune = new_model()
    steps(model, prune, 0, 8)
    assert zeros(model) == [24, 48]  # 0.75 of 32, of 64
    held = [kernel.numpy() == 0 for kernel in kernels(model)]
    steps(model, prune, 8, 9)  # a step that moves the others, between two prunings
    assert all((kernel.numpy()[mask] == 0).all() for kernel, mask in zip(kernels(model), held, strict=True))
    assert (model.layers[-1].kernel.numpy() != 0).all()
    # The constraint of the layer still holds: norms of at most 2.
    assert (np.linalg.norm(model.layers[0].kernel.numpy(), axis=0) <= 2 + 1e-6).all()


def test_another_goes_on_in_its_place_between_two_prunings(tmp_path):
    whole, prune = new_model()
    steps(whole, prune, 0, 5)
    path = str(tmp_path / "one.checkpoint")
    progress = Progress()
    write_checkpoint(path, capture(whole, [prune], progress))
    steps(whole, prune, 5, 9)
    other, again = new_model()
    checkpoint = read_checkpoint(path)
    restore_variables(checkpoint, other)
    restore_callbacks(checkpoint, [again])
    steps(other, again, 5, 9)
    for ours, theirs in zip(whole.variables, other.variables, strict=True):
        assert np.array_equal(ours.numpy(), theirs.numpy())
    assert all(
        np.array_equal(a.numpy(), b.numpy()) for a, b in zip(prune.variables, again.variables, strict=True)
    )


def test_a_training_ends_with_the_share_and_chooses_among_pruned_epochs(run_dir):
    spec = read_spec(run_dir)
    spec.training.epochs, spec.training.zero_below = 6, 1e-3
    spec.training.pruning.CopyFrom(Pruning(share=0.5, end=3.5, every=3))
    spec.model.hidden[:] = [16, 16]
    result = train(run_dir, spec, progress=False)
    assert result.best_epoch >= 4
    model, _ = open_model(run_dir, "default")
    assert all((kernel.numpy() == 0).mean() >= 0.5 for kernel in kernels(model))
    assert result.size["zeros"] > 0.3
    assert result.size["compressed_bytes"] < 0.75 * result.size["bytes"]
    values = [variable.numpy() for variable in model.trainable_variables if len(variable.shape) > 1]
    assert not any(((np.abs(value) < 1e-3) & (value != 0)).any() for value in values)
