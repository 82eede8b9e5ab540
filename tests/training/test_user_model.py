"""A model, activations, losses, … by Python file: they run if the file is named, and are saved and loaded by name alone."""

from __future__ import annotations

import json
import os
import pathlib
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf
from prebake.schemas.errors import ArtifactError, PrebakeError, SpecError
from prebake.schemas.manifest import read_manifest
from prebake.schemas.manifest_pb2 import OUTPUT_FLOAT, OutputFeature
from prebake.schemas.run_dir import read_spec, write_spec
from prebake.schemas.spec_pb2 import ENSEMBLE, NUMBER, Spec
from prebake.training import user_model
from prebake.training.evaluate import evaluate, open_model
from prebake.training.export import export
from prebake.training.input_layer import feature_inputs
from prebake.training.layer_names import LayerNames
from prebake.training.model_function import call_model_fn
from prebake.training.train import main, train
from prebake.training.user_model import UserCode, find_own
from small_run import make_run

from prebake.cli import make_parser

EXAMPLE = pathlib.Path(__file__).parents[2] / "examples" / "housing" / "gated.py"

PIECES = """\
import keras
from keras import ops

def bend(x):
    return ops.maximum(x, 0.5 * x)

def tiny(shape, dtype=None):
    return 0.01 * keras.random.normal(shape, dtype=dtype, seed=3)

def fourth(kernel):
    return 0.001 * ops.sum(kernel ** 4)

class Even(keras.constraints.Constraint):
    def __call__(self, kernel):
        return kernel - ops.mean(kernel, axis=0, keepdims=True)

class Cubed(keras.losses.Loss):
    def call(self, y_true, y_pred):
        return ops.mean(ops.abs(y_true - y_pred) ** 3, axis=-1)

class Largest(keras.metrics.Metric):
    def __init__(self, name="largest"):
        super().__init__(name=name)
        self.value = self.add_weight(name="value", initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.value.assign(ops.maximum(self.value, ops.max(ops.abs(y_true - y_pred))))

    def result(self):
        return self.value
"""


def forget() -> None:
    """As in a process that has run no file."""
    registered = keras.saving.get_custom_objects()
    for name in [name for name in registered if name.startswith("own>")]:
        del registered[name]
    user_model._ran.clear()


@pytest.fixture(autouse=True)
def _forgotten():
    forget()


def spec_of(run: str, code: object, **model) -> Spec:
    spec = read_spec(run)
    spec.model_fn = str(code)
    for name, value in model.items():
        setattr(spec.model, name, value)
    spec.training.epochs = 2
    write_spec(run, spec)
    return spec


@pytest.fixture(scope="module")
def pieces(tmp_path_factory) -> tuple[str, str]:
    """A run that was trained with a piece of each kind, and the file. Tests only read them."""
    folder = tmp_path_factory.mktemp("pieces")
    run, code = str(folder / "run"), folder / "mine.py"
    make_run(run)
    code.write_text(PIECES)
    spec = spec_of(run, code, activation="bend", initializer="tiny", regularizer="fourth", constraint="Even")
    spec.training.loss.kind = "Cubed"
    spec.training.metrics.append("Largest")
    write_spec(run, spec)
    forget()
    train(run, code=[str(code)], progress=False)
    return run, str(code)


def test_pieces_of_every_kind_are_used(pieces):
    run, code = pieces
    model, _ = open_model(run, "default", code)
    layer = model.get_layer("hidden_1")
    assert model.get_layer("hidden_1_activation").activation is find_own("bend")
    assert layer.kernel_initializer is find_own("tiny")
    assert layer.kernel_regularizer is find_own("fourth")
    assert isinstance(layer.kernel_constraint, find_own("Even"))
    np.testing.assert_allclose(layer.kernel.numpy().mean(axis=0), 0, atol=1e-6)
    with open(os.path.join(run, "training", "default", "history.json"), encoding="utf-8") as file:
        history = json.load(file)
    assert history[0]["Largest"] > 0
    assert history[0]["val_Largest"] > 0
    # |y - f|³ of labels of about 14 that the model does not know yet: no built-in loss is so large.
    assert history[0]["loss"] > 200


def test_a_trained_model_is_loaded_by_the_same_file_alone(pieces, tmp_path, monkeypatch):
    run, code = pieces
    directory = os.path.join(run, "training", "default")
    with open(os.path.join(directory, "evaluation.json"), encoding="utf-8") as file:
        measured = json.load(file)["metrics"]
    monkeypatch.chdir(os.path.dirname(run))
    with pytest.raises(ArtifactError) as caught:
        evaluate(run)
    copy = "run/training/default/code/mine.py"
    assert str(caught.value) == (
        f"{directory}: its model needs its own Python file, which runs only if you name it: "
        f"look at it, and add --code {copy}"
    )
    other = tmp_path / "mine.py"
    other.write_text(PIECES + "\nopen('ran', 'w')\n")
    with pytest.raises(ArtifactError) as caught:
        export(run, code=[str(other)])
    assert str(caught.value) == (
        f"{directory}: its model was trained with another Python file than {other}: "
        f"look at the copy, and add --code {copy}"
    )
    assert not os.path.exists("ran")
    # The copy is the file itself, wherever the run has gone.
    assert evaluate(run, code=["nothing.py", copy]) == measured
    assert evaluate(run) == measured  # in this process it has run


