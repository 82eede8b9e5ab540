"""In: blocks of raw rows. Out: features of these rows, cut into the shards that they go to, and the sample's raw text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import apache_beam as beam
import numpy as np

from ..schemas.csv_file import FileBlock
from ..schemas.identity import shard_of_rows
from ..schemas.manifest_pb2 import OutputFeature
from ..schemas.spec_pb2 import Spec
from ..transforms.row_features import RowFeatures, TransformBlock
from ..transforms.saved_graph import load_saved_graph
from .progress import count_rows
from .range_reader import read_whole
from .read import BAD_ROWS, bad_row
from .shuffle import Part, cut_into_parts, part_schema
from .spill import Spill

SAMPLE, SPLIT_ROWS = "sample", "split_rows"


class TransformRows(beam.DoFn):
    """FileBlock → (shard, Part) for each shard.

    Tagged SAMPLE: dicts of raw records; BAD_ROWS: rows whose class the training split lacks, or that name a file which
    cannot be read; SPLIT_ROWS: rows kept of each file and split.

    Args:
      spec: resolved.
      graph_dir: the saved transform graph.
      features: what an Example holds, label and weight included.
      files: relative paths of all inputs, sorted; a Part names its file by number.
      shards: number of shards of each split.
      sample_below: for each split, rows of its first shard with an ORDER hash below this are the sample.
      spill_folder: where the Parts' bytes are put; None: they travel with them.
    """

    def __init__(
        self,
        spec: Spec,
        graph_dir: str,
        features: Sequence[OutputFeature],
        files: Sequence[str],
        shards: Sequence[int],
        sample_below: Sequence[int],
        spill_folder: str | None,
    ):
        self._spec, self._graph_dir = spec, graph_dir
        self._features = list(features)
        self._files, self._shards, self._sample_below = list(files), list(shards), list(sample_below)
        self._spill_folder = spill_folder
        self._spill: Spill | None = None

    def setup(self) -> None:
        self._transform = TransformBlock(
            self._spec, load_saved_graph(self._graph_dir), self._features, read_whole
        )
        self._numbers = {path: number for number, path in enumerate(self._files)}
        self._schema = part_schema(self._features)
        self._spill = Spill(self._spill_folder) if self._spill_folder else None

    def finish_bundle(self) -> None:
        if self._spill:
            self._spill.flush()

    def teardown(self) -> None:
        if self._spill:
            self._spill.close()

    def process(self, rows: FileBlock) -> Iterator[Any]:
        found = self._transform(rows)
        count_rows(rejected=len(found.bad))
        for error in found.bad:
            yield beam.pvalue.TaggedOutput(BAD_ROWS, bad_row(rows.file, error) | {"found_late": True})
        shard = shard_of_rows(found.shard, found.splits, self._shards)
        yield beam.pvalue.TaggedOutput(
            SPLIT_ROWS,
            {"path": rows.file.relative, "rows": np.bincount(found.splits, minlength=3).tolist()},
        )
        yield from self._sample(rows, found, shard)
        file, first = self._numbers[rows.file.relative], rows.block.rows[found.kept]
        for one, count, data in cut_into_parts(found.columns, found.order, shard, self._schema):
            yield one, Part(file, int(first[0]), count, self._spill.add(data) if self._spill else data)

    def _sample(
        self, rows: FileBlock, found: RowFeatures, shard: np.ndarray
    ) -> Iterator[beam.pvalue.TaggedOutput]:
        first_shard = np.concatenate([[0], np.cumsum(self._shards)[:-1]])
        # The last threshold may be 2**64, which uint64 cannot hold.
        below = np.array([bound - 1 for bound in self._sample_below], np.uint64)
        chosen = (shard == first_shard[found.splits]) & (found.order <= below[found.splits])
        for place in np.flatnonzero(chosen).tolist():
            entry = {"split": int(found.splits[place]), "order": int(found.order[place])}
            yield beam.pvalue.TaggedOutput(SAMPLE, entry | self._transform.raw_row(rows, found, place))
