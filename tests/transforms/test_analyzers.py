"""What the analysis hands over: the same bytes under any bundling, and what write_statistics makes of it."""

import math

import numpy as np
import pytest
from hand_made import INT_MISSING, make_spec
from hypothesis import given, settings
from hypothesis import strategies as st
from prebake.schemas.errors import SpecError
from prebake.transforms import accumulators
from prebake.transforms.analyzers import (
    SummarizeCounts,
    SummarizeNumbers,
    count_values,
    parse_counts,
    parse_numbers,
)
from prebake.transforms.needs import Needs, needs_of
from prebake.transforms.preprocessing import write_statistics

COLUMNS, BUCKETS = ["n", "x"], [[], [4, 2]]


def batch(rows: list[tuple[int, int, float]]) -> list[np.ndarray]:
    """(hash, n, x) rows as TFT hands them over."""
    hashes, n, x = zip(*rows, strict=True) if rows else ((), (), ())
    return [
        np.array(hashes, np.uint64).view(np.int64),
        np.array(n, np.int64),
        np.array(x, np.float32),
    ]


def summarize(bundles: list[list[list[tuple[int, int, float]]]]) -> bytes:
    """Bundles of batches of rows: one accumulator a bundle, merged, some compacted on the way."""
    combine = SummarizeNumbers(COLUMNS, BUCKETS)
    accumulators_ = []
    for number, batches in enumerate(bundles):
        accumulator = combine.create_accumulator()
        for rows in batches:
            accumulator = combine.add_input(accumulator, batch(rows))
        accumulators_.append(combine.compact(accumulator) if number % 2 else accumulator)
    return combine.extract_output(combine.merge_accumulators(accumulators_)).item()


rows_strategy = st.lists(
    st.tuples(
        st.integers(0, 2**64 - 1),
        st.integers(-100, 100) | st.integers(INT_MISSING, 2**63 - 1),
        st.floats(width=32, allow_infinity=False) | st.sampled_from([0.0, -0.0, math.nan, 1e-45]),
    ),
    unique_by=lambda row: row[0],
    max_size=40,
)


@settings(max_examples=100, deadline=None)
@given(
    rows_strategy,
    st.lists(st.integers(0, 40), max_size=6),
    st.lists(st.integers(0, 6), max_size=3),
    st.randoms(),
)
def test_the_same_bytes_under_any_bundling(rows, cuts, bundle_cuts, random):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(accumulators, "SAMPLE_ROWS", 8)
        expected = summarize([[rows]])
        random.shuffle(rows)
        batches = [rows[a:b] for a, b in zip([0, *sorted(cuts)], [*sorted(cuts), 40], strict=True)]
        ends = sorted(bundle_cuts)
        bundles = [batches[a:b] for a, b in zip([0, *ends], [*ends, 40], strict=True)]
        assert summarize(bundles) == expected


def test_numbers_by_hand():
    rows = [(5, INT_MISSING, 1.0), (3, 2, math.nan), (1, -4, 2.0), (2, 6, 6.0), (4, 2**53 + 1, -1.0)]
    n, x = parse_numbers(summarize([[rows[:2]], [rows[2:]]]))
    assert (n.name, n.present, n.missing, n.min, n.max) == ("n", 4, 1, -4, 2.0**53)
    assert n.mean == 2.0**51 + 1  # (2 - 4 + 6 + 2^53) / 4
    assert not n.quantiles
    assert (x.name, x.present, x.missing, x.min, x.max) == ("x", 4, 1, -1, 6)
    assert (x.mean, x.variance, x.median) == (2, 6.5, 1.5)
    # -1, 1, 2, 6: ranks 2 of 2 buckets, 1, 2, 3 of 4.
    assert [(entry.buckets, list(entry.boundaries)) for entry in x.quantiles] == [(2, [2]), (4, [1, 2, 6])]


