"""In: schedules by the spec's words. Out: the rate at steps worked by hand, the same in the graph, saved, resumed."""

from __future__ import annotations

import json
import os
import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from prebake.schemas.errors import PrebakeError
from prebake.schemas.run_dir import read_spec
from prebake.schemas.spec_pb2 import NADAM, Spec, Training
from prebake.schemas.training_defaults import resolve_training
from prebake.training import train as train_module
from prebake.training.compile import compiled_model
from prebake.training.dataset import evaluation_batches, open_examples
from prebake.training.evaluate import open_model
from prebake.training.loop import validate
from prebake.training.optimizer import build_optimizer
from prebake.training.performance import PerformanceSchedule, higher_is_better
from prebake.training.rate_shape import RateShape, cycled_momentum, multiplier, rate_shape
from prebake.training.schedule import ScheduledRate, build_rate, last_rates, reduce_rate
from prebake.training.state import Progress, capture, restore_variables
from prebake.training.train import train

# Epochs of 10 steps, at most 20 of them. What the rate is multiplied by at steps, by hand.
BY_HAND = {
    "": {0: 1, 199: 1},
    "kind: CONSTANT_RATE": {0: 1, 199: 1},
    # 1 / (1 + t / 20), and its square root.
    "kind: POWER_RATE epochs: 2": {0: 1, 20: 1 / 2, 60: 1 / 4},
    "kind: POWER_RATE steps: 10 power: 0.5": {0: 1, 30: 1 / 2, 80: 1 / 3},
    "kind: EXPONENTIAL_RATE epochs: 2 factor: 0.25": {0: 1, 10: 1 / 2, 20: 1 / 4, 60: 1 / 64},
    # Before 1.5 epochs, from then on, from 4 on.
    "kind: PIECEWISE_RATE boundaries: 1.5 boundaries: 4 factors: 1 factors: 3 factors: 0.5": {
        0: 1, 14: 1, 15: 3, 39: 3, 40: 0.5, 199: 0.5,
    },
    # A line from 0.1 to 1 at 45 %, back at 90 %, and to 0.001 at the end; of 100 steps.
    "kind: ONE_CYCLE steps: 100": {0: 0.1, 15: 0.4, 45: 1, 75: 0.4, 90: 0.1, 95: 0.0505, 100: 0.001, 150: 0.001},
    # All 200 steps: (1 + cos(pi t / 200)) / 2.
    "kind: COSINE_RATE": {0: 1, 50: (1 + np.sqrt(0.5)) / 2, 100: 0.5, 200: 0},
    "kind: COSINE_RATE floor: 0.2 steps: 50": {0: 1, 25: 0.6, 50: 0.2, 60: 0.2},
    # Of 4 steps: 1/5, 2/5, … of the first value; then the schedule from its beginning.
    "warmup_steps: 4": {0: 0.2, 1: 0.4, 3: 0.8, 4: 1, 5: 1},
    "kind: EXPONENTIAL_RATE epochs: 2 factor: 0.25 warmup_epochs: 0.4": {0: 0.2, 3: 0.8, 4: 1, 14: 1 / 2},
    "kind: PIECEWISE_RATE boundaries: 1 factors: 0.5 factors: 0.1 warmup_steps: 9": {0: 0.05, 9: 0.5, 18: 0.5, 19: 0.1},
    # The 196 steps behind the warm-up.
    "kind: COSINE_RATE warmup_steps: 4": {4: 1, 102: 0.5, 200: 0},
}  # fmt: skip


def resolved(schedule: str, more: str = "") -> Training:
    spec = Spec()
    text_format.Parse(f"epochs: 20 schedule {{ {schedule} }} {more}", spec.training)
    resolve_training(spec)
    return spec.training


def shape_of(schedule: str) -> RateShape:
    return rate_shape(resolved(schedule).schedule, steps_per_epoch=10, epochs=20)


@pytest.mark.parametrize("schedule", BY_HAND)
def test_multiplier_by_hand(schedule):
    wanted = BY_HAND[schedule]
    found = multiplier(shape_of(schedule), np.array(list(wanted), np.float64))
    np.testing.assert_allclose(found, list(wanted.values()), rtol=1e-12, atol=1e-16)


