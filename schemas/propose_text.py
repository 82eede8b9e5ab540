"""In: what a sample shows of a text column. Out: whether it holds identifiers or free text."""

from __future__ import annotations

import re

from .infer import ColumnProfile

# A column looks like an identifier if of at least so many sampled values this share is distinct.
_IDENTIFIER_CELLS = 50
_IDENTIFIER_SHARE = 0.95
# Free text: at least so many distinct values, this share of all, so many words in each on average, each word so often.
_TEXTS, _TEXT_SHARE, _TEXT_WORDS, _WORD_REPEATS = 30, 0.5, 2.5, 2
# And no more than this share with a `|`.
_LIST_SHARE = 0.1
# E.g. id, user_id, customer-ID, userId.
_ID_NAME = re.compile(r"(^|[^A-Za-z])(id|ID|Id)$|[a-z](Id|ID)$")


def is_distinct(profile: ColumnProfile) -> bool:
    """Nearly every row has a value of its own."""
    return profile.present >= _IDENTIFIER_CELLS and len(profile.counts) >= _IDENTIFIER_SHARE * profile.present


def is_named_id(name: str) -> bool:
    return _ID_NAME.search(name) is not None


def is_row_number(profile: ColumnProfile) -> bool:
    """Whole numbers without a gap, each once."""
    values = [int(value) for value in profile.counts]
    return max(values) - min(values) + 1 == len(values) == profile.present


def is_free_text(profile: ColumnProfile) -> bool:
    """Values of several words, most of them different, in which the same words come again."""
    texts = len(profile.counts)
    if texts < max(_TEXTS, _TEXT_SHARE * profile.present):
        return False
    # `a b|c d` is a list, and not a sentence.
    if sum("|" in value for value in profile.counts) > _LIST_SHARE * texts:
        return False
    words = [word for value in profile.counts for word in value.lower().split()]
    letters = sum(any(c.isalpha() for c in word) for word in words)
    return letters >= max(_TEXT_WORDS * texts, _WORD_REPEATS * len(set(words)))