def test_an_empty_column_has_zeros():
    n, x = parse_numbers(summarize([[[(1, INT_MISSING, math.nan)]], []]))
    for column in (n, x):
        assert (column.present, column.missing) == (0, 1)
        assert (column.mean, column.variance, column.min, column.max, column.median) == (0, 0, 0, 0, 0)
    assert [list(entry.boundaries) for entry in x.quantiles] == [[], []]


def test_a_median_that_the_sample_missed_is_the_mean(monkeypatch):
    monkeypatch.setattr(accumulators, "SAMPLE_ROWS", 2)
    rows = [(number, number, math.nan) for number in range(10)] + [(99, 0, 7.0)]
    x = parse_numbers(summarize([[rows]]))[1]
    assert (x.present, x.missing, x.mean, x.median) == (1, 10, 7, 7)


def test_no_number_columns_at_all():
    combine = SummarizeNumbers([], [])
    accumulator = combine.add_input(combine.create_accumulator(), [np.array([1, 2])])
    assert parse_numbers(combine.extract_output(accumulator).item()) == []


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([b"b", b"a", b"b", b"", b"a\nb", b"\xc3\xb6", b"a\r"], object),
         {b"a": 1, b"b": 2, b"": 1, b"\xc3\xb6": 1, b"a\r": 1}),
        (np.array([], object), {}),
        (np.array([7, -1, 7, INT_MISSING, 2**53 + 1, -(2**63) + 1], np.int64),
         {b"7": 2, b"-1": 1, b"": 1, b"9007199254740993": 1, b"-9223372036854775807": 1}),
        (np.array([0.1, 1, -0.0, 0, np.nan, np.uint32(0xFFC00001).view(np.float32), 1e20, 1e-7, 16777216], np.float32),
         {b"0.1": 1, b"1.0": 1, b"0.0": 2, b"": 2, b"1e+20": 1, b"1e-07": 1, b"1.6777216e+07": 1}),
    ],
)  # fmt: skip
def test_count_values(values, expected):
    assert count_values(values) == expected


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(width=32, allow_infinity=False), max_size=20))
def test_floats_are_counted_as_texts_that_mean_them(values):
    array = np.array(values, np.float32)
    for text, count in count_values(array).items():
        same = np.isnan(array) if not text else array == np.float32(float(text))
        assert count == same.sum()


def serialized_counts(counts: dict[bytes, int]) -> bytes:
    combine = SummarizeCounts()
    parts = [combine.add_input(combine.create_accumulator(), pair) for pair in counts.items()]
    return combine.extract_output(combine.merge_accumulators(parts)).item()


def test_counts_are_sorted_and_come_back():
    counts = {b"b": 2, b"": 4, b"a": 2, b"\xc3\xb6": 9, b"z": 1}
    expected = [(b"\xc3\xb6", 9), (b"", 4), (b"a", 2), (b"b", 2), (b"z", 1)]
    assert list(parse_counts(serialized_counts(counts)).items()) == expected
    assert serialized_counts(counts) == serialized_counts(dict(reversed(counts.items())))


COLUMN_TYPES = "{x: float, n: int, s: string, y: string}"
FEATURES = (
    "x: {buckets: 4}\nx2: {column: x, buckets: 2, intermediate: true}\nx3: {cross: [x2, s]}\n"
    "n: {as_is: {}, missing: most_frequent}\n"
    "s: {vocabulary: {top_k: 2}, missing: most_frequent}\ns2: {column: s, vocabulary: {min_frequency: 3}}\n"
    "n2: {column: n, hash: 5}\ns3: {column: s, vocabulary: {tokens: [a]}}"
)
BINARY = "{column: y, kind: binary}"


def test_needs():
    assert needs_of(make_spec(FEATURES, columns=COLUMN_TYPES, label=BINARY)) == Needs(
        numbers={"x": {4, 2}, "n": set()},
        counts={"n", "s", "y"},
        vocabularies={"s": "s", "s2": "s", "label": "y"},
    )
    # A label with classes, or with none to learn, and tokens that are given.
    assert needs_of(make_spec("s: {vocabulary: {tokens: [a]}}")) == Needs()
    assert needs_of(make_spec("x: as_is", columns="{x: float, y: float}", label="y")) == Needs(
        numbers={"x": set()}
    )


