"""Vocabularies: which tokens, in which order, and the same ones read back."""

import google_crc32c
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prebake.schemas.spec_pb2 import Vocabulary
from prebake.schemas.statistics_pb2 import Statistics
from prebake.transforms.vocabulary_files import choose_tokens, read_vocabularies, write_vocabulary

COUNTS = {b"b": 2, b"a": 2, b"c": 5, "ä".encode(): 2, b"B": 2, b"rare": 1}


@pytest.mark.parametrize(
    ("vocabulary", "expected"),
    [
        # Most frequent first, ties by bytes: capitals before small letters, ASCII before the rest.
        ({}, [b"c", b"B", b"a", b"b", "ä".encode(), b"rare"]),
        ({"top_k": 3}, [b"c", b"B", b"a"]),
        ({"top_k": 100}, [b"c", b"B", b"a", b"b", "ä".encode(), b"rare"]),
        ({"min_frequency": 2}, [b"c", b"B", b"a", b"b", "ä".encode()]),
        ({"min_frequency": 3, "top_k": 2}, [b"c"]),
        ({"min_frequency": 6}, []),
    ],
)
def test_choose_tokens(vocabulary, expected):
    message = Vocabulary(**vocabulary)
    assert choose_tokens(COUNTS, COUNTS, message) == expected
    assert choose_tokens(dict(reversed(COUNTS.items())), COUNTS, message) == expected


def test_the_file_and_its_entry(tmp_path):
    # 16 cells have a value; two are of tokens with a newline, which are not among the counts.
    entry = write_vocabulary(str(tmp_path), "city", [b"c", b"B"], COUNTS, present=16)
    content = b"c\nB\n"
    assert (tmp_path / "vocabularies" / "city.txt").read_bytes() == content
    assert (entry.feature, entry.path) == ("city", "vocabularies/city.txt")
    assert (entry.size, entry.distinct, entry.out_of_vocabulary) == (2, 6, 9)
    assert entry.crc32c == google_crc32c.value(content)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(min_size=1).filter(lambda token: b"\n" not in token), unique=True, max_size=10))
def test_tokens_come_back_as_they_were(tmp_path, tokens):
    tokens = [*tokens, b"ends with\r", b" blanks ", b"\xff\0"]
    statistics = Statistics()
    column = statistics.columns.add(name="any")
    column.vocabularies.append(
        write_vocabulary(str(tmp_path), "one", tokens, dict.fromkeys(tokens, 1), len(tokens))
    )
    column.vocabularies.append(write_vocabulary(str(tmp_path), "none", [], {}, 0))
    assert read_vocabularies(str(tmp_path), statistics) == {"one": tokens, "none": []}
