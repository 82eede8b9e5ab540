"""Too many bad rows: the first ones, how many, how many are allowed, and what to do, in one line."""

from __future__ import annotations

import pytest
from prebake.schemas.bad_rows import NAMED, check_bad_rows
from prebake.schemas.errors import DataError
from prebake.schemas.spec_pb2 import BadRows, Data

WORST = [DataError("a.csv", 2, "x", "one", "is not a number")]
WORST += [DataError("a.csv", 9, None, "1,2", "short"), DataError("b.csv", 3, "y", "", "is missing")]
WORST += [DataError("b.csv", 5, "x", "two", "is not a number")]
LOOK = "and look at them with `prebake rejected`)"


def message(count: int, rejected: int, rows: int, share: float = 0) -> str:
    with pytest.raises(DataError) as caught:
        check_bad_rows(WORST[:count], rejected, rows, Data(bad_rows=BadRows(reject_up_to=share)))
    assert (caught.value.file, caught.value.row, caught.value.column) == ("a.csv", 2, "x")
    return str(caught.value).removeprefix("a.csv:2:x 'one' is not a number")


@pytest.mark.fault(21)
def test_message():
    assert NAMED == 4
    assert message(1, 1, 40) == ""
    assert message(3, 3, 1000) == (
        " (the first of 3 bad rows of 1,000, next: row 9, b.csv:3; none is allowed: mend them, or set them aside with "
        f"data.bad_rows.reject_up_to: 0.003 {LOOK}"
    )
    # 5,000 / 123,456 = 0.0405: the share that is named must be enough.
    assert message(4, 5000, 123_456, 0.01) == (
        " (the first of 5,000 bad rows of 123,456, next: row 9, b.csv:3, b.csv:5, …; 1,234 are allowed: mend them, or set "
        f"them aside with data.bad_rows.reject_up_to: 0.041 {LOOK}"
    )
    # A share must be below 1.
    assert message(2, 2, 2).endswith(f"mend them, or set them aside with data.bad_rows.reject_up_to {LOOK}")


@pytest.mark.parametrize(("rejected", "rows", "share"), [(0, 5, 0), (1, 100, 0.01), (10, 10, 1), (0, 0, 0)])
def test_so_many_are_allowed(rejected, rows, share):
    check_bad_rows(WORST[:rejected], rejected, rows, Data(bad_rows=BadRows(reject_up_to=share)))


@pytest.mark.parametrize("rejected", [1, 2, 3, 7, 99, 100, 101, 999, 4321])
@pytest.mark.parametrize("rows", [5000, 6789, 1_000_003])
def test_the_share_that_is_named_is_enough(rejected, rows):
    if rejected > 1:
        share = float(message(2, rejected, rows).split("reject_up_to: ")[1].split()[0])
        check_bad_rows(WORST[:2], rejected, rows, Data(bad_rows=BadRows(reject_up_to=share)))
        assert share * rows < 1.1 * rejected + 1
