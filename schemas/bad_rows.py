"""In: how many rows are bad, and the first of them. Out: nothing, or its error if the spec does not allow as many."""

from __future__ import annotations

from .errors import DataError
from .spec_pb2 import Data


def check_bad_rows(first: DataError | None, rejected: int, rows: int, data: Data) -> None:
    """Raises the error of the first bad row, with how many there are, if they are too many.

    Args:
      first: by file and row; None if there is none.
      rejected: bad rows.
      rows: all rows.
      data: of the spec.
    """
    if not rejected or rejected <= data.bad_rows.reject_up_to * rows:
        return
    assert first is not None, "rows were rejected, but none was reported"
    more = f" (the first of {rejected} bad rows of {rows}; data.bad_rows.reject_up_to sets a share aside)"
    reason = first.reason + (more if rejected > 1 else "")
    raise DataError(first.file, first.row, first.column, first.value, reason)
