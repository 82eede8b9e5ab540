"""In: lists, or lists of lists, of numbers, one for each row. Out: the same as flat values and row splits, or as Arrow."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa


class Ragged(NamedTuple):
    """One list, or list of lists, for each row.

    values: [elements], of all rows one after the other.
    splits: int64, outermost first. `splits[0]` is [rows + 1]: row r has the items splits[0][r] … splits[0][r + 1] - 1,
      which are elements of a list, or lists that `splits[1]` cuts in the same way.
    """

    values: np.ndarray
    splits: tuple[np.ndarray, ...]

    def take(self, rows: np.ndarray) -> Ragged:
        """These rows, int64 [any number], in this order."""
        splits, items = [], rows
        for split in self.splits:
            lengths = split[items + 1] - split[items]
            cut = row_splits(lengths)
            items = np.repeat(split[items] - cut[:-1], lengths) + np.arange(cut[-1])
            splits.append(cut)
        return Ragged(self.values[items], tuple(splits))

    def to_arrow(self) -> pa.Array:
        """A large_list for each of the splits: its offsets are the splits, of 64 bits."""
        array = pa.array(self.values)
        for split in reversed(self.splits):
            array = pa.LargeListArray.from_arrays(split, array)
        return array


def row_splits(lengths: np.ndarray) -> np.ndarray:
    """int64 [n + 1] of n lists with these lengths, int64 [n]."""
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])


def from_arrow(array: pa.Array) -> Ragged:
    """Of a large_list of numbers, or of large_lists of numbers, without nulls."""
    splits = []
    while pa.types.is_large_list(array.type):
        # A slice's offsets begin anywhere; flatten() gives the slice's own items.
        offsets = array.offsets.to_numpy()
        splits.append(offsets - offsets[0])
        array = array.flatten()
    return Ragged(array.to_numpy(), tuple(splits))


def from_padded(dense: np.ndarray, is_float: bool) -> Ragged:
    """Without the padding, which is at the end of lists alone.

    Args:
      dense: [rows, longest] of lists, [rows, longest, longest] of lists of lists; an inner list of nothing but padding
        is not there.
      is_float: padding is NaN, else -1.
    """
    present = ~np.isnan(dense) if is_float else dense != -1
    lengths = present.sum(axis=-1, dtype=np.int64)
    splits = [row_splits(lengths[lengths > 0] if dense.ndim == 3 else lengths)]
    if dense.ndim == 3:
        splits.insert(0, row_splits((lengths > 0).sum(axis=-1, dtype=np.int64)))
    return Ragged(dense[present], tuple(splits))
