"""In: the raw rows kept beside the examples. Out: requests made of them, and the features that they must give.

The rows are read by Python's csv module, float() and int() alone: a gate that used prebake's own reader would not see its
faults.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import math
import os

import numpy as np
import tensorflow as tf

from ..schemas.errors import ArtifactError
from ..schemas.spec_pb2 import FLOAT, INT, ColumnType, Spec
from ..transforms.graph import TransformGraph
from ..transforms.serving_input import csv_columns
from .dataset import Examples, evaluation_batches
from .signatures import input_names

_INT_MISSING = -(2**63)
Cells = dict[str, str]


@dataclasses.dataclass
class ParitySample:
    """Raw rows of all splits.

    Attributes:
      rows: how many of each split.
      places: file:row of each.
      requests: by signature of predictions: a dict of raw columns by input name, or texts; [rows] each.
      features: of the training examples, by name, [rows] each.
    """

    rows: dict[str, int]
    places: list[str]
    requests: dict[str, dict[str, np.ndarray] | np.ndarray]
    features: dict[str, np.ndarray]


def read_sample(examples: Examples, graph: TransformGraph) -> ParitySample:
    """Reads the sample of every split that has rows.

    Raises:
      ArtifactError: no split has a sample, so that nothing could be proved.
    """
    places: list[str] = []
    cells: list[Cells] = []
    features: list[dict[str, np.ndarray]] = []
    rows = {}
    for split in examples.manifest.splits:
        if not (split.rows and split.sample):
            continue
        with open(os.path.join(examples.directory, split.sample), encoding="utf-8") as file:
            lines = [json.loads(line) for line in file]
        if not lines:
            continue
        rows[split.name] = len(lines)
        places += [f"{line['file']}:{line['row']}" for line in lines]
        cells += [_cells(line, graph.spec) for line in lines]
        features.append(_first_features(examples, split.name, len(lines)))
    if not cells:
        raise ArtifactError(
            examples.directory, "no sample of raw rows: parity cannot be proved; transform again"
        )
    return ParitySample(
        rows=rows,
        places=places,
        requests={
            "serving_default": _columns(cells, graph),
            "serving_examples": np.array([_example(row, graph) for row in cells], object),
            "serving_csv": np.array([_csv_line(row, graph.spec) for row in cells], object),
        },
        features={name: np.concatenate([part[name] for part in features]) for name in features[0]},
    )


def _cells(line: dict[str, str], spec: Spec) -> Cells:
    header = _split(line["header"], spec) if line["header"] else [column.name for column in spec.data.columns]
    return dict(zip(header, _split(line["record"], spec), strict=True))


def _split(text: str, spec: Spec) -> list[str]:
    csv.field_size_limit(2**31 - 1)
    dialect = spec.data.dialect
    file = io.StringIO(text, newline="")
    if dialect.quoting:
        return next(csv.reader(file, delimiter=dialect.delimiter))
    return next(csv.reader(file, delimiter=dialect.delimiter, quoting=csv.QUOTE_NONE))


def _first_features(examples: Examples, split: str, rows: int) -> dict[str, np.ndarray]:
    """Features of a split's first examples, by name, [rows] each."""
    for features, *_ in evaluation_batches(examples, split, batch_size=rows):
        return {name: value.numpy() for name, value in features.items()}
    raise ArtifactError(
        examples.directory, f"the {split} split has a sample but no examples: transform again"
    )


def _value(text: str, column_type: ColumnType, spec: Spec) -> float | int | bytes | None:
    """A cell's value, None if it is missing."""
    if text == "" or text in spec.data.dialect.null_tokens:
        return None
    if column_type == FLOAT:
        return float(text)
    return int(text) if column_type == INT else text.encode()


def _types(graph: TransformGraph) -> dict[str, ColumnType]:
    types = {column.name: column.type for column in graph.spec.data.columns}
    return {name: types[name] for name in graph.raw_spec}


def _columns(cells: list[Cells], graph: TransformGraph) -> dict[str, np.ndarray]:
    missing = {FLOAT: math.nan, INT: _INT_MISSING}
    dtypes = {FLOAT: np.float32, INT: np.int64}
    names = input_names(graph.raw_spec)
    columns = {}
    for name, column_type in _types(graph).items():
        values = [_value(row[name], column_type, graph.spec) for row in cells]
        filled = [missing.get(column_type, b"") if value is None else value for value in values]
        columns[names[name]] = np.array(filled, dtypes.get(column_type, object))
    return columns


def _example(row: Cells, graph: TransformGraph) -> bytes:
    example = tf.train.Example()
    for name, column_type in _types(graph).items():
        value = _value(row[name], column_type, graph.spec)
        if value is None:
            continue
        feature = example.features.feature[name]
        if column_type == FLOAT:
            feature.float_list.value.append(value)
        elif column_type == INT:
            feature.int64_list.value.append(value)
        else:
            feature.bytes_list.value.append(value)
    return example.SerializeToString()


def _csv_line(row: Cells, spec: Spec) -> bytes:
    dialect = spec.data.dialect
    line = io.StringIO(newline="")
    csv.writer(
        line,
        delimiter=dialect.delimiter,
        quoting=csv.QUOTE_MINIMAL if dialect.quoting else csv.QUOTE_NONE,
        quotechar='"' if dialect.quoting else None,
        lineterminator="",
    ).writerow([row[column.name] for column in csv_columns(spec)])
    return line.getvalue().encode()
