"""In: an exported model and raw rows, from a CSV file or from Python. Out: predictions, in the order of the rows."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tqdm
from google.protobuf import text_format

from ..schemas.commit import new_file
from ..schemas.compressed import open_stream
from ..schemas.csv_layout import HEAD_BYTES, read_layout
from ..schemas.csv_rows import read_block, whole_records
from ..schemas.errors import ArtifactError, DataError
from ..schemas.manifest import read_manifest
from ..schemas.spec_pb2 import IGNORE, Column, Data, Spec
from .export import SPEC_FILE, find_version
from .row_values import dtype_of_raw, from_arrow, from_python
from .signatures import input_names

Answers = dict[str, np.ndarray]
_BLOCK_BYTES = 1 << 20


class Predictor:
    """An exported model. Made by `load`.

    Attributes:
      directory: of the version that answers.
      columns: the raw columns that a row must have, in the spec's order.
    """

    def __init__(self, directory: str):
        self.directory = directory
        manifest = read_manifest(directory, "export")
        self._classes = list(manifest.label.classes)
        if not os.path.exists(os.path.join(directory, SPEC_FILE)):
            raise ArtifactError(
                directory,
                "takes the arrays of a data set of TensorFlow Datasets, not rows: call "
                "tf.saved_model.load(DIRECTORY).signatures['serving_default']",
            )
        with open(os.path.join(directory, SPEC_FILE), encoding="utf-8") as file:
            self._data = text_format.Parse(file.read(), Spec()).data
        self._model = tf.saved_model.load(directory)
        self._serve = self._model.signatures["serving_default"]
        wanted = self._serve.structured_input_signature[1]
        names = input_names(column.name for column in self._data.columns)
        self.columns = [column for column in self._data.columns if names[column.name] in wanted]
        self._names = {column.name: names[column.name] for column in self.columns}

    def predict(self, rows: str | os.PathLike[str] | Sequence[Mapping[str, Any]]) -> Answers:
        """Predicts.

        Args:
          rows: path of a CSV file with a header (label and columns that are not needed may be there or not), or rows as
            dicts by column name: numbers, texts, or None where a value is missing.

        Returns:
          One entry per row. Regression: "prediction" float32 [rows]. Binary: "probability" float32 [rows] of the second
          class, "class" str [rows]. Multiclass: "probabilities" float32 [rows, classes] in the order of the classes'
          ids, "class" str [rows].

        Raises:
          DataError: a column is missing, or a value is not of its column's type; names the first.
        """
        batches = (
            self._csv_batches(os.fspath(rows))
            if isinstance(rows, str | os.PathLike)
            else [self._columns(rows)]
        )
        parts = [self._answer(batch) for batch in batches]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def predict_csv(self, csv_path: str, out_path: str, *, progress: bool = True) -> int:
        """Predicts the rows of a CSV file into another, with one line for each row.

        Args:
          csv_path: as for `predict`.
          out_path: columns: prediction | class, probability | class, and one `probability <class>` for each class.
            Complete or, after an error, as it was.
          progress: shows a bar if stderr is a terminal.

        Returns:
          The number of rows.

        Raises:
          DataError: as for `predict`.
          ArtifactError: `out_path` cannot be written.
        """
        rows = 0
        bar = tqdm.tqdm(desc="predict", unit="row", unit_scale=True, disable=None if progress else True)
        with bar, new_file(out_path) as draft, open(draft, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            for number, batch in enumerate(self._csv_batches(csv_path)):
                columns = self._flat(self._answer(batch))
                if number == 0:
                    writer.writerow(columns)
                writer.writerows(zip(*columns.values(), strict=True))
                count = len(next(iter(columns.values())))
                rows += count
                bar.update(count)
        return rows

    def _flat(self, answer: Answers) -> Answers:
        """One column each, the class first."""
        columns: Answers = {
            name: answer[name] for name in ("class", "prediction", "probability") if name in answer
        }
        if "probabilities" in answer:
            for number, name in enumerate(self._classes):
                columns[f"probability {name}"] = answer["probabilities"][:, number]
        return columns

    def _answer(self, batch: dict[str, np.ndarray]) -> Answers:
        found = self._serve(**{self._names[name]: tf.constant(column) for name, column in batch.items()})
        answer = {name: value.numpy() for name, value in found.items()}
        if "class" in answer:
            answer["class"] = np.array([name.decode() for name in answer["class"]], dtype=np.str_)
        return answer

    def _csv_batches(self, path: str) -> Iterator[dict[str, np.ndarray]]:
        """Raw columns by name, one batch a block of the file; one empty batch if there are no rows."""
        needed = {column.name for column in self.columns}
        data = Data()
        data.CopyFrom(self._data)
        data.ignore_undeclared = True
        optional = [column.name for column in data.columns if column.name not in needed]
        for column in data.columns:
            if column.name in optional:
                column.type = IGNORE  # a label that cannot be read must not stop a prediction
        try:
            raw = open(path, "rb")  # noqa: SIM115 -- closed by the with statement below
        except OSError as error:
            raise DataError(path, None, None, None, f"cannot be read: {error.strerror}") from None
        with raw:
            stream = open_stream(raw, path, data.dialect.compression)
            head = stream.read(HEAD_BYTES)
            layout = read_layout(head, path, data, optional)
            raw.seek(0)
            stream = open_stream(raw, path, data.dialect.compression)
            stream.read(layout.skip_bytes)
            empty = True
            for block, first_row in whole_records(stream, _BLOCK_BYTES, layout.first_row, layout, path):
                read = read_block(block, first_row, layout, path)
                if read.errors:
                    raise read.errors[0]
                if read.batch.num_rows:
                    empty = False
                    yield {
                        column.name: from_arrow(read.batch.column(column.name), column, path)
                        for column in self.columns
                    }
            if empty:
                yield self._columns([])

    def _columns(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, np.ndarray]:
        """Raw columns of rows given in Python."""
        columns = {}
        for column in self.columns:
            values = [self._value(row, number + 1, column) for number, row in enumerate(rows)]
            columns[column.name] = np.array(values, dtype_of_raw(column))
        return columns

    def _value(self, row: Mapping[str, Any], number: int, column: Column) -> float | int | bytes:
        if column.name not in row:
            raise DataError(
                "rows", number, column.name, None, "the row lacks this column; use None if it is missing"
            )
        value = row[column.name]
        try:
            return from_python(value, column, self._data.dialect.null_tokens)
        except ValueError as error:
            shown = None if value is None or value != value else str(value)
            raise DataError("rows", number, column.name, shown or None, str(error)) from None


def load(path: str | os.PathLike[str]) -> Predictor:
    """Loads an exported model.

    Args:
      path: of a run directory (its latest version), of `export/saved_model`, or of a version, wherever it was moved to.

    Raises:
      ArtifactError: there is none, or a file is missing or altered.
    """
    return Predictor(find_version(os.fspath(path)))


def predict_csv(path: str, csv_path: str, out_path: str, *, progress: bool = True) -> int:
    """`load(path).predict_csv(csv_path, out_path)`."""
    return load(path).predict_csv(csv_path, out_path, progress=progress)
