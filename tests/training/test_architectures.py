"""Each architecture: an output and a step worked by hand, saved and loaded, a short run with its losses."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from prebake.schemas.errors import SpecError
from prebake.schemas.manifest_pb2 import OUTPUT_FLOAT, OUTPUT_INT64, LabelEntry, OutputFeature
from prebake.schemas.run_dir import read_spec
from prebake.schemas.spec_pb2 import (
    BINARY,
    DNN,
    EMBEDDING,
    ENSEMBLE,
    LINEAR,
    MULTI_HOT,
    MULTICLASS,
    NORMALIZATION_BATCH,
    NORMALIZATION_BATCH_AFTER,
    NORMALIZATION_LAYER,
    NORMALIZATION_NONE,
    NUMBER,
    ONE_HOT,
    RECONSTRUCTING,
    REGRESSION,
    RESIDUAL,
    WIDE_AND_DEEP,
    Model,
    ModelKind,
)
from prebake.training.checkpoints import Checkpoints
from prebake.training.ensemble import MeanOfMembers, SharedDense
from prebake.training.loss import loss_of
from prebake.training.model import build_model
from prebake.training.train import train

PAIR = [OutputFeature(name=name, type=OUTPUT_FLOAT, encode=NUMBER) for name in ("age", "hours")]
FEATURES = [
    *PAIR,
    OutputFeature(name="city", type=OUTPUT_INT64, cardinality=3, encode=ONE_HOT),
    OutputFeature(name="job", type=OUTPUT_INT64, cardinality=9, encode=EMBEDDING, dimension=2),
    OutputFeature(name="tags", type=OUTPUT_INT64, cardinality=4, encode=MULTI_HOT, shape=[-1]),
    OutputFeature(name="tags_weights", type=OUTPUT_FLOAT, shape=[-1], weights_of="tags"),
]
BATCH = {
    "age": tf.constant([0.5, -1.0]),
    "hours": tf.constant([3.0, 1.0]),
    "city": tf.constant([2, 0], tf.int64),
    "job": tf.constant([8, 0], tf.int64),
    "tags": tf.constant([[1, 3, 3], [0, -1, -1]], tf.int64),
    "tags_weights": tf.constant([[0.5, 1, 2], [4, np.nan, np.nan]], tf.float32),
}
NUMBERS = {name: BATCH[name] for name in ("age", "hours")}
LABEL = LabelEntry(kind=REGRESSION)
LABELS = {
    "regression": LABEL,
    "binary": LabelEntry(kind=BINARY, classes=["no", "yes"]),
    "multiclass": LabelEntry(kind=MULTICLASS, classes=["a", "b", "c"]),
}
TRUTH = tf.constant([[1.0], [0.0]])
KINDS = [ModelKind.Name(kind).lower() for kind in ModelKind.values()]


def spec(kind: int = DNN, **values) -> Model:
    values = {"hidden": [3, 2], "activation": "relu", "initializer": "he_normal"} | values
    if kind == RECONSTRUCTING:
        values = {"reconstruction": 0.05} | values
    return Model(kind=kind, **({"members": 3} if kind == ENSEMBLE else {}), **values)


def compiled(model: keras.Model, label: LabelEntry = LABEL, rate: float = 0.1) -> keras.Model:
    model.compile(keras.optimizers.SGD(rate), loss_of(label))
    return model


def names(model: keras.Model) -> list[str]:
    return sorted(layer.name for layer in model.layers if layer.weights)


def set_weights(model: keras.Model, **layers) -> None:
    for name, arrays in layers.items():
        model.get_layer(name).set_weights([np.array(array, np.float32) for array in arrays])


# ------------------------------------------------------------------------------------------------------------- one by one


def test_linear_is_its_head():
    model = build_model(spec(LINEAR, hidden=[]), PAIR, LABEL)
    assert names(model) == ["head"]
    set_weights(model, head=([[2], [-1]], [0.5]))
    assert model(NUMBERS).numpy().tolist() == [[-1.5], [-2.5]]  # 2 * 0.5 - 3 + 0.5, -2 - 1 + 0.5


def test_wide_looks_ids_up_and_deep_has_the_bias():
    model = build_model(spec(WIDE_AND_DEEP, wide=["city", "t*", "age"], deep=["hours"]), FEATURES, LABEL)
    assert names(model) == [
        "deep_head", "deep_hidden_1", "deep_hidden_2", "wide_city", "wide_numbers", "wide_tags",
    ]  # fmt: skip
    set_weights(
        model,
        wide_city=([[10], [20], [30]],),
        wide_tags=([[1], [2], [3], [4]],),
        wide_numbers=([[100]],),
        deep_head=(np.zeros((2, 1)), [0.25]),
    )
    # 30 + (0.5 * 2 + 1 * 4 + 2 * 4) + 100 * 0.5 + 0.25, 10 + 4 * 1 - 100 + 0.25
    assert model(BATCH).numpy().tolist() == [[93.25], [-85.75]]


def test_wide_is_all_ids_and_deep_all_features_if_nothing_is_said():
    model = build_model(spec(WIDE_AND_DEEP), FEATURES, LABELS["multiclass"])
    tables = {
        layer.name: layer.get_weights()[0]
        for layer in model.layers
        if layer.name.startswith("wide") and layer.weights
    }
    assert {name: table.shape for name, table in tables.items()} == {
        "wide_city": (3, 3), "wide_job": (9, 3), "wide_tags": (4, 3),
    }  # fmt: skip
    # An id that was never seen adds nothing.
    assert all((table == 0).all() for table in tables.values())
    assert model.get_layer("deep_hidden_1").kernel.shape == (2 + 3 + 2 + 4, 3)


def test_wide_learns_the_ids_it_sees_and_no_others():
    model = build_model(spec(WIDE_AND_DEEP, wide=["job"], deep=["age"]), FEATURES, LABEL)
    set_weights(model, deep_head=(np.zeros((2, 1)), [0]))
    compiled(model).train_on_batch(BATCH, tf.constant([[1.0], [3.0]]))
    # Of the mean of (1 - 0)² and (3 - 0)² each row's gradient is -(y - 0); times the rate, 0.1 and 0.3.
    table = model.get_layer("wide_job").get_weights()[0][:, 0]
    np.testing.assert_allclose(table, [0.3, *[0] * 7, 0.1], rtol=1e-6)


def test_wide_without_ids_and_unknown_names_are_one_line():
    with pytest.raises(SpecError) as caught:
        build_model(spec(WIDE_AND_DEEP), PAIR, LABEL)
    assert str(caught.value) == (
        "spec: model.wide: is empty, and no feature gives ids (name features under `wide`, or take kind: dnn)"
    )
    with pytest.raises(SpecError) as caught:
        build_model(spec(WIDE_AND_DEEP, deep=["x*"]), PAIR, LABEL)
    assert str(caught.value) == "spec: model.deep: 'x*' matches no feature (the examples have age, hours)"


def test_a_residual_block_adds_what_came_in():
    model = build_model(spec(RESIDUAL, hidden=[2]), PAIR, LABEL)
    assert names(model) == ["head", "hidden_1", "hidden_2"]
    set_weights(
        model, hidden_1=(np.eye(2), [0, 0]), hidden_2=(2 * np.eye(2), [0, 1]), head=([[1], [10]], [0])
    )
    # x = (0.5, 3): relu(x + 2 relu(x) + (0, 1)) = (1.5, 10); x = (-1, 1): relu(-1 + 0), relu(1 + 2 + 1)
    assert model(NUMBERS).numpy().tolist() == [[101.5], [40.0]]


def test_a_residual_block_of_another_width_projects():
    model = build_model(spec(RESIDUAL, hidden=[3, 3]), PAIR, LABEL)
    assert names(model) == ["head", "hidden_1", "hidden_2", "hidden_2_projection", "hidden_3", "hidden_4"]
    assert [weight.shape for weight in model.get_layer("hidden_2_projection").weights] == [(2, 3)]


def test_reconstruction_is_charged_and_shown():
    model = build_model(spec(RECONSTRUCTING, reconstruction=0.5), PAIR, LABEL)
    model.get_layer("reconstruct").dense.set_weights(
        [np.zeros((2, 2), np.float32), np.array([1, 1], np.float32)]
    )
    set_weights(model, head=([[0], [0]], [0]))
    values = compiled(model).evaluate(
        tf.data.Dataset.from_tensors((NUMBERS, TRUTH)), return_dict=True, verbose=0
    )
    # (1 - 0.5)², (1 - 3)², (1 + 1)², (1 - 1)²: mean 8.25 / 4; the squared errors of 1 and 0 have the mean 0.5
    assert values["reconstruction"] == 2.0625
    assert values["loss"] == 0.5 + 0.5 * 2.0625
    # By rows: a batch of both and one of the first, (0.25 + 4) / 2.
    rows = {name: tf.gather(value, [0, 1, 0]) for name, value in NUMBERS.items()}
    data = tf.data.Dataset.from_tensor_slices((rows, tf.gather(TRUTH, [0, 1, 0]))).batch(2)
    values = model.evaluate(data, return_dict=True, verbose=0)
    assert values["reconstruction"] == pytest.approx((2 * 2.0625 + 2.125) / 3)


def test_reconstruction_does_not_shrink_what_it_reconstructs():
    model = build_model(spec(RECONSTRUCTING), FEATURES, LABEL)
    layer = model.get_layer("reconstruct")
    layer.dense.set_weights([np.zeros_like(weight) for weight in layer.dense.get_weights()])
    with tf.GradientTape() as tape:
        model(BATCH, training=True)
        loss = layer.losses[0]
    assert float(loss) > 0
    gradient = tape.gradient(loss, model.get_layer("job_embedding").embeddings.value)
    assert not tf.convert_to_tensor(gradient).numpy().any()


def test_requests_leave_the_reconstruction_error_alone():
    model = compiled(build_model(spec(RECONSTRUCTING), PAIR, LABEL))
    model.test_on_batch(NUMBERS, TRUTH)
    error = model.get_layer("reconstruct").error
    before = [variable.numpy() for variable in error.variables]
    model(NUMBERS, training=False)
    assert [variable.numpy() for variable in error.variables] == before


def test_a_member_is_a_network_with_its_own_scales():
    layer = SharedDense(3, 2)
    layer.build((None, 2))
    r, s, b = np.array([[1, -1], [2, 3]]), np.array([[1, 2, 3], [4, 5, 6]]), np.array([[0, 1, 2], [3, 4, 5]])
    kernel = np.array([[1.0, 2, 3], [4, 5, 6]])
    for variable, value in ((layer.kernel, kernel), (layer.r, r), (layer.s, s), (layer.bias, b)):
        variable.assign(value)
    x = np.array([[1.0, 2], [3, 4]], np.float32)
    for member in range(2):
        # The same as one kernel W * (r s^T): the scales of a row and of a column.
        wanted = x @ (kernel * np.outer(r[member], s[member])) + b[member]
        np.testing.assert_allclose(layer(x)[:, member], wanted, rtol=1e-6)


def test_members_begin_as_one_network_that_sees_the_inputs_with_other_signs():
    model = build_model(spec(ENSEMBLE, hidden=[4, 4]), FEATURES, LABEL)
    first, second = model.get_layer("hidden_1"), model.get_layer("hidden_2")
    assert set(np.unique(first.r)) == {-1, 1}
    assert len({tuple(row) for row in first.r.numpy()}) == 3
    assert (second.r.numpy() == 1).all()
    assert (first.s.numpy() == 1).all()
    head = model.get_layer("head").kernel.numpy()
    assert head.shape == (3, 4, 1)
    assert abs(head).max() <= np.sqrt(6 / 5)
    assert len({member.tobytes() for member in head}) == 3


def test_the_mean_of_probabilities_is_what_is_told():
    logits = np.array([[[0.0], [2.0]], [[-3.0], [200.0]]], np.float32)
    mean = tf.sigmoid(MeanOfMembers("logit")(logits)).numpy()
    # sigmoid: 0.5 and 0.880797; 0.0474259 and 1
    np.testing.assert_allclose(mean, [[0.6903985], [0.5237129]], rtol=1e-6)
    logits = np.array([[[0.0, 0, 0], [0, 0, 1000]]], np.float32)
    mean = tf.nn.softmax(MeanOfMembers("logits")(logits)).numpy()
    np.testing.assert_allclose(
        mean, [[1 / 6, 1 / 6, 1 / 6 + 1 / 2]], rtol=1e-6
    )  # (1/3, 1/3, 1/3) and (0, 0, 1)
    assert MeanOfMembers("number")(np.array([[[1.0], [4.0]]])).numpy().tolist() == [[2.5]]


def set_members(model: keras.Model) -> None:
    """Members that answer 1 and 3 to every row."""
    head = model.get_layer("head")
    head.kernel.assign(np.zeros(head.kernel.shape))
    head.bias.assign([[1.0], [3.0]])


def test_each_member_learns_from_its_own_loss():
    model = build_model(_pair_of_members(), PAIR, LABEL)
    set_members(model)
    compiled(model)
    weights = tf.constant([1.0, 3.0])
    truth = tf.constant([[2.0], [2.0]])
    # The mean is right, and its loss 0. Each member is wrong by 1: the mean over rows and members of w * 1 is (1 + 3) / 2.
    assert model.test_on_batch(NUMBERS, truth, sample_weight=weights) == 0
    assert model.train_on_batch(NUMBERS, truth, sample_weight=weights) == 2
    # Gradient of a bias: 2 * error * w / (2 rows * 2 members), summed over the rows: ∓2 * 4 / 4; times the rate 0.1.
    np.testing.assert_allclose(model.get_layer("head").bias.numpy(), [[1.2], [2.8]], rtol=1e-6)


def test_metrics_of_an_ensemble_are_those_of_its_mean():
    model = build_model(_pair_of_members(), PAIR, LABEL)
    set_members(model)
    model.compile(
        keras.optimizers.SGD(0.0), "mse", weighted_metrics=[keras.metrics.MeanAbsoluteError(name="mae")]
    )
    values = model.train_on_batch(NUMBERS, tf.constant([[2.0], [3.0]]), return_dict=True)
    assert values == {"loss": 1.5, "mae": 0.5}  # errors of the members: 1, 1 and 2, 0; of the mean: 0 and 1


def _pair_of_members() -> Model:
    return Model(kind=ENSEMBLE, hidden=[3], activation="relu", initializer="he_normal", members=2)


# --------------------------------------------------------------------------------------------------------- normalization


@pytest.mark.parametrize("kind", [DNN, RESIDUAL, ENSEMBLE])
def test_normalization_stands_where_it_should(kind):
    order = {
        NORMALIZATION_NONE: ["", "_activation", "_dropout"],
        NORMALIZATION_BATCH: ["", "_norm", "_activation", "_dropout"],
        NORMALIZATION_BATCH_AFTER: ["", "_activation", "_norm", "_dropout"],
        NORMALIZATION_LAYER: ["", "_norm", "_activation", "_dropout"],
    }
    for normalization, wanted in order.items():
        model = build_model(spec(kind, normalization=normalization, dropout=0.1), PAIR, LABEL)
        found = [
            layer.name.removeprefix("hidden_1") for layer in model.layers if layer.name.startswith("hidden_1")
        ]
        assert [ending for ending in found if ending not in ("_flat", "_members")] == wanted
        # Batch normalization right behind would take a bias away again.
        assert model.get_layer("hidden_1").use_bias == (normalization != NORMALIZATION_BATCH)


def test_batch_normalization_by_hand():
    model = build_model(spec(hidden=[1], activation="linear", normalization=NORMALIZATION_BATCH), PAIR, LABEL)
    set_weights(model, hidden_1=([[1], [1]],), head=([[1]], [0]))
    model.get_layer("hidden_1_norm").epsilon = 0.0
    # 3.5 and 0 have the mean 1.75 and the deviation 1.75
    np.testing.assert_allclose(model(NUMBERS, training=True), [[1], [-1]], rtol=1e-6)


def test_each_member_is_normalised_by_itself():
    model = build_model(
        Model(kind=ENSEMBLE, hidden=[1], activation="linear", initializer="ones", members=2,
              normalization=NORMALIZATION_BATCH),
        PAIR, LABEL,
    )  # fmt: skip
    layer = model.get_layer("hidden_1")
    layer.r.assign([[1.0, 1.0], [100.0, 100.0]])
    head = model.get_layer("head")
    head.kernel.assign(np.ones(head.kernel.shape))
    model.get_layer("hidden_1_norm").epsilon = 0.0
    np.testing.assert_allclose(model(NUMBERS, training=True)[..., 0], [[1, 1], [-1, -1]], rtol=1e-5)


# ------------------------------------------------------------------------------------------------------------ all of them


def test_layers_may_be_called_like_features():
    features = [
        OutputFeature(name=name, type=OUTPUT_FLOAT, encode=NUMBER) for name in ("head", "hidden_1", "inputs")
    ]
    batch = {feature.name: tf.constant([1.0]) for feature in features}
    model = build_model(spec(), features, LABEL)
    assert names(model) == ["head_", "hidden_1_", "hidden_2"]
    assert model(batch).shape == (1, 1)


@pytest.mark.parametrize(
    ("kind", "label"),
    [*((kind, "multiclass") for kind in KINDS), ("ensemble", "binary"), ("ensemble", "regression")],
)
def test_saved_and_loaded_it_answers_and_learns_the_same(kind, label, tmp_path):
    values = (
        {"hidden": [], "l1": 0.01} if kind == "linear" else {"normalization": NORMALIZATION_BATCH, "l2": 0.01}
    )
    if kind not in ("linear", "ensemble"):
        values["max_norm"] = 1.0
    model = build_model(spec(ModelKind.Value(kind.upper()), **values), FEATURES, LABELS[label])
    compiled(model, LABELS[label]).train_on_batch(BATCH, TRUTH)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert type(again) is type(model)
    assert model(BATCH).shape == (2, 3 if label == "multiclass" else 1)
    np.testing.assert_array_equal(again(BATCH), model(BATCH))
    model.reset_metrics()
    assert again.train_on_batch(BATCH, TRUTH) == model.train_on_batch(BATCH, TRUTH)
    for one, other in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


# Of the first commit. The wide tables begin at 0, so that the first loss is that of the deep part alone.
GOLDEN = {
    "dnn": [0.112758, 0.00583268, 0.00244177, 0.00162040],
    "linear": [5.28834, 2.58150, 1.29546, 0.661954],
    "wide_and_deep": [0.112758, 0.0143757, 0.00157878, 0.000181090],
    "residual": [4.81370, 1.06239, 0.649432, 0.440255],
    "reconstructing": [0.119690, 0.117544, 0.116456, 0.115598],
    "ensemble": [1.42549, 0.678128, 0.509920, 0.430845],
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_short_run_has_these_losses(kind):
    keras.utils.set_random_seed(1)
    hidden = [] if kind == "linear" else [4, 4]
    model = compiled(
        build_model(spec(ModelKind.Value(kind.upper()), hidden=hidden), FEATURES, LABEL), rate=0.02
    )
    losses = []
    for _ in range(4):
        model.reset_metrics()
        losses.append(float(model.train_on_batch(BATCH, TRUTH, return_dict=True)["loss"]))
    assert losses == pytest.approx(GOLDEN[kind], rel=1e-4), losses
    assert losses[-1] < losses[0]


def test_a_killed_training_keeps_the_sums_of_the_reconstruction_error(run_dir, monkeypatch):
    """They are in a layer, not in what was compiled."""
    spec = read_spec(run_dir)
    spec.model.kind, spec.model.reconstruction, spec.model.input_noise = RECONSTRUCTING, 0.1, 0.1
    spec.training.checkpoint.steps, spec.training.epochs = 2, 1
    history = {}
    for name, kills in (("whole", False), ("killed", True)):
        spec.training.name = name
        if kills:
            with monkeypatch.context() as patch:
                patch.setattr(Checkpoints, "write", _written_once(Checkpoints.write))
                with pytest.raises(KeyboardInterrupt):
                    train(run_dir, spec, progress=False)
        train(run_dir, spec, progress=False, notice=lambda text: None)
        with open(f"{run_dir}/training/{name}/history.json", encoding="utf-8") as file:
            history[name] = json.load(file)
    assert history["killed"] == history["whole"]
    assert {"reconstruction", "val_reconstruction"} < history["whole"][0].keys()


def _written_once(write):
    def then_killed(*arguments):
        write(*arguments)
        raise KeyboardInterrupt

    return then_killed
