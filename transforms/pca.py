"""In: covariances of some columns. Out: their principal components, and rows projected on them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from ..schemas.spec_pb2 import Pca
from ..schemas.statistics_pb2 import Covariance
from .device import wide, widen
from .missing import flush

# A component whose share of the variance is below this is noise of rounding: it is 0 when whitened.
_NOISE = 1e-9


def components(covariance: Covariance, pca: Pca) -> tuple[np.ndarray, np.ndarray]:
    """Means float64 [columns] and matrix float64 [columns, dimension], with standardising and whitening in it.

    The components have the largest variances, in falling order; of each, the loading of largest size is positive.
    """
    size = len(covariance.mean)
    matrix = np.array(covariance.covariance).reshape(size, size)
    scale = np.ones(size)
    if pca.standardize:
        deviation = np.sqrt(np.diag(matrix))
        scale = np.divide(1.0, deviation, out=np.zeros(size), where=deviation > 0)
        matrix = matrix * np.outer(scale, scale)
    variances, vectors = np.linalg.eigh(matrix)
    vectors = vectors[:, ::-1][:, : pca.dimension]
    variances = np.maximum(variances[::-1][: pca.dimension], 0.0)
    largest = np.argmax(np.abs(vectors), axis=0)
    vectors = vectors * np.where(vectors[largest, np.arange(vectors.shape[1])] < 0, -1.0, 1.0)
    if pca.whiten:
        noise = variances <= _NOISE * max(float(np.trace(matrix)), 1e-300)
        vectors = vectors * np.where(noise, 0.0, 1.0 / np.sqrt(np.where(noise, 1.0, variances)))
    return np.array(covariance.mean), vectors * scale[:, np.newaxis]


def project(columns: Sequence[tf.Tensor], mean: np.ndarray, matrix: np.ndarray) -> tf.Tensor:
    """(x - mean) @ matrix.

    Args:
      columns: float32 [batch] each, without missing values.
      mean, matrix: from `components`.

    Returns:
      float32 [batch, dimension]; of a row with an infinite value, infinite or NaN.
    """
    # Column by column rather than a matrix product, whose order of sums depends on the size of the batch.
    total = widen(tf.zeros_like(columns[0]))[:, tf.newaxis]
    for place, x in enumerate(columns):
        total += (widen(x) - wide(mean[place]))[:, tf.newaxis] * wide(matrix[place][np.newaxis, :])
    return flush(tf.cast(total, tf.float32))
