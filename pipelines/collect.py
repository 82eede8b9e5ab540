"""In: small collections. Out: one JSON file that the driver reads, on any runner."""

from __future__ import annotations

import json
import uuid
from typing import Any

import apache_beam as beam
from apache_beam.io.filesystems import FileSystems
from apache_beam.transforms.combiners import ToListCombineFn


class WriteJson(beam.PTransform):
    """Collections of JSON values by name → one file with a list of each, in no particular order.

    Only for what fits on one machine: counts, cuts, samples, rejected rows. All of a pipeline's in one file: what Beam does
    for each collection that is gathered takes longer than the rows of a small job.
    """

    def __init__(self, path: str):
        super().__init__()
        self._path = path

    def expand(self, collections: dict[str, beam.PCollection]) -> beam.PCollection:
        named = [
            values | f"Name {name}" >> beam.Map(_pair, name).with_output_types(tuple[str, Any])
            for name, values in collections.items()
        ]
        return (
            named
            # (name, JSON value)
            | "Flatten" >> beam.Flatten()
            | "Gather" >> beam.CombineGlobally(ToListCombineFn())
            # list
            | "Write" >> beam.Map(_write, list(collections), self._path)
        )


def _pair(value: Any, name: str) -> tuple[str, Any]:
    return name, value


def _write(pairs: list[tuple[str, Any]], names: list[str], path: str) -> None:
    values: dict[str, list[Any]] = {name: [] for name in names}
    for name, value in pairs:
        values[name].append(value)
    # A worker that is taken for lost may still write when its work is done again, in another order: each its own file.
    temporary = f"{path}.tmp-{uuid.uuid4().hex}"
    with FileSystems.create(temporary) as file:
        file.write(json.dumps(values).encode())
    FileSystems.rename([temporary], [path])


def read_json(path: str) -> dict[str, list[Any]]:
    """What WriteJson wrote."""
    with FileSystems.open(path) as file:
        return json.loads(file.read())
