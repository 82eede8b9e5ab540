"""In: docs/features/*.yaml. Out: the worked examples in them, and what a real analysis and its graph make of their rows.

Examples of one run share its spec, its CSV files and its analysis, so no two of them may name a column or a feature alike.
Rows 1 to 5 are the training split; row 6 is of the test split.
"""

from __future__ import annotations

import base64
import csv
import glob
import os
import tempfile
from collections.abc import Iterable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import yaml
from prebake.pipelines.preprocess import load, preprocess
from prebake.schemas import identity
from prebake.schemas.spec_pb2 import FILE, REGRESSION
from prebake.training.input_layer import encode_inputs, feature_inputs
from prebake.transforms.graph import load_graph
from prebake.transforms.serving_input import RequestReader

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "features")
ROWS, TRAINING_ROWS = 6, 5
_TRAIN, _TEST = "train.csv", "later.csv"
_KEYS: dict[str, Any] = {
    "run": "main", "columns": "", "features": "", "label": "", "weight": "", "spec": "", "files": {}, "raw": {},
    "gives": {}, "training": {}, "encoded": {}, "shows": {}, "text": "", "note": "",
}  # fmt: skip


class Example:
    """One small spec with its rows; every scalar is text.

    Args:
      of: name of the section that it is in.
      content: YAML; its keys become attributes.

    Attributes:
      run: examples with the same one are analyzed together.
      columns, features: lines of the spec, below `columns:` and `features:`.
      label, weight: of the spec's data.
      spec: more lines of the spec.
      files: contents by name; in base64 unless the name ends in .txt or .py.
      raw: cells of all rows by column.
      gives: what each row must become, by feature (or label), as the examples store it; worked by hand.
      training: the same of rows 1 to 5 as training examples hold it, where that differs.
      encoded: the same as the model's first hidden layer is given it.
      shows: what was learnt that the page tells, by feature.
      text, note: of the page, before and after the rows.

    Raises:
      ValueError: a key is unknown, or a column has not one cell a row.
    """

    def __init__(self, of: str, content: Mapping[str, Any]):
        self.of = of
        unknown = sorted(set(content) - set(_KEYS))
        if unknown:
            raise ValueError(f"{of}: an example has no key {', '.join(unknown)}")
        for key, default in _KEYS.items():
            setattr(self, key, content.get(key, default))
        for name, cells in self.raw.items():
            if len(cells) != ROWS:
                raise ValueError(f"{of}: the column {name} has {len(cells)} cells, not {ROWS}")


class Run:
    """The analysis of some examples, and what its graph makes of their rows.

    Args:
      examples: of one run; one of them names the label.
      folder: for its files; must not exist.

    Attributes:
      graph: as a server would load it.
      stored, training, encoded: by feature (or label), one number or nested list a row, without padding.
    """

    def __init__(self, examples: list[Example], folder: str):
        _write(examples, folder)
        spec = load(os.path.join(folder, "spec.yaml"))
        preprocess(spec, os.path.join(folder, "run"), steps=["analyze"], code=spec.preprocessing_fn)
        self.graph = load_graph(os.path.join(folder, "run", "transform"))
        cells = _cells(examples, folder, {column.name: column.type for column in spec.data.columns})
        raw, _ = RequestReader(self.graph).read_cells(cells)
        found = self.graph.apply(raw)
        self.stored = self._rows(found)
        self.stored[spec.data.label.column] = self._labels(cells[spec.data.label.column])
        self.training = {}
        if any(example.training for example in examples):
            rows = self._rows(self.graph.apply(raw, tf.constant(fold_hashes(spec.seed))))
            self.training = {name: values[:TRAINING_ROWS] for name, values in rows.items()}
        self.encoded = {name: self._encode(name, found) for one in examples for name in one.encoded}

    def _rows(self, found: Mapping[str, tf.Tensor]) -> dict[str, list]:
        rows = {}
        for output in self.graph.features:
            values = found[output.name].numpy().tolist()
            if any(size < 0 for size in output.shape):
                values = [_without_padding(row) for row in values]
            rows[output.name] = values
        return rows

    def _labels(self, cells: tf.Tensor) -> list:
        kind = self.graph.label.kind
        raw = tf.strings.to_number(cells) if kind == REGRESSION else cells
        return self.graph.apply_label(raw).numpy().tolist()

    def _encode(self, name: str, found: Mapping[str, tf.Tensor]) -> list:
        outputs = [one for one in self.graph.features if name in (one.name, one.weights_of)]
        inputs = feature_inputs(outputs)
        layer = keras.Model(inputs, encode_inputs(outputs, inputs))
        return layer({one.name: found[one.name] for one in outputs}).numpy().tolist()


