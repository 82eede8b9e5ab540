"""In: CSV shards. Out: TFRecord files of the same features, made as the guide of TensorFlow Transform says.

A row is a Beam element where it is read, where it is shuffled and where it is written. The rival of preprocess_cost.py:

    python -m benchmarks.recipe DATA_SET CSV_FOLDER OUTPUT_FOLDER

prints, as one line of JSON, seconds of wall clock and of CPU by step.
"""

from __future__ import annotations

import glob
import json
import sys
from collections.abc import Callable
from typing import Any

import apache_beam as beam
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from tensorflow_transform.tf_metadata import schema_utils
from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder
from tfx_bsl.public.tfxio import BeamRecordCsvTFXIO

from .data_sets import CROSS_BUCKETS, DATA_SETS, DataSet
from .measure import stopwatch


def preprocessing_fn(data_set: DataSet) -> Callable[[dict[str, tf.Tensor]], dict[str, tf.Tensor]]:
    """The features of the data set, in the guide's words."""

    def number(column: tf.Tensor) -> tf.Tensor:
        if column.dtype != tf.string:
            return column
        # What stands for a missing value cannot be read as a number. tft.mean and tft.var leave NaN out.
        return tf.strings.to_number(tf.where(column == data_set.missing, "nan", column))

    def standardized(column: tf.Tensor) -> tf.Tensor:
        scaled = tft.scale_to_z_score(number(column))
        return tf.where(tf.math.is_nan(scaled), 0.0, scaled) if data_set.missing else scaled

    def features(inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        bucket = tft.bucketize(number(inputs[data_set.bucketed]), 10)
        crossed = tf.strings.join([tf.strings.as_string(bucket), inputs[data_set.crossed]], "_x_")
        return {
            **{name: standardized(inputs[name]) for name in data_set.standardized},
            **{name: tft.scale_to_0_1(number(inputs[name])) for name in data_set.scaled},
            data_set.bucket: bucket,
            **{
                name: tft.compute_and_apply_vocabulary(inputs[name], num_oov_buckets=1)
                for name in data_set.vocabularies
            },
            data_set.cross: tft.hash_strings(crossed, CROSS_BUCKETS),
            "label": number(inputs[data_set.label]),
        }

    return features


def raw_columns(data_set: DataSet) -> BeamRecordCsvTFXIO:
    """Decoder of CSV lines."""
    texts = data_set.columns if data_set.missing else data_set.texts
    schema = schema_utils.schema_from_feature_spec(
        {
            name: tf.io.FixedLenFeature([], tf.string if name in texts else tf.float32)
            for name in data_set.columns
        }
    )
    return BeamRecordCsvTFXIO(physical_format="text", column_names=list(data_set.columns), schema=schema)


def read(pipeline: beam.Pipeline, data_set: DataSet, data: str) -> tuple[beam.PCollection, Any]:
    """The raw data set, as tft_beam takes it."""
    decoder = raw_columns(data_set)
    batches = (
        pipeline
        | "Read" >> beam.io.ReadFromText(f"{data}/*.csv", skip_header_lines=1, coder=beam.coders.BytesCoder())
        # bytes
        | "Decode" >> decoder.BeamSource()
        # pa.RecordBatch
    )
    return batches, decoder.TensorAdapterConfig()


def write(transformed: tuple[beam.PCollection, Any], output: str) -> None:
    """Encodes, shuffles and writes."""
    batches, _ = transformed
    encoder = RecordBatchToExamplesEncoder()
    (
        batches
        # (pa.RecordBatch, passthrough columns)
        | "Encode" >> beam.FlatMapTuple(lambda batch, _: encoder.encode(batch))
        # bytes
        | "Shuffle" >> beam.Reshuffle()
        | "Write" >> beam.io.WriteToTFRecord(f"{output}/part", file_name_suffix=".tfrecord")
    )


def pipeline() -> beam.Pipeline:
    # The runner that prebake uses.
    return beam.Pipeline(runner=FnApiRunner(), options=PipelineOptions([]))


def main(name: str, data: str, output: str) -> None:
    """One pipeline: analyze and transform."""
    data_set = DATA_SETS[name]
    with stopwatch() as taken, pipeline() as one, tft_beam.Context(temp_dir=f"{output}/temp"):
        transformed, _ = read(one, data_set, data) | tft_beam.AnalyzeAndTransformDataset(
            preprocessing_fn(data_set), output_record_batches=True
        )
        write(transformed, output)
    print(json.dumps({"whole": taken}))


def tfrecords(output: str) -> list[str]:
    """The files that were written."""
    return sorted(glob.glob(f"{output}/part*.tfrecord"))


if __name__ == "__main__":
    main(*sys.argv[1:])
