"""In: an exported model and raw rows, from a CSV file or from Python. Out: predictions, in the order of the rows."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
import tqdm
from google.protobuf import text_format

from ..schemas.commit import new_file
from ..schemas.errors import ArtifactError, DataError
from ..schemas.labels import label_entries, prefix_of
from ..schemas.manifest import read_manifest
from ..schemas.spec_pb2 import Spec
from ..transforms.refuse import refusal
from .export import SPEC_FILE, find_version
from .monte_carlo import QUANTILES
from .raw_rows import RowBatch, read_csv, read_python
from .signatures import SAMPLES, input_names

Answers = dict[str, np.ndarray]


class Predicted(NamedTuple):
    """What became of a file's rows.

    Attributes:
      rows: how many there are.
      bad: how many of them are marked as bad.
      absent: optional columns that the file lacks: missing in every row.
    """

    rows: int
    bad: int
    absent: list[str]


class Predictor:
    """An exported model. Made by `load`.

    Attributes:
      directory: of the version that answers.
      columns: the raw columns that it reads, in the spec's order.
      marks: whether bad rows are marked; else the first one is an error.
      samples: how many it answers with; 0: none.
    """

    def __init__(self, directory: str):
        self.directory = directory
        manifest = read_manifest(directory, "export")
        self._labels = label_entries(manifest)
        if not os.path.exists(os.path.join(directory, SPEC_FILE)):
            raise ArtifactError(
                directory,
                "takes the arrays of a data set of TensorFlow Datasets, not rows: call "
                "tf.saved_model.load(DIRECTORY).signatures['serving_default']",
            )
        with open(os.path.join(directory, SPEC_FILE), encoding="utf-8") as file:
            spec = text_format.Parse(file.read(), Spec())
        self._data, self.samples = spec.data, spec.export.samples
        self._model = tf.saved_model.load(directory)
        self._serve = self._model.signatures["serving_default"]
        wanted = self._serve.structured_input_signature[1]
        names = input_names(column.name for column in self._data.columns)
        self.columns = [column for column in self._data.columns if names[column.name] in wanted]
        self._names = {column.name: names[column.name] for column in self.columns}
        self.marks = "error" in self._serve.structured_outputs

    def predict(
        self, rows: str | os.PathLike[str] | Sequence[Mapping[str, Any]], *, samples: int = 0
    ) -> Answers:
        """Predicts.

        Args:
          rows: path of a CSV file with a header (label and columns that are not needed may be there or not), or rows as
            dicts by column name: numbers, texts, or None where a value is missing. An optional column that is not there is
            missing.
          samples: of the model; 0: its answer alone.

        Returns:
          One entry per row. Regression: "prediction" float32 [rows]. Binary: "probability" float32 [rows] of the second
          class, "class" str [rows]. Multiclass: "probabilities" float32 [rows, classes] in the order of the classes'
          ids, "class" str [rows]. Of a model that marks bad rows also "error" str [rows], "" of good rows; in the others
          numbers are NaN and the class is "". With samples: as `describe_samples` says. Of a further label the same,
          with its name before: "<name>_prediction".

        Raises:
          DataError: a required column is missing, or a value is not one that the column may have; names the first.
          ArtifactError: the model was exported without samples, or with another number of them.
        """
        serve = self._signature(samples)
        if isinstance(rows, str | os.PathLike):
            found = read_csv(os.fspath(rows), self._data, self.columns, self.marks)
            batches, path = found.batches, found.path
        else:
            batches, path = iter([read_python(rows, self._data, self.columns, self.marks)]), "rows"
        parts = [self._answer(batch, path, serve) for batch in batches]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def predict_csv(
        self, csv_path: str, out_path: str, *, samples: int = 0, progress: bool = True
    ) -> Predicted:
        """Predicts the rows of a CSV file into another, with one line for each row.

        Args:
          csv_path: as for `predict`.
          out_path: columns: prediction | class, probability | class, and one `probability <class>` for each class; `error`
            behind them, of a model that marks bad rows. Complete or, after an error, as it was. With samples: mean,
            deviation and one `quantile …` each | class, probability, deviation, entropy | class, one `probability <class>`
            and one `deviation <class>` for each class, entropy. Behind them the same of each further label, as
            `<name>_prediction`.
          samples: as for `predict`.
          progress: shows a bar if stderr is a terminal.

        Raises:
          DataError: as for `predict`.
          ArtifactError: as for `predict`, or `out_path` cannot be written.
        """
        serve = self._signature(samples)
        rows, bad = 0, 0
        source = read_csv(csv_path, self._data, self.columns, self.marks)
        bar = tqdm.tqdm(desc="predict", unit="row", unit_scale=True, disable=None if progress else True)
        with bar, new_file(out_path) as draft, open(draft, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            for number, batch in enumerate(source.batches):
                columns = self._flat(self._answer(batch, csv_path, serve))
                if number == 0:
                    writer.writerow(columns)
                writer.writerows(zip(*columns.values(), strict=True))
                count = len(next(iter(columns.values())))
                rows += count
                bad += int((columns["error"] != "").sum()) if self.marks else 0
                bar.update(count)
        return Predicted(rows, bad, source.absent)

    def _flat(self, answer: Answers) -> Answers:
        """One column each, label by label, the error last."""
        columns: Answers = {}
        for label in self._labels:
            prefix = prefix_of(label)
            mine = {name.removeprefix(prefix): x for name, x in answer.items() if name.startswith(prefix)}
            columns |= {f"{prefix}{name}": x for name, x in _flat_label(mine, label.classes).items()}
        return columns | ({"error": answer["error"]} if self.marks else {})

    def _signature(self, samples: int) -> Callable[..., Mapping[str, tf.Tensor]]:
        if not samples:
            return self._serve
        again = f"set export.samples: {samples} and run `prebake export` again"
        if not self.samples:
            raise ArtifactError(self.directory, f"was exported without samples: {again}")
        if samples != self.samples:
            raise ArtifactError(
                self.directory,
                f"answers with {self.samples} samples, not {samples}: ask for {self.samples}, or {again}",
            )
        return self._model.signatures[SAMPLES["serving_default"]]

    def _answer(self, batch: RowBatch, path: str, serve: Callable[..., Mapping[str, tf.Tensor]]) -> Answers:
        """Of all rows of the batch in their order, those that were not read among them."""
        inputs = {self._names[name]: tf.constant(column) for name, column in batch.columns.items()}
        try:
            found = serve(**inputs)
        except tf.errors.InvalidArgumentError as error:
            raise _refused(refusal(error), path, batch.numbers) from None
        answer = {name: value.numpy() for name, value in found.items()}
        texts = [name for name, values in answer.items() if values.dtype == object]
        for name in texts:
            answer[name] = np.array([text.decode() for text in answer[name]], np.object_)
        if batch.faults:
            answer = _with_faults(answer, batch)
        return answer | {name: answer[name].astype(np.str_) for name in texts}


def _flat_label(answer: Answers, classes: Sequence[str]) -> Answers:
    """What is answered for a label as one column each, the class first."""
    columns: Answers = {
        name: answer[name] for name in ("class", "prediction", "mean", "probability") if name in answer
    }
    wide = {"probabilities": "probability", "deviations": "deviation"}
    for many, one in wide.items():
        if many in answer:
            for number, name in enumerate(classes):
                columns[f"{one} {name}"] = answer[many][:, number]
    columns |= {name: answer[name] for name in ("deviation", "entropy") if name in answer}
    if "quantiles" in answer:
        for number, share in enumerate(QUANTILES):
            columns[f"quantile {share:g}"] = answer["quantiles"][:, number]
    return columns


def _with_faults(answer: Answers, batch: RowBatch) -> Answers:
    numbers = np.concatenate([batch.numbers, [number for number, _ in batch.faults]])
    order = np.argsort(numbers, kind="stable")
    joined = {}
    for name, values in answer.items():
        blank = np.full(
            (len(batch.faults), *values.shape[1:]), "" if values.dtype == object else np.nan, values.dtype
        )
        if name == "error":
            blank[:] = [_text_of(error) for _, error in batch.faults]
        joined[name] = np.concatenate([values, blank])[order]
    return joined


def _text_of(error: DataError) -> str:
    """As the model itself tells of a bad row."""
    place = f"column '{error.column}'" if error.column is not None else ""
    return str(DataError(place, None, None, error.value, error.reason)).strip()


def _refused(text: str, path: str, numbers: np.ndarray) -> DataError:
    """The error of the first bad row that the model tells of, by its number in the file."""
    found = re.match(r"row (\d+): (.*?)(; row \d+: |; and \d+ more rows|$)", text, re.DOTALL)
    if not found:
        return DataError(path, None, None, None, text)
    return DataError(path, int(numbers[int(found[1]) - 1]), None, None, found[2])


def load(path: str | os.PathLike[str]) -> Predictor:
    """Loads an exported model.

    Args:
      path: of a run directory (its latest version), of `export/saved_model`, or of a version, wherever it was moved to.

    Raises:
      ArtifactError: there is none, or a file is missing or altered.
    """
    return Predictor(find_version(os.fspath(path)))


def predict_csv(
    path: str, csv_path: str, out_path: str, *, samples: int = 0, progress: bool = True
) -> Predicted:
    """`load(path).predict_csv(csv_path, out_path)`."""
    return load(path).predict_csv(csv_path, out_path, samples=samples, progress=progress)
