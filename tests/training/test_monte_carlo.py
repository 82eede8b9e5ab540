"""In: models with dropout. Out: the spread of their answers, by the formulas; exported, served and asked for by name."""

from __future__ import annotations

import csv
import math
import subprocess
import sys
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from prebake.schemas.errors import ArtifactError, PrebakeError
from prebake.schemas.manifest_pb2 import LabelEntry
from prebake.schemas.run_dir import read_spec, write_spec
from prebake.schemas.spec_pb2 import BINARY, MARK, MULTICLASS, NORMALIZATION_BATCH, REGRESSION
from prebake.training.export import export
from prebake.training.monte_carlo import Sampler, describe_samples
from prebake.training.predict import load
from prebake.training.train import train
from small_run import make_rows, make_run, write_csv

from prebake.cli import main

REGRESSIVE = LabelEntry(kind=REGRESSION)
X = np.array([[1.0, -2.0, 3.0, 0.5], [0.0, 1.0, 1.0, -1.0], [2.0, 2.0, 2.0, 2.0]], np.float32)
W = np.array([[0.5], [-1.0], [0.25], [2.0]], np.float32)


def linear(drop: keras.layers.Layer, *more: keras.layers.Layer) -> keras.Model:
    inputs = keras.Input((4,), name="a")
    x = inputs
    for layer in (*more, drop):
        x = layer(x)
    model = keras.Model({"a": inputs}, keras.layers.Dense(1, use_bias=False, name="head")(x))
    model.get_layer("head").kernel.assign(W)
    return model


def draw(model: keras.Model, samples: int, x: np.ndarray = X, seed: int = 1) -> np.ndarray:
    return Sampler(model, samples, seed)({"a": tf.constant(x)}).numpy()


def test_spread_of_a_linear_model():
    """y = Σ w x m / (1 - p), m is 1 with 1 - p: mean Σ w x, variance p / (1 - p) Σ (w x)². p = 0.2:
    row 1: w x = 0.5, 2, 0.75, 1: mean 4.25, variance 0.25 * 5.8125 = 1.453125."""
    outputs = draw(linear(keras.layers.Dropout(0.2)), 4000)
    assert outputs.shape == (4000, 3, 1)
    found = describe_samples(tf.constant(outputs), REGRESSIVE)
    assert (X @ W)[0, 0] == 4.25
    np.testing.assert_allclose(found["mean"], (X @ W)[:, 0], atol=0.1)
    deviation = np.sqrt(0.25 * np.square(X * W[:, 0]).sum(axis=1))
    assert deviation[0] == pytest.approx(math.sqrt(1.453125))
    np.testing.assert_allclose(found["deviation"], deviation, rtol=0.04)
    # All that can be: sums of a subset of w x / 0.8.
    assert {round(float(y), 5) for y in outputs[:, 0, 0]} <= {
        round(float(np.float32(sum(s) / 0.8)), 5)
        for s in ([a, b, c, d] for a in (0, 0.5) for b in (0, 2) for c in (0, 0.75) for d in (0, 1))
    }
    np.testing.assert_allclose(
        found["quantiles"],
        np.quantile(outputs[:, :, 0].astype(np.float64), [0.05, 0.5, 0.95], axis=0).T,
        rtol=1e-6,
    )


def test_alpha_dropout_keeps_mean_and_variance():
    """Inputs of mean 0 and variance 1, which SELU's outputs have: so have they behind it, over units and samples."""
    inputs = keras.Input((500,), name="a")
    model = keras.Model({"a": inputs}, keras.layers.AlphaDropout(0.3)(inputs))
    x = np.random.default_rng(0).normal(size=(2, 500)).astype(np.float32)
    x = (x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, keepdims=True)
    outputs = draw(model, 200, x)
    np.testing.assert_allclose(outputs.mean(axis=(0, 2)), 0, atol=0.02)
    np.testing.assert_allclose(outputs.std(axis=(0, 2)), 1, atol=0.02)
    # A unit that is left out is a (-1.7581) (1 - p), whatever came in: a = ((1 - p) (1 + p 1.7581²))^-½ = 0.8610.
    a = (0.7 * (1 + 0.3 * 1.7580993408473766**2)) ** -0.5
    dropped = np.isclose(outputs, -a * 1.7580993408473766 * 0.7, atol=1e-6)
    assert dropped.mean() == pytest.approx(0.3, abs=0.01)
    # As Keras does it in training.
    trained = model({"a": tf.constant(np.repeat(x, 200, axis=0))}, training=True).numpy()
    assert trained[~np.isclose(trained, outputs[dropped][0], atol=1e-6)].max() == pytest.approx(
        outputs.max(), rel=1e-5
    )


