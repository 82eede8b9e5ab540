"""In: the labels that a model learns. Out: where each one's numbers lie in the model's output, and its place in a row.

A model of several labels has one output, what its heads say side by side, and its labels are one tensor, float32 [batch,
labels], in which class ids are exact. So whatever trains, samples, cuts or distributes a model handles one tensor, as of one
label; only here it is taken apart.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from ..schemas.labels import prefix_of
from ..schemas.manifest_pb2 import LabelEntry
from ..schemas.spec_pb2 import BINARY, REGRESSION


class Output(NamedTuple):
    """A label's part.

    Attributes:
      label: what it answers for.
      place: of the label, among the labels of a row.
      first: its first number in the model's output.
      units: how many numbers it has there.
      alone: there is no other label: nothing is cut.
    """

    label: LabelEntry
    place: int
    first: int
    units: int
    alone: bool

    def of_labels(self, y: Any) -> Any:
        """[batch, labels] → [batch, 1]."""
        return y if self.alone else y[:, self.place : self.place + 1]

    def of_output(self, x: Any) -> Any:
        """[…, all units] → […, units]."""
        return x if self.alone else x[..., self.first : self.first + self.units]


def outputs_of(labels: Sequence[LabelEntry]) -> list[Output]:
    """The part of each label, in their order."""
    found: list[Output] = []
    first = 0
    for place, label in enumerate(labels):
        units = units_of(label)
        found.append(Output(label, place, first, units, len(labels) == 1))
        first += units
    return found


def units_of(label: LabelEntry) -> int:
    """How many numbers a model says of a label: 1 for regression and binary, one for each class for multiclass."""
    return 1 if label.kind in (REGRESSION, BINARY) else len(label.classes)


def told_by_output(
    output: tf.Tensor, labels: Sequence[LabelEntry], tell: Callable[[tf.Tensor, LabelEntry], dict[str, tf.Tensor]]
) -> dict[str, tf.Tensor]:  # fmt: skip
    """What is told of each label; what is of a further one has its name before it.

    Args:
      output: of the model, or of samples of it, […, units of all labels].
      labels: the first one first.
      tell: the label's part and the label → what is told of it, by name.
    """
    told: dict[str, tf.Tensor] = {}
    for one in outputs_of(labels):
        prefix = prefix_of(one.label)
        told |= {f"{prefix}{name}": value for name, value in tell(one.of_output(output), one.label).items()}
    return told
