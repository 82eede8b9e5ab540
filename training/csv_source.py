"""In: a run with `transform/`, and the CSV files that it was learnt from. Out: their rows as Examples, in memory.

For small jobs: nothing is written. The rows are those that `prebake transform` would write, bit for bit, in the same shards
and the same order (all of it is a hash of a row's identity), so that the same training comes of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf import text_format

from ..schemas.bad_rows import NAMED, check_bad_rows
from ..schemas.compressed import open_stream
from ..schemas.csv_file import SPLITS, CsvFile, FileBlock, list_files
from ..schemas.csv_layout import HEAD_BYTES, has_no_content, read_layout
from ..schemas.csv_rows import read_block, whole_records
from ..schemas.errors import ArtifactError, DataError
from ..schemas.examples_plan import (
    example_features,
    examples_manifest,
    sample_bounds,
    shard_counts,
    shard_path,
    split_rows,
)
from ..schemas.feature_spec import WEIGHT
from ..schemas.identity import shard_of_rows
from ..schemas.labels import label_entries, label_feature
from ..schemas.manifest import file_crc32c, read_manifest
from ..schemas.manifest_pb2 import Manifest, ShardEntry
from ..schemas.portable_spec import portable_spec
from ..schemas.ragged import Ragged
from ..schemas.raw_columns import read_local
from ..schemas.spec import expand
from ..schemas.spec_pb2 import Data, Spec
from ..transforms.row_features import RowFeatures, TransformBlock
from ..transforms.saved_graph import load_saved_graph
from .cache import MEMORY_SHARE, Kept, Rows, bytes_of, first_rows, free_memory, join, key_of
from .dataset import Examples
from .parse_examples import list_padder, side_by_side

_BLOCK_BYTES = 1 << 20


def read_csv(run_dir: str, spec: Spec, free: int | None = None) -> Examples:
    """Reads every row of a run's CSV files through its transform graph.

    Args:
      run_dir: has `transform/`.
      spec: resolved; says where the files lie, which must be on this machine.
      free: bytes of memory; None: what this machine has.

    Returns:
      Examples that have the fingerprint, the shards and the order of those that `prebake transform` writes.

    Raises:
      ArtifactError: `transform/` is absent or was made from another spec or other files, or the rows need too much memory.
      DataError: a file cannot be read, or more rows are bad than the spec allows.
    """
    directory = os.path.join(run_dir, "transform")
    analyzed = read_manifest(directory, "transform")
    _check_spec(directory, spec)
    _check_memory(directory, analyzed, free_memory() if free is None else free)
    files = list_files(spec, _match)
    _check_files(directory, analyzed, files)
    return _Reader(directory, spec, analyzed).read(files)


class _Reader:
    """Gathers the rows of all files."""

    def __init__(self, directory: str, spec: Spec, analyzed: Manifest):
        self._directory, self._spec, self._analyzed = directory, spec, analyzed
        features = example_features(analyzed, spec)
        graph = load_saved_graph(os.path.join(directory, "graph"))
        self._transform = TransformBlock(spec, graph, features, read_local)
        self._shapes = {feature.name: list(feature.shape) for feature in features}
        self._shards = shard_counts(spec, analyzed)
        self._sample_below = sample_bounds(spec, split_rows(analyzed), self._shards)
        self._parts: list[Rows] = []
        # For each part: shard, hash of the order, file, row.
        self._keys: list[np.ndarray] = []
        self._samples: list[list[tuple[int, str, int, dict[str, Any]]]] = [[] for _ in SPLITS]

    def read(self, files: list[CsvFile]) -> Examples:
        rows, bad = 0, []
        for number, file in enumerate(files):
            for block in _blocks(file, self._spec.data):
                rows += len(block.block.rows) + len(block.block.errors)
                bad += block.block.errors
                if len(block.block.rows):
                    found = self._transform(block)
                    bad += found.bad
                    self._add(number, block, found)
        first = sorted(bad, key=lambda error: (error.file, error.row or 0))[:NAMED]
        check_bad_rows(first, len(bad), rows, self._spec.data)
        return self._examples()

    def _add(self, file: int, block: FileBlock, found: RowFeatures) -> None:
        shard = shard_of_rows(found.shard, found.splits, self._shards)
        numbers = block.block.rows[found.kept]
        self._keys.append(
            np.stack([shard.astype(np.uint64), found.order, np.full_like(found.order, file), numbers])
        )
        columns = {name: _tensor(column, self._shapes[name]) for name, column in found.columns.items()}
        names = map(label_feature, label_entries(self._analyzed))
        label = side_by_side([columns.pop(name)[:, tf.newaxis] for name in names])
        weight = [columns.pop(WEIGHT)] if WEIGHT in columns else []
        self._parts.append((columns, label, *weight))
        first = np.concatenate([[0], np.cumsum(self._shards)[:-1]])
        # The last threshold may be 2**64, which uint64 cannot hold.
        below = np.array([bound - 1 for bound in self._sample_below], np.uint64)
        chosen = (shard == first[found.splits]) & (found.order <= below[found.splits])
        for place in np.flatnonzero(chosen).tolist():
            raw = self._transform.raw_row(block, found, place)
            entry = (int(found.order[place]), raw["file"], raw["row"], raw)
            self._samples[found.splits[place]].append(entry)

    def _examples(self) -> Examples:
        manifest = examples_manifest(self._spec, self._analyzed)
        keys = np.concatenate(self._keys, axis=1) if self._keys else np.zeros((4, 0), np.uint64)
        counts = np.bincount(keys[0].astype(np.int64), minlength=sum(self._shards)).tolist()
        shards: list[ShardEntry] = []
        for name, number in zip(SPLITS, self._shards, strict=True):
            split = manifest.splits.add(name=name, compression=self._spec.examples.compression)
            for place in range(number):
                path = f"{name}/{shard_path(place, number, split.compression)}"
                shard = split.shards.add(path=path, rows=counts[len(shards)])
                split.rows += shard.rows
                shards.append(shard)
        # Sorted as join_parts of the pipeline sorts: by shard, hash, file and row.
        order = tf.constant(np.lexsort(keys[::-1]))
        with tf.device("CPU:0"):
            rows = tf.nest.map_structure(lambda column: tf.gather(column, order), join(self._parts))
        kept = Kept(rows, first_rows(shards), list_padder(manifest))
        samples = {
            name: [raw for *_, raw in sorted(sample, key=lambda one: one[:3])][
                : self._spec.examples.sample_rows
            ]
            for name, sample in zip(SPLITS, self._samples, strict=True)
        }
        return Examples(self._directory, manifest, dict.fromkeys(map(key_of, shards), kept), samples)


def _tensor(column: np.ndarray | Ragged, shape: list[int]) -> tf.Tensor | tf.RaggedTensor:
    if isinstance(column, Ragged):
        return tf.RaggedTensor.from_nested_row_splits(column.values, column.splits)
    return tf.constant(column.reshape(len(column), *shape))


def _blocks(file: CsvFile, data: Data) -> Iterator[FileBlock]:
    """The rows of a file, some at a time."""
    try:
        raw = open(file.path, "rb")  # noqa: SIM115 -- closed by the with statement below
    except OSError as error:
        raise DataError(file.path, None, None, None, f"cannot be read: {error.strerror}") from None
    with raw:
        head = open_stream(raw, file.path, data.dialect.compression).read(HEAD_BYTES)
        if data.allow_empty_files and has_no_content(head):
            return
        layout = read_layout(head, file.path, data)
        raw.seek(0)
        stream = open_stream(raw, file.path, data.dialect.compression)
        stream.read(layout.skip_bytes)
        for block, row, ends in whole_records(stream, _BLOCK_BYTES, layout.first_row, layout, file.path):
            yield FileBlock(file, layout.header, read_block(block, row, layout, file.path, ends))


def _match(pattern: str) -> list[tuple[str, int]]:
    if "://" in pattern:
        reason = (
            "is not on this machine: training.source csv reads local files; run `prebake transform` instead"
        )
        raise DataError(pattern, None, None, None, reason)
    return [(path, os.path.getsize(path)) for path in expand([pattern])]


def _check_spec(directory: str, spec: Spec) -> None:
    with open(os.path.join(directory, "spec.pbtxt"), encoding="utf-8") as file:
        found = text_format.Parse(file.read(), Spec())
    wanted = portable_spec(spec)
    differ = [
        name
        for name in ("data", "features", "preprocessing_fn", "seed")
        if Spec(**{name: getattr(found, name)}) != Spec(**{name: getattr(wanted, name)})
    ]
    if differ:
        names = ", ".join(differ)
        raise ArtifactError(
            directory, f"was made from another spec ({names}): run `prebake analyze` with --replace first"
        )


def _check_files(directory: str, analyzed: Manifest, files: list[CsvFile]) -> None:
    """Rows of other files would have other statistics."""
    found = {file.relative: file for file in files}
    for entry in analyzed.inputs:
        file = found.pop(entry.path, None)
        if file is None:
            raise ArtifactError(
                directory, f"was learnt from {entry.path}, which the spec does not name: analyze again"
            )
        if file.size != entry.size or file_crc32c(file.path) != entry.crc32c:
            raise DataError(
                file.path, None, None, None, "changed since it was analyzed: run `prebake analyze` again"
            )
    if found:
        new = found[min(found)].path
        raise DataError(new, None, None, None, "came after the analysis: run `prebake analyze` again")


def _check_memory(directory: str, analyzed: Manifest, free: int) -> None:
    rows, stored = sum(split_rows(analyzed)), sum(entry.size for entry in analyzed.inputs)
    wanted = bytes_of(analyzed.features, rows, stored)
    if wanted > MEMORY_SHARE * free:
        raise ArtifactError(
            directory,
            f"training.source csv keeps all rows in memory: {rows:,} rows take about {wanted / 1e9:,.1f} GB, and a "
            f"quarter of what is free is {MEMORY_SHARE * free / 1e9:,.1f} GB; leave source out and run `prebake transform`",
        )
