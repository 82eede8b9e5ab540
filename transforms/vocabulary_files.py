"""In: distinct values with their counts. Out: vocabulary files, one token a line, and their tokens read back."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import google_crc32c

from ..schemas.errors import DataError
from ..schemas.manifest import check_inside
from ..schemas.spec_pb2 import Cross, Vocabulary
from ..schemas.statistics_pb2 import Statistics, VocabularyFile

FOLDER = "vocabularies"


def choose_tokens(
    weights: Mapping[bytes, float],
    score: Mapping[bytes, float],
    vocabulary: Vocabulary | Cross,
    keep: Sequence[bytes] = (),
) -> list[bytes]:
    """The tokens that a vocabulary keeps: highest score first, ties by bytes ascending.

    Args:
      weights: of every distinct token, how often it was seen.
      score: what they are ranked by.
      vocabulary: how many, and how frequent at least.
      keep: these come first, in this order.
    """
    least = max(1, vocabulary.min_frequency)
    tokens = [token for token, weight in weights.items() if weight >= least]
    tokens.sort(key=lambda token: (-score[token], token))
    if vocabulary.top_k:
        tokens = tokens[: vocabulary.top_k]
    kept = set(keep)
    return [*keep, *(token for token in tokens if token not in kept)]


def read_tokens(path: str) -> list[bytes]:
    """A user's vocabulary file: one token a line.

    Raises:
      DataError: it cannot be read, has an empty line or a token twice.
    """
    try:
        with open(path, "rb") as file:
            content = file.read()
    except OSError as error:
        raise DataError(path, None, None, None, f"cannot be read: {error.strerror}") from None
    tokens = content.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").removesuffix(b"\n").split(b"\n")
    first: dict[bytes, int] = {}
    for line, token in enumerate(tokens, 1):
        text = token.decode(errors="replace")
        if not token:
            raise DataError(path, line, None, None, "is an empty line: give one token a line")
        if token in first:
            raise DataError(path, line, None, text, f"is the token of line {first[token]} again")
        first[token] = line
    return tokens


def write_vocabulary(
    directory: str, feature: str, tokens: list[bytes], counts: Mapping[bytes, int], present: int
) -> VocabularyFile:
    """Writes `vocabularies/<feature>.txt` below `directory`.

    Args:
      directory: that the entry's path is relative to.
      feature: that it is for, or the name of a label in the examples.
      tokens: the lines.
      counts: of every distinct token seen; empty if none was counted.
      present: values that are there, those that no count stands for included.

    Returns:
      Its entry for the statistics.
    """
    path = f"{FOLDER}/{feature}.txt"
    content = b"".join(token + b"\n" for token in tokens)
    os.makedirs(os.path.join(directory, FOLDER), exist_ok=True)
    with open(os.path.join(directory, path), "wb") as file:
        file.write(content)
    return VocabularyFile(
        feature=feature,
        path=path,
        size=len(tokens),
        distinct=len(counts),
        crc32c=google_crc32c.value(content),
        out_of_vocabulary=present - sum(counts.get(token, 0) for token in tokens) if counts else 0,
    )


def read_vocabularies(directory: str, statistics: Statistics) -> dict[str, list[bytes]]:
    """Tokens by feature, from the files that the statistics name, relative to `directory`.

    Raises:
      ArtifactError: a path leaves the directory.
    """
    vocabularies = {}
    for column in statistics.columns:
        for entry in column.vocabularies:
            check_inside(directory, entry.path)
            with open(os.path.join(directory, entry.path), "rb") as file:
                vocabularies[entry.feature] = file.read().split(b"\n")[:-1]
    return vocabularies
