"""In: a transform graph and raw rows. Out: its features, after proof that they are the same in batches of any size."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import tensorflow as tf
from hand_made import bits
from prebake.transforms.graph import TransformGraph

# Eagerly, small batches take long.
EAGER_ROWS = 42
_PADDING = {np.dtype(np.int64): -1, np.dtype(np.float32): bits(np.array([np.nan], np.float32))[0]}


def features_in_any_batch(graph: TransformGraph, raw: Mapping[str, tf.Tensor]) -> dict[str, list]:
    """The rows of each feature, floats by their bits, lists without padding; raises if a way to run it gives others.

    Args:
      graph: the features.
      raw: 512 rows.
    """
    (count,) = {len(x) for x in raw.values()}
    traced = tf.function(graph.apply, input_signature=[graph.raw_spec], autograph=False)
    whole = _run(graph.apply, raw, count, count)
    for size in (1, 7, count):
        assert _run(traced, raw, count, size) == whole, f"traced, batches of {size}"
    first = {name: rows[:EAGER_ROWS] for name, rows in whole.items()}
    for size in (1, 7):
        assert _run(graph.apply, raw, EAGER_ROWS, size) == first, f"eagerly, batches of {size}"
    return whole


def _run(apply, raw: Mapping[str, tf.Tensor], count: int, size: int) -> dict[str, list]:
    found: dict[str, list] = {}
    for start in range(0, count, size):
        for name, value in apply({key: x[start : start + size] for key, x in raw.items()}).items():
            array = value.numpy()
            found.setdefault(name, []).extend(_trimmed(row, _PADDING[array.dtype]) for row in bits(array))
    return found


def _trimmed(row, padding: int):
    """Without what stands at the end of a list, or of a list of lists, to make it as long as the longest of the batch."""
    if not isinstance(row, list):
        return row
    row = [_trimmed(one, padding) for one in row]
    while row and row[-1] in (padding, []):
        row.pop()
    return row
