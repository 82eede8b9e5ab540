"""In: a run and one raw row. Out: what each feature makes of the row, step by step, as the run's own graph computes it."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from typing import BinaryIO, NamedTuple

import numpy as np
import pyarrow as pa

from .pipelines.range_reader import read_whole
from .schemas.cell_reasons import unequal_weights
from .schemas.compressed import open_stream
from .schemas.csv_file import CsvFile
from .schemas.csv_layout import HEAD_BYTES, Layout, read_layout
from .schemas.csv_record import BadRecord, split_record
from .schemas.csv_rows import read_block, whole_records
from .schemas.errors import DataError
from .schemas.labels import label_columns
from .schemas.raw_columns import raw_column, read_files, unequal_lists
from .schemas.spec import all_patterns, pattern_root, relative_path
from .schemas.spec_pb2 import COMPRESSION_NONE, FILE, Column, Data, Spec
from .training.describe_encoding import describe_encoding
from .transforms.explain import explain_row
from .transforms.graph import TransformGraph, load_graph
from .transforms.refuse import RefusedRowError

_BLOCK_BYTES = 1 << 20
# How errors call the row of --row.
_GIVEN = "--row"


class _Row(NamedTuple):
    """Values: arrays [1] by column; cells: their text."""

    values: dict[str, np.ndarray]
    cells: dict[str, str]


def explain(run_dir: str, spec: Spec, *, csv: str = "", row: str = "") -> str:
    """The text that `prebake explain` prints.

    Args:
      run_dir: has `transform/`, whose own spec says how the row is read and what becomes of it.
      spec: resolved; where its features are others than the run's, the text says so.
      csv: FILE:ROW, ROW as errors count it: the header is row 1.
      row: or one record, its fields as the spec lists the columns; labels and weight may be left out.

    Raises:
      DataError: there is no such row, or it cannot be read.
      ArtifactError: there is no `transform/`.
    """
    graph = load_graph(os.path.join(run_dir, "transform"))
    # `transform/` does not know where the files lie.
    root = pattern_root(all_patterns(spec.data))
    found = _row_of_file(csv, root, graph) if csv else _given_row(row, root, graph)
    lines = [] if _same_features(spec, graph.spec) else [f"note: {run_dir} has other features than the spec"]
    try:
        for feature in explain_row(graph, found.values, found.cells):
            lines.append(feature.name)
            lines += [f"  {stage:<12} {text}".rstrip() for stage, text in feature.stages]
            if feature.output is not None and feature.value is not None:
                lines.append(f"  {'encoded':<12} {describe_encoding(feature.output, feature.value)}")
            elif feature.name in {one.name for one in graph.spec.features}:
                lines.append(f"  {'encoded':<12} not at all: only an ingredient of crosses")
    except RefusedRowError as error:
        raise DataError(csv or _GIVEN, None, None, None, str(error)) from None
    return "\n".join(lines)


def _same_features(asked: Spec, found: Spec) -> bool:
    """Files are left out: a run keeps their names alone."""
    texts = []
    for spec in (asked, found):
        copy = Spec(features=spec.features)
        for feature in copy.features:
            for kind in ("vocabulary", "word_vectors"):
                if feature.HasField(kind):
                    getattr(feature, kind).file = os.path.basename(getattr(feature, kind).file)
        texts.append(copy.SerializeToString(deterministic=True))
    return texts[0] == texts[1]


def _row_of_file(csv: str, root: str, graph: TransformGraph) -> _Row:
    path, _, number = csv.rpartition(":")
    if not path or not number.isdecimal():
        raise DataError(csv, None, None, None, "is not FILE:ROW, e.g. data/a.csv:17")
    absolute = os.path.abspath(path)
    relative = relative_path(absolute, root)
    # Files that a cell names lie below the folder that the patterns share, or else beside the CSV file.
    below = relative if relative != absolute else os.path.basename(path)
    try:
        raw = open(path, "rb")  # noqa: SIM115 -- closed by the with statement below
    except OSError as error:
        raise DataError(path, None, None, None, f"cannot be read: {error.strerror}") from None
    with raw:
        return _read(raw, path, int(number), CsvFile(absolute, below, 0, None), graph, graph.spec.data)


def _given_row(row: str, root: str, graph: TransformGraph) -> _Row:
    data = Data()
    data.CopyFrom(graph.spec.data)
    dialect = data.dialect
    names = [column.name for column in data.columns]
    features = [name for name in names if name not in (*label_columns(data), data.weight)]
    try:
        count = len(split_record(row.encode(errors="surrogateescape"), dialect.delimiter, dialect.quoting))
    except BadRecord as error:
        raise DataError(_GIVEN, None, None, None, error.reason) from None
    given = next((some for some in (names, features) if len(some) == count), None)
    if given is None or ("\n" in row and not dialect.quoting):
        labels = "labels" if data.more_labels else "label"
        less = f" ({len(features)} without {f'{labels} and weight' if data.weight else f'the {labels}'})"
        listed = dialect.delimiter.join(names)
        reason = f"has {count} fields, {len(names)}{less} are needed: {listed}"
        raise DataError(_GIVEN, None, None, None, reason)
    kept = [column for column in data.columns if column.name in given]
    del data.columns[:]
    data.columns.extend(kept)
    dialect.header, dialect.compression = False, COMPRESSION_NONE
    stream = io.BytesIO(row.encode(errors="surrogateescape") + b"\n")
    try:
        return _read(stream, _GIVEN, 1, CsvFile(os.path.join(root, _GIVEN), _GIVEN, 0, None), graph, data)
    except DataError as error:
        raise DataError(_GIVEN, None, error.column, error.value, error.reason) from None


def _read(
    raw: BinaryIO, path: str, number: int, file: CsvFile, graph: TransformGraph, declared: Data
) -> _Row:
    data = Data()
    data.CopyFrom(declared)
    data.ignore_undeclared = True
    optional = [column.name for column in data.columns if column.name not in graph.raw_spec]
    head = open_stream(raw, path, data.dialect.compression).read(HEAD_BYTES)
    layout = read_layout(head, path, data, optional)
    raw.seek(0)
    stream = open_stream(raw, path, data.dialect.compression)
    stream.read(layout.skip_bytes)
    for block, first_row, ends in whole_records(stream, _BLOCK_BYTES, layout.first_row, layout, path):
        read = read_block(block, first_row, layout, path, ends)
        for fault in read.errors:
            if fault.row == number:
                raise fault
        (places,) = np.nonzero(read.rows == number)
        if len(places):
            place = int(places[0])
            cells = split_record(read.raw(place), layout.delimiter, layout.quoting)
            by_name = {column.name: cells[column.position].decode() for column in layout.columns}
            return _Row(_values(read.batch.slice(place, 1), path, number, file, graph, layout), by_name)
    raise DataError(path, number, None, None, "there is no such row")


def _values(
    batch: pa.RecordBatch, path: str, number: int, file: CsvFile, graph: TransformGraph, layout: Layout
) -> dict[str, np.ndarray]:
    """What the graph takes; a row that the transform would set aside is refused as there."""
    spec = graph.spec
    columns: Mapping[str, Column] = {column.name: column for column in spec.data.columns}
    for feature in spec.features:
        weights = feature.value_weights
        if weights and len(unequal_lists(batch, columns[feature.column], columns[weights])):
            raise DataError(path, number, weights, None, unequal_weights(feature.column))
    values = {}
    for name in [*graph.raw_spec, *{*layout.labels, layout.weight} - {"", *graph.raw_spec}]:
        values[name] = raw_column(batch, columns[name])
        if columns[name].type == FILE:
            cell = values[name][0].decode()
            values[name], faults = read_files(values[name], file, read_whole)
            for _, reason in faults:
                raise DataError(path, number, name, cell, reason)
    return values