@pytest.mark.parametrize("schedule", BY_HAND)
def test_graph_computes_what_numpy_does(schedule):
    """float32, to one unit in the last place, at every step; and again after saving and loading."""
    shape = shape_of(schedule)
    rate = ScheduledRate(0.003, shape)
    again = keras.optimizers.schedules.deserialize(
        json.loads(json.dumps(keras.optimizers.schedules.serialize(rate)))
    )
    wanted = (0.003 * multiplier(shape, np.arange(210, dtype=np.float64))).astype(np.float32)
    for one in (rate, again):
        graph = tf.function(lambda steps, one=one: tf.map_fn(one, steps, fn_output_signature=tf.float32))
        found = graph(tf.range(210, dtype=tf.int64)).numpy()
        assert found.dtype == np.float32
        np.testing.assert_array_max_ulp(found, wanted, maxulp=1)
        np.testing.assert_array_max_ulp(np.float32(one(keras.Variable(7, dtype="int64"))), wanted[7], 1)


def test_momentum_by_hand():
    found = cycled_momentum(100.0, np.array([0.0, 22.5, 45, 67.5, 90, 95, 100, 150]))
    np.testing.assert_allclose(found, [0.95, 0.9, 0.85, 0.9, 0.95, 0.95, 0.95, 0.95])


def test_rate_that_never_changes_is_a_number():
    assert build_rate(0.1, shape_of("kind: CONSTANT_RATE")) == build_rate(0.1, shape_of("")) == 0.1
    assert isinstance(build_rate(0.1, shape_of("warmup_steps: 1")), ScheduledRate)


def test_what_was_reduced_is_saved():
    optimizer = keras.optimizers.SGD(ScheduledRate(0.1, shape_of("warmup_steps: 1")))
    reduce_rate(optimizer, 0.5)
    reduce_rate(optimizer, 0.5)
    again = keras.optimizers.SGD.from_config(optimizer.get_config())
    # The first of one step of warm-up has half the rate.
    assert float(again.learning_rate) == float(optimizer.learning_rate) == np.float32(0.1 / 8)


def watched(schedule: PerformanceSchedule, optimizer=None, steps: int = 1) -> keras.Model:
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(optimizer or keras.optimizers.SGD(0.8), "mse")
    schedule.set_model(model)
    schedule.set_params({"steps": steps})
    schedule.on_train_begin()
    schedule.on_epoch_begin(0)
    return model


def looks(monitor: str, **options) -> PerformanceSchedule:
    return PerformanceSchedule(
        **{"monitor": monitor, "factor": 0.5, "patience": 2, "every": 0, "measure": dict, **options}
    )


@pytest.mark.parametrize(
    ("monitor", "values"),
    [
        ("val_loss", [5.0, 4.0, 4.0, 4.0, 3.9, 4.0, 3.8999]),
        ("val_auc", [0.1, 0.2, 0.2, 0.1, 0.3, 0.3, 0.30009]),
    ],
)
def test_performance_by_hand(monitor, values):
    """Two looks without a better value halve the rate; then the count begins anew. Less than 0.0001 better is no better."""
    schedule = looks(monitor)
    model, rates = watched(schedule), []
    for epoch, value in enumerate(values):
        schedule.on_epoch_begin(epoch)
        schedule.on_epoch_end(epoch, {monitor: value})
        rates.append(round(float(model.optimizer.learning_rate), 6))
    assert rates == [0.8, 0.8, 0.8, 0.4, 0.4, 0.4, 0.2]


@pytest.mark.parametrize(
    ("metric", "higher"),
    [
        ("val_loss", False), ("val_accuracy", True), ("val_auc", True), ("val_pr_auc", True), ("val_precision", True),
        ("val_recall", True), ("val_rmse", False), ("val_log_loss", False), ("val_huber", False), ("val_mae", False),
    ],
)  # fmt: skip
def test_which_way_is_better(metric, higher):
    assert higher_is_better(metric) is higher


