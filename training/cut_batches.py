"""In: rows of several batches in one. Out: the batches, cut from it in order.

A call of TensorFlow's parser costs some 0.2 ms before it has seen a row: several batches are made by one call, and cut.
What a batch holds does not change by that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

# At most so many rows at a time; beyond that a row gets no cheaper.
ROWS_AT_A_TIME = 4096
# And at most so many bytes, so that images are not held by the thousand.
_BYTES_AT_A_TIME = 2**23

Rows = tuple[Any, ...]


def batches_at_a_time(batch_size: int, row_bytes: float) -> int:
    """How many batches are made at a time: at least one.

    Args:
      batch_size: rows of each.
      row_bytes: of memory that a row takes, about.
    """
    rows = min(ROWS_AT_A_TIME, _BYTES_AT_A_TIME / max(row_bytes, 1))
    return max(1, int(rows // batch_size))


def cut_batches(
    pieces: tf.data.Dataset, batch_size: int, finish: Callable[[Rows], Rows] | None = None
) -> tf.data.Dataset:
    """Cuts batches.

    Args:
      pieces: rows of several batches each, [rows, …]; a multiple of the batch size, but for the last of an epoch.
      batch_size: rows of a batch. The last one of a piece holds what is left.
      finish: what is to be done with each batch, e.g. lists padded to its longest; None: nothing.

    Returns:
      Batches, one piece after the other.
    """

    def slices(*rows: Any) -> tf.data.Dataset:
        if finish is None:
            # Without a call of a function for each batch.
            return tf.data.Dataset.from_tensors(rows).rebatch(batch_size)
        count = tf.shape(rows[1], tf.int64)[0]
        starts = tf.data.Dataset.range(0, count, batch_size)
        return starts.map(
            lambda start: finish(
                tf.nest.map_structure(lambda column: column[start : start + batch_size], rows)
            )
        )

    return pieces.flat_map(slices)
