"""In: rows of the movies table. Out: the same rows with a column of every kind that the table lacks, and files beside them.

The table has no posters, no tensors and no word vectors. These are made of the row's own cells, never of its rating, so
that the example can show every kind of column on real rows: they are there to be read, not to help the model.
"""

from __future__ import annotations

import base64
import collections
import itertools
import math
import os
import re
import struct
import zlib

import numpy as np

Row = dict[str, str]
STRIP_WIDTH, STRIP_HEIGHT = 24, 8
DIMENSION, SEEN_AT_LEAST = 16, 5


def add_columns(rows: list[Row], folder: str) -> None:
    """Adds to each row `genre_weights`, `word_lengths`, `vowels`, `credits` and `strip`; takes `id` and `writers` out.

    Writes strips/<id>.png and title_words.txt into the folder.
    """
    os.mkdir(os.path.join(folder, "strips"))
    for row in rows:
        words = words_of(row["title"])
        # The table names a film's main genre first.
        row["genre_weights"] = "|".join(f"{1 / place:.4g}" for place in range(1, _count(row["genres"]) + 1))
        row["word_lengths"] = " ".join(str(len(word)) for word in words)
        row["vowels"] = " ".join(f"{share:.4f}" for share in _vowels("".join(words)))
        row["credits"] = credits_of(row) if row["writers"] else ""
        row["strip"] = _write_strip(row, folder)
        del row["id"], row["writers"]
    with open(os.path.join(folder, "title_words.txt"), "w", encoding="utf-8") as file:
        for word, vector in word_vectors([row["title"] for row in rows]).items():
            file.write(" ".join([word, *(f"{number:.4f}" for number in vector)]) + "\n")


def words_of(title: str) -> list[str]:
    """As the spec has them: `lower`, `split: words`."""
    return re.findall(r"\w+", title.lower())


def _count(cell: str) -> int:
    return len(cell.split("|")) if cell else 0


def _vowels(letters: str) -> list[float]:
    """The share of a, e, i, o, u in the title's letters."""
    return [letters.count(vowel) / max(len(letters), 1) for vowel in "aeiou"]


def credits_of(row: Row) -> str:
    """ln(1 + how many) of title words, directors, writers, actors, countries and languages: base64 of a tf.TensorProto."""
    counts = [len(words_of(row["title"]))]
    counts += [_count(row[name]) for name in ("directors", "writers", "actors", "countries", "languages")]
    numbers = struct.pack(f"<{len(counts)}f", *(math.log1p(count) for count in counts))
    # Protocol buffer fields: dtype (1) is DT_FLOAT, 1; tensor_shape (2) has one dim (2) with its size (1);
    # tensor_content (4). Every length is below 128, so that each is one byte.
    shape = bytes([0x12, 2, 0x08, len(counts)])
    proto = bytes([0x08, 1, 0x12, len(shape)]) + shape + bytes([0x22, len(numbers)]) + numbers
    return base64.b64encode(proto).decode()


def _write_strip(row: Row, folder: str) -> str:
    """A strip with one column of pixels for each of the title's first characters: red by the letter, green by the year, blue
    by the runtime. Returns its path; none for a title without a letter from a to z."""
    title = row["title"].lower()
    if not re.search("[a-z]", title):
        return ""
    green = min(255, max(0, 3 * (int(row["year"]) - 1930)))
    blue = min(255, int(float(row["runtime"] or 0)))
    pixels = b"".join(
        bytes([9 * (ord(letter) - ord("a") + 1) if "a" <= letter <= "z" else 0, green, blue])
        for letter in title[:STRIP_WIDTH].ljust(STRIP_WIDTH)
    )
    path = f"strips/{row['id']}.png"
    with open(os.path.join(folder, path), "wb") as file:
        file.write(png(pixels))
    return path


def png(pixels: bytes) -> bytes:
    """STRIP_HEIGHT rows of the same RGB pixels (PNG specification, sections 5 and 11)."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    # Width, height, 8 bits a sample, RGB, and the standard's only compression and filter methods, no interlace.
    head = struct.pack(">IIBBBBB", STRIP_WIDTH, STRIP_HEIGHT, 8, 2, 0, 0, 0)
    rows = (b"\0" + pixels) * STRIP_HEIGHT
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        [chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")]
    )


def word_vectors(titles: list[str]) -> dict[str, np.ndarray]:
    """Vectors of the words that at least SEEN_AT_LEAST titles have, float [at most DIMENSION] each.

    The singular value decomposition of the positive pointwise mutual information of words in the same title (Levy and
    Goldberg 2014, "Neural Word Embedding as Implicit Matrix Factorization", section 4.2). Not as good as vectors
    learnt from a large text: a file of those goes into the spec in the same way.
    """
    sets = [sorted(set(words_of(title))) for title in titles]
    counts = collections.Counter(itertools.chain.from_iterable(sets))
    words = sorted(word for word, count in counts.items() if count >= SEEN_AT_LEAST)
    places = {word: place for place, word in enumerate(words)}
    together = np.zeros((len(words), len(words)))
    for title in sets:
        known = [places[word] for word in title if word in places]
        for one, other in itertools.permutations(known, 2):
            together[one, other] += 1
    totals = np.maximum(together.sum(axis=1), 1.0)
    ratio = together * together.sum() / np.outer(totals, totals)
    information = np.log(np.maximum(ratio, 1.0))
    left, singular, _ = np.linalg.svd(information)
    vectors = left[:, :DIMENSION] * np.sqrt(singular[:DIMENSION])
    # A singular vector's sign is the library's choice: the largest number of each is positive.
    vectors *= np.sign(vectors[np.argmax(np.abs(vectors), axis=0), np.arange(vectors.shape[1])])
    return dict(zip(words, vectors, strict=True))
