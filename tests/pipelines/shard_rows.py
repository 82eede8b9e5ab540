"""In: a CSV shard of `every_family` and a graph. Out: its rows as raw tensors, and the bits of features row by row."""

from __future__ import annotations

import csv
import os

import numpy as np
import tensorflow as tf
from every_family import FILES
from prebake.schemas import identity
from prebake.schemas.csv_file import CsvFile
from prebake.schemas.csv_layout import read_layout
from prebake.schemas.csv_rows import Block, read_block
from prebake.schemas.raw_columns import raw_column, read_files, read_local
from prebake.schemas.spec_pb2 import FILE
from prebake.transforms.graph import TransformGraph


def raw_rows(folder: str, graph: TransformGraph, number: int) -> tuple[dict[str, tf.Tensor], list[dict]]:
    """The raw columns of one shard, and its cells."""
    path = os.path.join(folder, "data", f"{number}.csv")
    with open(path, encoding="utf-8", newline="") as file:
        cells = list(csv.DictReader(file))
    block = read_shard(path, graph)
    raw = {}
    for column in graph.spec.data.columns:
        if column.name in graph.raw_spec:
            cell = raw_column(block.batch, column)
            if column.type == FILE:
                cell, _ = read_files(cell, CsvFile(path, f"{number}.csv", 1, None), read_local)
            raw[column.name] = tf.constant(cell)
    return raw, cells


def read_shard(path: str, graph: TransformGraph) -> Block:
    with open(path, "rb") as file:
        content = file.read()
    layout = read_layout(content, path, graph.spec.data)
    block = read_block(content[layout.skip_bytes :], layout.first_row, layout, path)
    assert not block.errors
    return block


def all_rows(folder: str, graph: TransformGraph) -> tuple[dict[str, tf.Tensor], list[dict], np.ndarray]:
    """The raw columns of all shards, their cells, and each row's fold if it were a training row (int64)."""
    parts, cells, folds = [], [], []
    for number in range(FILES):
        raw, some = raw_rows(folder, graph, number)
        block = read_shard(os.path.join(folder, "data", f"{number}.csv"), graph)
        key = identity.path_key(f"{number}.csv", graph.spec.seed)
        hashes = identity.row_hashes(key, block.rows, identity.FOLD)
        parts.append(raw)
        cells += some
        folds.append((hashes >> np.uint64(1)).astype(np.int64))
    return (
        {name: tf.concat([raw[name] for raw in parts], axis=0) for name in parts[0]},
        cells,
        np.concatenate(folds),
    )


def row_bits(value: np.ndarray) -> list:
    """Bits of each row, without the padding of lists; of lists of lists, the bits of each list."""
    if value.ndim == 3:
        lists = [row_bits(row) for row in value]
        return [[one for one in row if one] for row in lists]
    kept = ~np.isnan(value) if value.dtype == np.float32 else value != -1
    return [np.atleast_1d(row)[np.atleast_1d(some)].tobytes() for row, some in zip(value, kept, strict=True)]


def in_batches(
    apply, raw: dict[str, tf.Tensor], size: int, folds: np.ndarray | None = None
) -> dict[str, list]:
    """Bits of each row by feature, computed `size` rows at a time."""
    found: dict[str, list] = {}
    for start in range(0, len(next(iter(raw.values()))), size):
        batch = {name: x[start : start + size] for name, x in raw.items()}
        extra = [] if folds is None else [tf.constant(folds[start : start + size])]
        for name, value in apply(batch, *extra).items():
            found.setdefault(name, []).extend(row_bits(value.numpy()))
    return found
