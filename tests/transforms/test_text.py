"""In: texts with every edge. Out: proof of what becomes of them: lower case, replaced matches, tokens and n-grams."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import unicodedata

import pytest
import tensorflow as tf
from hand_made import make_graph
from hypothesis import example, given, settings
from hypothesis import strategies as st
from in_batches import features_in_any_batch
from prebake.schemas.spec_pb2 import CHARACTERS, WHITESPACE, WORDS
from prebake.transforms import text


def of(*texts: str | bytes) -> tf.Tensor:
    return tf.constant([one if isinstance(one, bytes) else one.encode() for one in texts], tf.string)


def lists(x: tf.RaggedTensor) -> list[list[str]]:
    return [[one.decode() for one in row] for row in x.to_list()]


def lowered(*texts: str | bytes) -> list[str]:
    return [one.decode() for one in text.lower(of(*texts)).numpy()]


def test_lower_by_hand():
    assert lowered("", "ABC xyz 1", "ÀÉÎ", "STRASSE ẞ", "日本 ABC", "😀A", "А́Я", "ǅ") == [
        "", "abc xyz 1", "àéî", "strasse ß", "日本 abc", "😀a", "а́я", "ǆ",
    ]  # fmt: skip
    # The Turkish letters: I is i everywhere, and the dot of İ stays as a mark.
    assert lowered("IĞDIR İZMİR ı") == ["iğdir i\u0307zmi\u0307r ı"]
    # A sigma at the end of a word.
    assert lowered("ΟΔΥΣΣΕΥΣ ΣΑΣ Σ") == ["οδυσσευς σας σ"]
    # A combining mark stays where it is.
    assert lowered("E\u0301\u0323A") == ["e\u0301\u0323a"]
    # TensorFlow itself would end the text here.
    assert lowered("A\nB\0C\0") == ["a\nb\0c\0"]
    # Each byte that is none of UTF-8 counts as one U+FFFD.
    assert lowered(b"A\xffB", b"\xc3", b"\xed\xa0\x80I") == ["a\ufffdb", "\ufffd", "\ufffd\ufffd\ufffdi"]


def test_lower_of_any_shape():
    assert text.lower(tf.constant([["A", ""], ["B\0", "I"]])).numpy().tolist() == [
        [b"a", b""],
        [b"b\0", b"i"],
    ]
    assert text.lower(of()).numpy().tolist() == []


def is_stable(character: str) -> bool:
    """Whether every version of Unicode since 3.2 says the same of it: those of Python and of TensorFlow differ."""
    category = unicodedata.ucd_3_2_0.category(character)
    return category not in ("Cn", "Cs") and category == unicodedata.category(character)


ALPHABET = [chr(code) for code in range(1, 0x3100) if is_stable(chr(code))] + list(
    "日本語한글😀🇩🇪𐐀𝔄\ufeff\ufffd\0"
)
TEXTS = st.text(st.sampled_from(ALPHABET) | st.sampled_from("aAbB _\t\n1İIıΣςé\u0301\u200d"), max_size=12)
# Unicode's White_Space, as PropList.txt has it.
SPACES = "\t\n\v\f\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"


def test_lower_of_every_character():
    assert len(ALPHABET) > 8000
    assert lowered(*ALPHABET) == [one.lower() for one in ALPHABET]


@settings(max_examples=200, deadline=None)
@given(st.lists(TEXTS, max_size=6))
def test_lower_is_that_of_python(texts):
    assert lowered(*texts) == [one.lower() for one in texts]


def test_lower_is_the_same_in_every_locale():
    code = (
        "import sys, tensorflow as tf; from prebake.transforms.text import lower; "
        "sys.stdout.buffer.write(lower(tf.constant(sys.argv[1].encode())).numpy())"
    )
    letters = "IİıJĮÌÍĨ" + "I\u0307J\u0300Į\u0301"
    # Turkish, where I is no i, and Lithuanian, where accents keep the dot.
    running = [
        subprocess.Popen(
            [sys.executable, "-c", code, letters],
            env=os.environ | {"LC_ALL": locale, "LANG": locale, "PYTHONUTF8": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        for locale in ("tr_TR.UTF-8", "lt_LT.UTF-8")
    ]
    assert [process.communicate()[0].decode() for process in running] == [letters.lower()] * 2


def test_replace_by_hand():
    texts = of("a1b22", "", "a\nb", "日本1", "É", b"1\xff2", "1")
    assert [one.decode(errors="surrogateescape") for one in text.replace(texts, "[0-9]+", "#").numpy()] == [
        "a#b#", "", "a\nb", "日本#", "É", "#\udcff#", "#",
    ]  # fmt: skip
    assert text.replace(of("Doe, Jane"), r"(\w+), (\w+)", r"\2 \1").numpy().tolist() == [b"Jane Doe"]
    # A newline is not matched by a dot, and ^ is the beginning of the text.
    assert text.replace(of("a\nb"), "^.*", "x").numpy().tolist() == [b"x\nb"]
    # What becomes empty is missing, and what is missing stays so, even where the pattern matches nothing.
    assert text.replace(of("12", ""), "[0-9]*", "").numpy().tolist() == [b"", b""]
    assert text.replace(of("b", ""), "a*", "-").numpy().tolist() == [b"-b-", b""]
    assert text.replace(of(), "a", "b").shape == (0,)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(TEXTS, max_size=5),
    st.sampled_from(["[0-9]+", r"\n", "a|b", "[^a-z]", "(a)(b)?", "I", "日本?", r"\s", "."]),
    st.sampled_from(["", "#", "<日>", r"\\", "x\ny"]),
)
def test_replace_is_that_of_python(texts, pattern, by):
    # Python's \s knows more than the ASCII ones, RE2's does not.
    expected = [re.sub(r"[\t\n\f\r ]" if pattern == r"\s" else pattern, by, one) for one in texts]
    assert [one.decode() for one in text.replace(of(*texts), pattern, by).numpy()] == expected


def test_split_by_hand():
    texts = of(
        "",
        "The quick,  brown\tfox",
        " über-haupt ",
        "日本 語",
        "a_1 b.c",
        "a\nb\r\nc",
        "e\u0301a x",
        "😀 :-)",
    )
    assert lists(text.split_text(texts, WHITESPACE)) == [
        [], ["The", "quick,", "brown", "fox"], ["über-haupt"], ["日本", "語"], ["a_1", "b.c"], ["a", "b", "c"],
        ["e\u0301a", "x"], ["😀", ":-)"],
    ]  # fmt: skip
    assert lists(text.split_text(texts, WORDS)) == [
        [], ["The", "quick", "brown", "fox"], ["über", "haupt"], ["日本", "語"], ["a_1", "b", "c"], ["a", "b", "c"],
        ["e\u0301a", "x"], [],
    ]  # fmt: skip
    # Every code point by itself, a combining mark and a newline too.
    assert lists(text.split_text(of("", "aé", "e\u0301", "日\n", "🇩🇪", "I\0"), CHARACTERS)) == [
        [], ["a", "é"], ["e", "\u0301"], ["日", "\n"], ["🇩", "🇪"], ["I", "\0"],
    ]  # fmt: skip


def test_split_of_bytes_that_are_no_text():
    texts = of(b"a\xffb c", b"\xe2\x82", b"\xff \xfe")
    assert text.split_text(texts, WHITESPACE).to_list() == [
        [b"a\xffb", b"c"],
        [b"\xe2\x82"],
        [b"\xff", b"\xfe"],
    ]
    assert lists(text.split_text(texts, WORDS)) == [["a", "b", "c"], [], []]
    assert lists(text.split_text(texts, CHARACTERS)) == [
        ["a", "\ufffd", "b", " ", "c"],
        ["\ufffd"],
        ["\ufffd", " ", "\ufffd"],
    ]


@pytest.mark.parametrize("by", [WHITESPACE, WORDS, CHARACTERS])
def test_split_of_nothing(by):
    assert text.split_text(of(), by).to_list() == []
    assert text.split_text(of("", ""), by).to_list() == [[], []]


def words_of(one: str) -> list[str]:
    """Runs of letters, numbers, marks and _."""
    kept = "".join(c if c == "_" or unicodedata.category(c)[0] in "LNM" else " " for c in one)
    return kept.split(" ")


@settings(max_examples=200, deadline=None)
@given(st.lists(TEXTS, max_size=6))
@example(["".join(ALPHABET)])
@example([f"a{one}b" for one in ALPHABET])
def test_split_is_that_of_python(texts):
    by_space = [list(filter(None, re.split(f"[{SPACES}]+", one))) for one in texts]
    assert lists(text.split_text(of(*texts), WHITESPACE)) == by_space
    assert lists(text.split_text(of(*texts), WORDS)) == [list(filter(None, words_of(one))) for one in texts]
    assert lists(text.split_text(of(*texts), CHARACTERS)) == [list(one) for one in texts]


def test_ngrams_by_hand():
    tokens = tf.ragged.constant([["a", "b", "", "c"], [], ["日\n", "本"], [""]], dtype=tf.string)
    # A missing token is left out first, so that its neighbours are neighbours.
    assert lists(text.ngrams(tokens, [1, 2], " ")) == [
        ["a", "b", "c", "a b", "b c"], [], ["日\n", "本", "日\n 本"], [],
    ]  # fmt: skip
    assert lists(text.ngrams(tokens, [3, 1], "")) == [["abc", "a", "b", "c"], [], ["日\n", "本"], []]
    assert lists(text.ngrams(tokens[:0], [1, 2], " ")) == []


def test_ngrams_of_lists_of_lists_stay_within_a_list():
    tokens = tf.ragged.constant(
        [[["a", "b"], ["c"]], [], [[], ["d", "e", "f"]]], ragged_rank=2, dtype=tf.string
    )
    assert text.ngrams(tokens, [2], "_").to_list() == [[[b"a_b"], []], [], [[], [b"d_e", b"e_f"]]]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.lists(TEXTS.filter(bool), max_size=5), max_size=4),
    st.lists(st.integers(1, 4), min_size=1, max_size=3, unique=True),
)
def test_ngrams_are_those_of_python(rows, lengths):
    tokens = tf.RaggedTensor.from_row_lengths(of(*sum(rows, [])), [len(row) for row in rows])
    expected = [
        [
            "+".join(row[start : start + length])
            for length in lengths
            for start in range(len(row) - length + 1)
        ]
        for row in rows
    ]
    assert lists(text.ngrams(tokens, lengths, "+")) == expected


FEATURES = """\
words:
  column: s
  before: [lower, {replace: {pattern: "[0-9]+", by: "#"}}, {split: words}]
  vocabulary: {tokens: [a, "#", über]}
