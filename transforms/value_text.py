"""In: a value of one row. Out: it as short text for a person."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import tensorflow as tf

from ..schemas import numerals
from ..schemas.spec_pb2 import BASE64, FILE, TIME, ColumnType
from ..schemas.timestamps import FIRST, LAST
from .batch import Value

MISSING = "(missing)"
_ELEMENTS, _CHARACTERS = 8, 60


def elements(value: Value) -> list[Any]:
    """The row's elements as Python has them: one, or those of a list or of lists of lists, in order."""
    flat = value.flat_values if isinstance(value, tf.RaggedTensor) else value
    return np.asarray(flat).ravel().tolist()


def value_text(value: Value, type_: ColumnType | None = None) -> str:
    """E.g. `27.81`, `'Rome'`, `[1, 0]`, `2024-01-31 00:00:00 UTC`.

    Args:
      value: of a batch of one row.
      type_: of the column that it was read from, if it is as it was read.
    """
    if isinstance(value, tf.RaggedTensor):
        return _nested(value.to_list()[0], type_)
    array = np.asarray(value)
    if array.ndim == 1:
        return scalar_text(array.tolist()[0], type_)
    array = array[0]
    if array.ndim == 1:
        return _nested(array.tolist(), type_)
    size = " x ".join(map(str, array.shape))
    return f"{size} numbers from {number(array.min())} to {number(array.max())}"


def scalar_text(value: Any, type_: ColumnType | None = None) -> str:
    """Of one element."""
    if isinstance(value, bytes):
        if type_ in (FILE, BASE64):
            return f"{len(value):,} bytes" if value else MISSING
        return token_text(value) if value else MISSING
    if value == numerals.INT_MISSING or (isinstance(value, float) and math.isnan(value)):
        return MISSING
    if type_ == TIME and FIRST <= value <= LAST:
        return str(np.datetime64(value, "s")).replace("T", " ") + " UTC"
    return number(value) if isinstance(value, float) else str(value)


def token_text(token: bytes) -> str:
    """A token in quotes, cut if it is long."""
    text = token.decode("utf-8", "backslashreplace")
    return repr(text if len(text) <= _CHARACTERS else text[:_CHARACTERS] + "…")


def number(value: float) -> str:
    """In seven digits: what binary32 has."""
    return f"{value:.7g}"


def listed(texts: Iterable[str], most: int = _ELEMENTS) -> str:
    """The first few, a comma between them."""
    given = list(texts)
    return ", ".join(given[:most]) + (", …" if len(given) > most else "")


def _nested(value: Any, type_: ColumnType | None) -> str:
    if isinstance(value, list):
        return f"[{listed(_nested(one, type_) for one in value)}]"
    return scalar_text(value, type_)
