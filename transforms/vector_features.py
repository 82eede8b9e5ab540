"""In: a feature that is a vector made of a whole cell or of several columns. Out: how to compute it; float32 [batch, …]."""

from __future__ import annotations

import tensorflow as tf

from ..schemas.spec_pb2 import MULTICLASS, Feature
from . import images, missing, pca, timestamps
from .batch import Batch, Built
from .learnt import Learnt
from .target import TargetTable


def build_pca(feature: Feature, learnt: Learnt) -> Built:
    """Principal components; a missing value counts as the column's mean."""
    sources = learnt.sources(feature)
    covariance = learnt.covariance(feature)
    mean, matrix = pca.components(covariance, feature.pca)

    def compute(batch: Batch) -> tf.Tensor:
        columns = []
        for source, value in zip(sources, mean, strict=True):
            columns.append(missing.fill(missing.to_float(source.value(batch, learnt.of)), value))
            batch.note(feature.name, source.name, columns[-1])
        return pca.project(columns, mean, matrix)

    return Built(compute, shape=(feature.pca.dimension,))


def build_cyclical(feature: Feature, learnt: Learnt) -> Built:
    """Sine and cosine; 0, 0 for a missing time."""
    source = learnt.source(feature)

    def compute(batch: Batch) -> tf.Tensor:
        seconds = source.value(batch, learnt.of)
        absent = missing.is_missing(seconds)
        pair = timestamps.cyclical(tf.where(absent, tf.zeros_like(seconds), seconds), feature.cyclical.part)
        return tf.where(absent[:, tf.newaxis], tf.zeros_like(pair), pair)

    return Built(compute, shape=(2,))


def build_target(feature: Feature, learnt: Learnt, tables: list[tf.Module]) -> Built:
    """The mean label by value; of the other folds for a row that has a fold."""
    source = learnt.source(feature)
    label = learnt.spec.data.label
    # A binary label has one number, the share of the second class.
    classes = len(label.classes or learnt.tokens("label")) if label.kind == MULTICLASS else 1
    table = TargetTable(learnt.target(feature), source.dtype, feature.target.smoothing)
    tables.append(table)

    def compute(batch: Batch) -> tf.Tensor:
        x = source.value(batch, learnt.of)
        return table(x, batch.folds)

    return Built(compute, shape=(classes,) if classes > 1 else ())


def build_word_vectors(feature: Feature, learnt: Learnt, tables: list[tf.Module]) -> Built:
    """The mean vector of the tokens."""
    source = learnt.source(feature)
    vectors = learnt.word_vectors(feature)
    tables.append(vectors)

    def compute(batch: Batch) -> tf.Tensor:
        x = source.value(batch, learnt.of)
        return vectors(x)

    return Built(compute, shape=(vectors.dimension,))


def build_bytes(feature: Feature, learnt: Learnt) -> Built:
    """An image or a serialised tensor."""
    source = learnt.source(feature)
    if feature.HasField("image"):
        height, width, channels = feature.image.height, feature.image.width, feature.image.channels
        return Built(
            lambda batch: images.decode_image(
                source.value(batch, learnt.of), height, width, channels, feature.column
            ),
            shape=(height, width, channels),
        )
    shape = tuple(feature.tensor.shape)
    return Built(
        lambda batch: images.decode_tensor(source.value(batch, learnt.of), shape, feature.column), shape=shape
    )
