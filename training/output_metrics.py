"""In: the labels of the examples and how each is learnt. Out: the metrics of a model that answers for all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import keras

from ..schemas.labels import prefix_of
from ..schemas.manifest_pb2 import LabelEntry
from ..schemas.spec_pb2 import Training
from .metrics import metrics_of
from .outputs import outputs_of


def metrics_of_labels(
    labels: Sequence[LabelEntry],
    training: Training | None = None,
    own: Callable[[str], keras.metrics.Metric | None] | None = None,
) -> list[keras.metrics.Metric]:
    """`metrics_of` for one label. For several those of each, with its name before them: `rmse`, `kind_accuracy`."""
    if len(labels) == 1:
        return metrics_of(labels[0], training, own)
    return [
        OutputMetric(
            metric, output.place, output.first, output.units, f"{prefix_of(output.label)}{metric.name}"
        )
        for output in outputs_of(labels)
        for metric in metrics_of(output.label, training, own)
    ]


@keras.saving.register_keras_serializable(package="prebake")
class OutputMetric(keras.metrics.Metric):
    """A metric of one label.

    Args:
      metric: of that label alone.
      place: of the label, among the labels of a row.
      first, units: its numbers in the model's output.
      name: of the value.
    """

    def __init__(self, metric: keras.metrics.Metric, place: int, first: int, units: int, name: str, **kwargs):
        super().__init__(name=name, **kwargs)
        self.metric, self.place, self.first, self.units = metric, place, first, units

    def update_state(self, y_true, y_pred, sample_weight=None):
        label = y_true[:, self.place : self.place + 1]
        self.metric.update_state(label, y_pred[:, self.first : self.first + self.units], sample_weight)

    def result(self):
        return self.metric.result()

    def reset_state(self):
        self.metric.reset_state()

    def get_config(self):
        metric = keras.saving.serialize_keras_object(self.metric)
        parts = {"place": self.place, "first": self.first, "units": self.units}
        return {**super().get_config(), "metric": metric, **parts}

    @classmethod
    def from_config(cls, config):
        return cls(keras.saving.deserialize_keras_object(config.pop("metric")), **config)
