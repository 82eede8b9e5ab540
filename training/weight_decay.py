"""In: Keras' optimizers. Out: the same, but what they take away from weights at each step they leave to biases and the like.

Weights that only shift or scale make a model no smoother by being smaller. Keras can leave them out, but forgets it when the
optimizer is saved; so here are classes that do not.
"""

from __future__ import annotations

from typing import Any

import keras

from .momentum_cycle import CycledMomentum

_NOT_DECAYED = ("bias", "gamma", "beta")


class _DecaysKernels:
    def build(self: Any, var_list: list[keras.Variable]) -> None:
        if not self.built:
            self.exclude_from_weight_decay(
                var_list=[variable for variable in var_list if variable.name in _NOT_DECAYED]
            )
        super().build(var_list)  # type: ignore[misc]


def _decaying(kind: type[keras.optimizers.Optimizer]) -> type[keras.optimizers.Optimizer]:
    made = type(f"Decaying{kind.__name__}", (_DecaysKernels, kind), {"__module__": __name__})
    return keras.saving.register_keras_serializable(package="prebake")(made)


# FTRL is not among them: it computes each weight anew from sums of gradients.
DECAYING: dict[type[keras.optimizers.Optimizer], type[keras.optimizers.Optimizer]] = {
    kind: _decaying(kind)
    for kind in (
        keras.optimizers.Adagrad,
        keras.optimizers.Adam,
        keras.optimizers.AdamW,
        keras.optimizers.Adamax,
        keras.optimizers.Nadam,
        keras.optimizers.RMSprop,
        keras.optimizers.SGD,
        CycledMomentum,
    )
}