def test_performance_behind_a_warm_up_and_with_parts():
    two = keras.optimizers.MultiOptimizer(
        keras.optimizers.OptimizerMap(
            keras.optimizers.SGD(0.8),
            {".*bias": keras.optimizers.SGD(ScheduledRate(0.4, RateShape(warmup=1)))},
        )
    )
    schedule = looks("val_loss", patience=1)
    model = watched(schedule, two)
    two.part_names = ["bias"]
    assert last_rates(model.optimizer) == {
        "learning_rate": np.float32(0.8),
        "learning_rate_bias": np.float32(0.2),
    }
    for _ in range(2):
        schedule.on_epoch_end(0, {"val_loss": 1.0})
    assert last_rates(model.optimizer) == {
        "learning_rate": np.float32(0.4),
        "learning_rate_bias": np.float32(0.1),
    }


def test_performance_every_few_steps():
    """Every 3 steps of epochs of 4: after steps 3, 6, 9 and 12; the last is an epoch's end, whose values are there."""
    seen = []
    schedule = looks("val_loss", every=3, measure=lambda: seen.append("measured") or {"loss": 1.0})
    watched(schedule, steps=4)
    for epoch in range(3):
        schedule.on_epoch_begin(epoch)
        for batch in range(4):
            schedule.on_train_batch_end(batch)
            if seen and seen[-1] == "measured":
                seen[-1] = epoch * 4 + batch + 1
        before = (schedule.best, schedule.wait)
        schedule.on_epoch_end(epoch, {"val_loss": 0.5})
        if (schedule.best, schedule.wait) != before:
            seen.append(f"end of epoch {epoch}")
    assert seen == [3, 6, 9, "end of epoch 2"]


def test_looks_leave_the_metrics_of_the_epoch_alone():
    x = np.ones((4, 1), np.float32)
    schedule = looks(
        "val_loss", every=1, measure=lambda: model.evaluate(x, 9 * x, return_dict=True, verbose=0)
    )
    model = watched(schedule, steps=2)
    model.set_weights([np.zeros((1, 1)), np.zeros(1)])
    model.train_step((x, x))
    before = {name: float(value) for name, value in model.get_metrics_result().items()}
    schedule.on_train_batch_end(0)
    assert schedule.best > before["loss"] + 1
    assert {name: float(value) for name, value in model.get_metrics_result().items()} == before


def test_monitor_that_is_not_measured():
    schedule = looks("val_mine")
    watched(schedule)
    with pytest.raises(PrebakeError) as error:
        schedule.on_epoch_end(0, {"loss": 1.0, "val_loss": 1.0, "val_auc": 0.5})
    assert str(error.value) == (
        "training.schedule.monitor: 'val_mine' is not measured; what is: val_auc, val_loss"
    )


class Killed(BaseException):
    """As sudden as SIGKILL, but the test lives on."""


def kill_at(monkeypatch, count: int, rates: list[float]) -> None:
    """The training ends after this many steps; until then the rates of its steps are noted."""

    class Kill(keras.callbacks.Callback):
        STATE = ()

        def on_train_batch_end(self, batch, logs=None):
            rates.append(last_rates(self.model.optimizer)["learning_rate"])
            if len(rates) == count:
                raise Killed

    callbacks = train_module.build_callbacks
    monkeypatch.setattr(train_module, "build_callbacks", lambda *args: [Kill(), *callbacks(*args)])


def history(run: str, name: str) -> list[dict]:
    with open(os.path.join(run, "training", name, "history.json"), encoding="utf-8") as file:
        return json.load(file)


