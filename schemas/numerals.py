"""In: the text of cells. Out: float32 or int64 arrays, and which cells are not numbers by prebake's grammar.

The reader and the exported model accept exactly the same texts: ASCII, no leading `+`, no spaces, no `_`, no
hex, and no spelling of nan or inf. Arrow's and Python's own parsers each accept some of these, so neither
decides alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

FLOAT_PATTERN = r"-?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?"
INT_PATTERN = r"-?[0-9]+"
# Stands for "missing" in int64 tensors, so no cell may hold it.
INT_MISSING = -(2**63)

_FLOAT = re.compile(FLOAT_PATTERN.encode())
_INT = re.compile(INT_PATTERN.encode())


_FLOAT_BYTES = b"0123456789.eE+-"
_INT_BYTES = b"0123456789-"


def parse_floats(cells: pa.Array) -> tuple[pa.FloatArray, np.ndarray]:
    """Reads cells as binary64, correctly rounded, and rounds these to binary32.

    Args:
      cells: string or binary, length n; null is missing.

    Returns:
      float32 array of length n, null where `cells` is null or bad; bool [n], true where a cell is outside
      the grammar or its binary32 is infinite.
    """
    numbers = _cast_floats(cells)
    if numbers is not None:
        singles = pc.cast(numbers, pa.float32(), safe=False)
        if pc.all(pc.is_finite(singles)).as_py() is not False:  # None if all are missing
            return singles, np.zeros(len(cells), np.bool_)
    doubles, valid = _each(cells, _one_float, np.float64) if numbers is None else _filled(numbers)
    with np.errstate(over="ignore", under="ignore"):
        singles = doubles.astype(np.float32)
    bad = valid & ~np.isfinite(singles)
    return pa.array(singles, mask=~valid | bad), bad | _bad(cells, valid)


def parse_ints(cells: pa.Array) -> tuple[pa.Int64Array, np.ndarray]:
    """Reads cells as int64.

    Args:
      cells: string or binary, length n; null is missing.

    Returns:
      int64 array of length n, null where `cells` is null or bad; bool [n], true where a cell is outside the
      grammar, or not in [INT64_MIN + 1, INT64_MAX].
    """
    numbers = _cast_ints(cells)
    if numbers is not None and not pc.any(pc.equal(numbers, INT_MISSING)).as_py():
        return numbers, np.zeros(len(cells), np.bool_)
    integers, valid = _each(cells, _one_int, np.int64) if numbers is None else _filled(numbers)
    bad = valid & (integers == INT_MISSING)
    return pa.array(integers, mask=~valid | bad), bad | _bad(cells, valid)


def is_float(text: bytes) -> bool:
    """True if the text is within the float grammar, whatever its range."""
    return _FLOAT.fullmatch(text) is not None


def is_int(text: bytes) -> bool:
    """True if the text is within the integer grammar, whatever its range."""
    return _INT.fullmatch(text) is not None


def _bad(cells: pa.Array, valid: np.ndarray) -> np.ndarray:
    return cells.is_valid().to_numpy(zero_copy_only=False) & ~valid


def _filled(numbers: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """0 where there is none, and where there is one."""
    return numbers.fill_null(0).to_numpy(), numbers.is_valid().to_numpy(zero_copy_only=False)


def _value_bytes(cells: pa.Array) -> bytes:
    """The bytes of all cells, one after the other."""
    _, offsets, values = cells.buffers()
    if values is None or len(cells) == 0:
        return b""
    ends = np.frombuffer(offsets, np.int32)
    first, last = int(ends[cells.offset]), int(ends[cells.offset + len(cells)])
    # Bytes: their own functions look at them several times as fast as numpy does.
    return values[first:last].to_pybytes()


def _cast_floats(cells: pa.Array) -> pa.DoubleArray | None:
    """Arrow's cast, or None where Arrow fails or might accept more than the grammar."""
    text = _value_bytes(cells)
    # Over these few characters what Arrow accepts can be, and is, tested exhaustively.
    if text.translate(None, _FLOAT_BYTES):
        return None
    # With these characters the one thing that Arrow accepts and the grammar does not is a leading plus.
    if b"+" in text and text.count(b"+") != text.count(b"e+") + text.count(b"E+"):
        return None
    return _cast(cells, pa.float64())


def _cast_ints(cells: pa.Array) -> pa.Int64Array | None:
    return None if _value_bytes(cells).translate(None, _INT_BYTES) else _cast(cells, pa.int64())


def _cast(cells: pa.Array, to: pa.DataType) -> pa.Array | None:
    try:
        return pc.cast(cells.view(pa.string()), to)
    except pa.ArrowInvalid:
        return None


def _each(
    cells: pa.Array, parse: Callable[[bytes], float | int | None], dtype: type[np.generic]
) -> tuple[np.ndarray, np.ndarray]:
    """Cell by cell. Returns the numbers, 0 where there is none, and where there is one."""
    numbers, valid = np.zeros(len(cells), dtype), np.zeros(len(cells), np.bool_)
    for i, text in enumerate(cells.cast(pa.binary()).to_pylist()):
        number = None if text is None else parse(text)
        if number is not None:
            numbers[i], valid[i] = number, True
    return numbers, valid


def _one_float(text: bytes) -> float | None:
    return float(text) if is_float(text) else None


def _one_int(text: bytes) -> int | None:
    if not is_int(text):
        return None
    digits = text.lstrip(b"-").lstrip(b"0")
    if len(digits) > 19:  # and Python refuses to read more than 4,300 of them
        return INT_MISSING
    number = int(digits or b"0") * (-1 if text.startswith(b"-") else 1)
    return number if -(2**63) < number < 2**63 else INT_MISSING
