"""In: CSV shards of generate.py. Out: TFRecord files of the same features, made as the guide of TensorFlow Transform says.

A row is a Beam element where it is read, where it is shuffled and where it is written. The rival of transform_cost.py:

    python -m benchmarks.recipe whole|two_pipelines CSV_FOLDER OUTPUT_FOLDER

prints, as one line of JSON, seconds of wall clock and of CPU by step.
"""

from __future__ import annotations

import glob
import json
import os
import sys
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

from .generate import COLUMNS, NUMBERS
from .measure import stopwatch

STANDARDIZED, SCALED = NUMBERS[:6], NUMBERS[6:]


def preprocessing_fn(inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """The features of generate.SPEC, in the guide's words."""
    bucket = tft.bucketize(inputs["x0"], 10)
    crossed = tf.strings.join([tf.strings.as_string(bucket), inputs["kind"]], "_x_")
    return {
        **{name: tft.scale_to_z_score(inputs[name]) for name in STANDARDIZED},
        **{name: tft.scale_to_0_1(inputs[name]) for name in SCALED},
        "x0_bucket": bucket,
        "city": tft.compute_and_apply_vocabulary(inputs["city"], num_oov_buckets=1),
        "kind": tft.compute_and_apply_vocabulary(inputs["kind"], num_oov_buckets=1),
        "x0_x_kind": tft.hash_strings(crossed, 1000),
        "label": inputs["label"],
    }


def raw_columns() -> BeamRecordCsvTFXIO:
    """Decoder of CSV lines."""
    types = {name: tf.string if name in ("city", "kind") else tf.float32 for name in COLUMNS}
    schema = schema_utils.schema_from_feature_spec(
        {name: tf.io.FixedLenFeature([], dtype) for name, dtype in types.items()}
    )
    return BeamRecordCsvTFXIO(physical_format="text", column_names=COLUMNS, schema=schema)


def read(pipeline: beam.Pipeline, data: str) -> tuple[beam.PCollection, Any]:
    """The raw data set, as tft_beam takes it."""
    decoder = raw_columns()
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


def whole(data: str, output: str) -> dict[str, dict[str, float]]:
    """One pipeline: analyze and transform."""
    with stopwatch() as taken, pipeline() as one, tft_beam.Context(temp_dir=f"{output}/temp"):
        transformed, _ = read(one, data) | tft_beam.AnalyzeAndTransformDataset(
            preprocessing_fn, output_record_batches=True
        )
        write(transformed, output)
    return {"whole": taken}


def two_pipelines(data: str, output: str) -> dict[str, dict[str, float]]:
    """Analyze, then transform with the graph that it saved: what transforming costs by itself."""
    with stopwatch() as analyze, pipeline() as first, tft_beam.Context(temp_dir=f"{output}/temp"):
        transform_fn = read(first, data) | tft_beam.AnalyzeDataset(preprocessing_fn)
        transform_fn | "Save" >> tft_beam.WriteTransformFn(f"{output}/transform_fn")
    with stopwatch() as transform, pipeline() as second, tft_beam.Context(temp_dir=f"{output}/temp"):
        transform_fn = second | "Load" >> tft_beam.ReadTransformFn(f"{output}/transform_fn")
        transformed = (read(second, data), transform_fn) | tft_beam.TransformDataset(
            output_record_batches=True
        )
        write(transformed, output)
    return {"analyze": analyze, "transform": transform}


def tfrecords(output: str) -> list[str]:
    """The files that were written."""
    return sorted(glob.glob(f"{output}/part*.tfrecord"))


if __name__ == "__main__":
    step, data, output = sys.argv[1:]
    os.makedirs(output)
    print(json.dumps({"whole": whole, "two_pipelines": two_pipelines}[step](data, output)))
