"""In: what recipe.py and prebake wrote from the same rows. Out: how far their features differ.

A comparison of costs is fair only if both do the same work.

    python -m benchmarks.same_features RECIPE_OUTPUT PREBAKE_RUN

prints one line of JSON and fails where features that both define alike differ. Standardised and scaled numbers are
compared by value. Vocabulary ids are compared by how often their token occurs, because ties are broken
differently. TFT's quantiles are approximate, so buckets are compared by their share of equal ids; a cross of other
buckets by another hash is not compared.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from prebake.schemas.manifest import read_manifest

from .generate import NUMBERS
from .recipe import tfrecords

TOLERANCE = 1e-5
LEAST_EQUAL_BUCKETS = 0.95
NUMERIC = [*NUMBERS, "label"]
IDS = ["x0_bucket", "city", "kind", "x0_x_kind"]


def read_rows(paths: Sequence[str]) -> dict[str, np.ndarray]:
    """All Examples by column, sorted by row: float32 or int64 [rows] each."""
    features = {name: tf.io.FixedLenFeature([], tf.float32) for name in NUMERIC}
    features |= {name: tf.io.FixedLenFeature([], tf.int64) for name in IDS}
    records = list(tf.data.TFRecordDataset(paths).as_numpy_iterator())
    columns = {name: value.numpy() for name, value in tf.io.parse_example(records, features).items()}
    # Both shuffle. The label is stored as it is; rows with the same one are told apart by x1 and x2.
    order = np.lexsort([columns["x2"].round(3), columns["x1"].round(3), columns["label"]])
    return {name: column[order] for name, column in columns.items()}


def occurrences(ids: np.ndarray) -> np.ndarray:
    """For each row, how many rows have its id."""
    return np.bincount(ids)[ids]


def compare(ours: dict[str, np.ndarray], theirs: dict[str, np.ndarray]) -> dict[str, float]:
    """Rows, largest difference of a number, share of equal buckets.

    Raises:
      SystemExit: other rows, or features that differ.
    """
    if len(ours["label"]) != len(theirs["label"]):
        raise SystemExit(f"prebake wrote {len(ours['label'])} rows, the recipe {len(theirs['label'])}")
    # Relative beyond 1: a z-score of 60 in binary32 is only known to 4e-6.
    differences = {
        name: float((np.abs(ours[name] - theirs[name]) / np.maximum(1, np.abs(ours[name]))).max())
        for name in NUMERIC
    }
    far = [name for name, difference in differences.items() if difference > TOLERANCE]
    far += [name for name in ("city", "kind") if (occurrences(ours[name]) != occurrences(theirs[name])).any()]
    if far:
        raise SystemExit(f"not the same features: {', '.join(far)}; {differences}")
    equal = float((ours["x0_bucket"] == theirs["x0_bucket"]).mean())
    if equal < LEAST_EQUAL_BUCKETS:
        raise SystemExit(f"not the same features: only {equal:.1%} of the buckets are equal")
    return {
        "rows": len(ours["label"]),
        "largest_difference": max(differences.values()),
        "equal_buckets": equal,
    }


def main(recipe_output: str, run_dir: str) -> None:
    directory = os.path.join(run_dir, "examples")
    shards = [shard.path for split in read_manifest(directory, "examples").splits for shard in split.shards]
    ours = read_rows([os.path.join(directory, path) for path in shards])
    print(json.dumps(compare(ours, read_rows(tfrecords(recipe_output)))))


if __name__ == "__main__":
    main(*sys.argv[1:])