bag: {column: s, before: [lower, {split: whitespace}, {ngrams: [1, 2]}], hash: 50, encode: counts}
letters: {column: s, before: [{split: characters}, {ngrams: [2]}], vocabulary: {tokens: [ab, 日本]}, sequence: true}
whole: {column: s, before: [lower], vocabulary: {tokens: [a b, "i\\u0307"]}, missing: {constant: A B}}
tags: {before: [lower], vocabulary: {tokens: [x, y]}, missing: {constant: Y}}
"""
COLUMNS = "{s: string, tags: {type: string, separators: '|'}, y: string}"


@pytest.fixture(scope="module")
def graph():
    return make_graph(FEATURES, columns=COLUMNS)


def test_features_of_texts(graph):
    texts = of("", "A 12b ÜBER", "abab", "日本 é\n", "İ", b"a\xff", "A b")
    tags = of("", "X|y", "X||z", "\n|Y", "", "|", "x")
    found = {name: value.numpy().tolist() for name, value in graph.apply({"s": texts, "tags": tags}).items()}
    # a 0, # 1, über 2, others 3; -1 is padding. `12b` is one word, `#b`.
    assert found["words"] == [
        [-1] * 3,
        [0, 3, 2],
        [3, -1, -1],
        [3, 3, -1],
        [3, -1, -1],
        [0, -1, -1],
        [0, 3, -1],
    ]
    # ab 0, 日本 1, others 2; the joiner of characters is nothing.
    assert [[one for one in row if one >= 0] for row in found["letters"]] == [
        [], [2] * 9, [0, 2, 0], [1, 2, 2, 2], [], [2], [2, 2],
    ]  # fmt: skip
    # The constant goes through the steps as well.
    assert found["whole"] == [0, 2, 2, 2, 1, 2, 0]
    # A missing element becomes y too.
    assert [[one for one in row if one >= 0] for row in found["tags"]] == [
        [],
        [0, 1],
        [0, 1, 2],
        [2, 1],
        [],
        [1, 1],
        [0],
    ]
    # In `bag`: tokens and pairs of them.
    assert [sum(one >= 0 for one in row) for row in found["bag"]] == [0, 5, 1, 3, 1, 1, 3]


def test_a_batch_without_texts_and_an_empty_one(graph):
    found = graph.apply({"s": of("", "", ""), "tags": of("", "", "")})
    assert {name: value.shape.as_list() for name, value in found.items()} == {
        "words": [3, 0], "bag": [3, 0], "letters": [3, 0], "whole": [3], "tags": [3, 0],
    }  # fmt: skip
    found = graph.apply({"s": of(), "tags": of()})
    assert {len(value) for value in found.values()} == {0}


def test_batches_of_any_size(graph):
    pieces = ["a", "A b", "über", "12", "日本", "İI", "e\u0301", "\n", "", "😀", "x_y"]
    texts = [" ".join(pieces[(i * k) % 11] for k in range(i % 5)).encode() for i in range(512)]
    texts[5], texts[9] = b"\xffa b", b"a\0B"
    tags = ["|".join("XYz"[(i + k) % 3] for k in range(i % 4)) for i in range(512)]
    found = features_in_any_batch(graph, {"s": of(*texts), "tags": of(*tags)})
    assert found["tags"][:3] == [[], [1], [2, 0]]
