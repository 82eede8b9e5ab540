"""In: statistics before and after more rows. Out: golden lines: what moved noticeably, and nothing where nothing did."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from google.protobuf import text_format
from hypothesis import given, settings
from hypothesis import strategies as st
from prebake.schemas.statistics_pb2 import Statistics
from prebake.transforms.moved import moved

BEFORE = """
rows: 1000 label_mean: 5 label_variance: 4
columns {
  name: "age" mean: 40 variance: 100 min: 18 max: 90 median: 38
  quantiles { buckets: 4 boundaries: 30 boundaries: 38 boundaries: 50 }
  quantiles { buckets: 8 boundaries: 25 boundaries: 30 boundaries: 34 boundaries: 38 }
  ranks { rank: 0.05 value: 20 }
  l_moments: 40 l_moments: 5 l_moments: 0.5 l_moments: 1
}
columns { name: "city" most_frequent: "Rome" }
groups {
  feature: "age_in_city"
  groups { key: "" mean: 40 variance: 100 min: 18 max: 80 }
  groups { key: "Bonn" mean: 40 variance: 100 min: 18 max: 80 }
  groups { key: "Ulm" mean: 30 variance: 0 min: 30 max: 30 }
}
targets {
  feature: "city_price" folds: 2
  all { weight: 60 label: 120 } all { weight: 40 label: 80 }
  values { key: "Bonn" folds { weight: 6 label: 12 } folds { weight: 4 label: 8 } }
  values { key: "Rome" folds { weight: 5 label: 5 } folds {} }
}
covariances { feature: "pca" mean: 40 mean: 5 covariance: 100 covariance: 1 covariance: 1 covariance: 0 }
"""


def statistics(pairs: Sequence[tuple[str, str]] = ()) -> Statistics:
    """BEFORE, with texts replaced; each must be there."""
    text = BEFORE
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new)
    return text_format.Parse(text, Statistics())


def lines(*pairs: tuple[str, str], tokens=({}, {})) -> list[str]:
    return moved(statistics(), statistics(pairs=pairs), *tokens)[1:]


def test_nothing_moved():
    assert moved(statistics(), statistics(), {"city": [b"a"]}, {"city": [b"a"]}) == [
        "training rows: 1,000 → 1,000"
    ]


def test_rows():
    after = statistics(pairs=[("rows: 1000", "rows: 23456")])
    assert moved(statistics(), after, {}, {}) == ["training rows: 1,000 → 23,456"]


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("mean: 40 variance: 100 min: 18 max: 90", "mean: 41 variance: 121 min: 17 max: 95",
         "age: mean 40 → 41, min 18 → 17, max 90 → 95, deviation 10 → 11"),
        ("median: 38", "median: 38.5", "age: median 38 → 38.5"),
        ("boundaries: 30 boundaries: 38 boundaries: 50", "boundaries: 30 boundaries: 39 boundaries: 50",
         "age: boundaries of 4 quantiles [30, 38, 50] → [30, 39, 50]"),
        ("boundaries: 34 boundaries: 38 }", "boundaries: 34 }",
         "age: boundaries of 8 quantiles [25, 30, 34, …] → [25, 30, 34]"),
        ("value: 20", "value: 21", "age: quantile 0.05 20 → 21"),
        ("l_moments: 5 ", "l_moments: 6 ", "age: L-moment 2 5 → 6"),
        ("l_moments: 0.5", "l_moments: 0.75", "age: L-moment 3 0.5 → 0.75"),
        ('most_frequent: "Rome"', 'most_frequent: "Oslo"', "city: most frequent 'Rome' → 'Oslo'"),
        ("label_mean: 5 label_variance: 4", "label_mean: 6 label_variance: 9", "label: mean 5 → 6, deviation 2 → 3"),
        ('key: "Bonn" mean: 40 variance: 100', 'key: "Bonn" mean: 42 variance: 144',
         "groups of age_in_city: 1 moved (Bonn: mean 40 → 42, deviation 10 → 12)"),
        ('key: "Ulm" mean: 30', 'key: "Paris" mean: 30', "groups of age_in_city: 1 new (Paris), 1 gone (Ulm)"),
        ('key: "" mean: 40', 'key: "" mean: 41', "groups of age_in_city: 1 moved (missing: mean 40 → 41)"),
        # (12 + 8) / 10 to (12 + 13) / 10
        ("weight: 4 label: 8", "weight: 4 label: 13", "target means of city_price: 1 moved (Bonn: 2 → 2.5)"),
        ("all { weight: 40 label: 80 }", "all { weight: 40 label: 130 }",
         "target means of city_price: mean of all 2 → 2.5"),
        ('key: "Rome"', 'key: "Oslo"', "target means of city_price: 1 new (Oslo), 1 gone (Rome)"),
        # 1 of a deviation of 10, and 30 of a variance of 100; where the deviation is 0 the number itself.
        ("mean: 40 mean: 5 covariance: 100", "mean: 41 mean: 5 covariance: 130",
         "covariances of pca, as shares of the deviations: a mean by up to 0.1, a covariance by up to 0.3"),
        ("covariance: 1 covariance: 0", "covariance: 1 covariance: 4",
         "covariances of pca, as shares of the deviations: a covariance by up to 4"),
    ],
)  # fmt: skip
def test_what_moved(old, new, line):
    assert lines((old, new)) == [line]


def test_a_multiclass_target_moves_by_class():
    many = [("label: 120", "label: 30 label: 30"), ("label: 80", "label: 20 label: 20")]
    many += [
        ("label: 12 ", "label: 6 label: 0 "),
        ("label: 8 ", "label: 4 label: 0 "),
        ("label: 5 ", "label: 1 label: 4 "),
    ]
    before = statistics(pairs=many)
    after = statistics(pairs=[*many, ("label: 4 label: 0 ", "label: 4 label: 1 ")])
    assert moved(before, after, {}, {})[1:] == [
        "target means of city_price: 1 moved (Bonn: class 1 0 → 0.1)"
    ]  # fmt: skip


def test_less_than_a_thousandth_of_the_deviation_is_no_line():
    # 0.01 of a deviation of 10, 0.002 of the target's mean of 2, …
    assert (
        lines(("mean: 40 variance: 100 min: 18 max: 90", "mean: 40.009 variance: 100.1 min: 18 max: 90"))
        == []
    )
    assert lines(("boundaries: 50", "boundaries: 50.009")) == []
    assert lines(("weight: 4 label: 8", "weight: 4 label: 8.015")) == []
    assert lines(("mean: 40 mean: 5", "mean: 40.009 mean: 5")) == []


def test_only_a_few_are_listed():
    many = "".join(f'values {{ key: "k{i}" folds {{ weight: 1 label: 1 }} }}' for i in range(5))
    new = [('values { key: "Rome"', many + 'values { key: "Rome"')]
    assert lines(*new) == ["target means of city_price: 5 new (k0, k1, k2, …)"]
    before = statistics(pairs=new)
    after = statistics(pairs=[(new[0][0], new[0][1].replace("label: 1 ", "label: 2 "))])
    assert moved(before, after, {}, {})[1:] == [
        "target means of city_price: 5 moved (k0: 1 → 2; k1: 1 → 2; k2: 1 → 2; …)"
    ]


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        ([b"a", b"b"], [b"a", b"b", b"c"], "1 new (c)"),
        ([b"a", b"b"], [b"b", b"a"], "2 with another id"),
        ([b"a", b"b"], [b"b"], "1 gone (a), 1 with another id"),
        ([b"a"], [b"z", b"y", b"x", b"w", b"a"], "4 new (z, y, x, …), 1 with another id"),
        (["ü".encode()], [b"\xff"], "1 new (\\xff), 1 gone (ü)"),
    ],
)
def test_vocabularies(before, after, line):
    assert lines(tokens=({"city": before}, {"city": after})) == [f"vocabulary of city: {line}"]


@given(st.permutations(["age", "city"]), st.floats(-1e6, 1e6), st.floats(0, 1e6))
@settings(max_examples=30, deadline=None)
def test_statistics_never_move_against_themselves(names, mean, variance):
    one = statistics()
    for column in one.columns:
        column.name, column.mean, column.variance = names.pop(), mean, variance
    assert moved(one, one, {}, {}) == ["training rows: 1,000 → 1,000"]
