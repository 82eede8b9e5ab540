"""In: CSV shards. Out: statistics and shuffled TFRecords as prebake makes them: one process, no Beam, no TensorFlow.

What is left to do if nothing is distributed, checked, reported or repeatable on another number of workers: pyarrow reads
on all cores, numpy computes, rows are held in memory, and prebake's own encoder, which is compared elsewhere
(docs/performance.md), writes them. The rival of preprocess_cost.py:

    python -m benchmarks.floor DATA_SET CSV_FOLDER OUTPUT_FOLDER

prints, as one line of JSON, seconds of wall clock and of CPU by step.
"""

from __future__ import annotations

import glob
import json
import os
import sys
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from prebake.pipelines.encode_examples import ExampleEncoder
from prebake.schemas.manifest_pb2 import OUTPUT_FLOAT, OUTPUT_INT64, OutputFeature

from .data_sets import CROSS_BUCKETS, DATA_SETS, DataSet
from .measure import stopwatch

SPLITS = {"train": 0.8, "valid": 0.1, "test": 0.1}
ROWS_PER_FILE = 100_000


def read(data_set: DataSet, folder: str) -> tuple[pa.Table, np.ndarray]:
    """The rows that features need, and the split of each: 0, 1 or 2."""
    types = {name: pa.string() if name in data_set.texts else pa.float32() for name in data_set.read}
    options = pyarrow.csv.ConvertOptions(
        column_types=types, include_columns=data_set.read, null_values=[data_set.missing] if data_set.missing else []
    )  # fmt: skip
    tables = [
        pyarrow.csv.read_csv(path, convert_options=options)
        for path in sorted(glob.glob(os.path.join(folder, "*.csv")))
    ]
    table = pa.concat_tables(tables)
    drawn = np.random.default_rng(0).random(len(table))
    return table, np.searchsorted(np.cumsum(list(SPLITS.values()))[:-1], drawn, side="right")


def analyze(data_set: DataSet, folder: str) -> dict[str, Any]:
    """The statistics of the training split."""
    table, split = read(data_set, folder)
    train = table.filter(pa.array(split == 0))
    found: dict[str, Any] = {}
    for name in data_set.standardized:
        values = train[name].drop_null().to_numpy().astype(np.float64)
        found[name] = [values.mean(), values.std()]
    for name in data_set.scaled:
        ends = pc.min_max(train[name])
        found[name] = [ends["min"].as_py(), ends["max"].as_py()]
    values = train[data_set.bucketed].to_numpy()
    found[data_set.bucket] = np.quantile(values, np.arange(1, 10) / 10).tolist()
    for name in data_set.vocabularies:
        counted = train[name].drop_null().value_counts()
        order = pc.sort_indices(
            pa.table({"n": counted.field("counts"), "v": counted.field("values")}),
            sort_keys=[("n", "descending"), ("v", "ascending")],
        )
        found[name] = counted.field("values").take(order).to_pylist()
    return found


def transform(data_set: DataSet, folder: str, found: dict[str, Any], output: str) -> None:
    """Writes the features of all rows, shuffled, shards of each split."""
    table, split = read(data_set, folder)
    columns = {"label": table[data_set.label].to_numpy()}
    for name in data_set.standardized:
        mean, deviation = found[name]
        factor = np.float32(1 / deviation if deviation else 0)
        columns[name] = np.nan_to_num((table[name].to_numpy() - np.float32(mean)) * factor, copy=False)
    for name in data_set.scaled:
        low, high = found[name]
        columns[name] = (table[name].to_numpy() - np.float32(low)) * np.float32(1 / (high - low))
    bounds = np.array(found[data_set.bucket], np.float32)
    columns[data_set.bucket] = np.searchsorted(bounds, table[data_set.bucketed].to_numpy(), side="right")
    sizes = {data_set.bucket: 10, data_set.cross: CROSS_BUCKETS}
    for name in data_set.vocabularies:
        tokens = found[name]
        places = pc.index_in(table[name], pa.array(tokens)).fill_null(len(tokens)).to_numpy()
        columns[name], sizes[name] = places.astype(np.int64), len(tokens) + 1
    crossed = columns[data_set.bucket] * sizes[data_set.crossed] + columns[data_set.crossed]
    columns[data_set.cross] = crossed % CROSS_BUCKETS
    features = [OutputFeature(name=name, type=OUTPUT_FLOAT) for name in data_set.numbers]
    features += [
        OutputFeature(name=name, type=OUTPUT_INT64, cardinality=sizes[name]) for name in data_set.ids
    ]
    encoder, random = ExampleEncoder(features), np.random.default_rng(1)
    for number, name in enumerate(SPLITS):
        os.makedirs(os.path.join(output, name))
        order = random.permutation(np.flatnonzero(split == number))
        for shard, start in enumerate(range(0, len(order), ROWS_PER_FILE)):
            rows = order[start : start + ROWS_PER_FILE]
            with open(os.path.join(output, name, f"part-{shard:05d}.tfrecord"), "wb") as file:
                file.writelines(
                    encoder.encode({key: value[rows] for key, value in columns.items()}, len(rows))
                )


def main(name: str, folder: str, output: str) -> None:
    data_set = DATA_SETS[name]
    with stopwatch() as analyze_taken:
        found = analyze(data_set, folder)
    with stopwatch() as transform_taken:
        transform(data_set, folder, found, output)
    print(json.dumps({"analyze": analyze_taken, "transform": transform_taken}))


if __name__ == "__main__":
    main(*sys.argv[1:])
