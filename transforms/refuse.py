"""In: values of a column and which of them are good. Out: the values, or an error that names the column."""

from __future__ import annotations

import ast
import re

import tensorflow as tf


def accept(column: str, values: tf.Tensor, good: tf.Tensor, reason: str) -> tf.Tensor:
    """The values, if all are good.

    Args:
      column: its name.
      values: of any dtype and known rank, at least 1.
      good: bool, of the shape of `values`.
      reason: follows the column's name in the error, e.g. "is not a number".

    Raises:
      InvalidArgumentError (when it runs): some are not good; shows the first three of them.
    """
    shown = tf.boolean_mask(values, ~good)[:3]
    if shown.dtype == tf.string:
        # Bytes that are no text would make another error, which says nothing, of the one below.
        shown = tf.strings.unicode_transcode(shown, "UTF-8", "UTF-8", errors="replace")
    check = tf.debugging.Assert(tf.reduce_all(good), [f"column '{column}' {reason}:", shown])
    # When it runs eagerly the assertion gives no operation to depend on: it has raised already.
    with tf.control_dependencies([check] if check is not None else []):
        return tf.identity(values)


class RefusedRowError(ValueError):
    """A row that a graph refused; the text says why, in one line."""


def refusal(error: tf.errors.InvalidArgumentError) -> str:
    """What a graph refused, in one line without TensorFlow's frame."""
    message = error.message
    from_graph = re.search(r"assertion failed: (\[.*\])$", message, re.MULTILINE)
    if from_graph:
        # Scalars stand as [text], which TensorFlow escapes as in C.
        text = re.sub(r"\]\s+\[", " ", from_graph[1])[1:-1]
        return re.sub(r"\\([0-7]{3}|.)", _unescaped, text)
    # Eagerly: Python's way to write bytes.
    _, _, told = message.partition("Summarized data: ")
    parts = re.findall(r"""^b?(["'])(.*?)\1$""", told, re.MULTILINE)
    if parts:
        return " ".join(ast.literal_eval(f"b{mark}{text}{mark}").decode() for mark, text in parts)
    lines = [line for line in message.splitlines() if line and not line.startswith(_FRAME)]
    return re.sub(r"^\{\{.*?\}\} ", "", lines[0]) if lines else message


def _unescaped(found: re.Match[str]) -> str:
    text = found[1]
    return chr(int(text, 8)) if len(text) == 3 else {"n": "\n", "r": "\r", "t": "\t"}.get(text, text)


_FRAME = ("Graph execution error", "Detected at node", " ", "<stack traces", "\t")
