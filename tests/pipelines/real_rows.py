"""In: CSV shards of a real data set and a spec. Out: prebake's features of all its rows, beside their cells."""

from __future__ import annotations

import csv
import dataclasses
import math
import pathlib

import numpy as np
import tensorflow as tf
from prebake.pipelines.preprocess import load, preprocess
from prebake.schemas import identity
from prebake.transforms.graph import TransformGraph, load_graph
from reference import split_names


@dataclasses.dataclass
class Side:
    """prebake's features of all rows of a data set.

    Attributes:
      graph, raw, found: the graph, its raw columns and what it makes of them when serving.
      cells: by column, text [rows].
      train: bool [rows].
      hashes: int64 [rows], which a row's fold is the remainder of.
    """

    graph: TransformGraph
    raw: dict[str, tf.Tensor]
    found: dict[str, np.ndarray]
    cells: dict[str, np.ndarray]
    train: np.ndarray
    hashes: np.ndarray

    def column(self, name: str) -> np.ndarray:
        """float64 [rows] of binary32 values."""
        return self.cells[name].astype(np.float32).astype(np.float64)


def analyzed(folder: pathlib.Path, data: pathlib.Path, text: str) -> Side:
    spec_file, run = folder / "spec.yaml", folder / "run"
    spec_file.write_text(text.replace("FOLDER", str(data)))
    spec = load(str(spec_file))
    preprocess(spec, str(run), steps=["analyze"])
    graph = load_graph(str(run / "transform"))
    rows = {}
    for path in sorted(data.glob("*.csv")):
        with open(path, newline="", encoding="utf-8") as file:
            rows[path.name] = list(csv.DictReader(file))
    splits = split_names(rows)
    hashes = np.concatenate(
        [
            identity.row_hashes(identity.path_key(name, 0), np.arange(2, 2 + len(of)), identity.FOLD)
            for name, of in rows.items()
        ]
    )
    everything = [row for of in rows.values() for row in of]
    cells = {name: np.array([row[name] for row in everything], object) for name in everything[0]}
    raw = {name: raw_tensor(cells[name], spec.dtype) for name, spec in graph.raw_spec.items()}
    found = {name: value.numpy() for name, value in graph.apply(raw).items()}
    train = np.array([split == "train" for split in splits.values()])
    return Side(graph, raw, found, cells, train, (hashes >> np.uint64(1)).astype(np.int64))


def raw_tensor(cells: np.ndarray, dtype: tf.DType) -> tf.Tensor:
    if dtype == tf.string:
        return tf.constant([cell.encode() for cell in cells])
    missing = math.nan if dtype == tf.float32 else -(2**63)
    convert = float if dtype == tf.float32 else int
    return tf.constant([convert(cell) if cell else missing for cell in cells], dtype)