def found(label: dict[bytes, int]) -> dict[str, bytes]:
    numbers = [(1, 7, 0.5), (2, 7, 1.5), (3, INT_MISSING, math.nan)]
    return {
        "numbers": summarize([[numbers]]),
        "counts_0": serialized_counts({b"7": 2, b"": 1}),
        "counts_1": serialized_counts({b"c": 5, b"a": 2, b"b": 2, b"d": 3, b"": 4}),
        "counts_2": serialized_counts(label),
    }


def test_write_statistics(tmp_path):
    spec = make_spec(FEATURES, columns=COLUMN_TYPES, label=BINARY)
    # 20 rows: 4 have no s, and 4 have one with a newline, which no count has.
    statistics = write_statistics(spec, found({b"no": 3, b"yes": 17}), 20, str(tmp_path))
    assert (statistics.format_version, statistics.rows) == (1, 20)
    n, s, x, y = statistics.columns
    assert [column.name for column in statistics.columns] == ["n", "s", "x", "y"]
    assert (n.most_frequent, n.mean, n.present, n.missing) == ("7", 7, 19, 1)
    assert (s.most_frequent, s.present, s.missing) == ("c", 16, 4)
    assert not s.HasField("mean")
    assert (x.mean, x.HasField("most_frequent")) == (1, False)
    entries = [
        (one.feature, one.path, one.size, one.distinct, one.out_of_vocabulary) for one in s.vocabularies
    ]
    assert entries == [("s", "vocabularies/s.txt", 2, 4, 8), ("s2", "vocabularies/s2.txt", 2, 4, 8)]
    assert [(one.feature, one.path, one.out_of_vocabulary) for one in y.vocabularies] == [
        ("label", "vocabularies/label.txt", 0)
    ]
    files = {path.name: path.read_bytes() for path in (tmp_path / "vocabularies").iterdir()}
    assert files == {"s.txt": b"c\nd\n", "s2.txt": b"c\nd\n", "label.txt": b"no\nyes\n"}


def test_classes_that_are_integers_are_sorted_as_numbers(tmp_path):
    spec = make_spec("x: as_is", columns="{x: float, y: int}", label="{column: y, kind: multiclass}")
    given_counts = {
        "numbers": found({})["numbers"],
        "counts_0": serialized_counts({b"10": 5, b"9": 1, b"-1": 1, b"0": 1}),
    }
    write_statistics(spec, given_counts, 8, str(tmp_path))
    assert (tmp_path / "vocabularies" / "label.txt").read_bytes() == b"-1\n0\n9\n10\n"


@pytest.mark.parametrize(
    ("kind", "classes", "text"),
    [
        (
            "binary",
            ["c", "a", "b"],
            "spec: data.label.kind: is binary, and 'y' has 3 classes in the training split: a, b, c (give kind: multiclass)",
        ),
        (
            "binary",
            ["a"],
            "spec: data.label.kind: is binary, and 'y' has 1 class in the training split: a "
            "(a model needs at least 2 to tell apart)",
        ),
        (
            "multiclass",
            ["a"],
            "spec: data.label.kind: is multiclass, and 'y' has 1 class in the training split: a "
            "(a model needs at least 2 to tell apart)",
        ),
        (
            "binary",
            list("fedcba"),
            "spec: data.label.kind: is binary, and 'y' has 6 classes in the training split: a, b, c, d, e, … "
            "(give kind: multiclass)",
        ),
    ],
)
def test_classes_that_do_not_go_with_the_kind_of_label(tmp_path, kind, classes, text):
    spec = make_spec("x: as_is", columns="{x: float, y: string}", label=f"{{column: y, kind: {kind}}}")
    given_counts = {
        "numbers": found({})["numbers"],
        "counts_0": serialized_counts({name.encode(): 1 for name in classes}),
    }
    with pytest.raises(SpecError) as caught:
        write_statistics(spec, given_counts, len(classes), str(tmp_path))
    assert str(caught.value) == text
