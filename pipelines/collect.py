"""In: a small collection. Out: one JSON file that the driver reads, on any runner."""

from __future__ import annotations

import json
import uuid
from typing import Any

import apache_beam as beam
from apache_beam.io.filesystems import FileSystems
from apache_beam.transforms.combiners import ToListCombineFn


class WriteJson(beam.PTransform):
    """Writes a collection of JSON values as one list, in no particular order.

    Only for what fits on one machine: counts, cuts, samples, rejected rows.
    """

    def __init__(self, path: str):
        super().__init__()
        self._path = path

    def expand(self, values):
        return (
            values
            | "Gather" >> beam.CombineGlobally(ToListCombineFn())
            # list
            | "Write" >> beam.Map(_write, self._path)
        )


def _write(values: list[Any], path: str) -> None:
    # A worker that is taken for lost may still write when its work is done again, in another order: each its own file.
    temporary = f"{path}.tmp-{uuid.uuid4().hex}"
    with FileSystems.create(temporary) as file:
        file.write(json.dumps(values).encode())
    FileSystems.rename([temporary], [path])


def read_json(path: str) -> list[Any]:
    """What WriteJson wrote."""
    with FileSystems.open(path) as file:
        return json.loads(file.read())
