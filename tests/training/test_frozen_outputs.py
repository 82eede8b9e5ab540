"""In: models cut below what varies, and examples. Out: the same model in two parts; the same training, on outputs kept."""

from __future__ import annotations

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from prebake.schemas.errors import PrebakeError
from prebake.schemas.run_dir import read_spec
from prebake.schemas.spec_pb2 import ADAM, WIDE_AND_DEEP
from prebake.training import frozen_outputs
from prebake.training.dataset import evaluation_batches, open_examples, training_batches
from prebake.training.evaluate import open_model
from prebake.training.frozen_outputs import keep_outputs, split_frozen
from prebake.training.layer_parts import layer_parts
from prebake.training.split_model import split_model
from prebake.training.train import train
from small_run import make_run


def small_model(random: bool = False, lists: bool = False) -> keras.Model:
    """a → dense one ┬→ dense two → + → head; ids are looked up below, and one-hot beside it all."""
    a, ids = keras.Input((3,), name="a"), keras.Input((), dtype="int64", name="ids")
    inputs = {"a": a, "ids": ids}
    embedded = keras.layers.Embedding(5, 2, name="look_up")(ids)
    x = keras.layers.Concatenate(name="join")([a, embedded])
    if random:
        x = keras.layers.GaussianNoise(0.1, name="noise")(x)
    x = keras.layers.Dense(4, activation="tanh", name="hidden_1")(x)
    y = keras.layers.Dense(4, activation="tanh", name="hidden_2")(x)
    y = keras.layers.Add(name="around")([x, y])
    one_hot = keras.layers.CategoryEncoding(5, output_mode="one_hot", name="one_hot")(ids)
    parts = [y, one_hot]
    if lists:
        inputs["many"] = keras.Input((None, 2), name="many")
        parts.append(keras.layers.GlobalAveragePooling1D(name="mean")(inputs["many"]))
    return keras.Model(
        inputs, keras.layers.Dense(1, name="head")(keras.layers.Concatenate(name="all")(parts))
    )


X = {"a": np.linspace(-1, 1, 12, dtype=np.float32).reshape(4, 3), "ids": np.array([0, 4, 2, 2])}


def rows(features: dict) -> dict[str, tf.Tensor]:
    return {name: tf.constant(value) for name, value in features.items()}


def freeze(model: keras.Model, *names: str) -> keras.Model:
    for name in names:
        model.get_layer(name).trainable = False
    return model


def test_two_parts_are_the_model():
    model = freeze(small_model(), "look_up", "hidden_1")
    split = split_frozen(model)
    # The output of hidden_1 crosses once, though two layers read it, and ids, which are cheaper than their one-hot vectors.
    assert split.inputs == ["below 0", "ids"]
    assert [layer.name for layer in split.below.layers if layer.weights] == ["look_up", "hidden_1"]
    above = {layer.name for layer in split.above.layers}
    assert {"hidden_2", "around", "one_hot", "all", "head"} <= above
    assert not above & {"look_up", "hidden_1", "join"}
    found = split.run_above(split.run_below(rows(X)), training=False)
    np.testing.assert_array_equal(found.numpy(), model(rows(X), training=False).numpy())


def test_what_changes_below_is_named():
    with pytest.raises(PrebakeError) as error:
        split_frozen(freeze(small_model(), "hidden_1"))
    assert str(error.value) == (
        "training.warm_start.cache: what lies below the frozen layer 'hidden_1' is not the same each time ('look_up' "
        "learns): leave cache out"
    )
    with pytest.raises(PrebakeError, match=r"\('noise' draws random numbers\): leave cache out"):
        split_frozen(freeze(small_model(random=True), "look_up", "hidden_1"))
    sequential = keras.Sequential([keras.layers.Dense(2, name="one"), keras.layers.Dense(1)])
    sequential.build((None, 3))
    with pytest.raises(ValueError, match="not a functional model"):
        split_model(keras.Model(), lambda layer: True)