@pytest.mark.fault(45)
@pytest.mark.parametrize("schedule", BY_HAND)
def test_another_model_goes_on_at_the_step(schedule):
    """As test_state.py, with a schedule: what the checkpoint of one model holds is enough for another."""
    kinds = {"ONE": "NESTEROV", "COS": "FTRL", "POW": "ADAGRAD"}
    kind = kinds.get(schedule.removeprefix("kind: ")[:3], "NADAM")
    given = resolved(schedule, f"optimizer {{ kind: {kind} }} learning_rate: 0.1")

    def new_model():
        keras.utils.set_random_seed(1)
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, "tanh"), keras.layers.Dense(1)])
        model.compile(build_optimizer(given, model, 10), "mse")
        return model

    x = np.linspace(-1, 1, 24, dtype=np.float32).reshape(8, 3)
    y = x[:, :1] * x[:, 1:2]
    one, other = new_model(), new_model()
    for step in range(8):
        if step == 5:
            reduce_rate(one.optimizer, 0.5)
            restore_variables(capture(one, [], Progress(epoch=1)), other)
        for model in (one, other) if step >= 5 else (one,):
            model.train_step((x, y))
    assert last_rates(one.optimizer) == last_rates(other.optimizer)
    wanted = 0.05 * multiplier(rate_shape(given.schedule, steps_per_epoch=10, epochs=20), 7.0)
    np.testing.assert_allclose(last_rates(one.optimizer)["learning_rate"], wanted, rtol=1e-6)
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.fault(45)
def test_killed_in_an_epoch_it_ends_as_one_that_never_was(run_dir, monkeypatch):
    """Seven steps an epoch. Killed in step 12, it goes on after step 10, in the middle of the second epoch.

    With looks within epochs, behind a warm-up, at a metric; an average of the weights, and two optimizers.
    """
    spec = read_spec(run_dir)
    schedule = 'kind: PERFORMANCE steps: 2 factor: 0.5 patience: 1 warmup_steps: 5 monitor: "val_mae"'
    part = 'parts { name: "head" optimizer { kind: FTRL } learning_rate: 0.5 }'
    text_format.Merge(f"schedule {{ {schedule} }} {part} weight_average: 0.5", spec.training)
    spec.training.optimizer.kind, spec.training.learning_rate = NADAM, 1.0
    spec.training.name, spec.training.checkpoint.steps = "unbroken", 3
    resolve_training(spec)
    whole, broken = [], []
    with monkeypatch.context() as patched:
        kill_at(patched, -1, whole)
        train(run_dir, spec, progress=False)
    spec.training.name = "killed"
    with monkeypatch.context() as patched:
        kill_at(patched, 12, broken)
        with pytest.raises(Killed):
            train(run_dir, spec, progress=False)
    with monkeypatch.context() as patched:
        del broken[10:]
        kill_at(patched, -1, broken)
        train(run_dir, spec, progress=False)
    assert len(whole) == 21
    # A warm-up of five steps, the whole rate, and less: it falls within epochs, before the kill and behind it.
    assert whole[:6] == [pytest.approx(step / 6) for step in range(1, 7)]
    falls = [step for step in range(6, 21) if whole[step] < whole[step - 1]]
    assert len(falls) > 1
    assert any(step % 7 for step in falls if step > 10)
    assert whole == broken
    assert history(run_dir, "unbroken") == history(run_dir, "killed")
    assert [epoch["learning_rate"] for epoch in history(run_dir, "killed")] == whole[6::7]
    one, other = (open_model(run_dir, name)[0].get_weights() for name in ("unbroken", "killed"))
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)
    for name in ("model", "checkpoints/last"):
        files = [
            keras.models.load_model(f"{run_dir}/training/{run}/{name}.keras")
            for run in ("unbroken", "killed")
        ]
        for a, b in zip(*(file.optimizer.variables for file in files), strict=True):
            np.testing.assert_array_equal(a.numpy(), b.numpy())
        # Keras numbers the optimizers of a process.
        configs = [re.sub(r"_[0-9]+'", "'", str(file.optimizer.get_config())) for file in files]
        assert configs[0] == configs[1]

    check_measured(run_dir, spec)


def check_measured(run: str, spec: Spec) -> None:
    """The model that is kept, and the last one, have the validation losses that the history says: those of averages."""
    directory = os.path.join(run, "training", "unbroken")
    examples = open_examples(run)
    batches = evaluation_batches(examples, "valid", batch_size=1024)
    model, losses = compiled_model(spec, examples), [epoch["val_loss"] for epoch in history(run, "unbroken")]
    for file, wanted in (("model.keras", min(losses)), ("checkpoints/last.keras", losses[-1])):
        loaded = keras.models.load_model(os.path.join(directory, file), compile=False)
        model.set_weights(loaded.get_weights())
        assert validate(model, batches)["loss"] == wanted
