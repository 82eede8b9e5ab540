"""In: raw columns of a block of training rows. Out: the values of sources, as numpy arrays, for the analysis."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from ..schemas.identity import element_hashes
from ..schemas.statistics_pb2 import ColumnStatistics
from .batch import Batch
from .sources import Source


class Elements(NamedTuple):
    """The elements of a list source, all rows' one after the other.

    Attributes:
      values: [n], float32, int64 or object (bytes).
      rows: int64 [n], the row of each.
    """

    values: np.ndarray
    rows: np.ndarray

    def hashes(self, row_hashes: np.ndarray) -> np.ndarray:
        """uint64 [n]: of the row and the place in it."""
        first = np.searchsorted(self.rows, self.rows)
        return element_hashes(row_hashes[self.rows], np.arange(len(self.rows)) - first)

    def distinct(self) -> Elements:
        """Each value once a row."""
        seen = dict.fromkeys(zip(self.rows.tolist(), self.values.tolist(), strict=True))
        values = np.empty(len(seen), self.values.dtype)
        values[:] = [value for _, value in seen]
        return Elements(values, np.array([row for row, _ in seen], np.int64))


class SourceArrays:
    """Computes sources of blocks.

    Args:
      sources: wanted.
      statistics: of the sources that their steps depend on.
    """

    def __init__(self, sources: Iterable[Source], statistics: Callable[[str], ColumnStatistics]):
        self._plain = [source for source in sources if not source.steps and not source.depth]
        derived = [source for source in sources if source.steps or source.depth]
        self._derived = derived
        columns = {source.column.name: Source(source.column) for source in derived}

        def compute(raw: dict[str, tf.Tensor]) -> list[tf.Tensor | tf.RaggedTensor]:
            batch = Batch(raw, None)
            return [source.value(batch, statistics) for source in derived]

        spec = {
            name: tf.TensorSpec([None], tf.string if source.column.separators else source.dtype)
            for name, source in columns.items()
        }
        self._columns = list(columns)
        self._compute = tf.function(compute, input_signature=[spec], autograph=False) if derived else None

    def __call__(self, raw: Mapping[str, np.ndarray]) -> dict[str, np.ndarray | Elements]:
        """By source name: an array [rows], or the elements of lists."""
        found: dict[str, np.ndarray | Elements] = {
            source.name: raw[source.column.name] for source in self._plain
        }
        if self._compute is not None:
            values = self._compute({name: tf.constant(raw[name]) for name in self._columns})
            for source, value in zip(self._derived, values, strict=True):
                found[source.name] = to_numpy(value)
        return found


def to_numpy(value: tf.Tensor | tf.RaggedTensor) -> np.ndarray | Elements:
    """An array [rows], or the elements of lists; lists of lists are taken together."""
    if not isinstance(value, tf.RaggedTensor):
        return value.numpy()
    if value.ragged_rank > 1:
        value = value.merge_dims(1, -1)
    return Elements(value.flat_values.numpy(), value.value_rowids().numpy())
