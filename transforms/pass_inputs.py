"""In: what one pass of the analysis has to learn. Out: the inputs of its TFT graph: their names, dtypes and how they travel.

Inputs are named by place, because TFT does not take every name: the sources in sorted order are `s0`, `s1`, … TFT copies
each input apart and slowly, so numbers of one value a row travel side by side, as one matrix of each dtype, and values that
are only counted as the distinct ones of a block with how often each is there.
"""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from ..schemas.labels import label_feature
from ..schemas.spec_pb2 import REGRESSION, Label, Spec
from .needs import Needs, label_number, standardized_labels

ROW_HASH, FOLD, WEIGHT, LABEL = "hash", "fold", "weight", "label"
FLOATS, INTEGERS = "floats", "integers"

Inputs = Mapping[str, tf.Tensor | tf.SparseTensor]


def input_names(needs: Needs) -> dict[str, str]:
    """Name of each source among the inputs."""
    return {source: f"s{place}" for place, source in enumerate(sorted(needs.sources))}


def counted_ahead(spec: Spec, needs: Needs) -> set[str]:
    """Sources of which a block gives the distinct values and how often each is there: of one value a row, only counted."""
    if spec.data.weight:
        return set()
    others = {*needs.numbers, *needs.pairs, *(source for source, _ in needs.targets.values())}
    others.update(source for pair in needs.groups.values() for source in pair)
    others.update(source for sources in needs.covariances.values() for source in sources)
    return {source for source in needs.counts - others if not needs.sources[source].depth}


def needs_label(needs: Needs) -> bool:
    return bool(needs.targets or needs.pairs or "#label" in needs.numbers)


def more_labels(spec: Spec, needs: Needs) -> list[Label]:
    """The further labels whose mean and variance the pass learns."""
    return [label for label in standardized_labels(spec) if label_number(label) in needs.numbers]


def stacks(spec: Spec, needs: Needs) -> dict[str, list[str]]:
    """By matrix its columns."""
    dtypes = _one_a_row(spec, needs)
    columns = {
        stack: sorted(name for name, found in dtypes.items() if found == dtype)
        for stack, dtype in ((FLOATS, tf.float32), (INTEGERS, tf.int64))
    }
    return {stack: names for stack, names in columns.items() if names}


def unstack(spec: Spec, needs: Needs, inputs: Inputs) -> dict[str, tf.Tensor | tf.SparseTensor]:
    """The inputs with each column of a matrix apart, [rows]."""
    found = dict(inputs)
    for stack, names in stacks(spec, needs).items():
        found |= dict(zip(names, tf.unstack(found.pop(stack), len(names), axis=1), strict=True))
    return found


def feature_spec(
    spec: Spec, needs: Needs, user: Mapping[str, tf.DType]
) -> dict[str, tf.io.FixedLenFeature | tf.io.VarLenFeature]:
    """The tensors that TFT's graph takes: matrices, texts of one value a row, and lists as SparseTensors.

    Args:
      spec: resolved.
      needs: of the pass.
      user: dtypes of the inputs of the user's own function, by name.
    """
    features: dict[str, tf.io.FixedLenFeature | tf.io.VarLenFeature] = {}
    for stack, names in stacks(spec, needs).items():
        dtype = tf.float32 if stack == FLOATS else tf.int64
        features[stack] = tf.io.FixedLenFeature([len(names)], dtype)
    one = {name: dtype for name, dtype in _one_a_row(spec, needs).items() if dtype == tf.string}
    features |= {name: tf.io.FixedLenFeature([], dtype) for name, dtype in (one | dict(user)).items()}
    return features | {name: tf.io.VarLenFeature(dtype) for name, dtype in _lists(spec, needs).items()}


def _label_dtype(spec: Spec) -> tf.DType:
    return tf.float32 if spec.data.label.kind == REGRESSION else tf.string


def _one_a_row(spec: Spec, needs: Needs) -> dict[str, tf.DType]:
    one: dict[str, tf.DType] = {ROW_HASH: tf.int64}
    if spec.data.weight:
        one[WEIGHT] = tf.float32
    if needs.targets:
        one[FOLD] = tf.int64
    if needs_label(needs):
        one[LABEL] = _label_dtype(spec)
    one |= {label_feature(label): tf.float32 for label in more_labels(spec, needs)}
    ahead = counted_ahead(spec, needs)
    sources = {source: name for source, name in input_names(needs).items() if source not in ahead}
    return one | {
        name: needs.sources[source].dtype
        for source, name in sources.items()
        if not needs.sources[source].depth
    }


def _lists(spec: Spec, needs: Needs) -> dict[str, tf.DType]:
    lists: dict[str, tf.DType] = {}
    ahead = counted_ahead(spec, needs)
    for source, name in input_names(needs).items():
        dtype = needs.sources[source].dtype
        if source in ahead:
            lists[f"{name}_value"] = tf.string
            lists[f"{name}_times"] = tf.int64
        if not needs.sources[source].depth:
            continue
        lists[name] = dtype
        if source in needs.numbers:
            lists[f"{name}_hash"] = tf.int64
        if source in needs.distinct | needs.pairs:
            lists[f"{name}_distinct"] = dtype
        if source in needs.pairs:
            lists[f"{name}_distinct_label"] = _label_dtype(spec)
        if spec.data.weight:
            lists[f"{name}_weight"] = tf.float32
            if source in needs.distinct | needs.pairs:
                lists[f"{name}_distinct_weight"] = tf.float32
    return lists
