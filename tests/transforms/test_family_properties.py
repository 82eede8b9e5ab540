"""Each family on any column: what its definition says, against the same in plain Python or numpy, in binary64."""

import itertools
import math
from collections import defaultdict

import numpy as np
import tensorflow as tf
from hand_made import make_graph
from hypothesis import example, given, settings
from hypothesis import strategies as st
from prebake.schemas.spec_pb2 import MinMax, Pca
from prebake.schemas.statistics_pb2 import (
    ColumnStatistics,
    Covariance,
    Group,
    GroupStatistics,
    LabelSums,
    TargetStatistics,
    TargetValue,
)
from prebake.transforms import buckets, elementwise, gaussian, missing, numeric, pca
from prebake.transforms.categorical import TokenTable
from prebake.transforms.crosses import cross, cross_each, cross_size
from prebake.transforms.grouped import GroupTable
from prebake.transforms.row_sample import l_moments
from prebake.transforms.target import TargetTable

any_case = settings(max_examples=40, deadline=None)
# Of any size that squares fit into, none of them subnormal.
numbers = st.floats(-(2.0**50), 2.0**50, width=32, allow_subnormal=False).map(
    lambda x: x if abs(x) > 1e-15 else 0.0
)
columns = st.lists(numbers, min_size=1, max_size=30)
keys = st.sampled_from(["a", "b", "ö", "x\ny"])
all_numbers = st.floats(width=32, allow_nan=False)
edges = st.lists(numbers, min_size=1, max_size=8, unique=True).map(lambda x: np.array(sorted(x), np.float32))


def floats(values) -> tf.Tensor:
    return tf.constant(list(values), tf.float32)


def of(x: tf.Tensor) -> list:
    return x.numpy().tolist()


def learnt(column: list[float]) -> ColumnStatistics:
    """As an analysis finds them, by numpy."""
    x = np.array(column, np.float64)
    statistics = ColumnStatistics(
        mean=x.mean(), variance=x.var(), min=x.min(), max=x.max(), median=np.median(x), l_moments=l_moments(x)
    )
    for rank in (0.25, 0.75):
        statistics.ranks.add(rank=rank, value=np.quantile(x, rank, method="inverted_cdf"))
    return statistics


@any_case
@given(columns)
@example([3.0])
@example([2.0**50, 2.0**50 - 2**26])
def test_a_standardized_column_has_mean_0_and_variance_1(column):
    statistics = learnt(column)
    found = numeric.standardize(floats(column), statistics).numpy().astype(np.float64)
    deviation = math.sqrt(statistics.variance)
    if not deviation:
        assert found.tolist() == [0] * len(column)
        return
    # The mean is rounded to binary32, which moves all values by the same.
    slack = 2**-23 * max(map(abs, column)) / deviation + 1e-5
    assert abs(found.mean()) <= slack
    assert abs(found.std() - 1) <= slack


@any_case
@given(columns, st.integers(-800, 800).map(lambda x: x / 8), st.floats(0.5, 100))
def test_min_max_is_between_its_ends(column, low, height):
    bounds = MinMax(low=low, high=low + height)
    found = numeric.min_max(floats(column), learnt(column), bounds).numpy()
    slack = 1e-5 * (abs(low) + height)
    assert found.min() >= low - slack
    assert found.max() <= low + height + slack
    order = np.argsort(np.array(column, np.float32), kind="stable")
    assert (np.diff(found[order]) >= 0).all()
    assert found[order[0]] == np.float32(low)


@any_case
@given(columns.filter(lambda column: len(column) % 2))
def test_robust_gives_the_median_0_and_the_quartiles_a_distance_of_1(column):
    statistics = learnt(column)
    low, high = (entry.value for entry in statistics.ranks)
    at = numeric.robust(floats([statistics.median, low, high]), statistics).numpy()
    assert at[0] == 0
    if high > low:
        slack = 2**-22 * max(abs(low), abs(high), abs(statistics.median)) / (high - low) + 1e-6
        assert abs(at[2] - at[1] - 1) <= slack


@any_case
@given(edges, st.lists(all_numbers, min_size=1, max_size=20))
def test_buckets_count_the_boundaries_up_to_a_number(boundaries, others):
    x = np.array([*others, *boundaries, *np.nextafter(boundaries, np.float32(-np.inf))], np.float32)
    found = buckets.bucketize(missing.to_float(tf.constant(x)), buckets.as_boundaries(boundaries)).numpy()
    flushed = np.where(np.abs(x) < np.finfo(np.float32).tiny, 0, x)
    assert found.tolist() == np.searchsorted(boundaries, flushed, side="right").tolist()


@any_case
@given(edges, st.lists(all_numbers, min_size=1, max_size=20))
def test_interpolation_is_that_of_numpy_and_rises(boundaries, others):
    x = np.sort(np.array([*others, *boundaries], np.float32))
    found = buckets.interpolate(tf.constant(x), boundaries).numpy()
    assert (np.diff(found) >= 0).all()
    assert found.min() >= 0
    assert found.max() <= 1
    if len(boundaries) > 1:
        wanted = np.interp(x.astype(np.float64), boundaries, np.linspace(0, 1, len(boundaries)))
        np.testing.assert_allclose(found, wanted, atol=1e-6)
        assert of(buckets.interpolate(tf.constant(boundaries[[0, -1]]), boundaries)) == [0, 1]


