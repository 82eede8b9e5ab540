"""In: a file of word vectors, as GloVe and word2vec (text) have them. Out: the mean vector of each row's tokens.

A line is a token, a space and the numbers, spaces between them. The first line may be word2vec's `count dimension`; without
it the first token has no space in it, as others may.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import tensorflow as tf

from ..schemas import numerals
from .missing import to_float
from .ordered_sum import sum_columns

# Lines whose numbers are read at once.
_BLOCK = 4096


class WordVectors(tf.Module):
    """The vectors of a file.

    Args:
      content: of the file.

    Attributes:
      dimension: of the vectors.
      tokens: that have one.

    Raises:
      ValueError: a line is not a token and numbers, as many as in the other lines, or a token is given twice.
    """

    def __init__(self, content: bytes):
        super().__init__(name="word_vectors")
        tokens, vectors = _read(content)
        self.tokens = frozenset(tokens)
        self.dimension = vectors.shape[1]
        # Place 0 is that of unknown tokens and of padding: it adds nothing.
        self._vectors = tf.constant(np.concatenate([np.zeros((1, self.dimension), np.float32), vectors]))
        places = tf.lookup.KeyValueTensorInitializer(
            tf.constant(tokens, tf.string), tf.range(1, len(tokens) + 1, dtype=tf.int64)
        )
        self._places = tf.lookup.StaticHashTable(places, 0)

    def __call__(self, x: tf.RaggedTensor) -> tf.Tensor:
        """float32 [batch, dimension]: the mean over the tokens that the file has, 0 if it has none.

        Args:
          x: string [batch, (tokens)] or [batch, (lists), (tokens)].
        """
        if x.ragged_rank > 1:
            x = x.merge_dims(1, -1)
        places = x.with_values(self._places.lookup(x.values)).to_tensor(0)
        total = sum_columns(places, lambda column: tf.cast(tf.gather(self._vectors, column), tf.float64))
        known = tf.math.count_nonzero(places, axis=1, keepdims=True, dtype=tf.int64)
        mean = total / tf.cast(tf.maximum(known, tf.constant(1, tf.int64)), tf.float64)
        return to_float(tf.cast(mean, tf.float32))


def _read(content: bytes) -> tuple[list[bytes], np.ndarray]:
    """Tokens, and their vectors: float32 [tokens, dimension]."""
    lines = [line.rstrip(b" \r") for line in content.removesuffix(b"\n").split(b"\n")]
    first = lines[0].split(b" ")
    header = len(first) == 2 and all(numerals.is_int(field) for field in first)
    start = 1 if header else 0
    if len(lines) == start or not content:
        raise ValueError("has no vectors")
    dimension = int(first[1]) if header else len(first) - 1
    if header and int(first[0]) != len(lines) - 1:
        raise ValueError(f"line 1 says {int(first[0]):,} vectors, and {len(lines) - 1:,} follow")
    if dimension < 1:
        raise ValueError("line 1 has no numbers after the token")
    tokens: dict[bytes, int] = {}
    blocks = []
    for begin in range(start, len(lines), _BLOCK):
        texts: list[bytes] = []
        for number, line in enumerate(lines[begin : begin + _BLOCK], begin + 1):
            # Tokens may hold spaces.
            token, *fields = line.rsplit(b" ", dimension)
            if len(fields) != dimension or not token:
                raise ValueError(f"line {number:,} is not a token and {dimension:,} numbers")
            if token in tokens:
                raise ValueError(
                    f"line {number:,} has the token '{token.decode(errors='replace')}' of line {tokens[token]:,} again"
                )
            tokens[token] = number
            texts.extend(fields)
        numbers, bad = numerals.parse_floats(pa.array(texts, pa.binary()))
        if bad.any():
            place = int(np.argmax(bad))
            raise ValueError(
                f"line {begin + 1 + place // dimension:,}: '{texts[place].decode(errors='replace')}' is not a number"
            )
        blocks.append(numbers.to_numpy().reshape(-1, dimension))
    return list(tokens), np.concatenate(blocks)
