"""Optimizers and schedules that cannot work are one error with line, field, reason and hint; those that can, pass."""

# ruff: noqa: E501 (a mistake and its message stand side by side)

import pytest
from prebake.schemas import spec_pb2
from prebake.schemas.errors import SpecError
from prebake.schemas.spec_check import check, check_sources
from prebake.schemas.spec_defaults import resolve
from prebake.schemas.spec_source import enum_names
from prebake.schemas.spec_yaml import parse_yaml

DATA = "data: {files: data/*.csv, columns: {age: int, city: string, y: float}, label: %s}\n"
KINDS = list(enum_names(spec_pb2.OptimizerKind.DESCRIPTOR))
SCHEDULES = {
    "performance": "{kind: performance, factor: 0.3, patience: 2, steps: 50, monitor: val_mae, warmup_steps: 5}",
    "constant": "{kind: constant, warmup_epochs: 0.5}",
    "power": "{kind: power, power: 0.5, steps: 100, warmup_epochs: 1}",
    "exponential": "{kind: exponential, factor: 0.2, epochs: 2.5}",
    "piecewise": "{kind: piecewise, boundaries: [0.5, 3], factors: [1, 0.5, 2], warmup_steps: 3}",
    "one_cycle": "{kind: one_cycle, epochs: 10}",
    "cosine": "{kind: cosine, floor: 0.1, steps: 10, warmup_epochs: 2}",
}
OPTIONS = {
    "momentum": "momentum nesterov rmsprop",
    "rho": "rmsprop",
    "beta_1": "nadam adam adamax adamw",
    "beta_2": "nadam adam adamax adamw",
    "epsilon": "nadam adam adamax adamw adagrad rmsprop",
    "weight_decay": "nadam adam sgd momentum nesterov adagrad rmsprop adamax adamw",
    "l1": "ftrl",
    "l2": "ftrl",
}


def run(training: str, label: str = "y", more: str = "") -> spec_pb2.Training:
    spec, source = parse_yaml(DATA % label + f"training: {training}\n" + more, "s.yaml")
    check_sources(spec, source)
    spec = resolve(spec)
    check(spec, source)
    return spec.training


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_every_optimizer_goes_with_every_schedule(kind, schedule):
    training = run(f"{{optimizer: {kind}, schedule: {SCHEDULES[schedule]}, epochs: 20}}")
    again = spec_pb2.Training()
    again.CopyFrom(training)
    assert again.optimizer.kind == enum_names(spec_pb2.OptimizerKind.DESCRIPTOR)[kind]


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_options_are_refused_where_they_mean_nothing(kind, name):
    text = f"{{optimizer: {{kind: {kind}, {name}: 0.01}}}}"
    if kind in OPTIONS[name].split():
        assert getattr(run(text).optimizer, name) == 0.01
        return
    with pytest.raises(SpecError) as error:
        run(text)
    assert str(error.value).startswith(f"s.yaml:2: training.optimizer.{name}: has no meaning with {kind} (")


@pytest.mark.parametrize(
    ("kind", "rate", "options"),
    [
        ("nadam", 0.001, {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7}),
        ("adamw", 0.001, {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7, "weight_decay": 0.004}),
        ("sgd", 0.01, {}),
        ("momentum", 0.01, {"momentum": 0.9}),
        ("nesterov", 0.01, {"momentum": 0.9}),
        ("adagrad", 0.05, {"epsilon": 1e-7}),
        ("rmsprop", 0.001, {"momentum": 0.0, "rho": 0.9, "epsilon": 1e-7}),
        ("ftrl", 0.05, {"l1": 0.0, "l2": 0.0}),
    ],
)
def test_defaults_are_written_out(kind, rate, options):
    training = run(
        f"{{optimizer: sgd, parts: {{wide*: {kind}, 'deep*': {{optimizer: {kind}, learning_rate: 1}}}}}}"
    )
    for part, wanted in zip(training.parts, (rate, 1), strict=True):
        assert part.learning_rate == wanted
        given = {field.name: value for field, value in part.optimizer.ListFields() if field.name != "kind"}
        assert given == options