def test_a_sample_is_one_network_for_all_rows():
    """Row by row, in another order or all at once: the same; another seed: other networks."""
    model = linear(
        keras.layers.Dropout(0.5), keras.layers.Dense(4), keras.layers.Dropout(0.3), keras.layers.Dense(4)
    )
    whole = draw(model, 20)
    np.testing.assert_array_equal(draw(model, 20), whole)
    np.testing.assert_allclose(draw(model, 20, X[::-1])[:, ::-1], whole, rtol=1e-5)
    np.testing.assert_allclose(draw(model, 20, X[1:2]), whole[:, 1:2], rtol=1e-5)
    # The first of many are the few.
    np.testing.assert_array_equal(draw(model, 5), whole[:5])
    assert (draw(model, 20, seed=2) != whole).mean() > 0.9
    # Each sample, and each layer within it, leaves out something else.
    assert len({tuple(y.ravel().tolist()) for y in whole}) > 12
    two = linear(keras.layers.Dropout(0.5, name="second"), keras.layers.Dropout(0.5, name="first"))
    kept = draw(two, 400, np.ones((1, 4), np.float32)) != 0
    assert kept.mean() < 0.75  # both the same: 1 - 0.5 ** 4


def test_all_else_is_in_inference_mode():
    """Batch normalization uses its moving statistics and does not move them; noise is off; the layers are as before."""
    normal = keras.layers.BatchNormalization(name="norm")
    model = linear(keras.layers.Dropout(0.5), keras.layers.GaussianNoise(1.0), normal)
    normal.moving_mean.assign([1.0, 2.0, 3.0, 4.0])
    normal.moving_variance.assign([4.0] * 4)
    before = [v.numpy() for v in model.variables]
    outputs = draw(model, 300)
    for one, other in zip(before, model.variables, strict=True):
        np.testing.assert_array_equal(one, other.numpy())
    # (x - mean) / sqrt(4 + 0.001) w, each or 0, times 2.
    terms = (X - [1.0, 2.0, 3.0, 4.0]) / math.sqrt(4.001) * W[:, 0] * 2
    possible = [
        sum(t for t, keep in zip(terms[0], bits, strict=True) if keep) for bits in np.ndindex(2, 2, 2, 2)
    ]
    distance = np.abs(outputs[:, 0, 0][:, None] - np.array(possible)[None])
    assert distance.min(axis=1).max() < 1e-5
    np.testing.assert_array_equal(model({"a": X}).numpy(), model({"a": X}, training=False).numpy())
    # Above the dropout as well.
    inputs = keras.Input((4,), name="a")
    normal = keras.layers.BatchNormalization(name="norm")
    above = keras.Model({"a": inputs}, normal(keras.layers.Dropout(0.5)(inputs)))
    normal.moving_variance.assign([4.0 - 0.001] * 4)
    outputs = draw(above, 50)
    np.testing.assert_allclose(
        np.sort(np.unique(outputs[:, 0, 0].round(5))), [0, 1], atol=1e-5
    )  # 1 / 0.5 / sqrt(4)
    np.testing.assert_array_equal(normal.moving_mean.numpy(), [0] * 4)


def test_channels_and_nested_models_and_models_of_ones_own():
    inputs = keras.Input((5, 3), name="a")
    model = keras.Model({"a": inputs}, keras.layers.SpatialDropout1D(0.5)(inputs))
    kept = draw(model, 50, np.ones((2, 5, 3), np.float32)) != 0
    assert (kept == kept[:, :, :1]).all()
    assert 0.3 < kept.mean() < 0.7

    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.inner = keras.Sequential([keras.layers.Dense(8), keras.layers.Dropout(0.5)])

        def call(self, features, training=False):
            return self.inner(features["a"], training=training)[:, :1]

    own = Own()
    own({"a": X})
    assert len(np.unique(draw(own, 30)[:, 0, 0])) == 2


