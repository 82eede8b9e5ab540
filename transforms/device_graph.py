"""In: a spec and what was learnt. Out: the graph from raw columns to features as a phone or a browser can run it."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from .batch import Raw
from .device import on_device
from .graph import TransformGraph


class DeviceGraph(TransformGraph):
    """As TransformGraph, with ids that are the same and numbers as near as portability.py says.

    Its spec must not have features that need the host (`needs_host` in portability.py) if it is to be converted.
    """

    def __init__(self, *args: Any, **kwargs: Any):
        with on_device():
            super().__init__(*args, **kwargs)

    def apply(
        self, raw: Raw, folds: tf.Tensor | None = None, *, checked: bool = False
    ) -> dict[str, tf.Tensor]:
        with on_device():
            return super().apply(raw, folds, checked=checked)
