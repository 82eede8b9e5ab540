"""In: a block of rows or of columns. Out: its size at no cost; its bytes, by Beam's coder, where it must leave the process.

Beam asks for the size of most blocks for its metrics, and its own coder pickles a block to find out.
"""

from __future__ import annotations

from typing import Any

import apache_beam as beam
import pyarrow as pa

from ..schemas.csv_file import FileBlock


class BlockCoder(beam.coders.Coder):
    """Of FileBlocks and RecordBatches, which go from one step to the next in memory."""

    def __init__(self) -> None:
        self._beams = beam.coders.FastPrimitivesCoder()

    def encode(self, value: FileBlock | pa.RecordBatch) -> bytes:
        return self._beams.encode(value)

    def decode(self, encoded: bytes) -> Any:
        return self._beams.decode(encoded)

    def estimate_size(self, value: FileBlock | pa.RecordBatch) -> int:
        return (value.block.batch if isinstance(value, FileBlock) else value).nbytes

    def is_deterministic(self) -> bool:
        return False


for kind in (FileBlock, pa.RecordBatch):
    beam.coders.registry.register_coder(kind, BlockCoder)