def test_batch_normalization_varies_until_it_is_frozen():
    """Without scale and offset it learns nothing, but its statistics move."""
    inputs = keras.Input((3,), name="a")
    normal = keras.layers.BatchNormalization(scale=False, center=False, name="norm")
    model = keras.Model({"a": inputs}, keras.layers.Dense(1, name="head")(normal(inputs)))
    assert split_model(model, lambda layer: bool(frozen_outputs._varies(layer))).inputs == ["a"]
    normal.trainable = False
    assert split_frozen(model).inputs == ["below 0"]


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> str:
    """A run with a trained model of two hidden layers, and examples in 4 shards."""
    run = str(tmp_path_factory.mktemp("frozen") / "run")
    make_run(run)
    spec = read_spec(run)
    spec.model.hidden[:] = [8, 6]
    spec.training.epochs = 1
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "__array__ implementation", DeprecationWarning)
        train(run, spec, progress=False)
    return run


def frozen_model(run: str) -> keras.Model:
    model, _ = open_model(run, "default")
    parts = layer_parts(model)
    for layer in [*parts.embeddings.values(), *parts.hidden[0]]:
        layer.trainable = False
    return model


@pytest.mark.parametrize("in_file", [False, True])
def test_rows_come_in_the_same_order(run, tmp_path, monkeypatch, in_file):
    """What is kept of a row stands where the row would: in an epoch that is shuffled, from any step on."""
    if in_file:
        monkeypatch.setattr(frozen_outputs, "free_memory", lambda: 0)
    examples, model = open_examples(run), frozen_model(run)
    split = split_frozen(model)
    kept = keep_outputs(examples, split, directory=str(tmp_path))
    arrays = next(iter(kept.kept.values())).arrays
    assert {isinstance(array, np.memmap) for array in arrays} == {in_file}
    assert not list(tmp_path.iterdir())  # a file without a name goes with the process
    order = {"seed": 3, "epochs": range(1, 3), "batch_size": 32, "shuffle_buffer": 64, "first_step": 2}
    count = 0
    for (features, label), (outputs, same) in zip(
        training_batches(examples, **order), training_batches(kept, **order), strict=True
    ):
        np.testing.assert_array_equal(label.numpy(), same.numpy())
        wanted = split.run_below(features)
        assert wanted.keys() == outputs.keys()
        for name in wanted:
            np.testing.assert_allclose(outputs[name].numpy(), wanted[name].numpy(), rtol=1e-5, atol=1e-6)
        count += 1
    assert count == 12  # 7 steps of 200 rows, the first two left out
    for (_, label), (_, same) in zip(
        evaluation_batches(examples, "valid", batch_size=16), evaluation_batches(kept, "valid", batch_size=16), strict=True
    ):  # fmt: skip
        np.testing.assert_array_equal(label.numpy(), same.numpy())


def test_lists_have_no_fixed_length(run):
    model = freeze(small_model(lists=True), "look_up", "hidden_1")
    with pytest.raises(PrebakeError) as error:
        keep_outputs(open_examples(run), split_frozen(model))
    assert str(error.value) == (
        "training.warm_start.cache: a layer that learns reads lists of features, which have no fixed length: leave cache "
        "out"
    )


@pytest.mark.parametrize("kind", [0, WIDE_AND_DEEP], ids=["dnn", "wide_and_deep"])
def test_same_weights_as_computed_each_time(run, kind):
    """Within rounding: a matrix product has other last bits in batches of another size."""
    names = {}
    for cache in (False, True):
        spec = read_spec(run)
        spec.model.kind, spec.model.hidden[:], spec.model.dropout = kind, [8, 6], 0.1
        spec.training.optimizer.kind, spec.training.epochs = ADAM, 3
        spec.training.name = names[cache] = f"{kind}-{cache}"
        source = run
        if kind:
            # What a wide and deep model starts from is one itself.
            source = f"{run}/training/first"
            first = read_spec(run)
            first.CopyFrom(spec)
            first.training.name, first.training.epochs = "first", 1
            train(run, first, progress=False)
        text_format.Merge(
            f'warm_start {{ from: "{source}" layers: 1 freeze: true cache: {str(cache).lower()} }}',
            spec.training,
        )
        train(run, spec, progress=False)
    computed, kept = (open_model(run, names[cache])[0] for cache in (False, True))
    for one, other in zip(computed.weights, kept.weights, strict=True):
        np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=1e-4, atol=2e-6)
