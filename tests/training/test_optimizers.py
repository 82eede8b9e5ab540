"""In: optimizers by the spec's words. Out: steps worked by hand, as Keras' own take them, and the same after saving."""

from __future__ import annotations

import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from prebake.schemas.errors import PrebakeError
from prebake.schemas.spec_pb2 import Optimizer, Spec, Training
from prebake.schemas.training_defaults import resolve_training
from prebake.training import ftrl, momentum_cycle, schedule
from prebake.training.optimizer import OPTIMIZERS, build_optimizer
from prebake.training.parts import layer_pattern
from prebake.training.schedule import last_rates
from prebake.training.weight_average import averaged, use_averages

KINDS = ["NADAM", "ADAM", "SGD", "MOMENTUM", "NESTEROV", "ADAGRAD", "RMSPROP", "ADAMAX", "ADAMW", "FTRL"]
X = np.linspace(-1, 1, 24).reshape(8, 3).astype("float32") ** 2
Y = np.linspace(0, 2, 8).reshape(8, 1).astype("float32")


def training(text: str) -> Training:
    """Resolved, with a constant rate unless the text says otherwise."""
    spec = Spec()
    text_format.Parse(text, spec.training)
    if not spec.training.HasField("schedule"):
        spec.training.schedule.kind = "CONSTANT_RATE"
    resolve_training(spec)
    return spec.training


def new_model(text: str = "", optimizer: keras.optimizers.Optimizer | None = None) -> keras.Model:
    """Two layers, `deep` and `head`, whose first weights are written down."""
    inputs = keras.Input((3,))
    deep = keras.layers.Dense(2, name="deep", activation="tanh")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(1, name="head")(deep))
    kernel = np.array([[0.3, -0.2], [0.1, 0.4], [-0.5, 0.2]])
    model.set_weights([kernel, np.array([0.1, 0.2]), np.array([[0.7], [-0.6]]), np.array([0.3])])
    model.compile(optimizer or build_optimizer(training(text), model, 4), "mse")
    return model


def steps(model: keras.Model, count: int) -> list[np.ndarray]:
    for _ in range(count):
        model.train_step((X, Y))
    return [np.array(weight) for weight in model.get_weights()]


def assert_same(found: list[np.ndarray], wanted: list[np.ndarray]) -> None:
    assert len(found) == len(wanted)
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(one, other)


# Weight 1, gradient 0.5 twice, rate 0.1; of what Keras remembers, everything is 0 at first but what is said here.
BY_HAND = {
    "SGD": (0.95, 0.9),  # 1 - 0.1 * 0.5
    "MOMENTUM": (0.95, 0.855),  # v = 0.9 v - 0.05: -0.05, -0.095
    "NESTEROV": (0.905, 0.7695),  # the same v, and 0.9 v - 0.05: -0.095, -0.1355
    # n = 0.1 + 0.25, + 0.25: 0.05 / sqrt(0.35), 0.05 / sqrt(0.6)
    "ADAGRAD": (0.9154846, 0.8509349),
    # s = 0.9 s + 0.1 * 0.25 = 0.025, 0.0475: 0.05 / sqrt(s) = 0.3162278, 0.2294157
    "RMSPROP": (0.6837722, 0.4543565),
    # The corrected means of an unchanging gradient are the gradient and its square: 0.1 * 0.5 / 0.5.
    "ADAM": (0.9, 0.8),
    "ADAMAX": (0.9, 0.8),
    # 0.004 * 0.1 of the weight goes first: 1 - 0.0004 - 0.1; 0.8996 * 0.9996 - 0.1
    "ADAMW": (0.8996, 0.79924016),
    # u(t) = 0.9 (1 - 0.5 * 0.96 ** t): 0.468, 0.48528, 0.5018688; their products: 0.468, 0.22711104, 0.11397995.
    # m = 0.05, 0.095. (0.48528 * 0.05 / (1 - 0.22711104) + 0.532 * 0.5 / 0.532) / 0.5 = 1.0627878, then
    # (0.5018688 * 0.095 / (1 - 0.11397995) + 0.51472 * 0.5 / (1 - 0.22711104)) / 0.5 = 0.7735907
    "NADAM": (0.8937212, 0.8163621),
    # n = 0.1, 0.35, 0.6; z = (0.05 - sqrt(0.35)) / 0.1 = -5.4160798; -z / (sqrt(0.35) / 0.1) = 0.9154846;
    # z = -5.4160798 + 0.5 - (sqrt(0.6) - sqrt(0.35)) / 0.1 * 0.9154846 = -6.5913131; / (sqrt(0.6) / 0.1) = 0.8509349
    "FTRL": (0.9154846, 0.8509349),
}


