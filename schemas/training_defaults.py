"""In: a spec as the user wrote it. Out: its parts `model` and `training` resolved, every default written out."""

from __future__ import annotations

from . import spec_pb2
from .recipes import apply_recipe

# What keeps the variance of a layer's outputs that of its inputs (HOML, chapter 11).
_INITIALIZERS = {
    "selu": "lecun_normal",
    "linear": "glorot_uniform",
    "tanh": "glorot_uniform",
    "sigmoid": "glorot_uniform",
}
_INITIALIZERS |= {"softsign": "glorot_uniform", "hard_sigmoid": "glorot_uniform"}
_RATES = {
    spec_pb2.SGD: 0.01,
    spec_pb2.MOMENTUM: 0.01,
    spec_pb2.NESTEROV: 0.01,
    spec_pb2.ADAGRAD: 0.05,
    spec_pb2.FTRL: 0.05,
}
# Keras' own, written out so that they stay when Keras changes them.
_ADAM = {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7}
_OPTIONS: dict[int, dict[str, float]] = {
    spec_pb2.NADAM: _ADAM,
    spec_pb2.ADAM: _ADAM,
    spec_pb2.ADAMAX: _ADAM,
    spec_pb2.ADAMW: {**_ADAM, "weight_decay": 0.004},
    spec_pb2.ADAGRAD: {"epsilon": 1e-7},
    spec_pb2.RMSPROP: {"momentum": 0.0, "rho": 0.9, "epsilon": 1e-7},
    spec_pb2.MOMENTUM: {"momentum": 0.9},
    spec_pb2.NESTEROV: {"momentum": 0.9},
    spec_pb2.FTRL: {"l1": 0.0, "l2": 0.0},
}


def resolve_training(spec: spec_pb2.Spec) -> None:
    """Writes the defaults into the spec; a resolved one stays as it is."""
    given = spec_pb2.Model()
    given.CopyFrom(spec.model)
    if spec.model.kind == spec_pb2.LINEAR:
        # What a recipe says of it needs dropout, and that needs hidden layers.
        _default(spec.export, samples=0)
    apply_recipe(spec)
    _resolve_model(spec.model, given)
    _resolve_training(spec)
    _resolve_schedule(spec.training.schedule)


def _default(message, **values) -> None:
    """Sets the optional fields that are not given."""
    for name, value in values.items():
        if not message.HasField(name):
            setattr(message, name, value)


def _resolve_model(model: spec_pb2.Model, given: spec_pb2.Model) -> None:
    if model.kind == spec_pb2.LINEAR:
        # A recipe speaks of hidden layers. What the spec itself says of them stays, for the check to refuse it.
        l1 = model.l1
        model.CopyFrom(given)
        _default(model, l1=l1)
    if model.regularizer and not given.HasField("l1"):
        model.ClearField("l1")  # the recipe's
    if not model.HasField("normalization"):
        model.normalization = spec_pb2.NORMALIZATION_NONE
    if model.kind != spec_pb2.LINEAR:
        model.initializer = model.initializer or _INITIALIZERS.get(model.activation, "he_normal")
    if model.activation == "leaky_relu":
        _default(model, slope=0.2)
    _default(model, dropout=0.0, l1=0.0, l2=0.0, max_norm_axis=0)
    if model.kind == spec_pb2.RECONSTRUCTING:
        _default(model, reconstruction=0.05)
    if model.kind == spec_pb2.ENSEMBLE:
        model.members = model.members or 16


def _resolve_training(spec: spec_pb2.Spec) -> None:
    training = spec.training
    training.name = training.name or "default"
    _default(
        training,
        learning_rate=_RATES.get(training.optimizer.kind, 0.001),
        clipnorm=0.0 if training.clipvalue or training.global_clipnorm else 1.0,
        patience=10,
        zero_below=0.0,
    )
    training.batch_size = training.batch_size or 128
    training.epochs = training.epochs or 100
    training.shuffle_buffer = training.shuffle_buffer or 16384
    _default(training.checkpoint, minutes=5.0)
    _resolve_loss(training.loss, spec.data.label)
    _resolve_outputs(spec)
    training.source = training.source or "examples"
    # What Keras' own step cannot do, see training/custom_step.py.
    if training.jit_compile or training.distribution:
        training.loop = spec_pb2.LOOP_CUSTOM
    if training.HasField("pruning"):
        pruning = training.pruning
        pruning.end = pruning.end or training.epochs / 2
        pruning.every = pruning.every or 100
    _resolve_optimizer(training.optimizer, training.schedule)
    for part in training.parts:
        part.optimizer.SetInParent()
        _default(part, learning_rate=_RATES.get(part.optimizer.kind, 0.001))
        _resolve_optimizer(part.optimizer, training.schedule)


def _resolve_optimizer(optimizer: spec_pb2.Optimizer, schedule: spec_pb2.Schedule) -> None:
    options = dict(_OPTIONS.get(optimizer.kind, {}))
    if schedule.kind == spec_pb2.ONE_CYCLE and optimizer.kind in (spec_pb2.MOMENTUM, spec_pb2.NESTEROV):
        # Left out, the momentum has a cycle of its own.
        options.pop("momentum")
    _default(optimizer, **options)


def _resolve_outputs(spec: spec_pb2.Spec) -> None:
    """One for each further label, in their order; behind them those of no label, which the check names."""
    given = {output.name: output for output in spec.training.outputs}
    if len(given) < len(spec.training.outputs):
        return  # one is given twice
    outputs = []
    for label in spec.data.more_labels:
        output = given.pop(label.name, spec_pb2.Output(name=label.name))
        _resolve_loss(output.loss, label)
        _default(output, loss_weight=1.0)
        outputs.append(output)
    outputs += given.values()
    copied = spec_pb2.Training(outputs=outputs)
    spec.training.ClearField("outputs")
    spec.training.outputs.extend(copied.outputs)


def _resolve_loss(loss: spec_pb2.Loss, label: spec_pb2.Label) -> None:
    loss.kind = loss.kind or ("mse" if label.kind == spec_pb2.REGRESSION else "cross_entropy")
    if loss.kind == "quantile":
        _default(loss, quantile=0.5)
    if loss.kind == "focal":
        _default(loss, gamma=2.0)
        if label.kind == spec_pb2.BINARY:
            _default(loss, alpha=0.25)
    # Of huber only the statistics can tell, see training/loss.py.


def _resolve_schedule(schedule: spec_pb2.Schedule) -> None:
    schedule.SetInParent()
    if schedule.kind == spec_pb2.PERFORMANCE:
        _default(schedule, factor=0.5, patience=4)
        schedule.monitor = schedule.monitor or "val_loss"
    if schedule.kind == spec_pb2.EXPONENTIAL_RATE:
        _default(schedule, factor=0.1)
    if schedule.kind == spec_pb2.POWER_RATE:
        _default(schedule, power=1.0)
    if schedule.kind in (spec_pb2.EXPONENTIAL_RATE, spec_pb2.POWER_RATE) and not schedule.steps:
        schedule.epochs = schedule.epochs or 20.0
