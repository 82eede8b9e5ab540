"""In: columns and what a sample shows of them. Out: which features are proposed, and which columns are left out and why."""

from __future__ import annotations

from collections import Counter

import pytest
from prebake.schemas.infer import ColumnProfile
from prebake.schemas.propose import propose_features
from prebake.schemas.spec_pb2 import BASE64, FILE, FLOAT, INT, STRING, TIME, Column

WORDS = ["red", "blue", "house", "door", "of", "the", "and", "a"]


def propose(column: Column, cells: list[str] | None = None) -> tuple[dict[str, str], list[str]]:
    """The transform of each feature, by name, and the notes."""
    profiles = {}
    if cells is not None:
        profiles[column.name] = ColumnProfile(
            column.type, len(cells), Counter(cell for cell in cells if cell)
        )
    features, notes = propose_features([column], [], profiles)
    return {feature.name: str(feature.WhichOneof("transform")) for feature in features}, notes


def texts(count: int, words: int) -> list[str]:
    return [" ".join(WORDS[(i // 8**place + place) % 8] for place in range(words)) for i in range(count)]


@pytest.mark.parametrize(
    ("name", "type_", "cells", "transform"),
    [
        ("age", INT, [str(i % 9) for i in range(90)], "vocabulary"),
        ("age", INT, [str(i % 10) for i in range(90)], "standardize"),
        ("userId", INT, [str(i % 60) for i in range(900)], "vocabulary"),
        ("paid", INT, [str(i % 60) for i in range(900)], "standardize"),
        ("inhabitants", INT, [str(i * i) for i in range(90)], "standardize"),
        ("x", FLOAT, ["0.5"], "standardize"),
        ("city", STRING, ["Rome", "Oslo"], "vocabulary"),
    ],
)
def test_one_feature(name, type_, cells, transform):
    assert propose(Column(name=name, type=type_), cells) == ({name: transform}, [])


@pytest.mark.parametrize(
    ("name", "type_", "cells"),
    [
        ("key", STRING, [f"k{i}" for i in range(60)]),
        ("path", STRING, [f"pictures/{i}.png" for i in range(60)]),
        ("name", STRING, [f"John{i} Smith{i}" for i in range(60)]),
        ("codes", STRING, [f"a{i} b{i} c{i}" for i in range(60)]),
        ("actors", STRING, [f"Ann Lee|Bo Li|Cy No {i}" for i in range(60)]),
        ("id", INT, [str(i * i) for i in range(60)]),
        ("order", INT, [str(i) for i in range(100, 160)]),
    ],
)
def test_identifiers_are_left_out(name, type_, cells):
    reason = "looks like an identifier (60 distinct values in 60 sampled rows): left out of the features"
    assert propose(Column(name=name, type=type_), cells) == ({}, [f"column '{name}' {reason}"])


def test_columns_that_nothing_can_be_made_of():
    assert propose(Column(name="x", type=STRING), [""]) == (
        {},
        ["column 'x' has no value in the sample: left out of the features"],
    )
    for type_ in (FILE, BASE64):
        assert propose(Column(name="x", type=type_), ["a"]) == (
            {},
            ["column 'x' holds bytes, which only image and tensor read: left out of the features"],
        )


def test_free_text_gets_its_words():
    (feature,), notes = propose_features(
        [Column(name="t", type=STRING)], [], {"t": ColumnProfile(STRING, 60, Counter(texts(60, 3)))}
    )
    assert [step.WhichOneof("step") for step in feature.before] == ["lower", "split"]
    assert (feature.vocabulary.top_k, feature.tf_idf, notes) == (10_000, True, [])


@pytest.mark.parametrize(
    "cells",
    [
        texts(29, 3) * 2,  # few texts
        texts(60, 3) * 3,  # each of them three times
        texts(40, 2),  # of two words
        ["1 2 3 4", "2 3 4 5"] * 3 + [f"{i} 1 2 3" for i in range(40)],  # numbers
    ],
)
def test_no_free_text(cells):
    assert propose(Column(name="t", type=STRING), cells) == ({"t": "vocabulary"}, [])
    (feature,), _ = propose_features(
        [Column(name="t", type=STRING)], [], {"t": ColumnProfile(STRING, len(cells), Counter(cells))}
    )
    assert not feature.before
    assert not feature.tf_idf


def time(format: str) -> Column:
    return Column(name="t", type=TIME, format=format)


@pytest.mark.parametrize(
    ("column", "cells", "features"),
    [
        # Two years and more, always at midnight.
        (
            time("%Y-%m-%d"),
            ["2020-01-01", "2022-03-01"],
            {"t_age": "standardize", "t_season": "cyclical", "t_weekday": "time_part"},
        ),
        # A month; the time of day varies.
        (
            time("%Y-%m-%d %H:%M:%S"),
            ["2020-01-01 00:00:00", "2020-02-01 10:00:00"],
            {"t_age": "standardize", "t_weekday": "time_part", "t_hour": "cyclical"},
        ),
        # One day.
        (time("%Y-%m-%d %H:%M:%S"), ["2020-01-01 01:00:00", "2020-01-01 10:00:00"], {"t_hour": "cyclical"}),
        # Nothing is known.
        (time("%Y-%m-%d"), None, {"t_season": "cyclical", "t_weekday": "time_part"}),
    ],
)
def test_times(column, cells, features):
    assert propose(column, cells) == (features, [])


def test_age_is_to_the_latest_time_as_it_is_written():
    cells = ["31.12.2020", "01.01.2024", "15.06.2022"]
    features, _ = propose_features([time("%d.%m.%Y")], [], {"t": ColumnProfile(TIME, 3, Counter(cells))})
    assert features[0].before[0].age.reference == "01.01.2024"


def test_a_declared_list_of_numbers_is_standardized():
    assert propose(Column(name="x", type=INT, separators=["|"]), ["1|2", "3"]) == ({"x": "standardize"}, [])
    assert propose(Column(name="x", type=STRING, separators=["|", " "]), ["a b|c"]) == (
        {"x": "vocabulary"},
        [],
    )