@pytest.mark.parametrize("kind", KINDS)
def test_two_steps_by_hand(kind):
    optimizer = build_optimizer(
        training(f"optimizer {{ kind: {kind} }} learning_rate: 0.1"), keras.Sequential(), 1
    )
    weight, found = keras.Variable([1.0]), []
    for _ in range(2):
        optimizer.apply([tf.constant([0.5])], [weight])
        found.append(weight.numpy()[0])
    np.testing.assert_allclose(found, BY_HAND[kind], rtol=1e-5)


KERAS = {
    "NADAM": keras.optimizers.Nadam(0.02, beta_1=0.8, beta_2=0.95, epsilon=1e-5, clipnorm=0.3),
    "ADAM": keras.optimizers.Adam(0.02, beta_1=0.8, beta_2=0.95, epsilon=1e-5, clipnorm=0.3),
    "ADAMAX": keras.optimizers.Adamax(0.02, beta_1=0.8, beta_2=0.95, epsilon=1e-5, clipnorm=0.3),
    "ADAMW": keras.optimizers.AdamW(0.02, 0.0, beta_1=0.8, beta_2=0.95, epsilon=1e-5, clipnorm=0.3),
    "SGD": keras.optimizers.SGD(0.02, clipnorm=0.3),
    "MOMENTUM": keras.optimizers.SGD(0.02, momentum=0.7, clipnorm=0.3),
    "NESTEROV": keras.optimizers.SGD(0.02, momentum=0.7, nesterov=True, clipnorm=0.3),
    "ADAGRAD": keras.optimizers.Adagrad(0.02, epsilon=1e-5, clipnorm=0.3),
    "RMSPROP": keras.optimizers.RMSprop(0.02, rho=0.8, momentum=0.7, epsilon=1e-5, clipnorm=0.3),
    "FTRL": keras.optimizers.Ftrl(
        0.02, l1_regularization_strength=0.01, l2_regularization_strength=0.1, clipnorm=0.3
    ),
}
OPTIONS = {
    **dict.fromkeys(("NADAM", "ADAM", "ADAMAX"), "beta_1: 0.8 beta_2: 0.95 epsilon: 1e-5"),
    "ADAMW": "beta_1: 0.8 beta_2: 0.95 epsilon: 1e-5 weight_decay: 0",
    "SGD": "",
    **dict.fromkeys(("MOMENTUM", "NESTEROV"), "momentum: 0.7"),
    "ADAGRAD": "epsilon: 1e-5",
    "RMSPROP": "rho: 0.8 momentum: 0.7 epsilon: 1e-5",
    "FTRL": "l1: 0.01 l2: 0.1",
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_option_reaches_keras(kind):
    model = new_model(f"optimizer {{ kind: {kind} {OPTIONS[kind]} }} learning_rate: 0.02 clipnorm: 0.3")
    reference = new_model(optimizer=KERAS[kind])
    if kind == "FTRL":
        # Keras' own forgets with which weights it began.
        for one in (model, reference):
            one.set_weights([np.zeros_like(weight) for weight in one.get_weights()])
    assert_same(steps(model, 4), steps(reference, 4))


# The sum of all weights, 1 at first, after five steps at the kind's own rate.
GOLDEN = {
    "NADAM": 1.004415,
    "ADAM": 1.005177,
    "SGD": 1.112186,
    "MOMENTUM": 1.293697,
    "NESTEROV": 1.369418,
    "ADAGRAD": 1.381689,
    "RMSPROP": 1.01767,
    "ADAMAX": 1.005801,
    "ADAMW": 1.005169,
    "FTRL": 1.381689,  # without l1 and l2 it is AdaGrad
}


@pytest.mark.parametrize("kind", KINDS)
def test_short_run(kind):
    weights = steps(new_model(f"optimizer {{ kind: {kind} }}"), 5)
    np.testing.assert_allclose(
        sum(float(np.sum(w, dtype=np.float64)) for w in weights), GOLDEN[kind], rtol=1e-5
    )


@pytest.mark.parametrize(
    "text",
    [
        *(f"optimizer {{ kind: {kind} }}" for kind in KINDS),
        "optimizer { kind: NESTEROV } schedule { kind: ONE_CYCLE steps: 6 }",
        "optimizer { kind: ADAM } weight_average: 0.5 schedule { kind: COSINE_RATE warmup_steps: 2 steps: 9 }",
        'parts { name: "head" optimizer { kind: FTRL } }'
        "schedule { kind: PIECEWISE_RATE boundaries: 0.5 factors: 1 factors: 3 }",
        "optimizer { kind: NESTEROV weight_decay: 0.1 } schedule { kind: ONE_CYCLE steps: 6 }",
    ],
)
def test_saved_and_loaded_it_takes_the_same_step(tmp_path, text):
    model = new_model(text)
    steps(model, 3)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert_same(loaded.get_weights(), model.get_weights())
    assert_same(steps(loaded, 2), steps(model, 2))


def test_clipping_by_each_rule():
    gradients = [tf.constant([3.0, 4.0]), tf.constant([12.0])]  # norms 5 and 12, together 13
    wanted = {
        "clipnorm: 1": ([0.6, 0.8], [1.0]),
        "clipvalue: 3.5": ([3.0, 3.5], [3.5]),
        "global_clipnorm: 1.3": ([0.3, 0.4], [1.2]),
        "clipnorm: 0": ([3.0, 4.0], [12.0]),
    }
    for text, moved in wanted.items():
        weights = [keras.Variable([0.0, 0.0]), keras.Variable([0.0])]
        optimizer = build_optimizer(
            training(f"optimizer {{ kind: SGD }} learning_rate: 1 {text}"), keras.Sequential(), 1
        )
        optimizer.apply(gradients, weights)
        for weight, by in zip(weights, moved, strict=True):
            np.testing.assert_allclose(-weight.numpy(), by, rtol=1e-6)


def test_biases_do_not_decay():
    """At a gradient of 0 a step of sgd leaves 1 - 0.5 * 0.1 of a kernel."""
    model = new_model("optimizer { kind: SGD weight_decay: 0.1 } learning_rate: 0.5")
    before = model.get_weights()
    model.optimizer.apply([tf.zeros(v.shape) for v in model.trainable_variables], model.trainable_variables)
    for weight, was, share in zip(model.get_weights(), before, [0.95, 1, 0.95, 1], strict=True):
        np.testing.assert_allclose(weight, share * was, rtol=1e-6)


def test_ftrl_keeps_its_weights_when_the_rate_falls():
    """With no gradient left nothing should move, at whatever rate. Keras' own halves the weights with the rate."""
    found = []
    for optimizer in (ftrl.Ftrl(learning_rate=0.1), keras.optimizers.Ftrl(learning_rate=0.1)):
        weight = keras.Variable([1.0, -2.0])
        optimizer.apply([tf.constant([0.5, -0.5])], [weight])
        before = weight.numpy()
        optimizer.learning_rate = 0.05
        optimizer.apply([tf.zeros(2)], [weight])
        found.append(weight.numpy() / before)
    np.testing.assert_allclose(found, [[1, 1], [0.5, 0.5]], rtol=1e-6)


def test_ftrl_begins_with_the_weights_that_it_is_given():
    """Without a gradient they stay, l1 and l2 or not; Keras' own makes them 0."""
    for optimizer, wanted in (
        (ftrl.Ftrl(0.1, l1_regularization_strength=0.3, l2_regularization_strength=0.2), [1.0, -2.0, 0.0]),
        (keras.optimizers.Ftrl(0.1), [0.0, 0.0, 0.0]),
    ):
        weight = keras.Variable([1.0, -2.0, 0.0])
        for _ in range(2):
            optimizer.apply([tf.zeros(3)], [weight])
        np.testing.assert_allclose(weight.numpy(), wanted, rtol=1e-6, atol=1e-7)


def test_ftrl_stands_still_at_a_rate_of_0():
    optimizer, weight = ftrl.Ftrl(learning_rate=0.1), keras.Variable([1.0])
    optimizer.apply([tf.constant([0.5])], [weight])
    before = weight.numpy()
    optimizer.learning_rate = 0.0
    for _ in range(3):
        optimizer.apply([tf.constant([0.5])], [weight])
    np.testing.assert_allclose(weight.numpy(), before, rtol=1e-6)


@pytest.mark.parametrize("nesterov", [False, True])
def test_momentum_of_one_cycle_by_hand(nesterov):
    """Of 20 steps the 9th has the lowest momentum. Rate 1, gradient 1."""
    optimizer = momentum_cycle.CycledMomentum(20.0, learning_rate=1.0, nesterov=nesterov)
    weight, wanted, velocity = keras.Variable([0.0]), 0.0, 0.0
    for step in range(20):
        optimizer.apply([tf.constant([1.0])], [weight])
        # 0.95 at steps 0, 18 and 19, 0.85 at step 9, lines between.
        momentum = 0.95 - 0.1 * (1 - abs(min(step, 18) - 9) / 9)
        velocity = momentum * velocity - 1
        wanted += momentum * velocity - 1 if nesterov else velocity
        np.testing.assert_allclose(weight.numpy(), wanted, rtol=1e-5)


def test_one_cycle_and_a_momentum_that_is_given():
    model = new_model("optimizer { kind: NESTEROV } schedule { kind: ONE_CYCLE }")
    assert (type(model.optimizer), model.optimizer.nesterov) == (momentum_cycle.CycledMomentum, True)
    model = new_model("optimizer { kind: MOMENTUM momentum: 0.8 } schedule { kind: ONE_CYCLE }")
    assert (type(model.optimizer), model.optimizer.momentum) == (keras.optimizers.SGD, 0.8)


def test_parts_have_their_own_optimizers_and_rates():
    """The layers of a part move as under its optimizer alone, and the others too."""
    text = (
        'optimizer { kind: NADAM } parts { name: "h*d" optimizer { kind: FTRL l1: 0.01 } learning_rate: 0.3 }'
    )
    both = steps(new_model(text), 1)
    nadam, alone = steps(new_model(""), 1), "optimizer { kind: FTRL l1: 0.01 } learning_rate: 0.3"
    assert_same(both, nadam[:2] + steps(new_model(alone), 1)[2:])
    model = new_model(text + "schedule { kind: POWER_RATE steps: 1 }")
    steps(model, 2)
    # 1 / (1 + 1) at the second step, for either.
    rates = last_rates(model.optimizer)
    assert rates == {"learning_rate": np.float32(0.0005), "learning_rate_h*d": np.float32(0.15)}
    assert len(schedule.schedule_variables(model.optimizer)) == 2


def test_parts_equal_a_step_written_out_with_two_optimizers():
    model = new_model('optimizer { kind: NADAM } clipnorm: 0 parts { name: "head" optimizer { kind: FTRL } }')
    other = new_model("")
    nadam, follower = keras.optimizers.Nadam(0.001), ftrl.Ftrl(0.05)
    for _ in range(3):
        with tf.GradientTape() as tape:
            loss = keras.ops.mean(keras.ops.square(other(X) - Y))
        gradients = tape.gradient(loss, other.trainable_variables)
        nadam.apply(gradients[:2], other.trainable_variables[:2])
        follower.apply(gradients[2:], other.trainable_variables[2:])
    for one, two in zip(steps(model, 3), other.get_weights(), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-6)


def test_every_layer_in_a_part():
    model = new_model(
        'parts { name: "head" optimizer { kind: SGD } } parts { name: "deep" optimizer { kind: ADAM } }'
        "schedule { kind: POWER_RATE steps: 1 }"
    )
    steps(model, 4)
    # The optimizer of the rest has none; its rate is still that of the step.
    assert last_rates(model.optimizer)["learning_rate"] == np.float32(0.001 / 4)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (
            ["wide*"],
            "training.parts.wide*: no layer with weights has such a name; those that have: deep, head",
        ),
        (
            ["he*", "*ad"],
            "training.parts: layer 'head' is in two parts, 'he*' and '*ad': make one pattern narrower",
        ),
    ],
)
def test_parts_that_do_not_fit_the_model(parts, message):
    text = " ".join(f'parts {{ name: "{name}" optimizer {{ kind: SGD }} }}' for name in parts)
    with pytest.raises(PrebakeError) as error:
        new_model(text)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("name", "path", "fits"),
    [
        ("wide*", "wide_city/embeddings", True),
        ("wide*", "net/wide/dense/kernel", True),
        ("wide*", "other_wide/kernel", False),
        ("wide", "wide_city/kernel", False),
        ("w.de", "wide/kernel", False),
        ("x*y", "xa/by/kernel", False),
        ("kernel", "wide/kernel", False),  # a weight, no layer
    ],
)
def test_patterns_are_of_names_of_layers(name, path, fits):
    assert bool(re.fullmatch(layer_pattern(name), path)) == fits


