"""In: a run and one raw row. Out: what each feature makes of the row, step by step, as the run's own graph computes it."""

from __future__ import annotations

import os
import tempfile

import numpy as np

from .pipelines.columns import raw_column, read_files
from .pipelines.find_files import CsvFile
from .schemas.compressed import open_stream
from .schemas.csv_layout import HEAD_BYTES, read_layout
from .schemas.csv_record import split_record
from .schemas.csv_rows import read_block, whole_records
from .schemas.errors import DataError
from .schemas.spec_pb2 import FILE, Data, Spec
from .training.describe_encoding import describe_encoding
from .transforms.explain import explain_row
from .transforms.graph import TransformGraph, load_graph

_BLOCK_BYTES = 1 << 20


def explain(run_dir: str, spec: Spec, *, csv: str = "", row: str = "") -> str:
    """The text that `prebake explain` prints.

    Args:
      run_dir: has `transform/`.
      spec: resolved.
      csv: FILE:ROW, ROW as errors count it: the header is row 1.
      row: or one record, its fields as the spec lists the columns; label and weight may be left out.

    Raises:
      DataError: there is no such row, or it cannot be read.
      ArtifactError: there is no `transform/`.
    """
    graph = load_graph(os.path.join(run_dir, "transform"))
    path, number = _split(csv) if csv else ("", 0)
    with tempfile.TemporaryDirectory() as folder:
        if not path:
            path, number = _write_row(row, spec, folder)
        raw = _read_row(path, number, spec, graph)
    lines = []
    for feature in explain_row(graph, raw):
        lines.append(feature.output.name)
        lines += [f"  {stage:<12} {text}" for stage, text in feature.stages]
        lines.append(f"  {'encoded':<12} {describe_encoding(feature.output, feature.value)}")
    return "\n".join(lines)


def _split(csv: str) -> tuple[str, int]:
    path, _, number = csv.rpartition(":")
    if not path or not number.isdecimal():
        raise DataError(csv, None, None, None, "is not FILE:ROW, e.g. data/a.csv:17")
    return path, int(number)


def _write_row(row: str, spec: Spec, folder: str) -> tuple[str, int]:
    """A file with a header and the row."""
    data = spec.data
    names = [column.name for column in data.columns]
    cells = split_record(row.encode(), data.dialect.delimiter, data.dialect.quoting)
    if len(cells) != len(names):
        names = [name for name in names if name not in (data.label.column, data.weight)]
    if len(cells) != len(names):
        listed = data.dialect.delimiter.join(names)
        raise DataError(
            "--row", None, None, None, f"has {len(cells)} fields, {len(names)} are needed: {listed}"
        )
    path = os.path.join(folder, "row.csv")
    with open(path, "w", encoding="utf-8", newline="") as file:
        quoted = ['"' + name.replace('"', '""') + '"' for name in names]
        file.write(data.dialect.delimiter.join(quoted if data.dialect.quoting else names) + "\n" + row + "\n")
    return path, 2


def _read_row(path: str, number: int, spec: Spec, graph: TransformGraph) -> dict[str, np.ndarray]:
    data = Data()
    data.CopyFrom(spec.data)
    data.ignore_undeclared = True
    if path.endswith("row.csv"):
        data.dialect.header = True
    needed = set(graph.raw_spec)
    optional = [column.name for column in data.columns if column.name not in needed]
    columns = {column.name: column for column in data.columns}
    try:
        raw = open(path, "rb")  # noqa: SIM115 -- closed by the with statement below
    except OSError as error:
        raise DataError(path, None, None, None, f"cannot be read: {error.strerror}") from None
    with raw:
        head = open_stream(raw, path, data.dialect.compression).read(HEAD_BYTES)
        layout = read_layout(head, path, data, optional)
        raw.seek(0)
        stream = open_stream(raw, path, data.dialect.compression)
        stream.read(layout.skip_bytes)
        for block, first_row in whole_records(stream, _BLOCK_BYTES, layout.first_row, layout, path):
            read = read_block(block, first_row, layout, path)
            for fault in read.errors:
                if fault.row == number:
                    raise fault
            places = np.flatnonzero(read.rows == number)
            if len(places):
                chosen = read.batch.slice(int(places[0]), 1)
                return {name: _value(chosen, columns[name], path) for name in graph.raw_spec}
    raise DataError(path, number, None, None, "there is no such row")


def _value(batch, column, path: str) -> np.ndarray:
    value = raw_column(batch, column)
    if column.type != FILE:
        return value
    file = CsvFile(path=path, relative=os.path.basename(path), size=0, split=None)
    contents, faults = read_files(value, file)
    for _, reason in faults:
        raise DataError(path, None, column.name, value[0].decode(), reason)
    return contents
