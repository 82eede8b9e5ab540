"""In: a feature whose transform gives ids, and what was learnt. Out: how to compute them, and their weights."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from ..schemas.spec_pb2 import OWN_ID, Feature
from . import buckets, crosses, lists, missing, tf_idf, timestamps
from .batch import Batch, Built, Value, map_values
from .categorical import TokenTable
from .hashing import hash_ids
from .learnt import Learnt
from .needs import learns_combinations
from .number_features import bucket_boundaries
from .sources import Source

ToIds = Callable[[tf.Tensor], tf.Tensor]


def build_ids(feature: Feature, learnt: Learnt, tables: list[tf.Module]) -> Built:
    """buckets, vocabulary, identity, hash, time_part; of a column or a list.

    Args:
      feature: resolved.
      learnt: statistics and vocabularies.
      tables: lookup tables that the graph must keep alive are added here.
    """
    source = learnt.source(feature)
    to_ids, size = _id_function(feature, source, learnt, tables)
    numeric = feature.HasField("buckets")
    value = _fill_value(feature, source, learnt)
    # The elements of a list that is no sequence need no id for "missing": they are left out.
    dropped = value is None and source.depth > 0 and not feature.sequence and source.depth < 2
    own_id = value is None and not dropped and not (source.column.required and source.depth == 0)

    def ids_of(x: tf.Tensor) -> tf.Tensor:
        ids = to_ids(x)
        if not own_id and value is None:
            return ids
        # Ids are chosen rather than values: LiteRT has no choice between texts.
        other = tf.constant(size, tf.int64) if value is None else to_ids(tf.constant([value], x.dtype))[0]
        return tf.where(missing.is_missing(x), other, ids)

    def read(batch: Batch) -> Value:
        x = source.value(batch, learnt.of)
        return map_values(missing.to_float, x) if numeric else x

    def compute(batch: Batch) -> Value:
        x = read(batch)
        if value is not None:
            batch.note(feature.name, source.name, map_values(lambda values: missing.fill(values, value), x))
        return map_values(ids_of, lists.drop_missing(x) if dropped else x)

    shape = (-1,) * source.depth
    return Built(compute, size + own_id, shape, _weights(feature, learnt, read, dropped, size + own_id))


def build_cross(feature: Feature, of: list[Built], learnt: Learnt, tables: list[tf.Module]) -> Built:
    """Of features that are computed before it, `of` in the order of its names."""
    names, sizes, most = list(feature.cross.of), [one.size for one in of], feature.cross.buckets
    if learns_combinations(feature):
        table = TokenTable(_combined(learnt.tokens(feature.name), sizes), tf.int64, oov_buckets=1)
        tables.append(table)
        to_id, size = (lambda ids: table(crosses.combine(ids, sizes))), table.size
    else:
        to_id, size = (lambda ids: crosses.cross(ids, sizes, most)), crosses.cross_size(sizes, most)
    return Built(
        lambda batch: crosses.cross_each([batch.features[name] for name in names], to_id),
        size,
        (-1,) if any(one.shape for one in of) else (),
    )


def _combined(tokens: list[bytes], sizes: list[int]) -> list[bytes]:
    """Of ids as text, e.g. b"3 17", the number that `crosses.combine` makes of them, as text."""
    found = []
    for token in tokens:
        combined = 0
        for one, size in zip(map(int, token.split()), sizes, strict=True):
            combined = combined * size + one
        found.append(str(combined).encode())
    return found


def _fill_value(feature: Feature, source: Source, learnt: Learnt) -> float | int | bytes | None:
    if feature.missing.fill == OWN_ID:
        return None
    # Buckets are of numbers, whatever the column; the mean of integers is none.
    if feature.HasField("buckets"):
        return missing.number_fill(feature, source, learnt)
    return missing.token_fill(feature, source, learnt)


def _id_function(
    feature: Feature, source: Source, learnt: Learnt, tables: list[tf.Module]
) -> tuple[ToIds, int]:
    """A function from elements that are not missing to their ids, and how many ids."""
    kind = feature.WhichOneof("transform")
    if kind == "buckets":
        boundaries = bucket_boundaries(feature, source, learnt)
        return lambda x: buckets.bucketize(x, boundaries), len(boundaries) + 1
    if kind == "hash":
        return lambda x: hash_ids(x, feature.hash.buckets), feature.hash.buckets
    if kind == "identity":
        size = feature.identity.size
        other = tf.constant(size, tf.int64)
        return lambda x: tf.where((x >= 0) & (x < size), x, other), size + 1
    if kind == "time_part":
        part = feature.time_part.part
        return lambda x: timestamps.time_part(x, part), timestamps.part_size(part)
    tokens = [token.encode() for token in feature.vocabulary.tokens] or learnt.tokens(feature.name)
    table = TokenTable(tokens, source.dtype, feature.vocabulary.oov_buckets)
    tables.append(table)
    return table, table.size


def missing_as_one(weights: tf.RaggedTensor) -> tf.RaggedTensor:
    """A weight that is missing is 1."""
    return weights.with_flat_values(missing.fill(weights.flat_values, 1.0))


def _weights(
    feature: Feature, learnt: Learnt, read: Callable[[Batch], Value], dropped: bool, size: int
) -> Callable[[Batch], Value] | None:
    if feature.tf_idf:
        entry = learnt.vocabulary_file(feature)
        frequency = np.zeros(size)
        frequency[: len(entry.document_frequency)] = entry.document_frequency
        idf = tf_idf.idf(learnt.statistics.weight, frequency)
        return lambda batch: tf_idf.tf_idf_weights(batch.features[feature.name], idf)
    if not feature.value_weights:
        return None
    weights = Source(learnt.columns[feature.value_weights])

    def compute(batch: Batch) -> Value:
        x, w = read(batch), map_values(missing.to_float, weights.value(batch, learnt.of))
        names = f"'{feature.value_weights}' and '{feature.column}'"
        w = lists.with_ones(missing_as_one(w), x, f"{names} have lists of different lengths")
        return lists.mask(w, ~missing.is_missing(x.flat_values)) if dropped else w

    return compute
