"""In: CSV shards. Out: shuffled Parquet files with the same columns that prebake writes, by Polars on all cores.

The rival of preprocess_cost.py:

    python -m benchmarks.polars_table DATA_SET CSV_FOLDER OUTPUT_FOLDER

prints, as one line of JSON, seconds of wall clock and of CPU.
"""

from __future__ import annotations

import json
import os
import sys

import polars as pl

from .data_sets import CROSS_BUCKETS, DATA_SETS, DataSet
from .measure import stopwatch

SPLITS = {"train": 0.8, "valid": 0.1, "test": 0.1}


def write(data_set: DataSet, folder: str, output: str) -> None:
    """Reads, computes statistics of the training split and columns of all rows, shuffles and writes."""
    types = {name: pl.String if name in data_set.texts else pl.Float32 for name in data_set.columns}
    table = (
        pl.scan_csv(os.path.join(folder, "*.csv"), schema=types, null_values=data_set.missing or None)
        .select(data_set.read)
        .collect()
    )
    # Shuffled first: then the splits are slices.
    table = table.sample(fraction=1, shuffle=True, seed=0)
    train = table.head(round(len(table) * SPLITS["train"]))
    quantiles = [train[data_set.bucketed].quantile(place / 10) for place in range(1, 10)]
    columns = []
    for name in data_set.standardized:
        mean, deviation = train.select(
            mean=pl.col(name).cast(pl.Float64).mean(), deviation=pl.col(name).cast(pl.Float64).std()
        ).row(0)
        columns.append(((pl.col(name) - mean) / deviation).fill_null(0).cast(pl.Float32))
    for name in data_set.scaled:
        low, high = train.select(low=pl.col(name).min(), high=pl.col(name).max()).row(0)
        columns.append(((pl.col(name) - low) / (high - low)).cast(pl.Float32))
    bucket = pl.lit(pl.Series(quantiles, dtype=pl.Float32)).search_sorted(
        pl.col(data_set.bucketed), side="right"
    )
    columns.append(bucket.cast(pl.Int64).alias(data_set.bucket))
    sizes = {}
    for name in data_set.vocabularies:
        counted = train[name].drop_nulls().value_counts()
        tokens = counted.sort(["count", name], descending=[True, False])[name]
        sizes[name] = len(tokens) + 1
        columns.append(
            pl.col(name).replace_strict(tokens, pl.int_range(len(tokens), eager=True), default=len(tokens))
        )
    table = table.select(*columns, pl.col(data_set.label).alias("label"))
    crossed = pl.col(data_set.bucket) * sizes[data_set.crossed] + pl.col(data_set.crossed)
    table = table.with_columns((crossed % CROSS_BUCKETS).alias(data_set.cross))
    start = 0
    for name, share in SPLITS.items():
        count = len(train) if name == "train" else round(len(table) * share)
        table.slice(start, count).write_parquet(os.path.join(output, f"{name}.parquet"))
        start += count


def main(name: str, folder: str, output: str) -> None:
    os.makedirs(output)
    with stopwatch() as taken:
        write(DATA_SETS[name], folder, output)
    print(json.dumps({"whole": taken}))


if __name__ == "__main__":
    main(*sys.argv[1:])
