"""In: a number of rows. Out: CSV shards of the shape that the benchmarks use: 8 numbers, 2 texts, a label; seeded.

The shape of ../docs/performance.md: two texts of 1,000 and 50 distinct values, eight normal or skewed numbers.
"""

from __future__ import annotations

import os

import numpy as np
import pyarrow as pa
import pyarrow.csv

ROWS_PER_SHARD = 100_000
NUMBERS = [f"x{place}" for place in range(8)]
COLUMNS = [*NUMBERS, "city", "kind", "label"]

SPEC = """\
data:
  files: {files}
  columns:
    x0: float
    x1: float
    x2: float
    x3: float
    x4: float
    x5: float
    x6: float
    x7: float
    city: string
    kind: string
    label: float
  label: label
features:
  x0: standardize
  x1: standardize
  x2: standardize
  x3: standardize
  x4: standardize
  x5: standardize
  x6: {{min_max: {{}}}}
  x7: {{min_max: {{}}}}
  x0_bucket: {{column: x0, buckets: {{quantiles: 10}}}}
  city: vocabulary
  kind: vocabulary
  x0_x_kind: {{cross: {{of: [x0_bucket, kind], buckets: 1000}}}}
"""


def write_shards(folder: str, rows: int, seed: int = 0) -> None:
    """Writes `rows` rows as shards of ROWS_PER_SHARD; shard i is the same whatever the number of rows."""
    os.makedirs(folder, exist_ok=True)
    for shard, start in enumerate(range(0, rows, ROWS_PER_SHARD)):
        table = make_rows(min(ROWS_PER_SHARD, rows - start), np.random.default_rng([seed, shard]))
        pyarrow.csv.write_csv(
            table,
            os.path.join(folder, f"part-{shard:05d}.csv"),
            pyarrow.csv.WriteOptions(quoting_style="none", quoting_header="none"),
        )


def make_rows(rows: int, random: np.random.Generator) -> pa.Table:
    """A table of COLUMNS."""
    numbers = random.normal(size=(8, rows)).astype(np.float32)
    numbers[4:] = np.exp(numbers[4:])
    city = np.minimum(random.zipf(1.3, rows), 1000)
    kind = random.integers(0, 50, rows)
    label = numbers[0] + 0.5 * numbers[4] + 0.1 * (kind % 7) + random.normal(size=rows).astype(np.float32)
    columns = {name: pa.array(numbers[place].round(4)) for place, name in enumerate(NUMBERS)}
    columns["city"] = pa.array([f"city_{one}" for one in city.tolist()])
    columns["kind"] = pa.array([f"kind_{one}" for one in kind.tolist()])
    columns["label"] = pa.array(label.astype(np.float32).round(4))
    return pa.table(columns)
