"""In: raw columns of a block of training rows. Out: exact combinations of ids, for crosses that learn which there are."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import tensorflow as tf

from ..schemas.errors import SpecError
from ..schemas.spec_pb2 import Feature
from .batch import Batch
from .build import build_features
from .cross_source import cross_source_name
from .crosses import combine, cross_each
from .learnt import Learnt
from .needs import columns_of
from .source_arrays import Elements, to_numpy

# Products of sizes beyond this do not fit into int64.
_MOST = 2**62


class CrossIds:
    """Computes the combinations of some crosses.

    Args:
      features: those of the spec, crosses behind what they cross.
      crosses: names of those wanted.
      learnt: what they cross must be known already.

    Attributes:
      columns: raw columns that are read.
      sizes: by cross, of what it crosses.

    Raises:
      SpecError: more combinations than can be counted.
    """

    def __init__(self, features: Sequence[Feature], crosses: Iterable[str], learnt: Learnt):
        by_name = {feature.name: feature for feature in features}
        self._of = {name: list(by_name[name].cross.of) for name in crosses}
        needed = _closure(by_name, [one for of in self._of.values() for one in of])
        self._tables: list[tf.Module] = []
        chosen = [feature for feature in features if feature.name in needed]
        built = build_features(chosen, learnt, self._tables)
        self.sizes = {name: [built[one].size for one in of] for name, of in self._of.items()}
        for name, sizes in self.sizes.items():
            if math.prod(sizes) > _MOST:
                reason = f"has {math.prod(sizes):,} combinations, too many to count"
                raise SpecError("spec", None, f"features.{name}.cross", reason, "give `buckets` instead")
        self.columns = sorted({column for feature in chosen for column in columns_of(feature)})

        def compute(raw: dict[str, tf.Tensor]) -> dict[str, tf.Tensor | tf.RaggedTensor]:
            batch = Batch(raw, None)
            for name, one in built.items():
                batch.features[name] = one.compute(batch)
            return {name: self._combined(name, batch) for name in self._of}

        self._compute = tf.function(compute, autograph=False, reduce_retracing=True)

    def _combined(self, name: str, batch: Batch) -> tf.Tensor | tf.RaggedTensor:
        ids = [batch.features[one] for one in self._of[name]]
        return cross_each(ids, lambda parts: combine(parts, self.sizes[name]))

    def __call__(self, raw: Mapping[str, np.ndarray]) -> dict[str, np.ndarray | Elements]:
        """By name of the cross's source: int64 [rows], or the elements of lists."""
        found = self._compute({name: tf.constant(raw[name]) for name in self.columns})
        return {cross_source_name(name): to_numpy(value) for name, value in found.items()}


def _closure(by_name: Mapping[str, Feature], names: Iterable[str]) -> set[str]:
    found: set[str] = set()
    pending = list(names)
    while pending:
        name = pending.pop()
        if name not in found:
            found.add(name)
            pending += by_name[name].cross.of
    return found
