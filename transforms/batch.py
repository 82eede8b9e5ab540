"""In: a batch of raw columns. Out: the values that the features are made of, each computed once.

A value is a tensor [batch] or, of a list, a RaggedTensor; its elements are float32 (NaN is missing), int64 (the smallest
is missing) or strings (empty is missing).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias

import tensorflow as tf

Value: TypeAlias = "tf.Tensor | tf.RaggedTensor"
Raw = Mapping[str, tf.Tensor]


@dataclasses.dataclass
class Batch:
    """What the steps of one `apply` share.

    Attributes:
      raw: tensors by column.
      folds: int64 [batch], a hash that says which fold each row is in; -1: in none. None: no row is, as when serving.
      features: those that are computed already.
      sources: see sources.py.
      checked: the cells of lists are known to be good (see check_request.py): they are not checked again.
      filled: by (feature, source), the source's values with missing ones filled, for `prebake explain`; None: nobody asks.
    """

    raw: Raw
    folds: tf.Tensor | None
    features: dict[str, Value] = dataclasses.field(default_factory=dict)
    sources: dict[str, Value] = dataclasses.field(default_factory=dict)
    checked: bool = False
    filled: dict[tuple[str, str], Value] | None = None

    def note(self, feature: str, source: str, value: Value) -> None:
        """Keeps filled values for `explain`."""
        if self.filled is not None:
            self.filled[feature, source] = value


class Built(NamedTuple):
    """How a feature is computed.

    Attributes:
      compute: from a batch to the feature's value.
      size: how many ids it gives; 0: a number.
      shape: of one row's value: (), (n,), (-1,) for a list, (-1, -1) for a list of lists.
      weights: of a list, computes the weights of its values; None: they have none.
    """

    compute: Callable[[Batch], Value]
    size: int = 0
    shape: tuple[int, ...] = ()
    weights: Callable[[Batch], Value] | None = None


def map_values(function: Callable[[tf.Tensor], tf.Tensor], x: Value) -> Value:
    """Applies a function of elements to a tensor, or to all elements of lists."""
    if isinstance(x, tf.RaggedTensor):
        return x.with_flat_values(function(x.flat_values))
    return function(x)
