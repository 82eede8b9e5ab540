"""Each family of numbers by hand: exact values, edges, and what is missing."""

import math

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
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
from prebake.transforms import buckets, elementwise, gaussian, numeric, pca
from prebake.transforms.covariance_analyzer import SumProducts, finish_covariance, merge_covariance
from prebake.transforms.grouped import GroupTable
from prebake.transforms.row_sample import l_moments
from prebake.transforms.target import TargetTable


def floats(*values: float) -> tf.Tensor:
    return tf.constant(values, tf.float32)


def of(x: tf.Tensor) -> list:
    return x.numpy().tolist()


def test_log1p():
    found = elementwise.log1p(floats(0, math.e - 1, -1, -2, math.nan, 1e-45)).numpy()
    np.testing.assert_array_equal(found, np.array([0, 1, np.nan, np.nan, np.nan, 0], np.float32))


def test_power_keeps_the_sign():
    assert of(elementwise.power(floats(4, -4, 0), 0.5)) == [2, -2, 0]
    assert np.isnan(elementwise.power(floats(1e30), 2.0).numpy()).all()


def test_clip_keeps_what_is_missing():
    found = elementwise.clip(floats(-5, 0, 5, math.nan), -1.0, 2.5).numpy()
    np.testing.assert_array_equal(found, np.array([-1, 0, 2.5, np.nan], np.float32))
    assert of(elementwise.clip(floats(-5, 5), None, 2.0)) == [-5, 2]


def test_robust():
    statistics = ColumnStatistics(median=3)
    statistics.ranks.add(rank=0.25, value=1)
    statistics.ranks.add(rank=0.75, value=5)
    assert of(numeric.robust(floats(3, 7, 1), statistics)) == [0, 1, -0.5]
    equal = ColumnStatistics(median=3)
    assert of(numeric.robust(floats(3, 7), equal)) == [0, 4]


def test_interpolated_buckets():
    bounds = np.array([0, 1, 3], np.float32)
    assert of(buckets.interpolate(floats(-1, 0, 0.5, 1, 2, 3, 9), bounds)) == [0, 0, 0.25, 0.5, 0.75, 1, 1]
    assert of(buckets.interpolate(floats(-1, 9), np.array([2], np.float32))) == [0, 0]


def test_piecewise_linear():
    edges = np.array([0, 1, 3, 4], np.float32)
    found = of(buckets.piecewise_linear(floats(-1, 0.5, 2, 3, 6), edges))
    # Eq. 1 of the paper: the first interval goes on below, the last above.
    assert found == [[-1, 0, 0], [0.5, 0, 0], [1, 0.5, 0], [1, 1, 0], [1, 1, 3]]
    assert of(buckets.piecewise_linear(floats(1, 5), np.array([2], np.float32))) == [[0], [0]]
    statistics = ColumnStatistics(min=0, max=4)
    statistics.quantiles.add(buckets=3, boundaries=[1, 3])
    assert buckets.piecewise_linear_edges(statistics, 3).tolist() == [0, 1, 3, 4]


def test_equal_width():
    assert buckets.equal_width(ColumnStatistics(min=0, max=8), 4).tolist() == [2, 4, 6]


def groups() -> GroupStatistics:
    return GroupStatistics(
        groups=[
            Group(key=b"", mean=99, variance=1, min=0, max=1),
            Group(key=b"a", mean=2, variance=4, min=0, max=4),
            Group(key=b"flat", mean=5, variance=0, min=5, max=5),
        ]
    )


def test_within_groups():
    table = GroupTable(groups(), tf.string)
    overall = ColumnStatistics(mean=10, variance=25, min=0, max=20)
    keys = tf.constant(["a", "flat", "unseen", ""])
    assert of(table.standardize(floats(4, 7, 5, 15), keys, overall)) == [1, 0, -1, 1]
    bounds = MinMax(low=-1, high=1)
    assert of(table.min_max(floats(4, 7, 5, 15), keys, overall, bounds)) == [1, -1, -0.5, 0.5]


def target(*per_fold: tuple[bytes, list[tuple[float, list[float]]]], folds: int = 2) -> TargetStatistics:
    statistics = TargetStatistics(folds=folds)
    for fold in range(folds):
        weight = sum(sums[fold][0] for _, sums in per_fold)
        width = len(per_fold[0][1][0][1])
        label = [sum(sums[fold][1][place] for _, sums in per_fold) for place in range(width)]
        statistics.all.append(LabelSums(weight=weight, label=label))
    for key, sums in per_fold:
        statistics.values.append(
            TargetValue(key=key, folds=[LabelSums(weight=weight, label=label) for weight, label in sums])
        )
    return statistics


