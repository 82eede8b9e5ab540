"""In: a spec and how many rows train. Out: the learning rate at each step, as a table and as a picture."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Sequence

import numpy as np

from .schemas import spec_pb2
from .schemas.commit import new_file
from .schemas.errors import PrebakeError
from .schemas.manifest import read_manifest
from .schemas.spec_pb2 import Spec, Training
from .schemas.spec_source import enum_name
from .training.rate_shape import cycled_momentum, multiplier, rate_shape

_LINES = 11
_FORMATS = (".svg", ".png")
_MOST, _LEAST = " at most", " at least"


@dataclasses.dataclass
class Rates:
    """The learning rate of a training, step by step.

    Attributes:
      title: what it is of.
      steps_per_epoch: batches of the training split.
      curves: by name, float64 [steps] each: the rate at every step, of each optimizer; two of each for a schedule that
        waits for the validation split: what it can be at most and at least.
      momentum: float64 [steps], if it has a cycle.
      seen: steps and rates of a training that has ended, at the last step of each epoch.
    """

    title: str
    steps_per_epoch: int
    curves: dict[str, np.ndarray]
    momentum: np.ndarray | None = None
    seen: tuple[np.ndarray, np.ndarray] | None = None


def rows_to_train(run_dir: str) -> int:
    """Rows of the training split of a run.

    Raises:
      PrebakeError: it has no examples yet.
    """
    directory = os.path.join(run_dir, "examples")
    if not os.path.isdir(directory):
        raise PrebakeError(
            f"{directory}: is not there, and steps are counted in batches of its rows: say --rows N"
        )
    splits = read_manifest(directory, "examples", verify=False).splits
    return sum(split.rows for split in splits if split.name == "train")


def rates_of(spec: Spec, rows: int, run_dir: str) -> Rates:
    """Every step of a training.

    Args:
      spec: resolved.
      rows: of the training split.
      run_dir: whose training of this name, if it has ended, says what performance scheduling did.
    """
    training = spec.training
    per_epoch = -(-rows // training.batch_size)
    shape = rate_shape(training.schedule, steps_per_epoch=per_epoch, epochs=training.epochs)
    steps = np.arange(per_epoch * training.epochs, dtype=np.float64)
    kind = enum_name(spec_pb2.ScheduleKind.DESCRIPTOR, training.schedule.kind)
    title = (
        f"{kind}: {rows:,} rows in batches of {training.batch_size}, {per_epoch:,} steps an epoch, "
        f"at most {training.epochs} epochs"
    )
    rates = {
        "learning_rate": training.learning_rate,
        **{part.name: part.learning_rate for part in training.parts},
    }
    found = Rates(title, per_epoch, {name: rate * multiplier(shape, steps) for name, rate in rates.items()})
    if training.schedule.kind == spec_pb2.PERFORMANCE:
        lowest = _lowest(training.schedule, steps, per_epoch)
        found.curves = {
            name + bound: values
            for name, curve in found.curves.items()
            for bound, values in ((_MOST, curve), (_LEAST, curve * lowest))
        }
        found.seen = _seen(os.path.join(run_dir, "training", training.name), per_epoch)
    if _has_momentum_cycle(training):
        found.momentum = cycled_momentum(shape.length, steps)
    return found


def _lowest(schedule: spec_pb2.Schedule, steps: np.ndarray, per_epoch: int) -> np.ndarray:
    """What is left of the rate if no look but the first, which sets the mark, sees a better value."""
    looks = steps // (schedule.steps or per_epoch)
    return schedule.factor ** (np.maximum(looks - 1, 0) // schedule.patience)


def _seen(directory: str, per_epoch: int) -> tuple[np.ndarray, np.ndarray] | None:
    path = os.path.join(directory, "history.json")
    if not os.path.exists(path):
        return None
    with open(path, encoding="utf-8") as file:
        history = json.load(file)
    return (
        np.array([entry["epoch"] * per_epoch - 1 for entry in history]),
        np.array([entry["learning_rate"] for entry in history]),
    )


def _has_momentum_cycle(training: Training) -> bool:
    optimizers = [training.optimizer, *(part.optimizer for part in training.parts)]
    return training.schedule.kind == spec_pb2.ONE_CYCLE and any(
        one.kind in (spec_pb2.MOMENTUM, spec_pb2.NESTEROV) and not one.HasField("momentum")
        for one in optimizers
    )


def table(rates: Rates, steps: Sequence[int] = ()) -> str:
    """The rates at these steps, or at some over the whole training.

    Raises:
      PrebakeError: a step is none of the training.
    """
    count = len(next(iter(rates.curves.values())))
    for step in steps:
        if not 0 <= step < count:
            raise PrebakeError(f"--steps {step}: the training has steps 0 to {count - 1}")
    chosen = list(steps) or sorted({round(share * (count - 1)) for share in np.linspace(0, 1, _LINES)})
    columns = {name: [f"{curve[step]:.4g}" for step in chosen] for name, curve in rates.curves.items()}
    if rates.momentum is not None:
        columns["momentum"] = [f"{rates.momentum[step]:.4g}" for step in chosen]
    if rates.seen is not None and not steps:
        columns["as trained"] = [_seen_at(rates, step) for step in chosen]
    lines = [rates.title, _line("step", "epoch", columns)]
    for row, step in enumerate(chosen):
        values = {name: column[row] for name, column in columns.items()}
        lines.append(_line(f"{step:,}", f"{step / rates.steps_per_epoch:.2f}", values, columns))
    return "\n".join(lines)


def _line(step: str, epoch: str, values: dict, names: dict | None = None) -> str:
    cells = values if names is None else values.values()
    widths = [max(len(name), 9) for name in (names or values)]
    return f"{step:>9}  {epoch:>7}" + "".join(
        f"  {cell:>{width}}" for cell, width in zip(cells, widths, strict=True)
    )


def _seen_at(rates: Rates, step: int) -> str:
    """The rate at the end of the epoch that has this step; nothing behind the last one."""
    assert rates.seen is not None
    epoch = step // rates.steps_per_epoch
    return f"{rates.seen[1][epoch]:.4g}" if epoch < len(rates.seen[1]) else ""


def plot(rates: Rates, path: str) -> None:
    """Draws the rates over the steps.

    Args:
      rates: of a training.
      path: of the picture, .svg or .png.

    Raises:
      PrebakeError: the path ends otherwise.
    """
    if not path.endswith(_FORMATS):
        raise PrebakeError(f"--plot {path}: must end with {' or '.join(_FORMATS)}")
    import matplotlib
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.add_subplot()
    for name, curve in rates.curves.items():
        if name.endswith(_LEAST):
            continue
        (line,) = axes.plot(curve, label=name)
        least = rates.curves.get(name.removesuffix(_MOST) + _LEAST)
        if least is not None:
            axes.plot(least, label=name.removesuffix(_MOST) + _LEAST, color=line.get_color(), linestyle="--")
            axes.fill_between(np.arange(len(curve)), least, curve, color=line.get_color(), alpha=0.1)
    if rates.seen is not None:
        axes.step(*rates.seen, where="pre", color="black", linewidth=1.8, label="as trained")
    axes.set(xlabel="step", ylabel="learning rate", title=rates.title)
    axes.title.set_fontsize("medium")
    axes.grid(alpha=0.3)
    # Epochs above, so that both can be read off.
    count = rates.steps_per_epoch
    above = axes.secondary_xaxis(
        "top", functions=(lambda x: np.asarray(x) / count, lambda x: np.asarray(x) * count)
    )
    above.set_xlabel("epoch")
    axes.set_ylim(bottom=0)
    handles, labels = axes.get_legend_handles_labels()
    if rates.momentum is not None:
        other = axes.twinx()
        (line,) = other.plot(rates.momentum, color="gray", linestyle=":", label="momentum")
        other.set(ylabel="momentum", ylim=(0.84, 0.96))
        handles, labels = [*handles, line], [*labels, "momentum"]
    if len(labels) > 1:
        figure.legend(handles, labels, loc="outside lower center", ncols=4)
    with new_file(path) as draft, matplotlib.rc_context({"svg.hashsalt": "prebake"}):
        # No date: the same rates give the same bytes.
        metadata = {"Date": None} if path.endswith(".svg") else {}
        figure.savefig(draft, dpi=120, format=path[-3:], metadata=metadata)
