"""In: figures of runs. Out: the lines of the table; what cannot be is noise, and never meets a target."""

from __future__ import annotations

import math

import pytest

from benchmarks.feed_cost import rate
from benchmarks.preprocess_cost import cost
from benchmarks.report import Row, table

NOISE = "noise: a run measured zero or less"


def row(ours: list[float], theirs: list[float], ratio: str = "ours ÷ other", **target: float) -> Row:
    return Row("work", "rival", ours, theirs, "s", 1, ratio, **target)


def test_a_ratio_of_medians_beside_its_target():
    rows = [
        row([3, 1, 2], [4, 8, 6], at_most=0.5),
        row([3, 1, 2], [4, 8, 6], "other ÷ ours", at_least=3.5),
        row([3, 1, 2], [4, 8, 6]),
        row([2], [], ""),
    ]
    assert [one.met for one in rows] == [True, False, None, None]
    assert table(rows).splitlines()[2:] == [
        "| work | rival | 0.333 (ours ÷ other) | 2.0 (1.0–3.0) | 6.0 (4.0–8.0) | s | ≤ 0.5 | met |",
        "| work | rival | 3 (other ÷ ours) | 2.0 (1.0–3.0) | 6.0 (4.0–8.0) | s | ≥ 3.5 | MISSED |",
        "| work | rival | 0.333 (ours ÷ other) | 2.0 (1.0–3.0) | 6.0 (4.0–8.0) | s |  |  |",
        "| work | rival |  | 2.0 |  | s |  |  |",
    ]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ([-1.0], [2.0]),
        ([0.0], [2.0]),
        ([1.0], [-2.0]),
        ([1.0], [0.0]),
        ([-1.0], [-2.0]),
        ([1.0, -0.1, 1.0], [2.0, 2.0, 2.0]),  # the medians alone would do
        ([math.inf], [2.0]),
        ([math.nan], [2.0]),
    ],
)
@pytest.mark.parametrize("ratio", ["ours ÷ other", "other ÷ ours"])
@pytest.mark.parametrize("target", [{"at_most": 1e9}, {"at_least": -1e9}])
def test_a_slope_of_zero_or_less_is_noise_and_misses_any_target(ours, theirs, ratio, target):
    noisy = row(ours, theirs, ratio, **target)
    assert (noisy.value, noisy.is_noise, noisy.met) == (None, True, False)
    assert (noisy.cells()[2], noisy.cells()[-1]) == (NOISE, "MISSED")


def test_noise_without_a_target_says_so_and_misses_nothing():
    noisy = row([-1.0], [2.0])
    assert (noisy.met, noisy.cells()[2], noisy.cells()[-1]) == (None, NOISE, "")


def test_a_larger_size_that_took_no_longer_is_noise():
    """By the figures that the benchmarks make of it."""
    assert rate(640_000, 2.0) == 320_000
    for seconds in (0.0, -0.5):
        assert row([rate(640_000, seconds)], [1.0], at_least=0).met is False
    runs = {200: [{"whole": {"wall": 2.0}}], 100: [{"whole": {"wall": 3.0}}]}
    assert row(cost(runs, ["whole"], "wall"), [1.0], at_most=9).met is False