def test_model_without_dropout():
    inputs = keras.Input((4,), name="a")
    with pytest.raises(PrebakeError) as error:
        Sampler(keras.Model({"a": inputs}, keras.layers.Dropout(0.0)(inputs)), 50, 1)
    assert str(error.value) == (
        "export.samples: is 50, and the model has no dropout: all samples would be the same: set model.dropout and train "
        "again, or export.samples: 0"
    )


def test_classes_by_hand():
    """Two samples of one row. Binary: logits 0 and ln 3: probabilities 0.5 and 0.75. Three classes: (0.25, 0.25, 0.5) and
    (0.5, 0.25, 0.25)."""
    logits = tf.constant([[[0.0]], [[math.log(3)]]])
    found = describe_samples(logits, LabelEntry(kind=BINARY, classes=["no", "yes"]))
    assert found["probability"].numpy() == pytest.approx([0.625])
    assert found["deviation"].numpy() == pytest.approx([0.125])
    assert found["entropy"].numpy() == pytest.approx([-0.625 * math.log(0.625) - 0.375 * math.log(0.375)])
    assert found["class"].numpy().tolist() == [b"yes"]
    logits = tf.math.log(tf.constant([[[0.25, 0.25, 0.5]], [[0.5, 0.25, 0.25]]]))
    found = describe_samples(logits, LabelEntry(kind=MULTICLASS, classes=["a", "b", "c"]))
    assert found["probabilities"].numpy()[0] == pytest.approx([0.375, 0.25, 0.375])
    assert found["deviations"].numpy()[0] == pytest.approx([0.125, 0, 0.125], abs=1e-7)
    assert found["entropy"].numpy() == pytest.approx([-2 * 0.375 * math.log(0.375) - 0.25 * math.log(0.25)])
    assert found["class"].numpy().tolist() == [b"a"]
    # Of a class that is never said, 0 ln 0 is 0.
    sure = describe_samples(
        tf.constant([[[-200.0]], [[-200.0]]]), LabelEntry(kind=BINARY, classes=["no", "yes"])
    )
    assert sure["entropy"].numpy() == [0]


def test_regression_in_the_labels_unit():
    """What is learnt is (y - 10) / 2; a standard deviation of 1 there is one of 2 here."""
    label = LabelEntry(kind=REGRESSION, mean=10, deviation=2)
    found = describe_samples(tf.constant([[[-1.0]], [[1.0]]]), label)
    assert [found[name].numpy().tolist() for name in ("mean", "deviation")] == [[10.0], [2.0]]
    assert found["quantiles"].numpy()[0] == pytest.approx([8.2, 10.0, 11.8])


NEEDED = ["income", "rooms", "city", "hours-per-week"]
COLUMNS = {
    "regression": ["mean", "deviation", "quantile 0.05", "quantile 0.5", "quantile 0.95"],
    "multiclass": [
        "class", *(f"{what} {name}" for what in ("probability", "deviation") for name in ("low", "mid", "high")), "entropy",
    ],
}  # fmt: skip


@pytest.fixture(scope="session", params=COLUMNS)
def sampled_run(request, tmp_path_factory) -> tuple[str, str]:
    """A run whose model has dropout and batch normalization, with 20 samples; bad rows are marked if it has classes."""
    run = str(tmp_path_factory.mktemp(request.param) / "run")
    make_run(run, request.param, rows=150)
    spec = read_spec(run)
    spec.model.dropout, spec.model.activation, spec.training.epochs = 0.3, "elu", 1
    spec.model.normalization = NORMALIZATION_BATCH
    spec.export.samples = 20
    if request.param == "multiclass":
        spec.export.bad_rows = MARK
    write_spec(run, spec)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "__array__ implementation", DeprecationWarning)
        train(run, progress=False)
        export(run)
    return run, request.param


