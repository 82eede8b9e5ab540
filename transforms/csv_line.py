"""In: raw CSV lines. Out: which of them are one record of the dialect, in the graph, and why the others are not.

The dialect and the reasons are schemas/csv_record.py's; TensorFlow's own reader of CSV takes more, and names neither row nor
field.
"""

from __future__ import annotations

import tensorflow as tf

from .fault_text import chosen, first_of, text_fault

# RE2 repeats nothing more often than 1,000 times, and a pattern must fit into its memory.
_MOST_REPEATED = 500
_CARRIAGE_RETURN = "has a carriage return inside a field without quotes"
_LINE_END = "has a line end outside quotes: each line is one row"


class CsvLine:
    """Args: delimiter (one ASCII character), quoting, and the number of fields that a line must have."""

    def __init__(self, delimiter: str, quoting: bool, fields: int):
        self._fields, self._quoting = fields, quoting
        self._delimiter = rf"\x{ord(delimiter):02x}"
        quote = '"' if quoting else ""
        # Neither a NUL nor a byte that is not UTF-8.
        self._text = self._field(
            rf"[^{quote}\r\n\x00\x{{D800}}-\x{{DFFF}}{self._delimiter}]*", r'[^"\x00\x{D800}-\x{DFFF}]*'
        )
        self._strict = self._field(rf"[^{quote}\r\n{self._delimiter}]*", '[^"]*')
        self._lenient = self._field(rf"[^{quote}\n{self._delimiter}]*", '[^"]*')

    def is_record(self, lines: tf.Tensor) -> tf.Tensor:
        """bool [n]; `lines`: string [n], without their line ends."""
        more = self._fields - 1
        if more <= _MOST_REPEATED:
            return tf.strings.regex_full_match(
                lines, f"{self._text}(?:{self._delimiter}{self._text}){{{more}}}"
            )
        good = tf.strings.regex_full_match(lines, f"{self._text}(?:{self._delimiter}{self._text})*")
        return good & tf.equal(self._count(lines), self._fields)

    def fault(self, lines: tf.Tensor) -> tf.Tensor:
        """string [n]: why a line is no record; "" where it is one."""
        text = tf.strings.unicode_transcode(lines, "UTF-8", "UTF-8", errors="replace")
        rest, _ = self._rest(text, self._strict)
        bad = ~tf.strings.regex_full_match(rest, self._strict)
        is_return = bad & tf.strings.regex_full_match(rest, r'[^"\r]*\r\C*')
        carriage_return = chosen([(is_return, _CARRIAGE_RETURN)], lines)
        count = self._count(text)
        misfit = tf.strings.join(
            [
                "has ",
                tf.strings.as_string(count),
                f" fields, expected {self._fields}: check its delimiters and quotes",
            ]
        )
        plain = [
            text_fault(lines, " of the row"),
            carriage_return,
            chosen([(bad, _LINE_END), (tf.not_equal(count, self._fields), misfit)], lines),
        ]
        if not self._quoting:
            return first_of(plain)
        has_quote = tf.strings.regex_full_match(lines, r'\C*"\C*')
        quote, unclosed = self._misplaced_quote(text)
        of_quotes = first_of([tf.where(unclosed, quote, ""), tf.where(has_quote, carriage_return, ""), quote])
        return first_of([of_quotes, *plain])

    def _field(self, bare: str, quoted: str) -> str:
        return rf'(?:"{quoted}(?:""{quoted})*"|{bare})' if self._quoting else f"(?:{bare})"

    def _rest(self, text: tf.Tensor, field: str) -> tuple[tf.Tensor, tf.Tensor]:
        """What follows the good fields that have a delimiter behind them, and its field's number from 1, as text."""
        rest = tf.strings.regex_replace(text, rf"\A(?:{field}{self._delimiter})*", "", replace_global=False)
        size = tf.strings.length(text) - tf.strings.length(rest)
        before = tf.strings.substr(text, tf.zeros_like(size), size)
        return rest, tf.strings.as_string(self._count(before))

    def _count(self, text: tf.Tensor) -> tf.Tensor:
        """int32 [n]: fields, quoted ones left whole."""
        if self._quoting:
            text = tf.strings.regex_replace(text, '"[^"]*"', "")
        return tf.strings.length(tf.strings.regex_replace(text, f"[^{self._delimiter}]", "")) + 1

    def _misplaced_quote(self, text: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The fault of the first quote that can be none, "" without one; bool: where a row ends is unknown."""
        rest, number = self._rest(text, self._lenient)
        good = tf.strings.regex_full_match(rest, self._lenient)
        opens = tf.equal(tf.strings.substr(rest, 0, 1), '"')
        closes = tf.strings.regex_full_match(rest, r'"[^"]*(?:""[^"]*)*"\C*')
        inside = tf.strings.regex_full_match(rest, r'[^"\n]+"\C*')
        never = ~good & opens & ~closes
        misplaced = ~good & ((opens & closes) | inside)
        lines = tf.strings.regex_full_match(text, r"\C*\n\C*")
        before = tf.where(lines, ": a quote before it was not closed", "")
        what = chosen(
            [
                (never, tf.strings.join(["opens a quote in field ", number, " that is never closed"])),
                (
                    misplaced & opens,
                    tf.strings.join(["has text after the closing quote of field ", number, before]),
                ),
                (
                    misplaced,
                    tf.strings.join(
                        ["has a quote inside field ", number, ", which does not begin with one", before]
                    ),
                ),
            ],
            text,
        )
        return what, never | (misplaced & lines)
