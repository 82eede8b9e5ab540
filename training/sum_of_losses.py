"""In: the labels of the examples and how each is learnt. Out: the loss of a model that answers for all of them.

The sum of the labels' losses, each by its weight. A gradient that goes into the shared layers is the sum of what the labels
want, so that the weights say whose wish counts how much.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import keras
from keras import ops

from ..schemas.labels import loss_weight
from ..schemas.manifest_pb2 import LabelEntry
from ..schemas.spec_pb2 import Training
from .loss import loss_of
from .outputs import outputs_of


def loss_of_labels(
    labels: Sequence[LabelEntry],
    training: Training | None = None,
    own: Callable[[str], keras.losses.Loss | None] | None = None,
) -> keras.losses.Loss:
    """`loss_of` for one label, and `SumOfLosses` for several; arguments and errors as there."""
    losses = [loss_of(label, training, own) for label in labels]
    if len(labels) == 1:
        return losses[0]
    weights = [loss_weight(training or Training(), label) for label in labels]
    return SumOfLosses(losses, weights, [output.units for output in outputs_of(labels)])


@keras.saving.register_keras_serializable(package="prebake")
class SumOfLosses(keras.losses.Loss):
    """Each row's loss is the weighted sum of its losses by label.

    Args:
      losses: one value a row each.
      weights: of each.
      units: of the model's output, how many numbers each reads.
    """

    def __init__(
        self,
        losses: Sequence[keras.losses.Loss],
        weights: Sequence[float],
        units: Sequence[int],
        name: str = "sum_of_losses",
        **kwargs,
    ):
        super().__init__(name=name, **kwargs)
        self.losses, self.weights, self.units = list(losses), list(weights), list(units)

    def call(self, y_true, y_pred):
        """Labels [batch, labels] and outputs [batch, units of all] → [batch]."""
        total, first = 0.0, 0
        for place, (loss, weight, units) in enumerate(
            zip(self.losses, self.weights, self.units, strict=True)
        ):
            part = loss.call(y_true[:, place : place + 1], y_pred[:, first : first + units])
            if len(part.shape) > 1:
                # Of the user's own: [batch, 1] and [batch] would add up to [batch, batch].
                part = ops.mean(part, axis=tuple(range(1, len(part.shape))))
            # Not even times 0, which would not silence a loss that is no number.
            total = total + weight * part if weight else total
            first += units
        return total

    def get_config(self):
        losses = [keras.saving.serialize_keras_object(loss) for loss in self.losses]
        return {**super().get_config(), "losses": losses, "weights": self.weights, "units": self.units}

    @classmethod
    def from_config(cls, config):
        losses = [keras.saving.deserialize_keras_object(loss) for loss in config.pop("losses")]
        return cls(losses, **config)
