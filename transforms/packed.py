"""In: numpy arrays by name. Out: bytes, equal for equal arrays, and the arrays read back; nothing in them is ever run."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping

import numpy as np

_LENGTH_BYTES = 8


def pack(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Names, dtypes and shapes as JSON, then the arrays' bytes."""
    head = {name: [array.dtype.str, list(array.shape)] for name, array in sorted(arrays.items())}
    names = json.dumps(head).encode()
    out = io.BytesIO()
    out.write(len(names).to_bytes(_LENGTH_BYTES, "little") + names)
    for name in sorted(arrays):
        out.write(np.ascontiguousarray(arrays[name]).tobytes())
    return out.getvalue()


def unpack(data: bytes) -> dict[str, np.ndarray]:
    """What `pack` wrote; the arrays may be written to.

    Raises:
      ValueError: the bytes are cut or something else.
    """
    size = int.from_bytes(data[:_LENGTH_BYTES], "little")
    head = json.loads(data[_LENGTH_BYTES : _LENGTH_BYTES + size])
    at, arrays = _LENGTH_BYTES + size, {}
    for name, (dtype, shape) in head.items():
        count = int(np.prod(shape, dtype=np.int64))
        arrays[name] = np.frombuffer(data, np.dtype(dtype), count, at).reshape(shape).copy()
        at += count * np.dtype(dtype).itemsize
    if at != len(data):
        raise ValueError("accumulators are cut or altered")
    return arrays
