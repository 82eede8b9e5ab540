"""In: the bytes of a CSV file's records and its layout. Out: typed Arrow batches, and one error per bad row.

Blocks that Arrow's CSV reader provably reads right go through it; where a block holds anything else (a stray
quote, a short row, a NUL, …) its records are split one by one by `split_record`, which knows each row's
fault. Both give the same batch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.csv

from .csv_cells import type_cells
from .csv_layout import BOM, Layout
from .csv_record import BadRecord, split_record
from .csv_scan import record_ends
from .errors import DataError

# A longer record is taken for the work of a quote that is never closed.
MAX_RECORD_BYTES = 64 << 20

_NEWLINE, _QUOTE, _CR = b'\n"\r'


@dataclass(frozen=True)
class Block:
    """The rows of one block.

    Attributes:
      batch: fields in the layout's order: FLOAT → float32, INT → int64, STRING → binary (UTF-8); null is
        missing.
      rows: int64 [batch.num_rows], record number of each row of the batch, increasing.
      errors: one for each bad row, none of which is in the batch, by record number.
      blank: blank lines, which are no rows. In a file of one column a blank line is a row with a missing
        value.
    """

    batch: pa.RecordBatch
    rows: np.ndarray
    errors: list[DataError]
    blank: int
    _records: _Records
    _first_row: int

    def raw(self, i: int) -> bytes:
        """The record of row i of the batch as it stands in the file, without its line end."""
        return self._records.text(int(self.rows[i]) - self._first_row)


class _Records:
    """Where the records of a block lie."""

    def __init__(self, block: bytes, ends: np.ndarray):
        self.block = block
        self.starts = np.concatenate([[0], ends + 1])
        self.stops = np.append(ends, len(block))
        if self.starts[-1] == len(block):  # the last record ends with a newline, so nothing begins behind it
            self.starts, self.stops = self.starts[:-1], self.stops[:-1]
        text = np.frombuffer(block, np.uint8)
        self.stops = self.stops - self._carriage_returns(text)

    def _carriage_returns(self, text: np.ndarray) -> np.ndarray:
        """1 for each record that ends with CRLF, else 0."""
        terminated = self.stops < len(text)
        if b"\r" not in self.block:
            return np.zeros(len(self.stops), np.int64)
        return (terminated & (self.stops > self.starts) & (text[self.stops - 1] == _CR)).astype(np.int64)

    def __len__(self) -> int:
        return len(self.starts)

    def text(self, i: int) -> bytes:
        return self.block[self.starts[i] : self.stops[i]]

    def blank(self) -> np.ndarray:
        return self.starts == self.stops


def whole_records(
    stream: BinaryIO, block_bytes: int, first_row: int, layout: Layout, path: str, size: int | None = None
) -> Iterator[tuple[bytes, int, np.ndarray]]:
    """Cuts a stream into blocks of whole records.

    Args:
      stream: at the start of a record; behind the byte order mark and header.
      block_bytes: about this much is read at a time.
      first_row: record number of the first record.
      layout: of the file.
      path: for messages.
      size: bytes to read, up to the end of a record; None: all.

    Yields:
      (block, record number of its first record, its `record_ends`). Only the file's last record may lack its newline.

    Raises:
      DataError: a record is longer than MAX_RECORD_BYTES.
    """
    rest, row, left = b"", first_row, size
    while True:
        # Reading as much as is left over keeps the work linear where a record is longer than a block.
        wanted = max(block_bytes, len(rest))
        read = stream.read(wanted if left is None else min(wanted, left))
        if left is not None:
            left -= len(read)
        if not read:
            break
        rest += read
        ends = record_ends(rest, layout.quoting)
        lengths = np.diff(ends, prepend=-1, append=len(rest) - 1)
        if lengths.max() > MAX_RECORD_BYTES:
            raise DataError(
                path,
                row + int(lengths.argmax()),
                None,
                None,
                f"is longer than {MAX_RECORD_BYTES >> 20} MiB; is a quote not closed?",
            )
        if len(ends):
            cut = int(ends[-1]) + 1
            yield rest[:cut], row, ends
            rest, row = rest[cut:], row + len(ends)
    if rest:
        yield rest, row, ends[:0]


def read_block(
    block: bytes, first_row: int, layout: Layout, path: str, ends: np.ndarray | None = None
) -> Block:
    """Reads whole records into a typed batch.

    Args:
      block: from `whole_records`.
      first_row: record number of its first record.
      layout: of the file.
      path: for messages.
      ends: its `record_ends`, if they are known.

    Returns:
      The good rows typed, the bad rows as errors.

    Raises:
      DataError: a quote is opened and not closed, so that it is unknown where the row ends.
    """
    return _read(block, first_row, layout, path, ends, _split_fast(block, layout))


def _read_slowly(
    block: bytes, first_row: int, layout: Layout, path: str, ends: np.ndarray | None = None
) -> Block:
    return _read(block, first_row, layout, path, ends, None)


def _read(
    block: bytes, first_row: int, layout: Layout, path: str, ends: np.ndarray | None, table: pa.Table | None
) -> Block:
    records = _Records(block, record_ends(block, layout.quoting) if ends is None else ends)
    is_row = np.ones(len(records), np.bool_) if layout.fields == 1 else ~records.blank()
    index = np.flatnonzero(is_row)
    errors: list[DataError] = []
    if table is not None and table.num_rows == len(index):
        cells = [_one_array(column) for column in table.columns]
    else:
        cells, index, errors = _split_slowly(records, index, first_row, layout, path)
    rows = index + first_row
    batch, good, cell_errors = type_cells(cells, rows, layout, path)
    return Block(
        batch=batch,
        rows=rows[good],
        errors=sorted(errors + cell_errors, key=lambda error: error.row or 0),
        blank=int(len(records) - is_row.sum()),
        _records=records,
        _first_row=first_row,
    )


def _one_array(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _split_fast(block: bytes, layout: Layout) -> pa.Table | None:
    """The cells of the layout's columns as binary, or None if Arrow might read the block unlike us."""
    quoted = layout.quoting and b'"' in block
    if (
        not layout.columns
        or block.startswith(BOM)  # which Arrow would drop, though it is no file's start
        or b"\0" in block
        or (b"\r" in block and block.count(b"\r") != block.count(b"\r\n"))
        or block.endswith(b"\r")
        or (not block.isascii() and not _is_utf8(block))
        or (quoted and not _quotes_are_plain(block, layout.delimiter))
    ):
        return None
    misfits: list[int] = []

    def note(row: pa.csv.InvalidRow) -> str:
        misfits.append(row.actual_columns)
        return "skip"

    names = [str(position) for position in range(layout.fields)]
    wanted = [str(column.position) for column in layout.columns]
    try:
        table = pa.csv.read_csv(
            pa.BufferReader(block),
            # One block as large as the input, or Arrow cuts it where it likes.
            read_options=pa.csv.ReadOptions(use_threads=False, block_size=len(block) + 1, column_names=names),
            parse_options=pa.csv.ParseOptions(
                delimiter=layout.delimiter,
                quote_char='"' if layout.quoting else False,
                newlines_in_values=quoted,
                ignore_empty_lines=layout.fields > 1,
                invalid_row_handler=note,
            ),
            convert_options=pa.csv.ConvertOptions(
                include_columns=wanted,
                column_types=dict.fromkeys(wanted, pa.binary()),
                null_values=["", *layout.null_tokens],
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
                check_utf8=False,
            ),
        )
    except pa.ArrowInvalid:
        return None
    return None if misfits else table