@any_case
@given(edges.filter(lambda x: len(x) > 1), st.lists(numbers, min_size=1, max_size=20))
def test_piecewise_linear_encoding_is_equation_1(boundaries, others):
    x = np.sort(np.array([*others, *boundaries], np.float32))
    found = buckets.piecewise_linear(tf.constant(x), boundaries).numpy()
    last = len(boundaries) - 2
    for row, value in zip(found.tolist(), x.tolist(), strict=True):
        for t, (low, high) in enumerate(itertools.pairwise(boundaries.tolist())):
            if value < low and t > 0:
                wanted = 0.0
            elif value >= high and t < last:
                wanted = 1.0
            else:
                wanted = (value - low) / (high - low)
            assert math.isclose(row[t], wanted, rel_tol=1e-6, abs_tol=1e-30)
    assert (np.diff(found, axis=0) >= 0).all()


@any_case
@given(columns, st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), max_size=20))
def test_gaussian_rises(column, others):
    x = np.sort(np.array([*column, *others], np.float32))
    found = gaussian.to_gaussian(missing.to_float(tf.constant(x)), learnt(column)).numpy()
    assert np.isfinite(found).all()
    # But for the last bits, where two numbers are as near as binary32 can say.
    assert (found[1:] >= found[:-1] - 1e-6 * np.maximum(np.abs(found[:-1]), 1)).all()


@any_case
@given(st.lists(all_numbers, min_size=1, max_size=20), st.sampled_from([0.5, 2.0, 1.5, -1.0, 0.1]))
def test_steps_are_those_of_python(values, exponent):
    x = missing.to_float(floats(values))
    for found, value in zip(of(elementwise.log1p(x)), of(x), strict=True):
        wanted = math.log1p(value) if value > -1 else math.nan
        assert math.isnan(found) == math.isnan(wanted)
        assert math.isnan(wanted) or math.isclose(found, wanted, rel_tol=1e-6, abs_tol=1.2e-38)
    for found, value in zip(of(elementwise.power(x, exponent)), of(x), strict=True):
        wanted = math.inf
        if abs(value) < math.inf and (value or exponent > 0):
            wanted = math.copysign(abs(value) ** exponent, value)
        if abs(wanted) > float(np.finfo(np.float32).max):
            assert math.isnan(found) or value == 0 or (abs(value) == math.inf and exponent < 0 and found == 0)
        else:
            assert math.isclose(found, wanted, rel_tol=1e-6, abs_tol=1.2e-38)
    low, high = sorted(of(x)[:1] * 2) if len(values) < 2 else sorted(of(x)[:2])
    assert of(elementwise.clip(x, low, high)) == [min(max(value, low), high) for value in of(x)]


@any_case
@given(st.lists(st.tuples(keys, numbers), min_size=1, max_size=30), st.booleans())
def test_within_groups_it_is_the_transform_of_each_group(rows, scaled):
    groups = defaultdict(list)
    for key, value in rows:
        groups[key].append(value)
    entries = []
    for key, values in sorted(groups.items()):
        one = learnt(values)
        entries.append(
            Group(key=key.encode(), mean=one.mean, variance=one.variance, min=one.min, max=one.max)
        )
    table = GroupTable(GroupStatistics(groups=entries), tf.string)
    x = [value for _, value in rows] + [1.5, 1.5]
    asked = [key for key, _ in rows] + ["unseen", ""]
    overall, bounds = learnt(x), MinMax(low=-1, high=2)
    if scaled:
        found = of(table.min_max(floats(x), tf.constant(asked), overall, bounds))
    else:
        found = of(table.standardize(floats(x), tf.constant(asked), overall))
    for key, value, one in zip(asked, x, found, strict=True):
        of_group = learnt(groups[key]) if key in groups else overall
        alone = numeric.min_max(floats([value]), of_group, bounds) if scaled else None
        alone = numeric.standardize(floats([value]), of_group) if alone is None else alone
        assert one == of(alone)[0]


