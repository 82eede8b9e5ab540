"""In: the raw rows kept beside the examples. Out: requests made of them, and the features that they must give.

The rows are read by Python's csv module, float() and int() alone: a gate that used prebake's own reader would not see its
faults.
"""

from __future__ import annotations

import base64
import csv
import dataclasses
import datetime
import io
import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from ..schemas.errors import ArtifactError
from ..schemas.spec_pb2 import BASE64, FILE, FLOAT, STRING, TIME, Column, Spec
from ..transforms.graph import TransformGraph
from ..transforms.serving_input import csv_columns
from .dataset import Examples, evaluation_batches
from .signatures import inputs_of

_INT_MISSING = -(2**63)
_TIME_PARTS = {"Y": "[0-9]{4}", "f": "[0-9]+", "z": "Z|[+-][0-9]{2}:?[0-9]{2}"} | dict.fromkeys(
    "mdHMS", "[0-9]{2}"
)
Cells = dict[str, str]


@dataclasses.dataclass
class ParitySample:
    """Raw rows of all splits.

    Attributes:
      rows: how many of each split.
      places: file:row of each.
      requests: by signature of predictions: a dict of raw columns by input name, or texts; [rows] each.
      features: of the training examples, by name, [rows, …] each.
      folds: int64 [rows], which the out-of-fold features of the examples were learnt without; -1: of no fold.
    """

    rows: dict[str, int]
    places: list[str]
    requests: dict[str, dict[str, np.ndarray] | np.ndarray]
    features: dict[str, np.ndarray]
    folds: np.ndarray


def read_sample(examples: Examples, graph: TransformGraph) -> ParitySample:
    """Reads the sample of every split that has rows.

    Raises:
      ArtifactError: no split has a sample, so that nothing could be proved.
    """
    places: list[str] = []
    cells: list[Cells] = []
    features: list[dict[str, np.ndarray]] = []
    folds: list[int] = []
    rows = {}
    for split in examples.manifest.splits:
        lines = examples.raw_rows(split.name)
        if not lines:
            continue
        rows[split.name] = len(lines)
        places += [f"{line['file']}:{line['row']}" for line in lines]
        cells += [_cells(line, graph.spec) for line in lines]
        folds += [line.get("fold", -1) for line in lines]
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
        features={name: join_padded([part[name] for part in features]) for name in features[0]},
        folds=np.array(folds, np.int64),
    )


def join_padded(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Batches of lists [rows, longest, …] one after the other, padded to the longest of all; float32 or int64."""
    shape = np.max([part.shape[1:] for part in parts], axis=0).astype(int) if parts[0].ndim > 1 else ()
    padding = np.nan if parts[0].dtype == np.float32 else -1
    padded = []
    for part in parts:
        widths = [(0, 0), *((0, wanted - found) for wanted, found in zip(shape, part.shape[1:], strict=True))]
        padded.append(np.pad(part, widths, constant_values=padding) if any(map(sum, widths)) else part)
    return np.concatenate(padded)


def _cells(line: dict[str, Any], spec: Spec) -> Cells:
    header = _split(line["header"], spec) if line["header"] else [column.name for column in spec.data.columns]
    cells = dict(zip(header, _split(line["record"], spec), strict=True))
    # A request carries the file, not its path.
    return cells | line.get("files", {})


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


def _value(text: str, column: Column, spec: Spec) -> float | int | bytes | None:
    """A cell's value, None if it is missing."""
    if text == "" or text in spec.data.dialect.null_tokens:
        return None
    if column.separators or column.type == STRING:
        return text.encode()
    if column.type in (FILE, BASE64):
        return base64.b64decode(text)
    if column.type == TIME:
        return _seconds(text, column.format)
    return float(text) if column.type == FLOAT else int(text)


def _seconds(text: str, time_format: str) -> int:
    if time_format in ("seconds", "milliseconds"):
        return int(text) // (1 if time_format == "seconds" else 1000)
    pattern = "".join(
        f"(?P<{part[1]}>{_TIME_PARTS[part[1]]})" if part.startswith("%") else re.escape(part)
        for part in re.split("(%.)", time_format)
    )
    found = re.fullmatch(pattern, text)
    assert found, f"{text!r} is not a time like {time_format}"
    parts = {"H": "0", "M": "0", "S": "0", "z": "Z"} | found.groupdict()
    year, month, day, hour, minute, second = (int(parts[part]) for part in "YmdHMS")
    since = datetime.datetime(year, month, day, hour, minute, second) - datetime.datetime(1970, 1, 1)
    return since.days * 86400 + since.seconds - _offset(parts["z"])


def _offset(zone: str) -> int:
    """Seconds ahead of UTC of e.g. `Z`, `+0530` or `-08:00`."""
    if zone == "Z":
        return 0
    ahead = int(zone[1:3]) * 3600 + int(zone[-2:]) * 60
    return -ahead if zone[0] == "-" else ahead


def _raw_columns(graph: TransformGraph) -> list[Column]:
    return [column for column in graph.spec.data.columns if column.name in graph.raw_spec]


def _columns(cells: list[Cells], graph: TransformGraph) -> dict[str, np.ndarray]:
    names = inputs_of(graph)
    columns = {}
    for column in _raw_columns(graph):
        dtype = graph.raw_spec[column.name].dtype
        values = [_value(row[column.name], column, graph.spec) for row in cells]
        missing = {tf.float32: math.nan, tf.int64: _INT_MISSING}.get(dtype, b"")
        filled = [missing if value is None else value for value in values]
        columns[names[column.name]] = np.array(filled, object if dtype == tf.string else dtype.as_numpy_dtype)
    return columns


def _example(row: Cells, graph: TransformGraph) -> bytes:
    example = tf.train.Example()
    for column in _raw_columns(graph):
        value = _value(row[column.name], column, graph.spec)
        if value is None:
            continue
        feature = example.features.feature[column.name]
        if isinstance(value, float):
            feature.float_list.value.append(value)
        elif isinstance(value, int):
            feature.int64_list.value.append(value)
        else:
            feature.bytes_list.value.append(value)
    return example.SerializeToString()


def _csv_line(row: Cells, spec: Spec) -> bytes:
    dialect = spec.data.dialect
    # A cell is quoted for a character of the line's end, and a cell may hold one.
    end = "\r\n" if dialect.quoting else ""
    line = io.StringIO(newline="")
    csv.writer(
        line,
        delimiter=dialect.delimiter,
        quoting=csv.QUOTE_MINIMAL if dialect.quoting else csv.QUOTE_NONE,
        quotechar='"' if dialect.quoting else None,
        lineterminator=end,
    ).writerow([row[column.name] for column in csv_columns(spec)])
    return line.getvalue().removesuffix(end).encode()
