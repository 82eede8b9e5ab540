"""In: a CSV shard of `every_family` and a graph. Out: its rows as raw tensors, and the bits of features row by row."""

from __future__ import annotations

import csv
import os

import numpy as np
import tensorflow as tf
from prebake.pipelines.columns import raw_column, read_files
from prebake.pipelines.find_files import CsvFile
from prebake.schemas.csv_layout import read_layout
from prebake.schemas.csv_rows import read_block
from prebake.schemas.spec_pb2 import FILE
from prebake.transforms.graph import TransformGraph


def raw_rows(folder: str, graph: TransformGraph, number: int) -> tuple[dict[str, tf.Tensor], list[dict]]:
    """The raw columns of one shard, and its cells."""
    path = os.path.join(folder, "data", f"{number}.csv")
    with open(path, "rb") as file:
        content = file.read()
    with open(path, encoding="utf-8", newline="") as file:
        cells = list(csv.DictReader(file))
    layout = read_layout(content, path, graph.spec.data)
    block = read_block(content[layout.skip_bytes :], layout.first_row, layout, path)
    assert not block.errors
    raw = {}
    for column in graph.spec.data.columns:
        if column.name in graph.raw_spec:
            cell = raw_column(block.batch, column)
            if column.type == FILE:
                cell, _ = read_files(cell, CsvFile(path, f"{number}.csv", 1, None))
            raw[column.name] = tf.constant(cell)
    return raw, cells


def row_bits(value: np.ndarray) -> list:
    """Bits of each row, without the padding of lists."""
    rows = []
    for row in value:
        flat = np.atleast_1d(row)
        kept = ~np.isnan(flat) if flat.dtype == np.float32 else flat != -1
        rows.append((flat[kept].tobytes(), int(kept.sum())))
    return rows
