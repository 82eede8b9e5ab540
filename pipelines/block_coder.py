"""In: a block of rows, or of the columns of an analysis. Out: its size in bytes at no cost; pickled where Beam must.

Beam asks for the size of most blocks for its metrics, and its own coder pickles a block to find out.
"""

from __future__ import annotations

import pickle
from typing import Any

import apache_beam as beam
import pyarrow as pa

from ..schemas.csv_file import FileBlock


class BlockCoder(beam.coders.Coder):
    """Of FileBlocks and RecordBatches, which go from one step to the next in memory."""

    def encode(self, value: FileBlock | pa.RecordBatch) -> bytes:
        return pickle.dumps(value, pickle.HIGHEST_PROTOCOL)

    def decode(self, encoded: bytes) -> Any:
        return pickle.loads(encoded)

    def estimate_size(self, value: FileBlock | pa.RecordBatch) -> int:
        return (value.block.batch if isinstance(value, FileBlock) else value).nbytes

    def is_deterministic(self) -> bool:
        return False


for kind in (FileBlock, pa.RecordBatch):
    beam.coders.registry.register_coder(kind, BlockCoder)
