"""In: a spec as text proto. Out: the Spec message as written (no defaults) and the line of every field."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from google.protobuf import text_encoding, text_format

from . import spec_pb2
from .errors import SpecError
from .spec_source import FORMAT_VERSION, SpecSource, check_version, nearest, quote

# Deeper than any spec; only broken text nests deeper, and its paths do not matter.
_MAX_DEPTH = 32
_SHOWN = 200
_TOKEN = re.compile(
    r"""\#[^\n]* | "(?:[^"\\\n]|\\.)*" | '(?:[^'\\\n]|\\.)*' | [{}<>\[\]:;,] | [^\s{}<>\[\]:;,"'\#]+""",
    re.VERBOSE,
)
# Repeated messages whose elements go by their name.
_NAMED = (
    "features",
    "data.columns",
    "data.more_labels",
    "training.parts",
    "training.class_weights",
    "training.outputs",
)
_VERSION = re.compile(r"^format_version\s*:\s*([0-9]{1,9})\b", re.MULTILINE)
_NO_FIELD = re.compile(r'Message type "prebake\.v1\.(\w+)" has no field named "(.*)"\.')
_NO_VALUE = re.compile(r'Enum type "prebake\.v1\.(\w+)" has no value named (.*)\.')


def parse_text_proto(text: str, file: str) -> tuple[spec_pb2.Spec, SpecSource]:
    """Reads a spec; raises SpecError at the first mistake of syntax, name or type."""
    if not text.strip():
        raise SpecError(file, None, "", "is empty", "a spec needs at least data: files and label")
    paths = list(_paths(_tree(text), ""))
    source = SpecSource(file, {path: line for path, line, _ in paths})
    version = _VERSION.search(text)
    if version:
        check_version(int(version[1]), source)
        if int(version[1]) < FORMAT_VERSION:
            # A resolved spec of an older prebake: its fields may mean something else.
            reason = f"is {version[1]}, of an older prebake; this one writes {FORMAT_VERSION}"
            raise source.error("format_version", reason, "run the original spec again")
    spec = spec_pb2.Spec()
    try:
        text_format.Parse(text, spec)
    except text_format.ParseError as error:
        raise _spec_error(error, text, file, paths) from None
    return spec, source


@dataclass
class _Node:
    """A field as written; `children` if it is a message, else `value`, the token after it."""

    name: str
    line: int
    children: list[_Node] = field(default_factory=list)
    value: str = ""


def _tree(text: str) -> _Node:
    """The nesting of the fields; of broken text, what can be told from its braces."""
    tokens: list[tuple[str, int]] = []
    for number, text_line in enumerate(text.split("\n"), start=1):
        tokens += [(m[0], number) for m in _TOKEN.finditer(text_line) if not m[0].startswith("#")]
    root = _Node("", 1)
    stack, last = [root], root
    for (token, line), (following, _) in pairwise([*tokens, ("", 0)]):
        if token in "{<":
            if last.children or last is stack[-1]:  # a further message of the same field, in a list
                last = _Node(last.name, line)
                stack[-1].children.append(last)
            if len(stack) < _MAX_DEPTH:
                stack.append(last)
        elif token in "}>":
            last = stack.pop() if len(stack) > 1 else root
        elif following in (":", "{", "<") and token not in ":;,[]":
            last = _Node(token, line)
            stack[-1].children.append(last)
        elif token not in ":;,[]" and not last.value:
            last.value = token
    return root


def _paths(node: _Node, path: str) -> Iterator[tuple[str, int, str]]:
    """(path, line, name as written) of every field below the node."""
    counts: dict[str, int] = {}
    for child in node.children:
        at = f"{path}.{child.name}" if path else child.name
        index = counts.setdefault(child.name, 0)
        counts[child.name] += 1
        if index == 0:
            yield at, child.line, child.name
        yield f"{at}[{index}]", child.line, child.name
        if at in _NAMED:
            names = [n.value for n in child.children if n.name == "name"]
            at += f".{_unquote(names[0])}" if names else f"[{index}]"
            yield at, child.line, child.name
        yield from _paths(child, at)


def _unquote(token: str) -> str:
    try:
        return text_encoding.CUnescape(token[1:-1]).decode()
    except ValueError:
        return token


def _spec_error(
    error: text_format.ParseError, text: str, file: str, paths: list[tuple[str, int, str]]
) -> SpecError:
    line = error.GetLine()
    reason = str(error).partition(" : ")[2]
    # A text that ends too early is broken in the line behind its last one.
    broken = dict(enumerate(text.splitlines(), 1)).get(line or 1, "")
    reason = reason.removeprefix(f"'{broken}': ")
    unknown = _NO_FIELD.fullmatch(reason)
    if unknown:
        message: Any = spec_pb2.DESCRIPTOR.pool.FindMessageTypeByName(f"prebake.v1.{unknown[1]}")
        at = next((p for p, n, name in paths if (n, name) == (line, unknown[2])), "").rpartition(".")[0]
        reason, hint = f"unknown key {quote(unknown[2])}", nearest(unknown[2], list(message.fields_by_name))
        return SpecSource(file, {at: line or 1}).error(at, reason, hint)
    value = _NO_VALUE.fullmatch(reason)
    if value:
        enum = spec_pb2.DESCRIPTOR.pool.FindEnumTypeByName(f"prebake.v1.{value[1]}")
        return SpecSource(file, {"": line or 1}).error(
            "", f"unknown value {quote(value[2])}", nearest(value[2], list(enum.values_by_name))
        )
    # It quotes what it could not read, however long that is.
    shown = reason if len(reason) <= _SHOWN else reason[:_SHOWN] + "…"
    return SpecSource(file, {"": line or 1}).error("", f"is not a valid text proto: {shown}")
