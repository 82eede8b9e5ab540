"""In: the training split's rows. Out: `transform/`, i.e. statistics, vocabularies and the transform graph.

One full pass over the files; TensorFlow Transform runs the analyzers of transforms/analyzers.py.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence

import apache_beam as beam
import numpy as np
import pyarrow as pa
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from tensorflow_transform.tf_metadata import schema_utils
from tfx_bsl.tfxio import tensor_adapter
from tfx_bsl.tfxio.tensor_representation_util import InferTensorRepresentationsFromSchema

from ..schemas import identity
from ..schemas.commit import is_current, publish, temporary_directory
from ..schemas.errors import DataError, SpecError
from ..schemas.manifest import set_fingerprint
from ..schemas.manifest_pb2 import LabelEntry, Manifest
from ..schemas.spec import spec_text
from ..schemas.spec_pb2 import BINARY, MULTICLASS, Spec
from ..schemas.statistics_pb2 import Statistics
from ..transforms.graph import TransformGraph, dtype_of
from ..transforms.needs import columns_by_name, needs_of
from ..transforms.preprocessing import FORMAT_VERSION, ROW_HASH, preprocessing_fn, write_statistics
from ..transforms.saved_graph import save_graph
from ..transforms.vocabulary_files import read_vocabularies
from .collect import WriteJson, read_json
from .columns import raw_column, split_of_rows
from .counts import InputCounts, check_counts
from .index import IndexedFile
from .progress import progress_bar
from .read import BAD_ROWS, COUNTS, FileBlock, ReadCsv
from .runner import make_pipeline, run

STEP = "transform"
SPLIT_ROWS = "split_rows"


class TrainingColumns(beam.DoFn):
    """FileBlock → RecordBatch of the columns to analyse and ROW_HASH, rows of the training split only.

    Tagged SPLIT_ROWS: one dict a block, how many rows each split has.
    """

    def __init__(self, spec: Spec, columns: Iterable[str]):
        self._spec, self._columns = spec, [name for name in columns if name != ROW_HASH]

    def process(self, rows: FileBlock):
        splits = split_of_rows(rows, self._spec)
        counts = np.bincount(splits, minlength=3).tolist()
        yield beam.pvalue.TaggedOutput(SPLIT_ROWS, {"path": rows.file.relative, "rows": counts})
        chosen = np.flatnonzero(splits == 0)
        if not len(chosen):
            return
        key = identity.path_key(rows.file.relative, self._spec.seed)
        hashes = identity.row_hashes(key, rows.block.rows[chosen], identity.SAMPLE)
        arrays = {name: raw_column(rows.block.batch, name)[chosen] for name in self._columns}
        yield list_batch(arrays | {ROW_HASH: hashes.view(np.int64)})


def list_batch(arrays: dict[str, np.ndarray]) -> pa.RecordBatch:
    """Columns as lists of one value, the only form that TFT's adapter reads."""
    rows = len(arrays[ROW_HASH])
    offsets = pa.array(np.arange(rows + 1))
    lists = {}
    for name in sorted(arrays):
        values = arrays[name]
        array = pa.array(values, pa.large_binary()) if values.dtype == object else pa.array(values)
        lists[name] = pa.LargeListArray.from_arrays(offsets, array)
    return pa.record_batch(lists)


def analyzed_dtypes(spec: Spec) -> dict[str, tf.DType]:
    """The tensors that TFT's graph takes."""
    needs, by_name = needs_of(spec), columns_by_name(spec)
    columns = set(needs.numbers) | needs.counts
    return {name: dtype_of(by_name[name]) for name in sorted(columns)} | {ROW_HASH: tf.int64}


def adapter_config(dtypes: Mapping[str, tf.DType]) -> tensor_adapter.TensorAdapterConfig:
    """How TFT reads the batches of `list_batch`."""
    arrow = {tf.float32: pa.float32(), tf.int64: pa.int64(), tf.string: pa.large_binary()}
    schema = schema_utils.schema_from_feature_spec(
        {name: tf.io.FixedLenFeature([], dtype) for name, dtype in dtypes.items()}
    )
    return tensor_adapter.TensorAdapterConfig(
        pa.schema([(name, pa.large_list(arrow[dtypes[name]])) for name in sorted(dtypes)]),
        dict(InferTensorRepresentationsFromSchema(schema)),
    )


def transform_manifest(spec: Spec, indexed: Sequence[IndexedFile]) -> Manifest:
    """The manifest of `transform/` before it is written: fingerprint and input files."""
    manifest = Manifest(step=STEP)
    for entry in indexed:
        manifest.inputs.add(path=entry.file.relative, size=entry.file.size, crc32c=entry.crc32c)
    inputs = "".join(
        f"{entry.file.relative}\t{entry.file.size}\t{entry.crc32c}\t{entry.file.split}\n" for entry in indexed
    )
    portable = portable_spec(spec)
    set_fingerprint(
        manifest,
        {
            "input files": inputs,
            "data part of the spec": spec_text(Spec(data=portable.data)),
            "features part of the spec": spec_text(Spec(features=portable.features)),
            "seed": str(spec.seed),
            "prebake's transform format": str(FORMAT_VERSION),
        },
    )
    return manifest