def read_groups() -> list[dict[str, Any]]:
    """The contents of the YAML files, in the order of their names; examples as `Example`s."""
    groups = []
    for path in sorted(glob.glob(os.path.join(FOLDER, "*.yaml"))):
        with open(path, encoding="utf-8") as file:
            # Every scalar stays as it is written.
            group = yaml.load(file, yaml.BaseLoader)
        for section in group.get("sections", []):
            section["examples"] = [Example(section["of"], one) for one in section.get("examples", [])]
        groups.append(group)
    return groups


def compute(examples: Iterable[Example]) -> dict[str, Run]:
    """Every run, by name."""
    by_run: dict[str, list[Example]] = {}
    for example in examples:
        by_run.setdefault(example.run, []).append(example)
    with tempfile.TemporaryDirectory() as folder:
        return {name: Run(some, os.path.join(folder, name)) for name, some in by_run.items()}


def _write(examples: list[Example], folder: str) -> None:
    os.makedirs(folder)
    # There must be a feature.
    raw = {"_row": [str(row + 1) for row in range(ROWS)]}
    columns, features, top = ["_row: int"], ["_row: as_is"], []
    data = [f"split: {{files: {{train: {_TRAIN}, test: {_TEST}}}}}"]
    for example in examples:
        twice = sorted(set(raw) & set(example.raw))
        if twice:
            raise ValueError(f"{example.of}: another example has a column {', '.join(twice)}")
        raw |= example.raw
        columns += example.columns.splitlines()
        features += example.features.splitlines()
        top += example.spec.splitlines()
        data += [f"{key}: {getattr(example, key)}" for key in ("label", "weight") if getattr(example, key)]
        for name, content in example.files.items():
            with open(os.path.join(folder, name), "wb") as file:
                file.write(content.encode() if name.endswith((".txt", ".py")) else base64.b64decode(content))
    data += ["columns:", *_indented(columns)]
    with open(os.path.join(folder, "spec.yaml"), "w", encoding="utf-8") as file:
        file.write("\n".join([*top, "data:", *_indented(data), "features:", *_indented(features), ""]))
    rows = list(zip(*raw.values(), strict=True))
    for name, some in ((_TRAIN, rows[:TRAINING_ROWS]), (_TEST, rows[TRAINING_ROWS:])):
        with open(os.path.join(folder, name), "w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([list(raw), *some])


def _indented(lines: list[str]) -> list[str]:
    return [f"  {line}" for line in lines]


def _cells(examples: list[Example], folder: str, types: Mapping[str, int]) -> dict[str, tf.Tensor]:
    """As a request has them: of a file, its bytes in base64."""
    raw = {"_row": [str(row + 1) for row in range(ROWS)]}
    for example in examples:
        for name, cells in example.raw.items():
            raw[name] = [_read(folder, cell) for cell in cells] if types[name] == FILE else cells
    return {name: tf.constant(cells) for name, cells in raw.items()}


def _read(folder: str, name: str) -> str:
    if not name:
        return ""
    with open(os.path.join(folder, name), "rb") as file:
        return base64.b64encode(file.read()).decode()


def fold_hashes(seed: int) -> np.ndarray:
    """int64 [rows]: the fold of a training row is the remainder of it; -1 for later rows."""
    # As schemas/raw_columns.py has it; the header is record 1.
    hashes = identity.row_hashes(
        identity.path_key(_TRAIN, seed), np.arange(2, TRAINING_ROWS + 2), identity.FOLD
    )
    later = np.full(ROWS - TRAINING_ROWS, -1)
    return np.concatenate([(hashes >> np.uint64(1)).astype(np.int64), later])


def _without_padding(row: list) -> list:
    """A row's list without -1 and NaN; of a list of lists, also without the empty lists behind."""
    if row and isinstance(row[0], list):
        return [inner for inner in map(_without_padding, row) if inner]
    return [one for one in row if one != -1 and one == one]
