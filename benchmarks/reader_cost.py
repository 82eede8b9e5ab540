"""In: nothing. Out: what the reader's checks cost: rows with them, without them, by pyarrow alone, and bad rows among them.

`python -m benchmarks.reader_cost`. CPU time of one process, the contenders in turns, the median of the turns.
"""

from __future__ import annotations

import io
import statistics
import time
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from prebake.schemas.csv_layout import Layout, read_layout
from prebake.schemas.csv_rows import read_block, whole_records
from prebake.schemas.spec_pb2 import FLOAT, STRING, Data

ROWS, TURNS, BLOCK_BYTES = 200_000, 7, 1 << 20
NUMBERS, TEXTS = 8, 2
_NAMES = [f"x{number}" for number in range(NUMBERS)] + [f"s{number}" for number in range(TEXTS)]


def main() -> None:
    clean, bad = _rows(0.0), _rows(0.01)
    header = (",".join(_NAMES) + "\n").encode()
    layout = read_layout(header, "rows", _declared())
    contenders: dict[str, Callable[[], int]] = {
        "pyarrow.csv alone, typed": lambda: _plain(clean),
        "reader without its checks": lambda: _unchecked(clean, layout),
        "reader": lambda: _read(clean, layout),
        "reader, 1 % bad rows": lambda: _read(bad, layout),
    }
    spent: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(TURNS):
        for name, run in contenders.items():
            started = time.process_time()
            run()
            spent[name].append(time.process_time() - started)
    for name, times in spent.items():
        print(f"{name:28} {statistics.median(times) / ROWS * 1e6:5.2f} µs a row")


def _declared() -> Data:
    data = Data()
    for name in _NAMES:
        data.columns.add(name=name, type=FLOAT if name.startswith("x") else STRING)
    return data


def _rows(bad: float) -> bytes:
    generator = np.random.default_rng(0)
    numbers = generator.normal(0, 100, (ROWS, NUMBERS))
    words = generator.integers(0, 1000, (ROWS, TEXTS))
    spoilt = generator.random(ROWS) < bad
    lines = []
    for row, texts, wrong in zip(numbers.tolist(), words.tolist(), spoilt.tolist(), strict=True):
        cells = [f"{number:.4f}" for number in row] + [f"word {text}" for text in texts]
        if wrong:
            cells[3] = "1_000"
        lines.append(",".join(cells))
    return ("\n".join(lines) + "\n").encode()


def _plain(content: bytes) -> int:
    types = {name: pa.float32() if name.startswith("x") else pa.string() for name in _NAMES}
    return pa.csv.read_csv(
        pa.BufferReader(content),
        read_options=pa.csv.ReadOptions(use_threads=False, column_names=_NAMES),
        convert_options=pa.csv.ConvertOptions(column_types=types),
    ).num_rows


def _read(content: bytes, layout: Layout) -> int:
    rows = 0
    for block, first, ends in whole_records(io.BytesIO(content), BLOCK_BYTES, 2, layout, "rows"):
        rows += read_block(block, first, layout, "rows", ends).batch.num_rows
    return rows


def _unchecked(content: bytes, layout: Layout) -> int:
    """The reader's own steps: blocks of whole records, cells as bytes, binary64 and then binary32."""
    rows = 0
    types = dict.fromkeys(_NAMES, pa.binary())
    for block, _, _ in whole_records(io.BytesIO(content), BLOCK_BYTES, 2, layout, "rows"):
        table = pa.csv.read_csv(
            pa.BufferReader(block),
            read_options=pa.csv.ReadOptions(
                use_threads=False, block_size=len(block) + 1, column_names=_NAMES
            ),
            convert_options=pa.csv.ConvertOptions(
                column_types=types, null_values=[""], strings_can_be_null=True, check_utf8=False
            ),
        )
        for name in _NAMES[:NUMBERS]:
            cells = table[name].chunk(0)
            pc.cast(pc.cast(cells.view(pa.string()), pa.float64()), pa.float32(), safe=False)
        rows += table.num_rows
    return rows


if __name__ == "__main__":
    main()
