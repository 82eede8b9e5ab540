"""In: a spec or a manifest. Out: its labels, the first and the further ones, their names, and what each is learnt by.

The first label has no name: its feature in the examples is `label`, its answers and metrics stand alone. What belongs to a
further one carries its name.
"""

from __future__ import annotations

from typing import Protocol

from .manifest_pb2 import LabelEntry, Manifest
from .spec_pb2 import Data, Label, Spec, Training

LABEL = "label"


class Named(Protocol):
    """A Label of a spec, or a LabelEntry of a manifest."""

    name: str


def labels_of(data: Data) -> list[Label]:
    """The labels of a spec, the first one first."""
    return [data.label, *data.more_labels]


def label_columns(data: Data) -> list[str]:
    """Their columns."""
    return [label.column for label in labels_of(data)]


def label_entries(manifest: Manifest) -> list[LabelEntry]:
    """The labels of a manifest, in the order of the spec."""
    return [manifest.label, *manifest.more_labels]


def label_feature(label: Named) -> str:
    """The name of the label in the examples."""
    return f"{LABEL}_{label.name}" if label.name else LABEL


def prefix_of(label: Named) -> str:
    """What stands before the names of the label's answers and metrics."""
    return f"{label.name}_" if label.name else ""


def label_path(label: Named) -> str:
    """Where the label stands in the spec."""
    return f"data.more_labels.{label.name}" if label.name else "data.label"


def part_path(label: Named) -> str:
    """Where the spec says how the label is learnt."""
    return f"training.outputs.{label.name}" if label.name else "training"


def part_of(training: Training, label: Named) -> Training:
    """Loss, metrics and class weights of a label. For the first one the training itself."""
    if not label.name:
        return training
    for output in training.outputs:
        if output.name == label.name:
            return Training(loss=output.loss, metrics=output.metrics, class_weights=output.class_weights)
    return Training()


def loss_weight(training: Training, label: Named) -> float:
    """What the loss of a label is multiplied by."""
    for output in training.outputs:
        if label.name and output.name == label.name and output.HasField("loss_weight"):
            return output.loss_weight
    return 1.0


def reserved_names(spec: Spec) -> set[str]:
    """Names in the examples that no feature may have."""
    return {*map(label_feature, labels_of(spec.data)), "weight"}
