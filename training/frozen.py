"""In: a compiled model and the layers that are not to learn. Out: they do not, until the epoch in which they begin to.

The optimizer knows all variables from the start, so that a checkpoint has the same parts on either side of the unfreezing,
and what is frozen at a step is a function of the step alone. A frozen batch normalization normalises by its moving
statistics and leaves them alone, as Keras does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import keras


class Frozen:
    """Layers that do not learn, from now on until `thaw`.

    Args:
      model: compiled, all of it trainable, before its first step.
      layers: of it.
    """

    def __init__(self, model: keras.Model, layers: Sequence[keras.layers.Layer]):
        self.model, self.layers = model, list(layers)
        # What else has to end when they learn again.
        self.on_thaw: list[Callable[[], None]] = []
        learnt = model.trainable_variables
        model.optimizer.build(learnt)
        for layer in self.layers:
            layer.trainable = False
        self.is_frozen = True
        self._indices = getattr(model.optimizer, "_trainable_variables_indices", {})
        if isinstance(model.optimizer, keras.optimizers.MultiOptimizer):
            # It counts the gradients that it is given, and refuses fewer than it was built with.
            still = {model.optimizer._var_key(variable) for variable in model.trainable_variables}
            model.optimizer._trainable_variables_indices = {
                key: index for key, index in self._indices.items() if key in still
            }

    def thaw(self) -> None:
        """All layers learn. The step is traced anew."""
        if not self.is_frozen:
            return
        self.is_frozen = False
        for layer in self.layers:
            layer.trainable = True
        if isinstance(self.model.optimizer, keras.optimizers.MultiOptimizer):
            self.model.optimizer._trainable_variables_indices = self._indices
        for end in self.on_thaw:
            end()
        if self.model.train_function is not None:
            self.model.make_train_function(force=True)


class Unfreeze(keras.callbacks.Callback):
    """Lets frozen layers learn from some step on.

    Args:
      frozen: the layers.
      after: epochs, may have a fraction; the step is the first that begins no earlier.
      steps: of an epoch.
    """

    # A function of epoch and step.
    STATE = ()

    def __init__(self, frozen: Frozen, after: float, steps: int):
        super().__init__()
        self._frozen, self._from, self._steps = frozen, math.ceil(after * steps), steps
        self._epoch = 0

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._epoch = epoch

    def on_train_batch_begin(self, batch: int, logs: dict[str, float] | None = None) -> None:
        if self._epoch * self._steps + batch >= self._from:
            self._frozen.thaw()
