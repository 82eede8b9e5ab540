"""In: files of word vectors and tokens. Out: proof of which files are read, and of the mean vectors."""

from __future__ import annotations

import re

import numpy as np
import pytest
import tensorflow as tf
from hand_made import make_spec
from hypothesis import given, settings
from hypothesis import strategies as st
from in_batches import features_in_any_batch
from prebake.schemas.statistics_pb2 import Statistics
from prebake.transforms.graph import TransformGraph
from prebake.transforms.word_vectors import WordVectors

# Binary fractions, so that means can be worked by hand.
FILE = "the 1 -2.5\nköln 3 0\n日 -4 1e-2\n. . . 0.5 .5\n\x00a 8 8\n"


def mean(content: str, *rows: list[str | bytes]) -> list[list[float]]:
    tokens = tf.ragged.constant(rows, dtype=tf.string, ragged_rank=1)
    return WordVectors(content.encode())(tokens).numpy().tolist()


def test_means_by_hand():
    assert mean(FILE, ["the"], ["the", "köln"], ["the", "the", "köln", "unseen"], [], ["unseen", ""]) == [
        [1, -2.5],
        [2, -1.25],
        # Twice is twice; what the file does not have does not count.
        [float(np.float32(5 / 3)), float(np.float32(-5 / 3))],
        [0, 0],
        [0, 0],
    ]
    # A token may hold spaces, or a NUL; case and marks matter; bytes that are no text are no token.
    assert mean(FILE, [". . ."], ["."], ["\0a"], ["The"], ["ko\u0308ln"], [b"\xff"], ["the\n"]) == [
        [0.5, 0.5], [0, 0], [8, 8], [0, 0], [0, 0], [0, 0], [0, 0],
    ]  # fmt: skip
    # The sum is of binary64: 2^24 does not swallow 1, and twice the largest number does not overflow.
    assert mean("a 16777216\nb 1\nc -16777216\n", ["a", "b", "c"]) == [[float(np.float32(1 / 3))]]
    assert mean("a 3.4028235e38\n", ["a", "a"]) == [[3.4028234663852886e38]]


def test_lists_of_lists_count_as_one_list():
    vectors = WordVectors(b"a 2\nb 4\n")
    nested = tf.ragged.constant([[["a"], ["b", "b"]], [], [[], ["?", "a"]]], dtype=tf.string)
    assert vectors(nested).numpy().tolist() == [[float(np.float32(10 / 3))], [0], [2]]
    assert vectors(nested[:0]).shape == (0, 1)


@pytest.mark.parametrize(
    "content",
    [
        "a 1 2\nb 3 4\n",
        "a 1 2\nb 3 4",
        "a 1 2 \r\nb 3 4 \r\n",
        # word2vec's first line.
        "2 2\na 1 2\nb 3 4\n",
        # A token that is a number.
        "a 1 2\nb 3 4\n7 5 6\n",
    ],
)
def test_how_files_are_written(content):
    assert mean(content, ["a", "b"], ["2"]) == [[2, 3], [0, 0]]


def test_subnormal_numbers_are_zero():
    assert mean("a 1e-40 -1e-45\n", ["a"]) == [[0, 0]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "has no vectors"),
        ("\n", "line 1 has no numbers after the token"),
        ("1 2\n", "has no vectors"),
        ("a\nb\n", "line 1 has no numbers after the token"),
        ("a 1 2\nb 3\n", "line 2 is not a token and 2 numbers"),
        ("a 1 2\n\nb 3 4\n", "line 2 is not a token and 2 numbers"),
        ("a 1 2\n 3 4\n", "line 2 is not a token and 2 numbers"),
        ("a 1 2\nb 3 4 5\nb 4 5\nb 4 5\n", "line 4 has the token 'b' of line 3 again"),
        ("a 1 2\nb 3 x\n", "line 2: 'x' is not a number"),
        ("a 1 nan\n", "line 1: 'nan' is not a number"),
        ("a 1 1e39\n", "line 1: '1e39' is not a number"),
        ("a 1,5 2\n", "line 1: '1,5' is not a number"),
        ("3 2\na 1 2\nb 3 4\n", "line 1 says 3 vectors, and 2 follow"),
        ("2 3\na 1 2\nb 3 4\n", "line 2 is not a token and 3 numbers"),
        ("2 0\na\nb\n", "line 1 has no numbers after the token"),
    ],
)
def test_files_that_are_refused(content, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        WordVectors(content.encode())


def test_a_fault_far_down_the_file():
    lines = [f"t{number} {number} 1" for number in range(9000)]
    lines[8500] = "t8500 8500 +1"
    with pytest.raises(ValueError, match=r"^line 8,501: '\+1' is not a number$"):
        WordVectors("\n".join(lines).encode())
    lines[8500] = "t17 8500 1"
    with pytest.raises(ValueError, match="^line 8,501 has the token 't17' of line 18 again$"):
        WordVectors("\n".join(lines).encode())


NUMBERS = st.floats(-1e6, 1e6, width=32)


@settings(max_examples=100, deadline=None)
@given(st.data(), st.integers(1, 4))
def test_means_are_those_of_numpy(data, dimension):
    tokens = data.draw(
        st.lists(st.text("ab日é .", min_size=1, max_size=3), min_size=1, max_size=6, unique=True)
    )
    vectors = [data.draw(st.lists(NUMBERS, min_size=dimension, max_size=dimension)) for _ in tokens]
    # Without it the first line tells the dimension, so that its token can hold no space.
    header = f"{len(tokens)} {dimension}\n" if data.draw(st.booleans()) or " " in tokens[0] else ""
    content = header + "".join(
        f"{token} {' '.join(map(repr, row))}\n" for token, row in zip(tokens, vectors, strict=True)
    )
    rows = data.draw(
        st.lists(st.lists(st.sampled_from([*tokens, "?", ""]), max_size=6), min_size=1, max_size=5)
    )
    found = np.array(mean(content, *rows))
    table = {token: np.array(row) for token, row in zip(tokens, vectors, strict=True)}
    for row, value in zip(rows, found, strict=True):
        known = [table[token] for token in row if token in table]
        expected = np.mean(known, axis=0) if known else np.zeros(dimension)
        np.testing.assert_allclose(value, expected, rtol=1e-6, atol=1e-9)


@pytest.fixture(scope="module")
def graph():
    spec = make_spec("s: {before: [lower, {split: words}], word_vectors: v.txt}")
    return TransformGraph(spec, Statistics(), {}, {"s": FILE.encode()})


def test_a_feature_of_word_vectors(graph):
    (output,) = graph.features
    assert list(output.shape) == [2]
    texts = [b"", "THE Köln!".encode(), b"\xff the\n", "日日".encode(), b"?"]
    assert graph.apply({"s": tf.constant(texts)})["s"].numpy().tolist() == [
        [0, 0],
        [2, -1.25],
        [1, -2.5],
        [0, 0],
        [0, 0],
    ]
    assert graph.apply({"s": tf.constant([], tf.string)})["s"].shape == (0, 2)
    assert graph.apply({"s": tf.constant(["", ""])})["s"].numpy().tolist() == [[0, 0]] * 2


def test_batches_of_any_size(graph):
    words = ["the", "köln", "日", "x", "\n"]
    texts = [" ".join(words[(i * k + i) % 5] for k in range(i % 9)) for i in range(512)]
    assert len(features_in_any_batch(graph, {"s": tf.constant(texts)})["s"]) == 512
