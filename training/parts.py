"""In: optimizers of parts of a model, by patterns of layer names. Out: one optimizer that gives each layer to its own."""

from __future__ import annotations

import re
from collections.abc import Mapping

import keras

from ..schemas.errors import PrebakeError


def layer_pattern(name: str) -> str:
    """The regular expression of the variables of layers like `name`, in which `*` stands for anything but a /.

    Those of layers within such a layer are among them: `wide*` has `wide_city/embeddings` and `net/wide/dense/kernel`.
    """
    return "(?:.*/)?" + re.escape(name).replace(r"\*", "[^/]*") + "/.*"


def combine(
    rest: keras.optimizers.Optimizer,
    parts: Mapping[str, keras.optimizers.Optimizer],
    variables: list[keras.Variable],
) -> keras.optimizers.Optimizer:
    """Keras' MultiOptimizer.

    Args:
      rest: of all layers that no part names.
      parts: by pattern of layer names.
      variables: all that are trained.

    Raises:
      PrebakeError: a part has no layer, or a layer is in two parts.
    """
    patterns = {name: layer_pattern(name) for name in parts}
    found: dict[str, list[str]] = {name: [] for name in parts}
    for variable in variables:
        names = [name for name, pattern in patterns.items() if re.fullmatch(pattern, variable.path)]
        if len(names) > 1:
            layer = variable.path.rsplit("/", 1)[0]
            raise PrebakeError(
                f"training.parts: layer {layer!r} is in two parts, {names[0]!r} and {names[1]!r}: make one pattern narrower"
            )
        for name in names:
            found[name].append(variable.path)
    for name, paths in found.items():
        if not paths:
            layers = ", ".join(dict.fromkeys(variable.path.rsplit("/", 1)[0] for variable in variables))
            raise PrebakeError(
                f"training.parts.{name}: no layer with weights has such a name; those that have: {layers}"
            )
    by_pattern = {patterns[name]: optimizer for name, optimizer in parts.items()}
    combined = keras.optimizers.MultiOptimizer(keras.optimizers.OptimizerMap(rest, by_pattern))
    combined.part_names = list(parts)
    return combined
