"""In: a small trained run. Out: others that begin with its weights, as many as fit, and a line that says which."""

from __future__ import annotations

import os
import shutil
import warnings

import keras
import numpy as np
import pytest
import small_run
from google.protobuf import text_format
from keras_arrays import keras_file
from prebake.schemas.errors import ArtifactError, PrebakeError
from prebake.schemas.manifest import read_manifest, write_manifest
from prebake.schemas.run_dir import read_spec
from prebake.schemas.spec_pb2 import ADAM, Spec
from prebake.training import train as train_module
from prebake.training.dataset import open_examples
from prebake.training.evaluate import open_model
from prebake.training.export import export
from prebake.training.layer_parts import layer_parts
from prebake.training.model import build_model
from prebake.training.train import train
from prebake.training.warm_start import reuse_weights
from prebake.training.warm_start_source import LAYERS_FILE, WarmStartSource, ids_of_run, read_weights
from small_run import CITIES, make_run, make_spec, write_transform

EMBEDDED = small_run.SPEC.replace(
    "vocabulary { oov_buckets: 1 } missing { fill: OWN_ID }",
    "vocabulary { oov_buckets: 1 } missing { fill: OWN_ID } encode { kind: EMBEDDING dimension: 3 }",
)


@pytest.fixture(autouse=True, scope="module")
def embedded():
    """City is embedded here, by its vocabulary."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(small_run, "SPEC", EMBEDDED)
        yield


@pytest.fixture(scope="module")
def pretrained(embedded, tmp_path_factory) -> str:
    """A run with three hidden layers, trained for one epoch and exported. Tests only read it."""
    run = str(tmp_path_factory.mktemp("pretrained") / "run")
    make_run(run, rows=120)
    spec = read_spec(run)
    spec.model.hidden[:] = [8, 6, 4]
    spec.training.epochs = 1
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "__array__ implementation", DeprecationWarning)
        train(run, spec, progress=False)
        export(run, spec=spec)
    return run


@pytest.fixture
def source(pretrained) -> WarmStartSource:
    return read_weights(pretrained)


def options(**values) -> object:
    start = Spec().training.warm_start
    for name, value in values.items():
        setattr(start, name, value)
    return start


def new_model(run: str, *hidden: int, **values) -> keras.Model:
    spec = make_spec("regression")
    spec.model.hidden[:] = hidden
    for name, value in values.items():
        setattr(spec.model, name, value)
    manifest = open_examples(run).manifest
    keras.utils.set_random_seed(99)
    return build_model(spec.model, manifest.features, manifest.label)


def reuse(run: str, model: keras.Model, source: WarmStartSource, **values):
    return reuse_weights(model, source, options(**values), open_examples(run).manifest, ids_of_run(run))


def arrays(layers: list) -> list[np.ndarray]:
    return [weight.numpy() for layer in layers for weight in layer.weights]


def theirs(layers: list) -> list[np.ndarray]:
    return [array for layer in layers for _, array in layer.arrays]


def assert_equal(found: list[np.ndarray], wanted: list[np.ndarray]) -> None:
    assert len(found) == len(wanted) > 0
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(one, other)


def assert_other(found: list[np.ndarray], wanted: list[np.ndarray]) -> None:
    assert any(
        one.shape != other.shape or (one != other).any() for one, other in zip(found, wanted, strict=True)
    )


def test_everything_that_fits_is_reused(pretrained, source):
    model = new_model(pretrained, 8, 6, 4)
    reused = reuse(pretrained, model, source)
    assert reused.line == (
        f"starts from {pretrained}/training/default: reused hidden layers 1 to 3, embedding of city, "
        "embedding of city_hash, the head"
    )
    trained, _ = open_model(pretrained, "default")
    assert_equal([v.numpy() for v in model.weights], [v.numpy() for v in trained.weights])
    # All but the head.
    assert len(reused.lower) == 5
    assert model.get_layer("head") not in reused.lower


def test_lower_layers_alone(pretrained, source):
    """The upper ones may have any shape, and there may be more or fewer of them."""
    model = new_model(pretrained, 8, 7, 7, 7)
    before = arrays(layer_parts(model).hidden[1])
    reused = reuse(pretrained, model, source, layers=1)
    assert reused.line == (
        f"starts from {pretrained}/training/default: reused hidden layer 1, embedding of city, "
        "embedding of city_hash; new: hidden layer 2, hidden layer 3, hidden layer 4, the head (layers is given)"
    )
    parts = layer_parts(model)
    assert_equal(arrays(parts.hidden[0]), theirs(source.hidden[0]))
    assert_equal(arrays(parts.hidden[1]), before)
    assert_other(arrays(parts.head), theirs(source.head))


@pytest.mark.parametrize(("hidden", "kept"), [((8, 6), 2), ((8, 6, 4, 4), 3)])
def test_head_stays_where_it_stood(pretrained, source, hidden, kept):
    """A model with fewer layers or more reuses as many as both have; its head would read other numbers."""
    model = new_model(pretrained, *hidden)
    line = reuse(pretrained, model, source).line
    assert f"reused hidden layers 1 to {kept}," in line
    assert line.endswith("the head (it stands on other layers)")
    for ours, their in zip(layer_parts(model).hidden[:kept], source.hidden, strict=False):
        assert_equal(arrays(ours), theirs(their))


def test_shapes_that_do_not_fit(pretrained, source):
    fits = "give the models the same units and features, or reuse fewer layers (layers)"
    with pytest.raises(PrebakeError) as error:
        reuse(pretrained, new_model(pretrained, 8, 5, 4), source)
    assert str(error.value) == (
        f"training.warm_start: kernel of hidden layer 2 has shape [8, 6] in {source.path}, and [8, 5] here: {fits}"
    )
    with pytest.raises(PrebakeError) as error:
        reuse(pretrained, new_model(pretrained, 8, 6, 4, normalization=2), source)
    assert str(error.value) == (
        f"training.warm_start: hidden layer 1 is Dense in {source.path}, and Dense and BatchNormalization here: give "
        "the models the same kind, or reuse fewer layers (layers)"
    )
    for layers, which in ((4, f"{source.path} has 3"), (5, "the model has 4")):
        with pytest.raises(PrebakeError) as error:
            reuse(pretrained, new_model(pretrained, 8, 6, 4, 4), source, layers=layers)
        assert str(error.value) == (
            f"training.warm_start.layers: {layers} hidden layers are asked for, and {which}"
        )


def test_other_features(pretrained, source):
    """A kernel of the same shape whose rows stand for other features is not reused without a word."""
    renamed = source._replace(features=[f for f in source.features if f.name != "rooms"])
    with pytest.raises(PrebakeError) as error:
        reuse(pretrained, new_model(pretrained, 8), renamed)
    assert str(error.value) == (
        f"training.warm_start: hidden layer 1 reads other features in {source.path} (only here rooms): give both runs "
        "the same features"
    )


def test_embedding_of_other_tokens_is_not_reused(pretrained, source, tmp_path):
    """Another order of the same tokens gives as many ids, which mean others; a hash means the same whatever was seen."""
    run = str(tmp_path / "run")
    shutil.copytree(pretrained, run)
    shutil.rmtree(os.path.join(run, "transform"))
    try:
        CITIES.reverse()
        write_transform(run, read_spec(run), [])
    finally:
        CITIES.reverse()
    model = new_model(run, 8, 6, 4)
    reused = reuse(run, model, source)
    assert reused.line == (
        f"starts from {source.path}: reused hidden layers 1 to 3, embedding of city_hash, the head; embedding of "
        "city: not reused, its ids stand for other values there"
    )
    parts = layer_parts(model)
    assert_equal(arrays([parts.embeddings["city_hash"]]), theirs([source.embeddings["city_hash"]]))
    assert_other(arrays([parts.embeddings["city"]]), theirs([source.embeddings["city"]]))
    assert parts.embeddings["city"] not in reused.lower


def test_an_export_gives_the_same(pretrained, source):
    exported = read_weights(f"{pretrained}/export/saved_model/1")
    assert exported.digest() == source.digest()
    assert [list(part) for part in (exported.embeddings, exported.features, exported.ids)] == [
        list(part) for part in (source.embeddings, source.features, source.ids)
    ]
    for ours, other in zip(exported.hidden, source.hidden, strict=True):
        assert_equal(theirs(ours), theirs(other))
    assert_equal(theirs(exported.head), theirs(source.head))
    # A few kilobytes, not another copy of the weights.
    assert os.path.getsize(f"{pretrained}/export/saved_model/1/{LAYERS_FILE}") < 4096


def test_path_of_a_training(pretrained, source):
    assert read_weights(f"{pretrained}/training/default/").digest() == source.digest()


def test_nothing_there(tmp_path, pretrained):
    with pytest.raises(ArtifactError) as error:
        read_weights(str(tmp_path))
    assert str(error.value) == (
        f"{tmp_path}: there is nothing to start from: give training.warm_start.from a run with a training 'default', the "
        "directory of a training, or an exported version"
    )
    old = str(tmp_path / "1")
    shutil.copytree(f"{pretrained}/export/saved_model/1", old)
    manifest = read_manifest(old, "export")
    os.unlink(f"{old}/{LAYERS_FILE}")
    kept = [file for file in manifest.files if file.path != LAYERS_FILE]
    del manifest.files[:]
    manifest.files.extend(kept)
    write_manifest(manifest, old)
    with pytest.raises(ArtifactError) as error:
        read_weights(old)
    assert str(error.value) == (
        f"{old}: was exported by an older prebake, without {LAYERS_FILE}: start from its training, or export again"
    )


def warm_spec(run: str, pretrained: str, name: str, **values) -> Spec:
    spec = read_spec(run)
    spec.model.hidden[:] = [8, 6, 4]
    training = spec.training
    training.name, training.epochs, training.optimizer.kind = name, 4, ADAM
    text_format.Merge(f'warm_start {{ from: "{pretrained}" }}', training)
    for field, value in values.items():
        setattr(training.warm_start, field, value)
    return spec


def test_train_says_what_it_starts_from_and_knows_it_again(tmp_path, pretrained, run_dir):
    spec = warm_spec(run_dir, pretrained, "warm")
    spec.training.epochs = 1
    lines: list[str] = []
    first = train(run_dir, spec, progress=False, notice=lines.append)
    assert [line for line in lines if line.startswith("starts from")] == [
        f"starts from {pretrained}/training/default: reused hidden layers 1 to 3, embedding of city, embedding of "
        "city_hash, the head"
    ]
    assert not first.up_to_date
    # The same weights from another place are the same training.
    setattr(spec.training.warm_start, "from", f"{pretrained}/export/saved_model/1")
    assert train(run_dir, spec, progress=False).up_to_date
    # Other weights at the same place are not.
    other = str(tmp_path / "other")
    shutil.copytree(pretrained, other)
    again = read_spec(other)
    again.seed, again.training.epochs, again.model.hidden[:] = 8, 1, [8, 6, 4]
    train(other, again, progress=False, replace=True)
    setattr(spec.training.warm_start, "from", other)
    with pytest.raises(ArtifactError, match="was made from other warm start: add --replace"):
        train(run_dir, spec, progress=False)
    setattr(spec.training.warm_start, "from", f"{run_dir}/training/warm")
    with pytest.raises(PrebakeError) as error:
        train(run_dir, spec, progress=False)
    assert str(error.value) == (
        "training.warm_start.from: is this training itself: give training.name another value"
    )


def test_pretraining_on_another_label(tmp_path, pretrained, source):
    """The same features, and a label that there is more of: what the hidden layers know of the features is reused."""
    run = str(tmp_path / "run")
    make_run(run, "binary", rows=60)
    spec = warm_spec(run, pretrained, "fine", freeze=True, unfreeze_after=1)
    spec.training.epochs, spec.training.learning_rate = 2, 0.001
    lines: list[str] = []
    train(run, spec, progress=False, notice=lines.append)
    # One unit answers for both, a number there and a logit here.
    assert lines[0] == (
        f"starts from {pretrained}/training/default: reused hidden layers 1 to 3, embedding of city, embedding of "
        "city_hash; new: the head (it answers for another label there, 'y'); what is reused below the head is frozen"
    )
    found = arrays(layer_parts(open_model(run, "fine")[0]).hidden[0])
    # Where they have learnt on, a little.
    np.testing.assert_allclose(found[0], theirs(source.hidden[0])[0], atol=0.05)


def lower(run: str, name: str) -> list[np.ndarray]:
    parts = layer_parts(open_model(run, name)[0])
    return arrays([*parts.embeddings.values(), *parts.hidden[0], *parts.hidden[1]])


def test_frozen_layers_do_not_learn(run_dir, pretrained, source):
    lines: list[str] = []
    spec = warm_spec(run_dir, pretrained, "frozen", freeze=True, layers=2)
    train(run_dir, spec, progress=False, notice=lines.append)
    assert lines[0].endswith("; what is reused below the head is frozen")
    wanted = theirs([*source.embeddings.values(), *source.hidden[0], *source.hidden[1]])
    assert_equal(lower(run_dir, "frozen"), wanted)
    assert_other(arrays(layer_parts(open_model(run_dir, "frozen")[0]).hidden[2]), theirs(source.hidden[2]))
    # The result is a model like any other: who trains it on need not thaw it.
    assert all(layer.trainable for layer in open_model(run_dir, "frozen")[0].layers)


class StoppedError(Exception):
    pass


def stop_at(monkeypatch, step: int) -> None:
    """The training of this process stops at a step, counted from 0 over all epochs."""

    class Stop(keras.callbacks.Callback):
        STATE = ()
        seen = 0

        def on_train_batch_begin(self, batch, logs=None):
            if Stop.seen == step:
                raise StoppedError
            Stop.seen += 1

    callbacks = train_module.build_callbacks
    monkeypatch.setattr(train_module, "build_callbacks", lambda *args: [*callbacks(*args), Stop()])


@pytest.mark.parametrize("values", [{}, {"cache": True}], ids=["computed", "kept"])
def test_unfrozen_on_time_and_exact_after_a_stop(run_dir, pretrained, source, monkeypatch, values):
    """7 steps an epoch; unfrozen after 2 epochs. Stopped while frozen, right before and right after."""
    whole = warm_spec(run_dir, pretrained, "whole", freeze=True, layers=2, unfreeze_after=2, **values)
    whole.model.dropout = 0.0 if values else 0.1
    train(run_dir, whole, progress=False)
    assert_other(
        lower(run_dir, "whole"), theirs([*source.embeddings.values(), *source.hidden[0], *source.hidden[1]])
    )
    for step in (3, 14, 15):
        spec = Spec()
        spec.CopyFrom(whole)
        spec.training.name, spec.training.checkpoint.steps = f"stopped-{step}", 1
        with monkeypatch.context() as patched:
            stop_at(patched, step)
            with pytest.raises(StoppedError):
                train(run_dir, spec, progress=False)
        train(run_dir, spec, progress=False)
        for file in ("model.keras", "checkpoints/last.keras"):
            wanted, found = (
                keras_file(f"{run_dir}/training/{name}/{file}") for name in ("whole", spec.training.name)
            )
            # Keras numbers the layers of a process.
            names = wanted.keys() - {"config"}
            assert {key: found[key] == wanted[key] for key in names} == dict.fromkeys(names, True)


def test_frozen_until_then(run_dir, pretrained, source, monkeypatch):
    """At the end of the second of two frozen epochs the weights are still those; one and a half: 4 of 7 steps later."""
    seen: list[bool] = []

    class Look(keras.callbacks.Callback):
        STATE = ()

        def on_train_batch_end(self, batch, logs=None):
            kernel = layer_parts(self.model).hidden[0][0].kernel.numpy()
            seen.append(bool((kernel == source.hidden[0][0].arrays[0][1]).all()))

    callbacks = train_module.build_callbacks
    monkeypatch.setattr(train_module, "build_callbacks", lambda *args: [*callbacks(*args), Look()])
    spec = warm_spec(run_dir, pretrained, "late", freeze=True, layers=2, unfreeze_after=1.5)
    spec.training.epochs = 2
    train(run_dir, spec, progress=False)
    assert seen == [True] * 11 + [False] * 3