def test_another_content_is_another_training(pieces, tmp_path):
    run, code = pieces
    parts = [part.name for part in read_manifest(os.path.join(run, "training", "default"), "training").parts]
    assert parts == ["examples", "model", "model_fn", "seed", "training"]
    copied = shutil.copytree(run, tmp_path / "run")
    other = tmp_path / "mine.py"
    other.write_text(PIECES)
    spec = read_spec(run)
    spec.model_fn = str(other)
    assert train(str(copied), spec, code=str(other), progress=False).up_to_date  # the same content elsewhere
    other.write_text(PIECES + "# more\n")
    with pytest.raises(PrebakeError, match="model_fn"):
        train(str(copied), spec, code=str(other), progress=False)


def test_an_export_needs_no_code(pieces):
    run, code = pieces
    exported = export(run, code=code)
    forget()
    model = tf.saved_model.load(exported.directory)
    request = {"income": [50.0], "rooms": [3], "city": ["Rome"], "hours_per_week": [40.0]}
    dtypes = {"rooms": tf.int64, "city": tf.string}
    answer = model.signatures["serving_default"](
        **{name: tf.constant(value, dtypes.get(name, tf.float32)) for name, value in request.items()}
    )
    assert np.isfinite(answer["prediction"].numpy()).all()


def test_nothing_runs_unless_it_is_named(run_dir, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    code = tmp_path / "mine.py"
    code.write_text("open('ran', 'w')\n")
    spec_of(run_dir, code)
    message = (
        "spec: model_fn: is the Python file mine.py, which runs only if you name it too (add --code mine.py)"
    )
    for named in ((), "", ["other.py"]):
        with pytest.raises(SpecError) as caught:
            train(run_dir, code=named, progress=False)
        assert str(caught.value) == message
    assert main([run_dir]) == 2
    assert capsys.readouterr().err == f"{message}\n"
    assert not os.path.exists("ran")
    assert not os.path.exists(os.path.join(run_dir, "training"))


def test_the_example_trains_by_the_batch_job_and_is_exported(run_dir, capsys):
    spec = spec_of(run_dir, EXAMPLE, kind=ENSEMBLE)  # the kind is the file's to read
    spec.training.loss.kind = "pseudo_huber"
    spec.training.metrics.append("within_tenth")
    write_spec(run_dir, spec)
    assert main([run_dir, "--code", "other.py", "--code", str(EXAMPLE)]) == 0
    assert "within_tenth" in capsys.readouterr().out
    forget()
    model, _ = open_model(run_dir, "default", str(EXAMPLE))
    kinds = [type(layer).__name__ for layer in model.layers if layer.weights]
    assert kinds == ["Embedding", "Gate", "Dense", "Dense"]
    export(run_dir, code=str(EXAMPLE))


def test_metric_of_the_example_by_hand():
    UserCode(str(EXAMPLE), EXAMPLE.read_bytes()).run()
    values = find_own("within_tenth")(np.array([[10.0], [-10.0]]), np.array([[11.0], [-11.5]]))
    assert tf.convert_to_tensor(values).numpy().tolist() == [[1], [0]]
    values = find_own("pseudo_huber")(np.array([[1.0]]), np.array([[1.0 + 3**0.5]]))
    np.testing.assert_allclose(values, [[1]], rtol=1e-6)  # sqrt(1 + 3) - 1


# ------------------------------------------------------------------------------------------------------------- model_fn

FEATURES = [OutputFeature(name=name, type=OUTPUT_FLOAT, encode=NUMBER) for name in ("age", "hours")]


def made_by(function, units: int = 1) -> keras.Model:
    inputs = feature_inputs(FEATURES)
    return call_model_fn(function, Spec(), FEATURES, inputs, units, LayerNames(inputs))


def test_a_tensor_is_the_last_hidden_layer():
    model = made_by(lambda inputs, spec, encode: encode("h*"), units=3)
    head = model.get_layer("head")
    assert (head.kernel.shape, model.output_shape) == ((1, 3), (None, 3))


def test_without_encode_the_inputs_are_tensors_by_feature():
    def model_fn(inputs, spec):
        return keras.layers.Concatenate()(
            [keras.layers.Reshape((1,))(inputs[name]) for name in ("hours", "age")]
        )

    assert made_by(model_fn).get_layer("head").kernel.shape == (2, 1)


def test_a_model_is_the_whole():
    def model_fn(inputs, spec, encode):
        return keras.Model(inputs, keras.layers.Dense(1, name="mine")(encode()), name="whole")

    model = made_by(model_fn)
    assert (model.name, model.layers[-1].name) == ("whole", "mine")


def _dense(width: int):
    return lambda inputs, spec, encode: keras.Model(inputs, keras.layers.Dense(width)(encode()))


def _other_inputs() -> keras.Model:
    x = keras.Input((2,))
    return keras.Model(x, keras.layers.Dense(1)(x))


FAULTS = [
    (lambda inputs, spec: None, "returns NoneType (return the last hidden layer, or a keras.Model)"),
    (lambda inputs, spec: inputs["age"], "returns a tensor float32 (None,) (the last hidden layer is float (None, width))"),
    (lambda inputs, spec, encode: keras.ops.cast(encode(), "int32"),
     "returns a tensor int32 (None, 2) (the last hidden layer is float (None, width))"),
    (lambda inputs, spec: keras.Sequential([keras.layers.Dense(1)]),
     "returns a keras.Model without inputs (make it so: keras.Model(inputs, outputs))"),
    (lambda inputs, spec: _other_inputs(),
     "returns a keras.Model of other inputs (make it so: keras.Model(inputs, outputs))"),
    (_dense(2), "returns a keras.Model with the output (None, 2) (the label needs (None, 1))"),
    (lambda inputs, spec, encode: encode("a*", "x*"), "'x*' matches no feature (the examples have age, hours)"),
]  # fmt: skip


@pytest.mark.parametrize(("function", "message"), FAULTS)
def test_what_a_model_fn_cannot_return_is_one_line(function, message):
    with pytest.raises(SpecError) as caught:
        made_by(function)
    assert str(caught.value) == f"spec: model_fn: {message}"


BROKEN = [
    ("def f(:\n", {}, "{code} cannot be run: SyntaxError: invalid syntax (mine.py, line 1)"),
    ("import keras\nimport nothing\n", {}, "{code}:2 cannot be run: ModuleNotFoundError: No module named 'nothing'"),
    ("def model_fn(inputs, spec):\n    return inputs['Age']\n", {}, "{code}:2 fails: KeyError: 'Age'"),
    ("def bend(x):\n    return x + None\n", {"activation": "bend"}, "{code}:2 fails: ValueError: "),
]  # fmt: skip


@pytest.mark.parametrize(("text", "model", "message"), BROKEN)
def test_faults_of_the_file_are_one_line(run_dir, tmp_path, text, model, message):
    code = tmp_path / "mine.py"
    code.write_text(text)
    spec_of(run_dir, code, **model)
    with pytest.raises(SpecError) as caught:
        train(run_dir, code=str(code), progress=False)
    assert str(caught.value).startswith(f"spec: model_fn: {message}".format(code=code))
    assert "\n" not in str(caught.value)
    assert not os.path.exists(os.path.join(run_dir, "training", "default"))


def test_a_loss_that_fails_in_training_is_one_line(run_dir, tmp_path):
    code = tmp_path / "mine.py"
    code.write_text("def bad(y_true, y_pred):\n    return y_true.nothing\n")
    spec = spec_of(run_dir, code)
    spec.training.loss.kind = "bad"
    with pytest.raises(SpecError, match=r"mine\.py:2 fails: AttributeError: ") as caught:
        train(run_dir, spec, code=str(code), progress=False)
    assert "\n" not in str(caught.value)


def test_a_piece_that_is_not_defined_is_named(run_dir, tmp_path):
    code = tmp_path / "mine.py"
    code.write_text("from keras.activations import relu as alike\n_hidden = 1\n")
    spec = spec_of(run_dir, code, activation="alike")  # imported, not defined
    with pytest.raises(SpecError, match=r"model\.activation: the file of model_fn does not define 'alike'"):
        train(run_dir, spec, code=str(code), progress=False)


def test_what_another_file_has_defined_is_gone(tmp_path):
    UserCode("a.py", b"def first(x): return x").run()
    assert find_own("first")
    UserCode("b.py", b"def second(x): return x").run()
    assert find_own("first") is None
    assert keras.saving.get_registered_name(find_own("second")) == "own>second"


def test_a_decorated_class_keeps_its_own_name():
    source = b"import keras\n@keras.saving.register_keras_serializable('theirs')\nclass Mine(keras.layers.Layer): pass\n"
    UserCode("a.py", source).run()
    assert keras.saving.get_registered_name(find_own("Mine")) == "theirs>Mine"


def test_every_command_that_may_run_code_takes_it_more_than_once():
    parser = make_parser()
    for command in ("run", "preprocess", "analyze", "train", "evaluate", "export"):
        assert parser.parse_args([command, "s.yaml"]).code == []
        assert parser.parse_args([command, "s.yaml", "--code", "a.py", "--code", "b.py"]).code == [
            "a.py",
            "b.py",
        ]