def portable_spec(spec: Spec) -> Spec:
    """The parts that the transform graph depends on, without where on a machine the files lie."""
    portable = Spec(
        format_version=spec.format_version, seed=spec.seed, data=spec.data, features=spec.features
    )
    portable.data.ClearField("files")
    # Which splits have patterns of their own still matters; the files themselves are in the manifest.
    for name in ("train", "valid", "test"):
        patterns = getattr(portable.data.split.files, name)
        if patterns:
            del patterns[:]
            patterns.append("*")
    return portable


def analyze(
    spec: Spec,
    indexed: Sequence[IndexedFile],
    run_dir: str,
    *,
    beam_args: Sequence[str] = (),
    replace: bool = False,
) -> bool:
    """Learns the statistics and publishes `transform/`.

    Args:
      spec: resolved.
      indexed: its files.
      run_dir: of the run.
      beam_args: Beam's own options.
      replace: a `transform/` made from something else is replaced.

    Returns:
      False if `transform/` was there already, made from the same.

    Raises:
      DataError: more bad rows than the spec allows, or a file changed while it was read.
      ArtifactError: `transform/` was made from something else.
    """
    directory = os.path.join(run_dir, STEP)
    manifest = transform_manifest(spec, indexed)
    if is_current(directory, manifest, replace=replace):
        return False
    with publish(directory, manifest, replace=replace) as temporary:
        with temporary_directory(run_dir, "analyze-scratch") as scratch:
            counts = _run(spec, indexed, scratch, beam_args)
            found = _read_found(scratch, analyzed_dtypes(spec))
        check_counts(counts, indexed, spec)
        counts.write(manifest)
        train_rows = sum(entry.train_rows for entry in manifest.inputs)
        if not train_rows:
            raise DataError(
                indexed[0].file.path, None, None, None, "no row falls into the training split: see data.split"
            )
        statistics = write_statistics(spec, found, train_rows, temporary)
        _write_graph(spec, statistics, manifest, temporary)
    return True


def _run(spec: Spec, indexed: Sequence[IndexedFile], scratch: str, beam_args: Sequence[str]) -> InputCounts:
    dtypes = analyzed_dtypes(spec)
    ranges = [one for entry in indexed for one in entry.ranges]
    pipeline = make_pipeline(beam_args)
    with tft_beam.Context(temp_dir=os.path.join(scratch, "tft")):
        read = pipeline | "ReadCsv" >> ReadCsv(ranges, spec.data)
        batches = read.blocks | "TrainingRows" >> beam.ParDo(TrainingColumns(spec, dtypes)).with_outputs(
            SPLIT_ROWS, main="batches"
        )
        # pa.RecordBatch
        transform_fn = (
            batches.batches,
            adapter_config(dtypes),
        ) | "Analyze" >> tft_beam.AnalyzeDataset(preprocessing_fn(spec))
        transform_fn | "WriteFound" >> tft_beam.WriteTransformFn(os.path.join(scratch, "found"))
        read[COUNTS] | "WriteCounts" >> WriteJson(os.path.join(scratch, "counts.json"))
        batches[SPLIT_ROWS] | "WriteSplits" >> WriteJson(os.path.join(scratch, "splits.json"))
        first = read[BAD_ROWS] | "FirstBad" >> beam.combiners.Top.Smallest(1, key=_place)
        first | "WriteFirstBad" >> WriteJson(os.path.join(scratch, "first_bad.json"))
        with progress_bar("analyze", sum(entry.records for entry in indexed)):
            run(pipeline)
    return InputCounts.from_json(
        read_json(os.path.join(scratch, "counts.json")),
        read_json(os.path.join(scratch, "splits.json")),
        [bad for group in read_json(os.path.join(scratch, "first_bad.json")) for bad in group],
    )


def _place(bad: dict) -> tuple[str, int]:
    return bad["file"], bad["row"]


def _read_found(scratch: str, dtypes: Mapping[str, tf.DType]) -> dict[str, bytes]:
    """Runs the graph that TFT wrote on one row: its outputs are the statistics, whatever the row."""
    output = tft.TFTransformOutput(os.path.join(scratch, "found"))
    row = {name: tf.zeros([1], dtype) for name, dtype in dtypes.items()}
    return {name: value.numpy()[0] for name, value in output.transform_raw_features(row).items()}


def _write_graph(spec: Spec, statistics: Statistics, manifest: Manifest, directory: str) -> None:
    with open(os.path.join(directory, "statistics.pb"), "wb") as file:
        file.write(statistics.SerializeToString(deterministic=True))
    with open(os.path.join(directory, "spec.pbtxt"), "w", encoding="utf-8") as file:
        file.write(spec_text(portable_spec(spec)))
    graph = TransformGraph(portable_spec(spec), statistics, read_vocabularies(directory, statistics))
    _check_classes(graph.label)
    save_graph(graph, os.path.join(directory, "graph"))
    manifest.features.extend(graph.features)
    manifest.label.CopyFrom(graph.label)


def _check_classes(label: LabelEntry) -> None:
    """What the kind of the label promises, now that the whole training split was seen."""
    classes = len(label.classes)
    if (label.kind == BINARY and classes != 2) or (label.kind == MULTICLASS and classes < 2):
        shown = ", ".join(f"'{name}'" for name in label.classes[:5]) + (", …" if classes > 5 else "")
        wanted = "exactly 2" if label.kind == BINARY else "at least 2"
        raise SpecError(
            "spec",
            None,
            "data.label",
            f"'{label.column}' has {classes} classes in the training split ({shown}), {wanted} are needed",
            "set data.label.kind to regression, binary or multiclass, or mend the data",
        )
