"""In: a spec's file and the line of each of its fields. Out: SpecErrors that point there, nearest names."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from google.protobuf.descriptor import EnumDescriptor

from . import spec_pb2
from .errors import SpecError

FORMAT_VERSION = 2

# fmt: off
_PREFIXES = (
    "COMPRESSION_", "LABEL_", "ENCODE_", "FILL_", "COMBINER_", "RECIPE_", "NORMALIZATION_", "PRECISION_", "LOOP_", "CACHE_",
    "DISTRIBUTION_",
)
# fmt: on
_ESCAPES = {ord("\n"): "\\n", ord("\r"): "\\r", ord("\0"): "\\0"}


@dataclass(frozen=True)
class SpecSource:
    """Where a spec came from.

    Attributes:
      file: path as the user gave it, or "spec" for one made in Python.
      lines: 1-based line of each field, by dotted path. An element of a repeated message with a name goes by
        its name, any other by its index: `features.age.buckets`, `data.files[1]`.
    """

    file: str = "spec"
    lines: Mapping[str, int] = field(default_factory=dict)

    def line(self, path: str) -> int | None:
        """The line of the field, or of the nearest field around it that was written."""
        while path and path not in self.lines:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return self.lines.get(path)

    def error(self, path: str, reason: str, hint: str = "") -> SpecError:
        """The error about the field at `path`, on one line."""
        return SpecError(self.file, self.line(path), *(one_line(text) for text in (path, reason, hint)))

    def require(self, ok: bool, path: str, rule: str, value: float) -> None:
        """Raises the error `must be <rule>, not <value>` unless `ok`."""
        if not ok:
            raise self.error(path, f"must be {rule}, not {value:.12g}")


def one_line(text: str) -> str:
    return text.translate(_ESCAPES)


def quote(text: str, limit: int = 80) -> str:
    """The text in quotes, cut after `limit` characters, as messages show what the user wrote."""
    return "'" + (text if len(text) <= limit else text[:limit] + "…") + "'"


def listed(names: Iterable[str], limit: int = 15) -> str:
    """`a, b, c`; at most `limit` names."""
    shown = list(names)
    return ", ".join(shown[:limit]) + (", …" if len(shown) > limit else "")


def nearest(name: str, valid: Collection[str]) -> str:
    """The hint for a wrong name: the nearest valid one, or all of them when none is near."""
    by_lower = {v.lower(): v for v in reversed(list(valid))}
    near = difflib.get_close_matches(name.lower(), by_lower, n=1)
    if near:
        return f"did you mean '{by_lower[near[0]]}'?"
    return f"one of {listed(valid)}" if valid else ""


def enum_names(enum: EnumDescriptor) -> dict[str, int]:
    """Short lower-case name → number of each value that a user may write: `float`, `one_hot`, `gzip`."""
    names = {}
    for value in enum.values:
        if value.name.endswith("_UNSPECIFIED"):
            continue
        name = value.name
        for prefix in _PREFIXES:
            name = name.removeprefix(prefix)
        names[name.removesuffix("_RATE").lower()] = value.number
    return names


def enum_name(enum: EnumDescriptor, number: int) -> str:
    """The short name of a value."""
    return next(name for name, known in enum_names(enum).items() if known == number)


def check_version(version: int, source: SpecSource) -> None:
    """Raises SpecError if the spec is newer than this program."""
    if version > FORMAT_VERSION:
        raise source.error(
            "format_version",
            f"is {version}, and this prebake knows versions up to {FORMAT_VERSION}",
            "install a newer prebake",
        )
    if version < 0:
        raise source.error("format_version", f"is {version}", "leave it out")


TRANSFORMS: tuple[str, ...] = tuple(
    f.name for f in spec_pb2.Feature.DESCRIPTOR.oneofs_by_name["transform"].fields
)
STEPS: tuple[str, ...] = tuple(f.name for f in spec_pb2.Step.DESCRIPTOR.oneofs_by_name["step"].fields)