def test_columns_of_predict(sampled_run, tmp_path, capsys):
    run, kind = sampled_run
    rows = make_rows(30, kind)
    write_csv(tmp_path / "rows.csv", NEEDED, rows)
    out = str(tmp_path / "out.csv")
    assert main(["predict", run, str(tmp_path / "rows.csv"), "-o", out, "--samples", "20"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == f"30 predictions in {out}"
    with open(out, newline="", encoding="utf-8") as file:
        header, *lines = list(csv.reader(file))
    assert header == COLUMNS[kind] + (["error"] if kind == "multiclass" else [])
    answer = load(run).predict(rows, samples=20)
    plain = load(run).predict(rows)
    if kind == "regression":
        numbers = np.array(lines, np.float32)
        np.testing.assert_array_equal(numbers[:, 0], answer["mean"])
        np.testing.assert_array_equal(numbers[:, 2:], answer["quantiles"])
        assert (answer["deviation"] > 0).all()
        # The samples lie around the answer of the whole network.
        assert (np.abs(answer["mean"] - plain["prediction"]) < 4 * answer["deviation"]).all()
    else:
        assert (np.abs(answer["probabilities"] - plain["probabilities"]) < 0.2).all()
        assert ((answer["entropy"] >= 0) & (answer["entropy"] <= math.log(3))).all()
        assert [line[0] for line in lines] == answer["class"].tolist()
    # Whatever batch a row comes in.
    alone = load(run).predict(rows[7:8], samples=20)
    for field, value in alone.items():
        if value.dtype.kind == "f":
            np.testing.assert_allclose(value[0], answer[field][7], rtol=1e-5, atol=1e-6)


SERVED = """
import sys
import numpy as np, tensorflow as tf
model = tf.saved_model.load(sys.argv[1])
ask = {"income": [50.0, 60.0], "rooms": [3, 4], "city": ["Rome", "?"], "hours_per_week": [40.0, 11.0]}
types = {"rooms": tf.int64, "city": tf.string}
raw = {name: tf.constant(value, types.get(name, tf.float32)) for name, value in ask.items()}
first = model.signatures["serving_samples"](**raw)
lines = model.signatures["serving_samples_csv"](tf.constant(["50.0,3,Rome,40.0,note", "60.0,4,?,11.0,note"]))
for name in first:
    if first[name].dtype != tf.string:
        np.testing.assert_allclose(first[name], lines[name], rtol=1e-5, atol=1e-6)
again = model.signatures["serving_samples"](**raw)
assert all((first[name].numpy() == again[name].numpy()).all() for name in first)
assert not any(name.startswith("prebake") for name in sys.modules)
print(sorted(first))
"""


def test_served_by_tensorflow_alone(sampled_run):
    run, kind = sampled_run
    if kind != "regression":
        # One process is enough: the kinds differ by what `describe_samples` returns.
        assert {"serving_samples", "serving_samples_examples", "serving_samples_csv"} <= set(
            tf.saved_model.load(f"{run}/export/saved_model/1").signatures
        )
        return
    done = subprocess.run(
        [sys.executable, "-c", SERVED, f"{run}/export/saved_model/1"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "['deviation', 'mean', 'quantiles']"


def test_other_number_of_samples(sampled_run):
    run, _ = sampled_run
    with pytest.raises(ArtifactError) as error:
        load(run).predict([], samples=100)
    assert str(error.value) == (
        f"{run}/export/saved_model/1: answers with 20 samples, not 100: ask for 20, or set export.samples: 100 and run "
        "`prebake export` again"
    )


def test_export_without_samples(exported_run, tmp_path, capsys):
    run, kind = exported_run
    write_csv(tmp_path / "rows.csv", NEEDED, make_rows(3, kind))
    assert main(["predict", run, str(tmp_path / "rows.csv"), "--samples", "100"]) == 2
    assert capsys.readouterr().err == (
        f"prebake predict: {run}/export/saved_model/1: was exported without samples: set export.samples: 100 and run "
        "`prebake export` again\n"
    )


def test_bad_rows_are_marked(sampled_run):
    run, kind = sampled_run
    if kind == "regression":
        return  # it fails whole, as without samples
    rows = make_rows(3, kind)
    rows[1]["rooms"] = "x"
    answer = load(run).predict(rows, samples=20)
    assert [bool(text) for text in answer["error"]] == [False, True, False]
    assert np.isnan(answer["deviations"][:, 0]).tolist() == [False, True, False]
    assert answer["class"][1] == ""
