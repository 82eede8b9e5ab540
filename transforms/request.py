"""In: raw columns of a request and the checks on them. Out: the columns if all rows are good, an error, or bad rows marked.

What is asked of every request is one bool for each check. Which rows are bad, and why, is only worked out when one is.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import tensorflow as tf

from .apart import apart
from .fault_text import first_of
from .sources import placeholder

_UNKNOWN = "this row cannot be read"
# Bad rows that an error tells of.
_MOST_TOLD = 3


class Check(NamedTuple):
    """One check of a whole batch.

    Attributes:
      found: bool scalar: a row is bad.
      rows: gives bool [batch], which ones; called only in the branch of the graph that runs when something was found.
    """

    found: tf.Tensor
    rows: Callable[[], tf.Tensor]


def check_of(rows: tf.Tensor) -> Check:
    """Of bool [columns, batch]."""
    return Check(tf.reduce_any(rows), lambda: tf.reduce_any(rows, axis=0))


# Of some rows (int64 [n]), why they are bad: string [n], "" where this reason does not hold.
Reason = Callable[[tf.Tensor], tf.Tensor]


@dataclasses.dataclass
class Request:
    """A batch of rows as a client sent it.

    Attributes:
      raw: by column, [batch]; cells that cannot be read are missing.
      checks: in any order.
      reasons: the first one that holds is told.
    """

    raw: dict[str, tf.Tensor]
    checks: list[Check]
    reasons: list[Reason]


def refuse_bad_rows(request: Request, before: Sequence[str] = ()) -> dict[str, tf.Tensor]:
    """The raw columns of a request whose rows are all good.

    Args:
      request: of any number of rows.
      before: columns that nothing may read before the checks are done, since it would fail in its own words.

    Raises:
      InvalidArgumentError (when it runs): rows are bad. Tells of the first three: `row 2: column 'age' 'x' is not …`.
    """
    if not request.checks:
        return request.raw

    def stop() -> tf.Tensor:
        rows, why = _faults(request)
        told = tf.strings.join(["row ", tf.strings.as_string(rows[:_MOST_TOLD] + 1), ": ", why[:_MOST_TOLD]])
        more = tf.shape(rows)[0] - _MOST_TOLD
        rest = tf.where(more > 0, tf.strings.join(["; and ", tf.strings.as_string(more), " more rows"]), "")
        text = tf.strings.join([tf.strings.reduce_join(told, separator="; "), rest])
        check = tf.debugging.Assert(False, [text])
        with tf.control_dependencies([check] if check is not None else []):
            return tf.constant(False)

    good = tf.cond(_found(request), apart(stop), lambda: tf.constant(True))
    raw = dict(request.raw)
    with tf.control_dependencies([good]):
        for name in before:
            raw[name] = tf.identity(raw[name])
    return raw


def mark_bad_rows(request: Request) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
    """The raw columns with every column of a bad row missing; string [batch]: why a row is bad, "" where it is good."""
    names = list(request.raw)
    empty = tf.zeros_like(request.raw[names[0]], tf.string)
    if not request.checks:
        return request.raw, empty

    def mark() -> list[tf.Tensor]:
        rows, why = _faults(request)
        error = tf.tensor_scatter_nd_update(empty, rows[:, tf.newaxis], why)
        good = tf.equal(error, "")
        return [
            error,
            *(tf.where(good, x, tf.constant(placeholder(x.dtype), x.dtype)) for x in request.raw.values()),
        ]

    error, *columns = tf.cond(_found(request), apart(mark), lambda: [empty, *request.raw.values()])
    return dict(zip(names, columns, strict=True)), error


def blank_answers(answers: Mapping[str, tf.Tensor], error: tf.Tensor) -> dict[str, tf.Tensor]:
    """Answers [batch, …] with NaN, -1 or "" in the rows that have an `error`, and these beside them as `error`."""
    blank = {}
    for name, x in answers.items():
        bad = tf.reshape(tf.not_equal(error, ""), [-1] + [1] * (x.shape.rank - 1))
        nothing = {tf.string: "", tf.int64: -1}.get(x.dtype, float("nan"))
        blank[name] = tf.where(bad, tf.constant(nothing, x.dtype), x)
    return {**blank, "error": error}


def where_bad(bad: tf.Tensor, text: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
    """A reason, see `Reason`, that is the same text for every row which is `bad`, bool [batch]."""
    return tf.where(tf.gather(bad, rows), text, "")


def _found(request: Request) -> tf.Tensor:
    return tf.reduce_any(tf.stack([check.found for check in request.checks]))


def _faults(request: Request) -> tuple[tf.Tensor, tf.Tensor]:
    """The bad rows, int64 [n] from 0, and the reason of each, string [n]."""
    bad = tf.reduce_any(tf.stack([check.rows() for check in request.checks]), axis=0)
    rows = tf.where(bad)[:, 0]
    unknown = tf.fill(tf.shape(rows), _UNKNOWN)
    return rows, first_of([*(reason(rows) for reason in request.reasons), unknown])
