"""In: a trained model. Out: its tiny weights set to 0, and what it takes to keep it."""

from __future__ import annotations

import gzip

import keras
import numpy as np


def zero_tiny(model: keras.Model, below: float) -> None:
    """Sets the numbers of kernels and embeddings whose absolute value is smaller than `below` to 0; biases stay."""
    for variable in model.trainable_variables:
        if len(variable.shape) > 1:
            value = keras.ops.convert_to_numpy(variable)
            variable.assign(np.where(np.abs(value) < below, 0, value))


def size_of(model: keras.Model) -> dict[str, int | float]:
    """What the model weighs.

    Returns:
      "weights", how many numbers are learnt; "zeros", the share of them that is 0; "bytes", of them as they are; and
      "compressed_bytes", of them after gzip.
    """
    values = [keras.ops.convert_to_numpy(variable) for variable in model.trainable_variables]
    count = sum(value.size for value in values)
    raw = b"".join(np.ascontiguousarray(value).tobytes() for value in values)
    return {
        "weights": count,
        "zeros": sum(int((value == 0).sum()) for value in values) / max(count, 1),
        "bytes": len(raw),
        # Without a time in it: the same weights give the same bytes.
        "compressed_bytes": len(gzip.compress(raw, compresslevel=6, mtime=0)),
    }
