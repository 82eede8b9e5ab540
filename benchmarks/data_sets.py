"""In: the name of a data set and a number of rows. Out: its CSV shards, its spec, and the features that all are to make.

Prebake reads the spec. The recipe, the floor and Polars read the fields of DataSet, which say the same.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable

from . import flights, generate


@dataclasses.dataclass(frozen=True)
class DataSet:
    """A table and the features to be made of it.

    Attributes:
      columns: of the files.
      texts: the columns that are text; the others are numbers.
      missing: the cell that stands for a missing value; "": there is none.
      standardized: numbers that become z-scores, a missing one 0, i.e. the mean.
      scaled: numbers that are scaled to 0 … 1; none is missing.
      bucketed: a number that becomes the number of its decile, as a feature NAME_bucket; none is missing.
      vocabularies: texts that become ids, by falling frequency.
      crossed: the vocabulary that the bucket is crossed with, as a feature BUCKETED_x_CROSSED.
      label: stored as it is, as `label`.
      told_apart: a few features that tell rows apart; none if the data set has equal rows.
      spec: prebake's, with a place for {files}.
      write: writes a number of rows into a folder.
    """

    columns: tuple[str, ...]
    texts: tuple[str, ...]
    missing: str
    standardized: tuple[str, ...]
    scaled: tuple[str, ...]
    bucketed: str
    vocabularies: tuple[str, ...]
    crossed: str
    label: str
    told_apart: tuple[str, ...]
    spec: str
    write: Callable[[str, int], None]

    @property
    def read(self) -> list[str]:
        """The columns that features are made of, and the label."""
        wanted = {*self.standardized, *self.scaled, self.bucketed, *self.vocabularies, self.label}
        return [name for name in self.columns if name in wanted]

    # What is written, under these names, by all.

    @property
    def numbers(self) -> list[str]:
        return [*self.standardized, *self.scaled, "label"]

    @property
    def bucket(self) -> str:
        return f"{self.bucketed}_bucket"

    @property
    def cross(self) -> str:
        return f"{self.bucketed}_x_{self.crossed}"

    @property
    def ids(self) -> list[str]:
        return [self.bucket, *self.vocabularies, self.cross]


CROSS_BUCKETS = 1000
DATA_SETS = {
    "generated": DataSet(
        columns=tuple(generate.COLUMNS),
        texts=("city", "kind"),
        missing="",
        standardized=tuple(generate.NUMBERS[:6]),
        scaled=tuple(generate.NUMBERS[6:]),
        bucketed="x0",
        vocabularies=("city", "kind"),
        crossed="kind",
        label="label",
        told_apart=("label", "x1", "x2"),
        spec=generate.SPEC,
        write=generate.write_shards,
    ),
    "flights": DataSet(
        columns=flights.COLUMNS,
        texts=("carrier", "tailnum", "origin", "dest", "time_hour"),
        missing="NA",
        standardized=("dep_time", "dep_delay", "arr_delay", "air_time", "month", "day"),
        scaled=("hour", "minute"),
        bucketed="sched_dep_time",
        vocabularies=("carrier", "tailnum", "dest"),
        crossed="carrier",
        label="distance",
        told_apart=(),
        spec=flights.SPEC,
        write=flights.write_shards,
    ),
}


def shards(data: str, name: str, rows: int) -> str:
    """The folder below `data` with that many rows, made if it is not there."""
    folder = os.path.join(os.path.abspath(data), f"{name}-{rows}")
    if not os.path.isdir(folder):
        DATA_SETS[name].write(folder, rows)
    return folder


def write_spec(path: str, name: str, folder: str, split: str = "") -> str:
    """Prebake's spec of the shards in a folder; `split` is a line of its data part."""
    with open(path, "w", encoding="utf-8") as file:
        text = DATA_SETS[name].spec.format(files=os.path.join(folder, "*.csv"))
        file.write(text.replace("features:", f"{split}features:"))
    return path
