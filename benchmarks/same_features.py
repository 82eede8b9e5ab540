"""In: what recipe.py and prebake wrote from the same rows. Out: how far their features differ.

A comparison of costs is fair only if both do the same work.

    python -m benchmarks.same_features DATA_SET RECIPE_OUTPUT PREBAKE_RUN

prints one line of JSON and fails where features that both define alike differ. Standardised and scaled numbers are
compared by value. Vocabulary ids are compared by how often their token occurs, because ties are broken
differently. TFT's quantiles are approximate, so buckets are compared by their share of equal ids; a cross of other
buckets by another hash is not compared. Where rows of a data set are equal, and cannot be told apart after a shuffle, each
column is compared by itself, sorted.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from prebake.schemas.manifest import read_manifest

from .data_sets import DATA_SETS, DataSet
from .recipe import tfrecords

TOLERANCE = 1e-5
LEAST_EQUAL_BUCKETS = 0.95


def read_rows(data_set: DataSet, paths: Sequence[str]) -> dict[str, np.ndarray]:
    """All Examples by column, sorted by row, or each column by itself: float32 or int64 [rows] each; for an id of a
    vocabulary, how many rows have it."""
    features = {name: tf.io.FixedLenFeature([], tf.float32) for name in data_set.numbers}
    features |= {name: tf.io.FixedLenFeature([], tf.int64) for name in data_set.ids}
    records = list(tf.data.TFRecordDataset(paths).as_numpy_iterator())
    columns = {name: value.numpy() for name, value in tf.io.parse_example(records, features).items()}
    columns |= {name: occurrences(columns[name]) for name in data_set.vocabularies}
    # Both shuffle. A label is stored as it is; other features are equal but for rounding.
    keys = [columns[name].round(3) for name in reversed(data_set.told_apart)]
    if keys:
        order = np.lexsort(keys)
        return {name: column[order] for name, column in columns.items()}
    return {name: np.sort(column) for name, column in columns.items()}


def occurrences(ids: np.ndarray) -> np.ndarray:
    """For each row, how many rows have its id."""
    return np.bincount(ids)[ids]


def compare(
    data_set: DataSet, ours: dict[str, np.ndarray], theirs: dict[str, np.ndarray]
) -> dict[str, float]:
    """Rows, largest difference of a number, share of equal buckets.

    Raises:
      SystemExit: other rows, or features that differ.
    """
    rows = [len(one["label"]) for one in (ours, theirs)]
    if rows[0] != rows[1]:
        raise SystemExit(f"prebake wrote {rows[0]} rows, the recipe {rows[1]}")
    # Relative beyond 1: a z-score of 60 in binary32 is only known to 4e-6.
    differences = {
        name: float((np.abs(ours[name] - theirs[name]) / np.maximum(1, np.abs(ours[name]))).max())
        for name in data_set.numbers
    }
    far = [name for name, difference in differences.items() if difference > TOLERANCE]
    far += [name for name in data_set.vocabularies if (ours[name] != theirs[name]).any()]
    if far:
        raise SystemExit(f"not the same features: {', '.join(far)}; {differences}")
    equal = float((ours[data_set.bucket] == theirs[data_set.bucket]).mean())
    if equal < LEAST_EQUAL_BUCKETS:
        raise SystemExit(f"not the same features: only {equal:.1%} of the buckets are equal")
    return {
        "rows": rows[0],
        "largest_difference": max(differences.values()),
        "equal_buckets": equal,
    }


def main(name: str, recipe_output: str, run_dir: str) -> None:
    data_set, directory = DATA_SETS[name], os.path.join(run_dir, "examples")
    shards = [shard.path for split in read_manifest(directory, "examples").splits for shard in split.shards]
    ours = read_rows(data_set, [os.path.join(directory, path) for path in shards])
    print(json.dumps(compare(data_set, ours, read_rows(data_set, tfrecords(recipe_output)))))


if __name__ == "__main__":
    main(*sys.argv[1:])
