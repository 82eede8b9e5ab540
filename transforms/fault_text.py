"""In: a column, values and reasons, in the graph. Out: texts of faults, as schemas.errors.DataError puts them."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

# What a text may be made of: UTF-8 without NUL. In a pattern for RE2, whose classes match no byte that is not UTF-8.
TEXT = r"[\x{1}-\x{D7FF}\x{E000}-\x{10FFFF}]*"
_UTF_8 = r"[\x{0}-\x{D7FF}\x{E000}-\x{10FFFF}]*"
_LONGEST = 200
_ESCAPES = {"\r": r"\\r", "\n": r"\\n", "\0": r"\\0"}
_HEX = [f"0x{byte:02X}" for byte in range(256)]


def fault(column: str, reason: str) -> str:
    """Of a column without a value to show: `column 'age': is missing`."""
    return f"column '{column}': {reason}"


def one_line(x: tf.Tensor) -> tf.Tensor:
    """Text that can be shown, of the shape of `x` (string): line ends escaped, the long ones cut, bad bytes replaced."""
    text = tf.strings.unicode_transcode(x, "UTF-8", "UTF-8", errors="replace")
    for character, escaped in _ESCAPES.items():
        text = tf.strings.regex_replace(text, rf"\x{ord(character):02x}", escaped)
    longer = tf.strings.length(text, unit="UTF8_CHAR") > _LONGEST
    return tf.where(longer, tf.strings.substr(text, 0, _LONGEST, unit="UTF8_CHAR") + "…", text)


def first_of(texts: Sequence[tf.Tensor]) -> tf.Tensor:
    """string, of the shape of each of the `texts`: of each place the first one that is not empty, "" if all are."""
    if len(texts) == 1:
        return texts[0]
    both = tf.stack(texts, axis=-1)
    first = tf.argmax(tf.not_equal(both, ""), axis=-1)
    return tf.gather(both, first, axis=-1, batch_dims=both.shape.rank - 1)


def chosen(faults: Sequence[tuple[tf.Tensor, str | tf.Tensor]], rows: tf.Tensor) -> tf.Tensor:
    """string, of the shape of `rows`: the first reason whose mask, bool of the same shape, is true; "" if none is."""
    found = tf.zeros_like(rows, tf.string)
    for mask, reason in reversed(faults):
        found = tf.where(mask, reason, found)
    return found


def text_fault(x: tf.Tensor, of: str) -> tf.Tensor:
    """Why bytes are no text, string [n]; "" where they are. `of` says what the places count in, e.g. " of the row"."""
    nul = tf.strings.length(tf.strings.regex_replace(x, r"\x00\C*\z", "", replace_global=False))
    valid = tf.strings.length(tf.strings.regex_replace(x, rf"\A({_UTF_8})\C*\z", r"\1", replace_global=False))
    size = tf.strings.length(x)
    # A byte behind the end, so that there is one at every place.
    byte = tf.io.decode_raw(tf.strings.substr(x + "\0", valid, tf.ones_like(valid)), tf.uint8)[:, 0]
    return chosen(
        [
            (nul < size, tf.strings.join(["has a NUL character at byte ", tf.strings.as_string(nul), of])),
            (
                valid < size,
                tf.strings.join(
                    [
                        "is not UTF-8: byte ",
                        tf.gather(tf.constant(_HEX), tf.cast(byte, tf.int32)),
                        " at byte ",
                        tf.strings.as_string(valid),
                        of,
                    ]
                ),
            ),
        ],
        x,
    )
