"""In: distinct values with their counts. Out: vocabulary files, one token a line, and their tokens read back."""

from __future__ import annotations

import os

import google_crc32c

from ..schemas.spec_pb2 import Vocabulary
from ..schemas.statistics_pb2 import Statistics, VocabularyFile

FOLDER = "vocabularies"


def choose_tokens(counts: dict[bytes, int], vocabulary: Vocabulary) -> list[bytes]:
    """The tokens that a vocabulary keeps: most frequent first, ties by bytes ascending."""
    tokens = [token for token, count in counts.items() if count >= max(1, vocabulary.min_frequency)]
    tokens.sort(key=lambda token: (-counts[token], token))
    return tokens[: vocabulary.top_k] if vocabulary.top_k else tokens


def write_vocabulary(
    directory: str, feature: str, tokens: list[bytes], counts: dict[bytes, int], present: int
) -> VocabularyFile:
    """Writes `vocabularies/<feature>.txt` below `directory`.

    Args:
      directory: that the entry's path is relative to.
      feature: that it is for, or "label".
      tokens: the lines.
      counts: of every distinct token seen.
      present: cells that have a value.

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
        out_of_vocabulary=present - sum(counts[token] for token in tokens),
    )


def read_vocabularies(directory: str, statistics: Statistics) -> dict[str, list[bytes]]:
    """Tokens by feature, from the files that the statistics name, relative to `directory`."""
    vocabularies = {}
    for column in statistics.columns:
        for entry in column.vocabularies:
            with open(os.path.join(directory, entry.path), "rb") as file:
                vocabularies[entry.feature] = file.read().split(b"\n")[:-1]
    return vocabularies