def test_average_by_hand():
    """sgd at rate 1 with gradient -1: weights 1, 2, 3. The average begins at the first and keeps 0.75 of the old."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    model.set_weights([np.array([[0.0]])])
    built = training("optimizer { kind: SGD } learning_rate: 1 weight_average: 0.75 clipnorm: 0")
    model.compile(build_optimizer(built, model, 1), "mse")
    with averaged(model):  # before the first step there is none
        assert model.get_weights()[0] == 0
    found = []
    for _ in range(3):
        model.optimizer.apply([tf.constant([[-1.0]])], model.trainable_variables)
        with averaged(model):
            found.append(float(model.get_weights()[0][0, 0]))
    # 1; 0.75 * 1 + 0.25 * 2; 0.75 * 1.25 + 0.25 * 3
    assert found == [1, 1.25, 1.6875]
    assert model.get_weights()[0] == 3
    use_averages(model)
    assert model.get_weights()[0] == 1.6875


def test_scaled_loss_with_parts_and_averages():
    """The first step, whose gradients are no numbers, is skipped: no average yet, and the rate of step 0."""
    model = new_model(
        'weight_average: 0.5 parts { name: "head" optimizer { kind: SGD } } schedule { kind: POWER_RATE steps: 1 }'
    )
    model.compile(keras.optimizers.LossScaleOptimizer(model.optimizer), "mse")
    before, rates = model.get_weights(), []
    for value in (np.inf, 1.0, 1.0, 1.0):
        gradients = [tf.fill(v.shape, np.float32(value)) for v in model.trainable_variables]
        model.optimizer.apply(gradients, model.trainable_variables)
        rates.append(last_rates(model.optimizer))
        with averaged(model):
            now = model.get_weights()
        if len(rates) == 1:
            assert_same(now, before)
    # rate / (1 + t)
    for name, rate in (("learning_rate", 0.001), ("learning_rate_head", 0.01)):
        assert [one[name] for one in rates] == [np.float32(rate / part) for part in (1, 1, 2, 3)]
    assert all(np.abs(weight).sum() > 0 for weight in now)


@pytest.mark.parametrize("more", ["", 'parts { name: "head" optimizer { kind: FTRL } }'])
def test_swapping_changes_no_bit(more):
    text = f"weight_average: 0.9 {more}"
    one, other = new_model(text), new_model(text)
    for _ in range(3):
        steps(one, 1)
        before = one.get_weights()
        with averaged(one):
            assert not np.array_equal(one.get_weights()[0], before[0]) or _ == 0
            assert not np.array_equal(one.get_weights()[2], before[2]) or _ == 0
    assert_same(one.get_weights(), steps(other, 3))
    with pytest.raises(ZeroDivisionError), averaged(one):
        raise ZeroDivisionError
    assert_same(one.get_weights(), other.get_weights())


def test_averages_keep_to_the_constraints_of_their_weights():
    model = new_model("weight_average: 0.9 learning_rate: 0.5")
    model.get_layer("deep").kernel.constraint = keras.constraints.MaxNorm(0.1)
    steps(model, 4)
    with averaged(model):
        norms = np.linalg.norm(model.get_layer("deep").kernel.numpy(), axis=0)
    assert (norms <= 0.1 + 1e-6).all()


def test_every_kind_of_the_spec_is_there():
    assert set(OPTIMIZERS) == set(Optimizer.DESCRIPTOR.fields_by_name["kind"].enum_type.values_by_number)
