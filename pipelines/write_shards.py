"""In: the rows of one shard. Out: one TFRecord file, complete or absent, the same bytes whenever it is written again."""

from __future__ import annotations

import gzip
import os
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import apache_beam as beam

from ..schemas.manifest_pb2 import OutputFeature
from ..schemas.spec_pb2 import COMPRESSION_GZIP, Compression
from .encode_examples import ExampleEncoder
from .progress import count_rows
from .read_ahead import read_ahead
from .shuffle import Part, join_parts, part_schema


class WriteShard(beam.DoFn):
    """(shard, Parts) → dict of the shard, its rows, and how many of them came from each file, by number.

    Args:
      paths: file of each shard.
      features: what an Example holds.
      compression: none or gzip.
    """

    def __init__(self, paths: Mapping[int, str], features: Sequence[OutputFeature], compression: Compression):
        self._paths, self._features, self._compression = dict(paths), list(features), compression

    def setup(self) -> None:
        self._schema = part_schema(self._features)
        self._encoder = ExampleEncoder(self._features)

    def process(self, element: tuple[int, Iterable[Part]]) -> Iterator[dict[str, Any]]:
        shard, parts = element
        columns, counts = join_parts((Part(*part) for part in parts), self._schema)
        rows = sum(counts.values())
        # Files take the bytes outside of Python's lock, and meanwhile the next ones are made.
        with read_ahead(self._encoder.encode(columns, rows)) as chunks:
            self._write(self._paths[shard], chunks)
        count_rows(written=rows)
        yield {"shard": shard, "rows": rows, "files": counts}

    def _write(self, path: str, chunks: Iterable[bytes]) -> None:
        # A bundle may be retried while its first try still writes: each writes its own file, and both have the same bytes.
        folder, name = os.path.split(path)
        temporary = os.path.join(folder, f".tmp-{uuid.uuid4().hex}-{name}")
        with open(temporary, "wb") as file:
            if self._compression == COMPRESSION_GZIP:
                # No time and no name in the header: the bytes are those of the rows alone.
                with gzip.GzipFile(filename="", mode="wb", compresslevel=1, fileobj=file, mtime=0) as packed:
                    for chunk in chunks:
                        packed.write(chunk)
            else:
                for chunk in chunks:
                    file.write(chunk)
        os.replace(temporary, path)
