"""In: where something is wrong, what and what to do. Out: exceptions whose text is one line for a person.

The command line prints the text and exits with 2. Anything that is not a `PrebakeError` is a fault of prebake itself.
"""

from __future__ import annotations


class PrebakeError(Exception):
    """A fault that the user can mend. `str()` is one line."""


def _one_line(text: str, limit: int = 200) -> str:
    text = text.replace("\r", "\\r").replace("\n", "\\n").replace("\0", "\\0")
    return text if len(text) <= limit else text[:limit] + "…"


class DataError(PrebakeError):
    """A fault in a CSV file.

    Args:
      file: path as the user knows it.
      row: record number, the first record (the header, if there is one) being 1; None if it is about the whole file.
      column: column name, or None if it is about the whole row.
      value: the cell's or row's raw text, or None.
      reason: what is wrong and what to do.
    """

    def __init__(self, file: str, row: int | None, column: str | None, value: str | None, reason: str):
        self.file, self.row, self.column, self.value, self.reason = file, row, column, value, reason
        place = file
        if row is not None:
            place += f":{row}"
        if column is not None:
            place += f":{column}"
        shown = "" if value is None else f" '{_one_line(value)}'"
        super().__init__(f"{place}{shown} {reason}" if value is not None else f"{place}: {reason}")

    def __reduce__(self):  # an exception's default pickling loses the arguments; Beam workers send these
        return type(self), (self.file, self.row, self.column, self.value, self.reason)


class SpecError(PrebakeError):
    """A fault in a spec.

    Args:
      file: path of the spec, or "spec" for one made in Python.
      line: 1-based, or None.
      field: dotted path of the field, e.g. `features.age.buckets`, or "".
      reason: what is wrong.
      hint: what to do or the nearest valid name, or "".
    """

    def __init__(self, file: str, line: int | None, field: str, reason: str, hint: str = ""):
        self.file, self.line, self.field, self.reason, self.hint = file, line, field, reason, hint
        place = file if line is None else f"{file}:{line}"
        text = f"{place}: {field}: {reason}" if field else f"{place}: {reason}"
        super().__init__(f"{text} ({hint})" if hint else text)

    def __reduce__(self):
        return type(self), (self.file, self.line, self.field, self.reason, self.hint)


class ArtifactError(PrebakeError):
    """A directory that does not match its manifest, or that another run is in the way of."""

    def __init__(self, path: str, reason: str):
        self.path, self.reason = path, reason
        super().__init__(f"{path}: {reason}")

    def __reduce__(self):
        return type(self), (self.path, self.reason)
