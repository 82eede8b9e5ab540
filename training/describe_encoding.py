"""In: a feature's value of one row. Out: in a few words, what the model's input layer makes of it."""

from __future__ import annotations

import numpy as np

from ..schemas.manifest_pb2 import OutputFeature
from ..schemas.spec_pb2 import COUNTS, EMBEDDING, MULTI_HOT, ONE_HOT, Combiner

_SHOWN = 8


def describe_encoding(feature: OutputFeature, value: np.ndarray) -> str:
    """E.g. "one-hot: position 3 of 12", "embedding: row 3 of 1,002, 8 numbers", "as it is"."""
    is_list = any(size < 0 for size in feature.shape)
    size = f"{feature.cardinality:,}"
    if feature.weights_of:
        return f"the weights of {feature.weights_of}"
    if feature.encode == ONE_HOT:
        return f"one-hot: position {int(value)} of {size}"
    if feature.encode in (MULTI_HOT, COUNTS):
        kind = "multi-hot" if feature.encode == MULTI_HOT else "counts"
        return f"{kind}: {_places('position', value)} of {size}"
    if feature.encode == EMBEDDING:
        rows = f"{feature.dimension} numbers" + (f", shared with {feature.share}" if feature.share else "")
        if not is_list:
            return f"embedding: row {int(value)} of {size}, {rows}"
        combiner = Combiner.Name(feature.combiner).removeprefix("COMBINER_").lower()
        return f"embeddings: {combiner} of {_places('row', value)} of {size}, {rows}"
    if is_list:
        return "mean, smallest, largest, ln(1 + length)"
    return f"{value.size} numbers as they are" if value.ndim else "as it is"


def _places(what: str, ids: np.ndarray) -> str:
    present = np.unique(ids[ids >= 0]).tolist()
    if not present:
        return f"no {what}"
    shown = ", ".join(map(str, present[:_SHOWN])) + (", …" if len(present) > _SHOWN else "")
    return f"{what}{'s' * (len(present) > 1)} {shown}"
