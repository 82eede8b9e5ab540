"""What a spec needs of the training split, and what is made of what a pass found: statistics, vocabularies, classes."""

import math

import numpy as np
import pytest
from hand_made import INT_MISSING, make_spec
from prebake.schemas.errors import DataError, SpecError
from prebake.schemas.spec_pb2 import Vocabulary
from prebake.transforms.count_analyzer import GatherCounts
from prebake.transforms.finish import Finisher
from prebake.transforms.needs import passes_of, reasons
from prebake.transforms.number_analyzer import SummarizeNumbers
from prebake.transforms.number_need import NumberNeed
from prebake.transforms.preprocessing import FORMAT_VERSION
from prebake.transforms.vocabulary_files import choose_tokens, read_tokens


def numbers(columns: dict[str, np.ndarray]) -> bytes:
    """What a pass finds of these columns, which have as many rows."""
    combine = SummarizeNumbers(sorted(columns), weighted=False)
    rows = len(next(iter(columns.values())))
    batch = [np.arange(rows), *(columns[name] for name in sorted(columns))]
    return combine.extract_output(combine.add_input(combine.create_accumulator(), batch)).item()


def serialized_counts(counts: dict[bytes, int]) -> bytes:
    pairs = [(value, (rows, 0)) for value, rows in counts.items()]
    return GatherCounts().extract_output(pairs).item()


COLUMN_TYPES = "{x: float, n: int, s: string, y: string}"
FEATURES = (
    "x: {buckets: 4}\nx2: {column: x, buckets: 2, intermediate: true}\nx3: {cross: [x2, s]}\n"
    "n: {as_is: {}, missing: most_frequent}\n"
    "s: {vocabulary: {top_k: 2}, missing: most_frequent}\ns2: {column: s, vocabulary: {min_frequency: 3}}\n"
    "n2: {column: n, hash: 5}\ns3: {column: s, vocabulary: {tokens: [a]}}"
)
BINARY = "{column: y, kind: binary}"


def test_needs():
    (needs,) = passes_of(make_spec(FEATURES, columns=COLUMN_TYPES, label=BINARY))
    assert needs.numbers == {"x": NumberNeed(quantiles={4, 2}), "n": NumberNeed()}
    assert needs.counts == {"n", "s", "y"}
    assert needs.vocabularies == {"s": "s", "s2": "s", "label": "y"}
    # A label with classes, or with none to learn, and tokens that are given.
    (nothing,) = passes_of(make_spec("s: {vocabulary: {tokens: [a]}}"))
    assert (nothing.numbers, nothing.counts, nothing.vocabularies) == ({}, set(), {})
    (one,) = passes_of(make_spec("x: as_is", columns="{x: float, y: float}", label="y"))
    assert one.numbers == {"x": NumberNeed()}


def test_a_source_is_a_column_after_its_steps():
    spec = make_spec("a: {column: x, before: [log1p], standardize: {}}\nb: {column: x, standardize: {}}")
    (needs,) = passes_of(spec)
    assert sorted(needs.numbers) == ["x", "x|log1p"]


def test_what_depends_on_statistics_takes_a_pass_more():
    spec = make_spec(
        "a: {column: x, before: [{clip: {low_quantile: 0.25}}, log1p], robust: {}}\n"
        "b: {columns: [x, n], pca: 2}\nc: {column: x, standardize: {by: s}}"
    )
    first, second = passes_of(spec)
    assert first.numbers == {"x": NumberNeed(ranks={0.25}), "n": NumberNeed()}
    assert first.groups == {"c": ("s", "x")}
    assert second.numbers == {"x|clip(low_quantile: 0.25)|log1p": NumberNeed(ranks={0.25, 0.75})}
    assert second.covariances == {"b": ["x", "n"]}
    assert reasons([first, second]) == [
        "statistics of raw columns",
        "the covariances of b and statistics of x after its clip by quantiles",
    ]


def found(label: dict[bytes, int]) -> dict[str, bytes]:
    # Sources in sorted order: n, s, x, y.
    return {
        "numbers": numbers(
            {"n": np.array([7, 7, INT_MISSING]), "x": np.array([0.5, 1.5, math.nan], np.float32)}
        ),
        "counts_s0": serialized_counts({b"7": 2, b"": 1}),
        "counts_s1": serialized_counts({b"c": 5, b"a": 2, b"b": 2, b"d": 3, b"": 4}),
        "counts_s3": serialized_counts(label),
    }


def finished(spec, given, rows, directory, keep=None):
    (needs,) = passes_of(spec)
    return Finisher(spec, rows, str(directory), keep).add(needs, given)


def test_write_statistics(tmp_path):
    spec = make_spec(FEATURES, columns=COLUMN_TYPES, label=BINARY)
    # 20 rows: 4 have no s, and 4 have one with a newline, which no count has.
    statistics = finished(spec, found({b"no": 3, b"yes": 17}), 20, tmp_path)
    assert (statistics.format_version, statistics.rows, statistics.weight) == (FORMAT_VERSION, 20, 20)
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
        "numbers": numbers({"x": np.zeros(1, np.float32)}),
        "counts_s1": serialized_counts({b"10": 5, b"9": 1, b"-1": 1, b"0": 1}),
    }
    finished(spec, given_counts, 8, tmp_path)
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
        "numbers": numbers({"x": np.zeros(1, np.float32)}),
        "counts_s1": serialized_counts({name.encode(): 1 for name in classes}),
    }
    with pytest.raises(SpecError) as caught:
        finished(spec, given_counts, len(classes), tmp_path)
    assert str(caught.value) == text


def test_kept_ids_come_first_and_stay(tmp_path):
    spec = make_spec(FEATURES, columns=COLUMN_TYPES, label=BINARY)
    keep = {"s": [b"gone", b"a"], "s2": [], "label": [b"yes", b"no"]}
    finished(spec, found({b"no": 3, b"yes": 17}), 20, tmp_path, keep)
    files = {path.name: path.read_bytes() for path in (tmp_path / "vocabularies").iterdir()}
    # top_k: 2 new ones at most; "a" has its id already.
    assert files["s.txt"] == b"gone\na\nc\nd\n"
    assert files["label.txt"] == b"yes\nno\n"


def test_choose_tokens_by_another_score():
    weights = {b"a": 5.0, b"b": 1.0, b"c": 2.0}
    score = {b"a": 0.1, b"b": 0.9, b"c": 0.9}
    assert choose_tokens(weights, score, Vocabulary(min_frequency=2)) == [b"c", b"a"]
    assert choose_tokens(weights, score, Vocabulary(top_k=2)) == [b"b", b"c"]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"a\n\nb\n", "tokens.txt:2: is an empty line: give one token a line"),
        (b"a\nb\na\n", "tokens.txt:3 'a' is the token of line 1 again"),
    ],
)
def test_bad_token_files(tmp_path, content, text):
    (tmp_path / "tokens.txt").write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_tokens(str(tmp_path / "tokens.txt"))
    assert str(caught.value) == f"{tmp_path}/{text}"


def test_token_files(tmp_path):
    (tmp_path / "tokens.txt").write_bytes(b"\xef\xbb\xbfa\r\n\xc3\xb6 b")
    assert read_tokens(str(tmp_path / "tokens.txt")) == [b"a", b"\xc3\xb6 b"]
