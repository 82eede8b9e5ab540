"""In: a name for a layer. Out: the name, or one like it that no other layer of the model has."""

from __future__ import annotations

from collections.abc import Iterable


class LayerNames:
    """Keeps the names of a model's layers apart. Its inputs are layers too, and are named after their features.

    Args:
      taken: names of the inputs.
    """

    def __init__(self, taken: Iterable[str]):
        self._taken = set(taken)

    def __call__(self, name: str) -> str:
        """The name, with `_` behind it as often as it takes: what it begins with stays, as `training.parts` wants it."""
        while name in self._taken:
            name += "_"
        self._taken.add(name)
        return name
