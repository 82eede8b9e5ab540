"""Features of real data beside scikit-learn's, fitted on the same training rows: how far apart they are, and why.

    .venv/bin/python -m pytest -q -s tests/pipelines/test_beside_sklearn.py

prints the table of docs/quality.md. Each test's docstring states its tolerance and what differs. scikit-learn computes in
binary64 from the same binary32 columns; prebake's statistics are binary64 and its features binary32, so that rounding alone
makes a difference of up to 6e-8 of the value.
"""

from __future__ import annotations

import math
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from prebake.schemas.spec_pb2 import ONE_HOT
from prebake.training.input_layer import encode_inputs, feature_inputs
from real_rows import Side, analyzed
from sklearn.decomposition import PCA
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import KBinsDiscretizer, OneHotEncoder, StandardScaler, TargetEncoder

BLOCKS = "MedInc, HouseAge, AveRooms, AveBedrms, Population, AveOccup, Latitude, Longitude"
NAMES = BLOCKS.split(", ")
HOUSING = f"""\
data: {{files: "FOLDER/*.csv", label: MedHouseVal}}
features:
  standardize: {{columns: [{BLOCKS}], standardize: {{}}}}
  pca: {{columns: [{BLOCKS}], pca: 3}}
  pca_standardized: {{columns: [{BLOCKS}], pca: {{dimension: 8, standardize: true}}}}
  pca_whitened: {{columns: [{BLOCKS}], pca: {{dimension: 8, standardize: true, whiten: true}}}}
""" + "".join(f"  buckets_{name}: {{column: {name}, buckets: 11}}\n" for name in NAMES)
CATEGORIES = ["workclass", "education", "marital-status", "occupation", "native-country"]
ADULT = (
    """\
data: {files: "FOLDER/*.csv", label: class}
features:
  age: {buckets: 11}
  hours: {column: hours-per-week, buckets: 11}
  gain: {column: capital-gain, buckets: 11}
"""
    + "".join(f"  ids_{name}: {{column: {name}, vocabulary: {{}}, encode: one_hot}}\n" for name in CATEGORIES)
    + "".join(
        f"  target_{name}: {{column: {name}, target: {{smoothing: 7, folds: 4}}}}\n" for name in CATEGORIES
    )
)
MOVIES = """\
data:
  files: "FOLDER/*.csv"
  label: rating
  ignore_undeclared: true
  columns: {title: string, rating: float}
features:
  title: {before: [lower, {split: words}], vocabulary: {}, tf_idf: true, encode: counts}
"""


@pytest.fixture(scope="module")
def housing(tmp_path_factory, housing_data) -> Side:
    return analyzed(tmp_path_factory.mktemp("housing"), housing_data, HOUSING)


@pytest.fixture(scope="module")
def adult(tmp_path_factory, adult_data) -> Side:
    return analyzed(tmp_path_factory.mktemp("adult"), adult_data, ADULT)


@pytest.fixture(scope="module")
def movies(tmp_path_factory, movies_data) -> Side:
    return analyzed(tmp_path_factory.mktemp("movies"), movies_data, MOVIES)


@pytest.fixture(scope="module")
def say():
    """Collects lines of the table, and prints them after the last test."""
    lines: list[str] = []
    yield lambda feature, other, difference: lines.append(f"| {feature} | `{other}` | {difference} |")
    print("\n\n| feature | scikit-learn | largest difference |\n|---|---|---|", *lines, sep="\n")


def matrix(side: Side) -> np.ndarray:
    return np.stack([side.column(name) for name in NAMES], axis=1)


def test_standardize(housing, say):
    """Tolerance 1e-6 of the value, or of 1 where that is larger. Both divide by the population's deviation; ours subtracts
    the mean and multiplies in binary32: longitudes of -120 with a deviation of 2 are known to 2e-6 of it."""
    x = matrix(housing)
    theirs = StandardScaler().fit(x[housing.train]).transform(x)
    distance = np.abs(housing.found["standardize"] - theirs) / np.maximum(1, np.abs(theirs))
    say("`standardize`, 8 columns of housing", "StandardScaler()", f"{distance.max():.1e}, relative")
    assert distance.max() < 1e-6


def bins(x: np.ndarray, train: np.ndarray, method: str) -> tuple[np.ndarray, int]:
    """scikit-learn's ids of all rows, and how many bins it has."""
    discretizer = KBinsDiscretizer(
        11, encode="ordinal", strategy="quantile", quantile_method=method, subsample=None
    )
    with warnings.catch_warnings():
        # It says that equal boundaries are merged, which is what is compared here.
        warnings.filterwarnings("ignore", message="Bins whose width are too small")
        discretizer.fit(x[train, np.newaxis])
    return discretizer.transform(x[:, np.newaxis])[:, 0], discretizer.n_bins_[0]