def test_defaults_that_depend_on_others():
    assert run("{clipvalue: 1}").clipnorm == run("{global_clipnorm: 2}").clipnorm == 0
    assert run("{}").clipnorm == 1
    # With one_cycle the momentum has a cycle, unless it is given.
    assert not run("{optimizer: nesterov, schedule: one_cycle}").optimizer.HasField("momentum")
    assert run("{optimizer: {kind: nesterov, momentum: 0.8}, schedule: one_cycle}").optimizer.momentum == 0.8
    assert (run("{schedule: power}").schedule.epochs, run("{schedule: power}").schedule.power) == (20, 1)
    assert (
        run("{schedule: exponential}").schedule.epochs,
        run("{schedule: exponential}").schedule.factor,
    ) == (20, 0.1)
    assert run("{schedule: {kind: power, steps: 7}}").schedule.epochs == 0
    assert run(
        "{schedule: {kind: performance, monitor: val_pr_auc}, metrics: [pr_auc]}",
        "{column: city, kind: binary}",
    )
    assert run("{schedule: {kind: performance, monitor: val_reconstruction}}", more="model: reconstructing")


CASES = [
    (
        "{optimizer: {kind: sgd, momentum: 0.9}}",
        "training.optimizer.momentum: has no meaning with sgd (kind: momentum, or nesterov)",
    ),
    (
        "{optimizer: {kind: ftrl, weight_decay: 0.1}}",
        "training.optimizer.weight_decay: has no meaning with ftrl (its l2 keeps weights small)",
    ),
    (
        "{optimizer: {kind: adam, rho: 0.9}}",
        "training.optimizer.rho: has no meaning with adam (it is of rmsprop)",
    ),
    (
        "{optimizer: {kind: adam, beta_1: 1}}",
        "training.optimizer.beta_1: must be at least 0 and below 1, not 1",
    ),
    ("{optimizer: {kind: adam, epsilon: 0}}", "training.optimizer.epsilon: must be a number above 0, not 0"),
    (
        "{optimizer: {kind: adamw, weight_decay: -1}}",
        "training.optimizer.weight_decay: must be a number of at least 0, not -1",
    ),
    ("{optimizer: {kind: ftrl, l1: -2}}", "training.optimizer.l1: must be a number of at least 0, not -2"),
    (
        "{clipnorm: 1, clipvalue: 2}",
        "training.clipvalue: is given beside clipnorm (gradients are clipped by one rule: keep one)",
    ),
    (
        "{clipvalue: 1, global_clipnorm: 2}",
        "training.global_clipnorm: is given beside clipvalue (gradients are clipped by one rule: keep one)",
    ),
    ("{clipvalue: -1}", "training.clipvalue: must be a number of at least 0, not -1"),
    ("{global_clipnorm: -2}", "training.global_clipnorm: must be a number of at least 0, not -2"),
    (
        "{global_clipnorm: 1, parts: {'wide*': ftrl}}",
        "training.global_clipnorm: has no meaning beside parts: each optimizer sees the gradients of its part alone (clipnorm, or clipvalue)",
    ),
    ("{weight_average: 1}", "training.weight_average: must be at least 0 and below 1, not 1"),
    (
        "{parts: {'wide*': {optimizer: {kind: sgd, l1: 1}}}}",
        "training.parts.wide*.optimizer.l1: has no meaning with sgd (it is of ftrl)",
    ),
    (
        "{parts: {'wide*': {optimizer: ftrl, learning_rate: 0}}}",
        "training.parts.wide*.learning_rate: must be a number above 0, not 0",
    ),
    (
        "{parts: {'a/b': ftrl}}",
        "training.parts: 'a/b' names no layer (e.g. wide*, a pattern of names of layers)",
    ),
    (
        "{schedule: {kind: cosine, factor: 0.5}}",
        "training.schedule.factor: has no meaning with cosine (it is of performance, exponential)",
    ),
    (
        "{schedule: {kind: constant, epochs: 3}}",
        "training.schedule.epochs: has no meaning with constant (it is of power, exponential, one_cycle, cosine)",
    ),
    (
        "{schedule: {epochs: 3}}",
        "training.schedule.epochs: has no meaning with performance (it looks at each epoch's end, or every so many `steps`)",
    ),
    (
        "{schedule: {kind: power, floor: 0.1}}",
        "training.schedule.floor: has no meaning with power (it is of cosine)",
    ),
    (
        "{schedule: {kind: power, monitor: val_loss}}",
        "training.schedule.monitor: has no meaning with power (it is of performance)",
    ),
    ("{schedule: {kind: power, power: 0}}", "training.schedule.power: must be a number above 0, not 0"),
    (
        "{schedule: {kind: exponential, factor: 1}}",
        "training.schedule.factor: must be above 0 and below 1, not 1",
    ),
    (
        "{schedule: {kind: cosine, floor: 1}}",
        "training.schedule.floor: must be at least 0 and below 1, not 1",
    ),
    (
        "{schedule: {kind: cosine, epochs: 2, steps: 9}}",
        "training.schedule.steps: is given beside epochs (keep one of the two)",
    ),
    (
        "{schedule: {kind: cosine, epochs: -2}}",
        "training.schedule.epochs: must be a number of at least 0, not -2",
    ),
    (
        "{schedule: {kind: cosine, warmup_epochs: 2, warmup_steps: 9}}",
        "training.schedule.warmup_steps: is given beside warmup_epochs (keep one of the two)",
    ),
    (
        "{epochs: 3, schedule: {kind: cosine, warmup_epochs: 3}}",
        "training.schedule.warmup_epochs: the training has 3 epochs: its rate would never be reached (fewer than 3)",
    ),
    (
        "{schedule: {kind: one_cycle, warmup_steps: 9}}",
        "training.schedule.warmup_steps: one_cycle has a warm-up of its own (leave it out)",
    ),
    (
        "{schedule: piecewise}",
        "training.schedule: piecewise has no boundaries (e.g. boundaries: [5, 15] and factors: [1, 0.3, 0.1], epochs and what the rate is multiplied by)",
    ),
    (
        "{schedule: {kind: piecewise, boundaries: [0], factors: [1, 2]}}",
        "training.schedule.boundaries[0]: must be a number above 0, not 0",
    ),
    (
        "{schedule: {kind: piecewise, boundaries: [3, 3], factors: [1, 2, 3]}}",
        "training.schedule.boundaries[1]: must be above the one before it, which is 3, not 3",
    ),
    (
        "{schedule: {kind: piecewise, boundaries: [3, 5], factors: [1, 2]}}",
        "training.schedule.factors: are 2, and 2 boundaries part 3 (one before, between and behind the boundaries)",
    ),
    (
        "{schedule: {kind: piecewise, boundaries: [3], factors: [1, 0]}}",
        "training.schedule.factors[1]: must be a number above 0, not 0",
    ),
    (
        "{schedule: {monitor: loss}}",
        "training.schedule.monitor: 'loss' is no value of the validation split (val_loss? Its value on the rows that are learnt says nothing about others)",
    ),
    (
        "{schedule: {monitor: val_rms}}",
        "training.schedule.monitor: 'val_rms' is not measured (did you mean 'val_rmse'?)",
    ),
    (
        "{schedule: {monitor: val_coverage}, loss: quantile}",
        "training.schedule.monitor: 'val_coverage' has no direction that is better (val_loss: coverage should be near the quantile, neither high nor low)",
    ),
]


@pytest.mark.parametrize(("training", "message"), CASES)
def test_mistakes(training, message):
    with pytest.raises(SpecError) as error:
        run(training)
    assert str(error.value) == f"s.yaml:2: {message}"
