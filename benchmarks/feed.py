"""In: a reader and examples or CSV files. Out: seconds until so many rows of them have come as batches.

The readers of feed_cost.py, each in a process of its own:

    python -m benchmarks.feed READER RUN CSV_FOLDER SMALL LARGE

prints, as one line of JSON, the seconds for SMALL and for LARGE batches of BATCH_SIZE rows, by the clock and of CPU. Nothing
is done with a batch.
"""

from __future__ import annotations

import functools
import glob
import json
import os
import sys
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf
from prebake.schemas.feature_spec import feature_spec
from prebake.schemas.spec_pb2 import CACHE_MEMORY
from prebake.training.dataset import keep_in_memory, open_examples, training_batches

from .data_sets import CROSS_BUCKETS, DATA_SETS
from .feed_cost import BATCH_SIZE
from .measure import stopwatch

BUFFER = 10_000  # the book's
_DATA_SET = DATA_SETS["generated"]
_DEFAULTS = [
    tf.constant([], tf.string) if name in _DATA_SET.texts else tf.constant([], tf.float32)
    for name in _DATA_SET.columns
]
_ADAPTED_ROWS = 20_000

Reader = Callable[[str, str], tf.data.Dataset]


def csv_files(folder: str) -> list[str]:
    return sorted(glob.glob(os.path.join(folder, "*.csv")))


def book(run: str, folder: str) -> tf.data.Dataset:
    """csv_reader_dataset of Géron's book, chapter 13: a line is parsed and scaled at a time."""
    mean, deviation = tf.zeros(8), tf.ones(8)

    def preprocess(line: tf.Tensor) -> tuple:
        fields = tf.io.decode_csv(line, record_defaults=_DEFAULTS)
        x = tf.stack(fields[:8])
        # The book's data set has numbers alone: the texts are handed on as they are.
        return {"x": (x - mean) / deviation, "city": fields[8], "kind": fields[9]}, tf.stack(fields[-1:])

    return (
        tf.data.Dataset.list_files(csv_files(folder), seed=1)
        .interleave(lambda path: tf.data.TextLineDataset(path).skip(1), cycle_length=5)
        .map(preprocess, num_parallel_calls=5)
        .shuffle(BUFFER)
        .repeat()
        .batch(BATCH_SIZE)
        .prefetch(1)
    )


def keras_layers(run: str, folder: str) -> tf.data.Dataset:
    """The same features from Keras' preprocessing layers with adapt(), in the input pipeline as Keras' guide has it."""
    sample = _read_sample(folder)
    numbers = [*_DATA_SET.standardized, *_DATA_SET.scaled]
    normalize = keras.layers.Normalization()
    normalize.adapt(np.stack([sample[name] for name in numbers], axis=1))
    bins = keras.layers.Discretization(num_bins=10)
    bins.adapt(sample[_DATA_SET.bucketed])
    lookups = {name: keras.layers.StringLookup() for name in _DATA_SET.vocabularies}
    for name, lookup in lookups.items():
        lookup.adapt(sample[name])
    cross = keras.layers.HashedCrossing(CROSS_BUCKETS)

    def preprocess(lines: tf.Tensor) -> tuple:
        row = dict(zip(_DATA_SET.columns, tf.io.decode_csv(lines, record_defaults=_DEFAULTS), strict=True))
        features = {"numbers": normalize(tf.stack([row[name] for name in numbers], axis=1))}
        features |= {name: lookup(row[name]) for name, lookup in lookups.items()}
        bucket = bins(row[_DATA_SET.bucketed])
        features |= {_DATA_SET.bucket: bucket, _DATA_SET.cross: cross((bucket, row[_DATA_SET.crossed]))}
        return features, row[_DATA_SET.label][:, tf.newaxis]

    return (
        tf.data.Dataset.from_tensor_slices(csv_files(folder))
        .interleave(lambda path: tf.data.TextLineDataset(path).skip(1), cycle_length=5)
        .shuffle(BUFFER)
        .repeat()
        .batch(BATCH_SIZE)
        .map(preprocess, num_parallel_calls=tf.data.AUTOTUNE)
        .prefetch(tf.data.AUTOTUNE)
    )


def _read_sample(folder: str) -> dict[str, np.ndarray]:
    lines = tf.data.TextLineDataset(csv_files(folder)[0]).skip(1).batch(_ADAPTED_ROWS)
    fields = tf.io.decode_csv(next(iter(lines)), record_defaults=_DEFAULTS)
    return {name: field.numpy() for name, field in zip(_DATA_SET.columns, fields, strict=True)}


def parse_each(run: str, folder: str) -> tf.data.Dataset:
    """Prebake's TFRecords, read as tutorials do: an Example is parsed at a time."""
    examples = open_examples(run)
    spec = feature_spec(examples.manifest)
    wanted = {
        name: tf.io.FixedLenFeature(one["shape"], one["dtype"]) for name, one in spec["features"].items()
    }
    wanted["label"] = tf.io.FixedLenFeature([1], tf.float32)

    def parse(record: tf.Tensor) -> tuple:
        features = tf.io.parse_single_example(record, wanted)
        return features, features.pop("label")

    paths = [os.path.join(examples.directory, shard.path) for shard in examples.split("train").shards]
    return (
        tf.data.TFRecordDataset(paths)
        .map(parse, num_parallel_calls=tf.data.AUTOTUNE)
        .shuffle(BUFFER)
        .repeat()
        .batch(BATCH_SIZE)
        .prefetch(tf.data.AUTOTUNE)
    )


def prebake(run: str, folder: str, kept: bool = False, batch_size: int = BATCH_SIZE) -> tf.data.Dataset:
    """What `prebake train` reads: from the files, or with the rows in memory."""
    examples = open_examples(run)
    if kept:
        examples = keep_in_memory(examples, CACHE_MEMORY, ("train",))
    return training_batches(examples, seed=1, epochs=range(100), batch_size=batch_size, shuffle_buffer=BUFFER)


def floor(run: str, folder: str) -> tf.data.Dataset:
    """Batches cut long before, in memory, not shuffled."""
    every = next(iter(prebake(run, folder, kept=True, batch_size=200 * BATCH_SIZE)))
    batches = tf.nest.map_structure(
        lambda column: tf.reshape(column, [200, BATCH_SIZE, *column.shape[1:]]), every
    )
    return tf.data.Dataset.from_tensor_slices(batches).repeat()


READERS: dict[str, Reader] = {
    "prebake": prebake,
    "prebake, kept": functools.partial(prebake, kept=True),
    "book": book,
    "keras_layers": keras_layers,
    "parse_each": parse_each,
    "floor": floor,
}


def main(reader: str, run: str, folder: str, *counts: str) -> None:
    batches = READERS[reader](run, folder)
    taken = []
    for count in map(int, counts):
        with stopwatch() as seconds:
            rows = batches.take(count).reduce(
                np.int64(0), lambda seen, batch: seen + tf.shape(batch[1], tf.int64)[0]
            )
        assert int(rows) >= count * (BATCH_SIZE - 1)
        taken.append(seconds)
    print(json.dumps(taken))


if __name__ == "__main__":
    main(*sys.argv[1:])
