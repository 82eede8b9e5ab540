"""In: how many bad rows there are, and the first of them. Out: the error that says so, if the spec allows fewer."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .errors import DataError
from .spec_pb2 import Data

# Bad rows that the error names.
NAMED = 4


def check_bad_rows(first: Sequence[DataError], rejected: int, rows: int, data: Data) -> None:
    """Raises the error of the first bad row, with the next ones, how many there are and what to do, if they are too many.

    Args:
      first: the first NAMED by file and row, or all if there are fewer.
      rejected: bad rows.
      rows: all rows.
      data: of the spec.
    """
    # 0.0006 * 5000 is a little less than 3 in binary64.
    allowed = int(data.bad_rows.reject_up_to * rows * (1 + 1e-12))
    if rejected <= allowed:
        return
    assert first, "rows were rejected, but none was reported"
    one = first[0]
    more = ""
    if rejected > 1:
        more = (
            f" (the first of {rejected:,} bad rows of {rows:,}{_then(first, rejected)}; "
            f"{f'{allowed:,} are' if allowed else 'none is'} allowed: mend them, or set them aside with "
            f"data.bad_rows.reject_up_to{_share(rejected, rows)} and look at them with `prebake rejected`)"
        )
    raise DataError(one.file, one.row, one.column, one.value, one.reason + more)


def _then(first: Sequence[DataError], rejected: int) -> str:
    places = [f"row {bad.row}" if bad.file == first[0].file else f"{bad.file}:{bad.row}" for bad in first[1:]]
    return f", next: {', '.join(places)}{', …' if rejected > len(first) else ''}" if places else ""


def _share(rejected: int, rows: int) -> str:
    """The least share that would do, in two digits."""
    digit = 10.0 ** (math.floor(math.log10(rejected / rows)) - 1)
    share = math.ceil(rejected / rows / digit - 1e-9) * digit
    return f": {share:.2g}" if share < 1 else ""