def test_buckets(housing, adult, say):
    """No row differs from `quantile_method="inverted_cdf"`: boundaries are values of the column, the i-th the smallest
    that more than i/11 of the rows do not lie above, and equal ones are merged. Where i/11 of the rows is a whole number
    theirs is one row lower (at least instead of more than), and their default the mean of both; there is no such i here.
    "linear" interpolates between two rows, which moves the rows in between."""
    columns = {f"buckets_{name}": (housing, name) for name in NAMES}
    columns |= {"age": (adult, "age"), "hours": (adult, "hours-per-week"), "gain": (adult, "capital-gain")}
    others: dict[str, list[int]] = {"averaged_inverted_cdf": [], "linear": []}
    for feature, (side, name) in columns.items():
        assert side.train.sum() % 11
        theirs, count = bins(side.column(name), side.train, "inverted_cdf")
        np.testing.assert_array_equal(side.found[feature], theirs, err_msg=name)
        # One more id for a missing value.
        (output,) = [one for one in side.graph.features if one.name == feature]
        assert output.cardinality in (count, count + 1)
        for method, counts in others.items():
            counts.append(int(np.sum(bins(side.column(name), side.train, method)[0] != theirs)))
    say(
        "`buckets: 11`, 8 columns of housing, 3 of Adult",
        'KBinsDiscretizer(11, quantile_method="inverted_cdf")',
        "no row in another bucket",
    )
    for method, counts in others.items():
        say(
            "the same",
            f'quantile_method="{method}"',
            f"at most {max(counts)} rows of a column in another bucket",
        )
    assert max(others["averaged_inverted_cdf"]) == 0
    assert max(others["linear"]) < 20


def test_vocabulary_one_hot(adult, say):
    """No difference but the order of the columns: ours by frequency, theirs by the alphabet; a missing value is the last of
    ours and the empty text among theirs. An unseen value is a column of its own here, and all 0 there."""
    outputs = [output for output in adult.graph.features if output.name.startswith("ids_")]
    for output in outputs:
        output.encode = ONE_HOT  # as the examples' manifest says it
    inputs = feature_inputs(outputs)
    layer = keras.Model(inputs, encode_inputs(outputs, inputs))
    # A last row with values that no training row has.
    new = {name: tf.constant([b"new"]) if x.dtype == tf.string else x[:1] for name, x in adult.raw.items()}
    last = {name: value.numpy() for name, value in adult.graph.apply(new).items()}
    ids = {name: np.append(adult.found[name], last[name]) for name in inputs}
    ours, start = layer.predict(ids, batch_size=8192, verbose=0), 0
    for output in outputs:
        name = output.name.removeprefix("ids_")
        block = ours[:, start : start + output.cardinality]
        start += output.cardinality
        cells = np.append(adult.cells[name], "new")[:, np.newaxis]
        encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False).fit(cells[:-1][adult.train])
        theirs = encoder.transform(cells)
        # Columns: the tokens, unseen values, missing ones.
        order = [*(token.decode() for token in adult.graph.learnt.tokens(output.name)), None, ""]
        places = [order.index(category) for category in encoder.categories_[0]]
        np.testing.assert_array_equal(block[:, places], theirs, err_msg=name)
        np.testing.assert_array_equal(block[:, order.index(None)], theirs.sum(axis=1) == 0)
        np.testing.assert_array_equal(block.sum(axis=1), 1)
        assert theirs[-1].sum() == 0
    say("`vocabulary`, one-hot, 5 columns of Adult", 'OneHotEncoder(handle_unknown="ignore")', "0")


def test_target(adult, say):
    """Tolerance 1e-7: the same formula, (sum + smoothing * mean) / (rows + smoothing), rounded to binary32. A missing value
    is a value of its own in both, an unseen one gets the mean of all."""
    y = (adult.cells["class"] == ">50K").astype(int)
    largest = 0.0
    for name in CATEGORIES:
        x = adult.cells[name][:, np.newaxis]
        encoder = TargetEncoder(smooth=7, target_type="binary").fit(x[adult.train], y[adult.train])
        distance = np.abs(adult.found[f"target_{name}"] - encoder.transform(x)[:, 0])
        largest = max(largest, distance.max())
    say(
        "`target: {smoothing: 7}` when serving, 5 columns of Adult",
        "TargetEncoder(smooth=7).transform",
        f"{largest:.1e}",
    )
    assert largest < 1e-7