@any_case
@given(
    st.lists(
        st.tuples(keys | st.just(""), st.integers(0, 11), st.integers(1, 3), st.booleans()), max_size=40
    ),
    st.integers(2, 4),
    st.sampled_from([0.0, 0.5, 2.0, 10.0]),
)
def test_target_is_the_mean_label_of_the_other_folds(rows, folds, smoothing):
    """rows: value, hash, weight, label."""
    statistics = TargetStatistics(folds=folds)

    def sums(some) -> list[LabelSums]:
        parts = [[row for row in some if row[1] % folds == fold] for fold in range(folds)]
        return [
            LabelSums(weight=sum(row[2] for row in part), label=[sum(row[2] * row[3] for row in part)])
            for part in parts
        ]

    statistics.all.extend(sums(rows))
    for value in sorted({row[0] for row in rows}):
        some = [row for row in rows if row[0] == value]
        statistics.values.append(TargetValue(key=value.encode(), folds=sums(some)))
    table = TargetTable(statistics, tf.string, smoothing)
    asked = [*rows, ("never", 3, 1, True), ("", 2, 1, True)]
    words = tf.constant([row[0] for row in asked])

    def wanted(value, left_out):
        kept = [row for row in rows if row[1] % folds != left_out]
        weight = sum(row[2] for row in kept)
        overall = sum(row[2] * row[3] for row in kept) / weight if weight else 0.0
        same = [row for row in kept if row[0] == value]
        weight = sum(row[2] for row in same)
        if not weight:
            return overall
        return (sum(row[2] * row[3] for row in same) + smoothing * overall) / (weight + smoothing)

    out = table(words, tf.constant([row[1] for row in asked], tf.int64))
    np.testing.assert_allclose(out, [wanted(row[0], row[1] % folds) for row in asked], rtol=1e-6)
    whole = table(words, None)
    np.testing.assert_allclose(whole, [wanted(row[0], None) for row in asked], rtol=1e-6)


@any_case
@given(st.integers(1, 9), st.lists(st.integers(-(2**63) + 1, 2**63 - 1) | st.integers(-3, 12), max_size=20))
def test_an_identity_is_the_number_or_the_last_id(size, values):
    graph = make_graph(f"n: {{identity: {size}}}")
    found = of(graph.apply({"n": tf.constant([*values, -(2**63)], tf.int64)})["n"])
    assert graph.features[0].cardinality == size + 2
    assert found == [value if 0 <= value < size else size for value in values] + [size + 1]


@any_case
@given(
    st.lists(st.binary(min_size=1, max_size=4), unique=True, max_size=8),
    st.lists(st.binary(max_size=4), max_size=8),
    st.integers(1, 4),
)
def test_a_vocabulary_gives_places_and_beyond_them_hashes(tokens, others, oov_buckets):
    table = TokenTable(tokens, tf.string, oov_buckets)
    found = of(table(tf.constant([*tokens, *others], tf.string)))
    assert found[: len(tokens)] == list(range(len(tokens)))
    for token, one in zip(others, found[len(tokens) :], strict=True):
        known = token in tokens
        assert one == tokens.index(token) if known else len(tokens) <= one < table.size


@any_case
@given(st.lists(st.integers(1, 6), min_size=1, max_size=4), st.integers(1, 300))
def test_a_cross_is_exact_where_it_has_the_room(sizes, most):
    every = list(itertools.product(*map(range, sizes)))
    ids = [tf.constant([row[place] for row in every], tf.int64) for place in range(len(sizes))]
    found = of(cross(ids, sizes, most))
    assert all(0 <= one < cross_size(sizes, most) for one in found)
    exact = math.prod(sizes) <= most
    assert (found == list(range(len(every)))) == exact or len(every) == 1


ids = st.lists(st.integers(0, 4), max_size=4)


@any_case
@given(st.lists(st.tuples(ids, ids, st.integers(0, 2)), min_size=1, max_size=6), st.sampled_from([7, 1000]))
def test_a_cross_of_lists_is_every_combination(rows, most):
    sizes = [5, 5, 3]
    first, second = (tf.ragged.constant([row[place] for row in rows], tf.int64) for place in (0, 1))
    third = tf.constant([row[2] for row in rows], tf.int64)
    found = cross_each([first, second, third], lambda one: cross(one, sizes, most)).to_list()
    for row, got in zip(rows, found, strict=True):
        combinations = list(itertools.product(row[0], row[1], [row[2]]))
        alone = [tf.constant([one[place] for one in combinations], tf.int64) for place in range(3)]
        assert got == (of(cross(alone, sizes, most)) if combinations else [])
        if most == 1000:
            assert got == [(a * 5 + b) * 3 + c for a, b, c in combinations]


@any_case
@given(st.integers(0, 2**32 - 1), st.booleans(), st.booleans())
def test_components_are_uncorrelated_and_whitened_of_variance_1(seed, whiten, standardize):
    generator = np.random.default_rng(seed)
    rows = (generator.normal(0, [1, 5, 0.2], (50, 3)) @ generator.normal(0, 1, (3, 3)) + 7).astype(np.float32)
    wide = rows.astype(np.float64)
    covariance = Covariance(mean=wide.mean(axis=0), covariance=np.cov(wide.T, bias=True).ravel())
    asked = Pca(dimension=2, whiten=whiten, standardize=standardize)
    mean, matrix = pca.components(covariance, asked)
    found = pca.project([tf.constant(column) for column in rows.T], mean, matrix).numpy().astype(np.float64)
    assert np.abs(found.mean(axis=0)).max() < 1e-3 * max(1, np.abs(found).max())
    spread = np.cov(found.T, bias=True)
    assert abs(spread[0, 1]) < 1e-3 * max(1, spread[0, 0])
    if whiten:
        np.testing.assert_allclose(np.diag(spread), [1, 1], rtol=1e-2)
    else:
        assert spread[0, 0] >= spread[1, 1] * (1 - 1e-4)
