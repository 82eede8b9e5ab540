"""The name and type under which the combinations of a cross are counted, beside those of raw columns."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf


class CrossSource(NamedTuple):
    """The combinations of one cross, as the analysis counts them.

    Attributes:
      feature: name of the cross.
      depth: 1 if it crosses lists, else 0.
    """

    feature: str
    depth: int

    @property
    def name(self) -> str:
        return cross_source_name(self.feature)

    @property
    def dtype(self) -> tf.DType:
        return tf.int64


def cross_source_name(feature: str) -> str:
    """No column can have this name."""
    return f"#cross|{feature}"
