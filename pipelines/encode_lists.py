"""In: lists of numbers, one for each row. Out: each row's map entry for a tf.Example or tf.SequenceExample, as bytes.

The values of a list take equally many bytes each, so that those of all rows are made at once and a row's are a slice of
them; what comes before a slice is lengths, which depend on its size alone.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from itertools import pairwise

import numpy as np

from ..schemas.manifest_pb2 import OutputFeature
from ..schemas.ragged import Ragged, row_splits
from .wire_format import encode_values, entry_prefix, feature_prefix, field_prefix

# As many lengths as are remembered for each feature.
_SIZES = 1 << 14


class ListEntry:
    """Entries of Features.feature: one Feature with all values of the list.

    Args:
      feature: of shape [-1].
    """

    def __init__(self, feature: OutputFeature):
        self._feature = feature
        self._prefix = functools.lru_cache(_SIZES)(self._prefix_of)

    def encode(self, column: Ragged) -> list[bytes]:
        """One entry for each row.

        Raises:
          ValueError: an id is outside 0 … cardinality - 1.
        """
        values = encode_values(self._feature, column.values)
        return _cut(values.tobytes(), column.splits[0] * values.shape[1], self._prefix)

    def _prefix_of(self, size: int) -> bytes:
        return entry_prefix(self._feature.name, feature_prefix(self._feature, size), size)


class SequenceEntry:
    """Entries of FeatureLists.feature_list: one Feature for each item of the list.

    Args:
      feature: of shape [-1], an item is one value; or [-1, -1], an item is a list of values.
    """

    def __init__(self, feature: OutputFeature):
        self._feature = feature
        self._entry_prefix = functools.lru_cache(_SIZES)(functools.partial(entry_prefix, feature.name, b""))
        self._item_prefix = functools.lru_cache(_SIZES)(self._item_prefix_of)

    def encode(self, column: Ragged) -> list[bytes]:
        """One entry for each row.

        Raises:
          ValueError: an id is outside 0 … cardinality - 1.
        """
        values = encode_values(self._feature, column.values)
        width = values.shape[1]
        if len(column.splits) == 1:
            prefix = np.frombuffer(self._item_prefix(width), np.uint8)
            items = np.hstack([np.tile(prefix, (len(values), 1)), values])
            return _cut(items.tobytes(), column.splits[0] * items.shape[1], self._entry_prefix)
        lists = _cut(values.tobytes(), column.splits[1] * width, self._item_prefix)
        sizes = np.fromiter(map(len, lists), np.int64, len(lists))
        return _cut(b"".join(lists), row_splits(sizes)[column.splits[0]], self._entry_prefix)

    def _item_prefix_of(self, size: int) -> bytes:
        before = feature_prefix(self._feature, size)
        return field_prefix(1, len(before) + size) + before  # FeatureList.feature


def _cut(data: bytes, stops: np.ndarray, prefix: Callable[[int], bytes]) -> list[bytes]:
    """The pieces of data between the stops, each behind the prefix of its size."""
    return [prefix(stop - start) + data[start:stop] for start, stop in pairwise(stops.tolist())]