def test_target_by_hand():
    statistics = target(
        (b"a", [(2, [2]), (2, [6])]), (b"b", [(4, [4]), (0, [0])]), (b"", [(0, [0]), (2, [0])])
    )
    table = TargetTable(statistics, tf.string, smoothing=2)
    # All rows: 12 of 10, mean 1.2. a: (8 + 2.4) / 6; b: (4 + 2.4) / 6; unseen: 1.2; missing: 2.4 / 4.
    whole = table(tf.constant(["a", "b", "?", ""]), None)
    np.testing.assert_allclose(whole, np.array([10.4 / 6, 6.4 / 6, 1.2, 0.6], np.float32), rtol=1e-7)
    # Fold 0 sees fold 1 alone: 6 of 4, mean 1.5; fold 1 sees fold 0: 6 of 6, mean 1.
    out = table(tf.constant(["a", "b", "a", "b", "a"]), tf.constant([0, 2, 1, 3, -1], tf.int64))
    np.testing.assert_allclose(out, np.array([(6 + 3) / 4, 1.5, 1, 1, 10.4 / 6], np.float32), rtol=1e-7)


def test_target_of_classes_gives_one_number_for_each():
    statistics = target((b"7", [(4, [1, 3, 0])]), folds=1)
    found = TargetTable(statistics, tf.int64, smoothing=0)(tf.constant([7, 8], tf.int64), None)
    assert of(found) == [[0.25, 0.75, 0], [0.25, 0.75, 0]]


def test_pca_of_two_columns():
    covariance = Covariance(mean=[1, 2], covariance=[2, 2, 2, 2])
    mean, matrix = pca.components(covariance, Pca(dimension=2))
    root = math.sqrt(0.5)
    np.testing.assert_allclose(matrix[:, 0], [root, root], rtol=1e-12)
    found = pca.project([floats(1, 2), floats(2, 3)], mean, matrix).numpy()
    np.testing.assert_allclose(found[:, 0], [0, math.sqrt(2)], rtol=1e-6)
    assert np.abs(found[:, 1]).max() < 1e-6
    _, white = pca.components(covariance, Pca(dimension=2, whiten=True))
    # Variance 4 becomes 1, and the component without variance is 0 rather than noise made large.
    np.testing.assert_allclose(white, [[root / 2, 0], [root / 2, 0]], rtol=1e-12, atol=1e-15)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 400), st.booleans(), st.randoms())
def test_covariance_is_that_of_numpy_in_any_order(seed, cut, weighted, random):
    generator = np.random.default_rng(seed)
    rows = generator.normal(5, 3, (400, 3)).astype(np.float32)
    rows[:, 2] += rows[:, 0]
    weights = generator.integers(0, 4, 400).astype(np.float32)
    repeated = np.repeat(rows, weights.astype(int), axis=0) if weighted else rows
    center, scale = repeated.mean(axis=0).tolist(), (1 / repeated.std(axis=0)).tolist()
    combine = SumProducts(center, scale, 1.0 if weighted else None)

    def analyzed(part, part_weights):
        batch = [part[:, 0], part[:, 1], part[:, 2], *([part_weights] if weighted else [])]
        return combine.extract_output(combine.add_input(combine.create_accumulator(), batch)).item()

    whole = analyzed(rows, weights)
    order = np.array(random.sample(range(400), 400))
    parts = [order[:cut], order[cut:]]
    assert merge_covariance([analyzed(rows[part], weights[part]) for part in parts]) == whole
    found = finish_covariance(whole, center, scale)
    np.testing.assert_allclose(found.mean, repeated.astype(np.float64).mean(axis=0), atol=1e-3)
    expected = np.cov(repeated.astype(np.float64).T, bias=True)
    np.testing.assert_allclose(np.reshape(found.covariance, (3, 3)), expected, rtol=1e-3, atol=1e-3)


def test_missing_values_of_a_covariance_count_as_the_mean():
    combine = SumProducts([1.0], [1.0], None)
    batch = [np.array([0, 2, np.nan, np.nan], np.float32)]
    found = combine.extract_output(combine.add_input(combine.create_accumulator(), batch)).item()
    assert list(finish_covariance(found, [1.0], [1.0]).covariance) == [0.5]


@pytest.mark.parametrize(("left", "right"), [(0.0, 0.0), (0.2, 0.2), (0.0, 0.4), (0.5, 0.1)])
def test_gaussian_finds_the_parameters_it_was_made_with(left, right):
    # 20,001 quantiles of a Tukey HH variable, location 3 and scale 2.
    share = (np.arange(20_001) + 0.5) / 20_001
    z = np.sqrt(2) * tf.math.erfinv(2 * share - 1).numpy()
    x = 3 + 2 * z * np.exp(np.where(z < 0, left, right) * z * z / 2)
    statistics = ColumnStatistics(l_moments=l_moments(x))
    found = gaussian.fit(statistics.l_moments)
    np.testing.assert_allclose(found, [3, 2, left, right], atol=0.02)
    back = gaussian.to_gaussian(tf.constant(x, tf.float32), statistics).numpy()
    np.testing.assert_allclose(back, z, atol=0.05)