def _is_utf8(block: bytes) -> bool:
    try:
        block.decode()
    except UnicodeDecodeError:
        return False
    return True


def _quotes_are_plain(block: bytes, delimiter: str) -> bool:
    """Whether each quote opens a field, closes one, or is one half of a doubled quote inside one."""
    text = np.frombuffer(block, np.uint8)
    quotes = np.flatnonzero(text == _QUOTE)
    if len(quotes) % 2:
        return False
    opening, closing = quotes[::2], quotes[1::2]
    # The second half of a doubled quote opens behind the first, which closes.
    before = np.where(opening == 0, _NEWLINE, text[opening - 1])
    after = np.where(closing == len(text) - 1, _NEWLINE, text[np.minimum(closing + 1, len(text) - 1)])
    around = (_NEWLINE, _QUOTE, ord(delimiter))
    return bool(np.isin(before, around).all() and np.isin(after, (*around, _CR)).all())


def _split_slowly(
    records: _Records, index: np.ndarray, first_row: int, layout: Layout, path: str
) -> tuple[list[pa.Array], np.ndarray, list[DataError]]:
    """Cells of the layout's columns as binary, the records they are from, and the errors of the others."""
    nulls = {b"", *(token.encode() for token in layout.null_tokens)}
    columns: list[list[bytes | None]] = [[] for _ in layout.columns]
    good: list[int] = []
    errors: list[DataError] = []
    for i in index.tolist():
        record = records.text(i)
        try:
            fields = split_record(record, layout.delimiter, layout.quoting)
            if len(fields) != layout.fields:
                raise BadRecord(
                    f"has {len(fields)} fields, expected {layout.fields}: check its delimiters and quotes"
                )
        except BadRecord as bad:
            shown = record.decode(errors="backslashreplace")
            error = DataError(path, first_row + i, None, shown, bad.reason)
            if bad.unclosed:
                raise error from None
            errors.append(error)
            continue
        good.append(i)
        for cells, column in zip(columns, layout.columns, strict=True):
            cell = fields[column.position]
            cells.append(None if cell in nulls else cell)
    return [pa.array(cells, pa.binary()) for cells in columns], np.array(good, np.int64), errors
