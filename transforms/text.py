"""In: text. Out: it in lower case, with matches replaced, and split into lists of tokens and n-grams.

The same on every machine, whatever its locale. A request may hold bytes that are not UTF-8 (a training file cannot): they
count as U+FFFD where characters matter, and never stop the batch.
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from ..schemas.spec_pb2 import CHARACTERS, WORDS, SplitBy
from .batch import Value
from .lists import drop_missing
from .missing import is_missing

# TensorFlow's lower case follows the locale of the process: where it is Turkish, I becomes a dotless i, and where it is
# Lithuanian, accented ones get a dot. In lower case already, these letters have the same lower case in every locale.
_BY_LOCALE = {"I": "i", "J": "j", "Į": "į", "Ì": "ì", "Í": "í", "Ĩ": "ĩ", "İ": "i\u0307"}
# Unicode's White_Space.
_SPACE = r"[\x09-\x0d\x{85}\pZ]+"
_NO_WORD = r"[^\pL\pN\pM_]+"
# TensorFlow's lower case ends a text at its first NUL: this character, which Unicode keeps out of texts, stands for it.
_NUL = "\uffff"


def lower(x: tf.Tensor) -> tf.Tensor:
    """In lower case (Unicode). String of any shape."""
    for upper, small in _BY_LOCALE.items():
        x = tf.strings.regex_replace(x, upper, small)
    x = tf.strings.lower(tf.strings.regex_replace(x, r"\x00", _NUL), encoding="utf-8")
    return tf.strings.regex_replace(x, _NUL, "\0")


def replace(x: tf.Tensor, pattern: str, by: str) -> tf.Tensor:
    r"""Every match of `pattern` (RE2) becomes `by`, in which \1 is the pattern's first group. String of any shape.

    A missing text stays missing, also where the pattern matches the empty text.
    """
    return tf.where(is_missing(x), "", tf.strings.regex_replace(x, pattern, by))


def split_text(x: Value, by: SplitBy) -> tf.RaggedTensor:
    """Tokens, in order; none of an empty text.

    Args:
      x: string [batch], or lists of texts.
      by: white space, words or characters.

    Returns:
      string, with one dimension more: [batch, (tokens)].
    """
    if isinstance(x, tf.RaggedTensor):
        return x.with_values(split_text(x.values, by))
    if by == CHARACTERS:
        return tf.strings.unicode_split(x, "UTF-8", errors="replace")
    if by == WORDS:
        # No class of characters matches bytes that are none.
        x = tf.strings.unicode_transcode(x, "UTF-8", "UTF-8", errors="replace")
    return tf.strings.split(tf.strings.regex_replace(x, _NO_WORD if by == WORDS else _SPACE, " "))


def ngrams(x: tf.RaggedTensor, lengths: Sequence[int], joiner: str) -> tf.RaggedTensor:
    """Runs of neighbouring tokens, joined.

    Args:
      x: string [batch, (tokens)]; missing tokens are left out first.
      lengths: tokens in a run.
      joiner: between the tokens of a run.

    Returns:
      string [batch, (n-grams)]: those of the first length by their place in the text, then those of the next.
    """
    if x.ragged_rank > 1:
        return x.with_values(ngrams(x.values, lengths, joiner))
    return tf.strings.ngrams(drop_missing(x), tuple(lengths), joiner)
