"""In: a loss of classes and a weight for some of them. Out: the loss, each row's multiplied by the weight of its class.

The weights are in the loss and not in the rows' own weights, so that no metric sees them.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import ops

from ..schemas.errors import PrebakeError
from ..schemas.spec_pb2 import ClassWeight


def weights_by_id(
    given: Sequence[ClassWeight], classes: Sequence[str], path: str = "training"
) -> list[float]:
    """The weight of each class, in their order; 1 where none is given.

    Args:
      given: of the spec.
      classes: of the label.
      path: where the spec says how it is learnt.

    Raises:
      PrebakeError: there is no such class.
    """
    unknown = [entry.name for entry in given if entry.name not in classes]
    if unknown:
        shown = ", ".join(classes[:15]) + (", …" if len(classes) > 15 else "")
        raise PrebakeError(
            f"{path}.class_weights.{unknown[0]}: the label has no such class (its classes: {shown})"
        )
    weights = {entry.name: entry.weight for entry in given}
    return [weights.get(name, 1.0) for name in classes]


@keras.saving.register_keras_serializable(package="prebake")
class ClassWeighted(keras.losses.Loss):
    """A loss times the weight of the row's class.

    Args:
      loss: one value a row.
      weights: by class id.
    """

    def __init__(
        self, loss: keras.losses.Loss, weights: Sequence[float], name: str = "class_weighted", **kwargs
    ):
        super().__init__(name=name, **kwargs)
        self.loss, self.weights = loss, list(weights)

    def call(self, y_true, y_pred):
        """Class ids [batch, 1] and logits [batch, units] → [batch]."""
        losses = self.loss.call(y_true, y_pred)
        ids = ops.cast(ops.reshape(y_true, (-1,)), "int32")
        return losses * ops.take(ops.convert_to_tensor(self.weights, dtype=losses.dtype), ids)

    def get_config(self):
        loss = keras.saving.serialize_keras_object(self.loss)
        return {**super().get_config(), "loss": loss, "weights": self.weights}

    @classmethod
    def from_config(cls, config):
        return cls(keras.saving.deserialize_keras_object(config.pop("loss")), **config)