@pytest.mark.fault(31)
def test_gaussian_of_a_constant_is_zero():
    statistics = ColumnStatistics(l_moments=[5, 0, 0, 0])
    assert of(gaussian.to_gaussian(floats(5, 7), statistics)) == [0, 0]
    assert of(gaussian.to_gaussian(floats(5), ColumnStatistics())) == [0]


def test_gaussian_is_monotone_and_finite():
    x = np.concatenate([-np.logspace(-30, 38, 500)[::-1], [0], np.logspace(-30, 38, 500)]).astype(np.float32)
    statistics = ColumnStatistics(l_moments=[0.3, 1.1, 0.2, 0.4])
    found = gaussian.to_gaussian(tf.constant(x), statistics).numpy()
    assert np.isfinite(found).all()
    assert (np.diff(found) >= 0).all()


def test_a_column_as_wide_as_binary32_is_scaled_alike_in_every_thread():
    # 1 / 3e38 and 1 / 6.8e38 are subnormal, and so is (1 - 0) / 3e38: TensorFlow's threads and Python's differ there.
    most = float(np.finfo(np.float32).max)
    statistics = ColumnStatistics(mean=0, variance=9e76, min=-most, max=most, median=0)
    statistics.ranks.add(rank=0.25, value=-most)
    statistics.ranks.add(rank=0.75, value=most)
    x = floats(most, -most, 1.5e38, 1, 0, math.inf)
    for apply in (lambda f: f, tf.function):
        found = of(apply(lambda x: numeric.standardize(x, statistics))(x))
        np.testing.assert_allclose(found, [most / 3e38, -most / 3e38, 0.5, 0, 0, math.inf], rtol=3e-7)
        found = of(apply(lambda x: numeric.min_max(x, statistics, MinMax(low=0, high=1)))(x))
        np.testing.assert_allclose(found, [1, 0, 0.5 + 0.75e38 / most, 0.5, 0.5, math.inf], rtol=3e-7)
        found = of(apply(lambda x: numeric.robust(x, statistics))(x))
        np.testing.assert_allclose(found, [0.5, -0.5, 0.75e38 / most, 0, 0, math.inf], rtol=3e-7)
    wide = GroupStatistics(
        groups=[Group(key=b"a", mean=0, variance=9e76), Group(key=b"b", mean=2, variance=4)]
    )
    table = GroupTable(wide, tf.string)
    found = of(table.standardize(floats(1.5e38, 6), tf.constant(["a", "b"]), ColumnStatistics(variance=1)))
    assert found == [0.5, 2]


def test_a_column_of_the_smallest_numbers_is_scaled_alike_in_every_thread():
    tiny = float(np.finfo(np.float32).tiny)
    # 2.5 * tiny - 2 * tiny is subnormal, and so is a mean of tiny / 2.
    near = ColumnStatistics(mean=2 * tiny, variance=(2 * tiny) ** 2)
    below = ColumnStatistics(mean=tiny / 2, variance=(2 * tiny) ** 2)
    x = floats(2.5 * tiny, 4 * tiny, 0)
    for apply in (lambda f: f, tf.function):
        np.testing.assert_allclose(
            of(apply(lambda x: numeric.standardize(x, near))(x)), [0.25, 1, -1], rtol=1e-6
        )
        np.testing.assert_allclose(
            of(apply(lambda x: numeric.standardize(x, below))(x)), [1, 1.75, -0.25], rtol=1e-6
        )


@pytest.mark.fault(27)
def test_infinite_numbers():
    """A number beyond all goes beyond all, where the transform has no end and the column is not constant."""
    x = floats(math.inf, -math.inf)
    table = GroupTable(groups(), tf.string)
    overall = ColumnStatistics(mean=10, variance=25, min=0, max=20)
    for key, expected in (("a", [math.inf, -math.inf]), ("?", [math.inf, -math.inf]), ("flat", [0, 0])):
        assert of(table.standardize(x, tf.constant([key, key]), overall)) == expected
    assert of(table.min_max(x, tf.constant(["flat"] * 2), overall, MinMax(low=-1, high=1))) == [-1, -1]
    for tails in ([0.3, 1.1, 0.2, 0.4], [0.0, 0.56418958, 0.0, 0.12260172]):
        assert of(gaussian.to_gaussian(x, ColumnStatistics(l_moments=tails))) == [math.inf, -math.inf]
    edges = np.array([0, 1, 3], np.float32)
    assert of(buckets.interpolate(x, edges)) == [1, 0]
    assert of(buckets.piecewise_linear(x, edges)) == [[1, math.inf], [-math.inf, 0]]
    assert of(buckets.bucketize(x, edges)) == [3, 0]
    assert of(elementwise.clip(x, -1.0, 2.0)) == [2, -1]
    # These make missing what they cannot hold.
    np.testing.assert_array_equal(elementwise.log1p(x), np.array([np.inf, np.nan], np.float32))
    assert np.isnan(elementwise.power(x, 0.5)).all()