def test_target_out_of_fold(adult, say):
    """Tolerance 1e-7 from an encoder that is fitted on the other folds, fold by fold. Our folds go by a hash of the row's
    identity; `fit_transform` of theirs draws others, so that single rows differ by what a fold more or less changes."""
    y = (adult.cells["class"] == ">50K").astype(int)
    features = {
        name: value.numpy() for name, value in adult.graph.apply(adult.raw, tf.constant(adult.hashes)).items()
    }
    train, largest, drawn = adult.train, 0.0, 0.0
    for name in CATEGORIES:
        x, ours = adult.cells[name][:, np.newaxis], features[f"target_{name}"]
        for fold in range(4):
            held = train & (adult.hashes % 4 == fold)
            encoder = TargetEncoder(smooth=7, target_type="binary").fit(x[train & ~held], y[train & ~held])
            assert 0.2 < held.sum() / train.sum() < 0.3
            largest = max(largest, np.abs(ours[held] - encoder.transform(x[held])[:, 0]).max())
        # The serving values are others: the fold's own rows count.
        assert (ours[train] != adult.found[f"target_{name}"][train]).mean() > 0.9
        others = StratifiedKFold(4, shuffle=True, random_state=0)
        theirs = TargetEncoder(smooth=7, target_type="binary", cv=others).fit_transform(x[train], y[train])
        drawn = max(drawn, np.abs(ours[train] - theirs[:, 0]).mean())
    say(
        "`target: {folds: 4}` in training examples",
        "TargetEncoder(smooth=7), fitted on the other folds",
        f"{largest:.1e}",
    )
    say(
        "the same",
        "TargetEncoder(smooth=7, cv=StratifiedKFold(4)).fit_transform",
        f"{drawn:.1e} on average: other folds",
    )
    assert largest < 1e-7
    assert drawn < 0.01


def test_pca(housing, say):
    """Tolerance 2e-7 of the value, or of the component's deviation where that is larger. Whitened components are divided by
    the population's deviation, theirs by that of n - 1 rows, which is taken out here. Signs agree without help: the loading
    of largest size of each component is positive here, and in scikit-learn since 1.5."""
    x, train = matrix(housing), housing.train
    z = StandardScaler().fit(x[train]).transform(x)
    rows = train.sum()
    for feature, data, dimension, whiten in (
        ("pca", x, 3, False),
        ("pca_standardized", z, 8, False),
        ("pca_whitened", z, 8, True),
    ):
        theirs = PCA(dimension, whiten=whiten, svd_solver="full").fit(data[train]).transform(data)
        if whiten:
            theirs *= math.sqrt(rows / (rows - 1))
        deviation = theirs[train].std(axis=0)
        # Far from the middle everything is larger: a housing block lies 119 deviations away.
        relative = (np.abs(housing.found[feature] - theirs) / np.maximum(deviation, np.abs(theirs))).max()
        options = f"{dimension}, whiten=True" if whiten else str(dimension)
        say(
            f"`pca`, {feature.removeprefix('pca').removeprefix('_') or 'as it is'}, 8 columns of housing",
            f"PCA({options})",
            f"{relative:.1e}, relative",
        )
        assert relative < 2e-7, feature


def test_tf_idf(movies, say):
    """Tolerance 2e-7: the same formula. Weights of a row's elements add up to the token's value. Words are runs of letters,
    digits, marks and `_` here (Unicode), and `\\w+` there, which leaves marks out and takes other numbers in."""
    titles = movies.cells["title"]
    vectorizer = TfidfVectorizer(token_pattern=r"\w+", norm="l2", smooth_idf=True)
    vectorizer.fit(titles[movies.train])
    theirs = vectorizer.transform(titles[movies.train])
    tokens = [token.decode() for token in movies.graph.learnt.tokens("title")]
    ids, weights = movies.found["title"][movies.train], movies.found["title_weights"][movies.train]
    places = np.array([vectorizer.vocabulary_.get(token, -1) for token in tokens] + [-1])
    ours = np.zeros(theirs.shape, np.float64)
    at, element = np.nonzero(ids >= 0)
    known = places[ids[at, element]]
    np.add.at(ours, (at[known >= 0], known[known >= 0]), weights[at, element][known >= 0])
    assert len(tokens) > 9000
    other = {*tokens} ^ {*vectorizer.vocabulary_}
    tokenize = vectorizer.build_analyzer()
    same = np.array([not other & {*tokenize(title)} for title in titles[movies.train]])
    same &= ~(known_rows(at, known, len(ids)))
    distance = np.abs(ours - theirs.toarray())[same].max()
    say(
        f"`tf_idf`, words of {len(ids):,} movies' titles",
        r'TfidfVectorizer(token_pattern=r"\w+")',
        f"{distance:.1e}; {len(other)} of {len(tokens):,} words are split otherwise, in {(~same).sum()} titles",
    )
    assert distance < 2e-7
    assert same.mean() > 0.995


def known_rows(at: np.ndarray, known: np.ndarray, rows: int) -> np.ndarray:
    """bool [rows]: rows with a token that scikit-learn does not have."""
    found = np.zeros(rows, bool)
    found[at[known < 0]] = True
    return found
