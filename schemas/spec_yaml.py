"""In: a spec as YAML text. Out: the Spec message as written (no defaults) and the line of every field.

The YAML is composed, not constructed: a string field takes `no`, `1.0` or `null` as the text that was
written, and every node knows its line. Anchors, aliases and tags are refused, so a small file cannot unfold
into a big one.
"""

from __future__ import annotations

import math
import re
from typing import Any, NoReturn

import yaml
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from . import spec_pb2
from .spec_source import STEPS, TRANSFORMS, SpecSource, check_version, enum_names, listed, nearest, quote

_MAX_DEPTH = 32
# The field that a message's short form sets.
_SHORT_FORMS = {
    "Column": "type",
    "Label": "column",
    "Buckets": "quantiles",
    "Hash": "buckets",
    "Cross": "of",
    "Missing": "fill",
    "Encode": "kind",
    "Model": "kind",
    "Optimizer": "kind",
    "PartOptimizer": "optimizer",
    "Output": "loss_weight",
    "Schedule": "kind",
    "Loss": "kind",
    "ClassWeight": "weight",
    "Pruning": "share",
    "WarmStart": "from",
    "Power": "exponent",
    "Age": "reference",
    "SplitText": "by",
    "Ngrams": "lengths",
    "PiecewiseLinear": "quantiles",
    "Identity": "size",
    "TimePart": "part",
    "Cyclical": "part",
    "Pca": "dimension",
    "WordVectors": "file",
}
_INTEGERS = {FieldDescriptor.TYPE_INT32: 31, FieldDescriptor.TYPE_INT64: 63}
_INTEGER = re.compile(r"-?[0-9]+")
_NUMBER = re.compile(r"-?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")


def parse_yaml(text: str, file: str) -> tuple[spec_pb2.Spec, SpecSource]:
    """Reads a spec; raises SpecError at the first mistake of syntax, name, type or number range."""
    lines: dict[str, int] = {}
    source = SpecSource(file, lines)
    root = _compose(text, file)
    if root is None:
        raise source.error("", "is empty", "a spec needs at least data: files and label")
    if not isinstance(root, yaml.MappingNode):
        lines[""] = _line(root)
        raise source.error("", f"must be a mapping, not {_kind(root)}", "its keys: data, features, model, …")
    for key, value in root.value:
        if key.value == "format_version" and isinstance(value, yaml.ScalarNode) and value.value.isdecimal():
            lines["format_version"] = _line(key)
            check_version(int(value.value[:18]), source)
    spec = spec_pb2.Spec()
    _Walk(source, lines).message(root, spec, "")
    return spec, source


class _Loader(yaml.SafeLoader):
    """Composes nodes without anchors, aliases, tags or deep nesting."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()
        if getattr(event, "anchor", None) is not None:
            self._refuse("anchors and aliases are not taken: write the value out", event)
        if getattr(event, "tag", None) is not None:
            self._refuse("tags are not taken: write the value without it", event)
        if self.depth == _MAX_DEPTH:
            self._refuse(f"is nested deeper than {_MAX_DEPTH} levels", event)
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def _refuse(self, problem: str, event: Any) -> NoReturn:
        raise yaml.composer.ComposerError(None, None, problem, event.start_mark)


def _compose(text: str, file: str) -> yaml.Node | None:
    def broken(line: int, problem: str) -> Exception:
        return SpecSource(file, {"": line}).error("", f"is not valid YAML: {problem}")

    try:
        loader = _Loader(text)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise broken(line, f"the character U+{error.character:04X} is not allowed") from None
    try:
        return loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise broken(mark.line + 1 if mark else 1, error.problem or "cannot be read") from None


def _line(node: yaml.Node) -> int:
    return node.start_mark.line + 1


def _kind(node: yaml.Node) -> str:
    if isinstance(node, yaml.MappingNode):
        return "a mapping"
    return "a list" if isinstance(node, yaml.SequenceNode) else quote(node.value)


def _is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.style is None and node.value in ("", "~", "null")


class _Walk:
    """Fills messages from nodes and notes the line of every path."""

    def __init__(self, source: SpecSource, lines: dict[str, int]):
        self._source = source
        self._lines = lines

    def message(self, node: yaml.Node, message: Any, path: str, given: tuple[str, ...] = ()) -> None:
        """Fills it from a mapping, a null (an empty message) or its short form; `given`: keys set already."""
        if _is_null(node):
            return
        if not isinstance(node, yaml.MappingNode):
            self._short_form(node, message, path)
            return
        descriptor = message.DESCRIPTOR
        seen = set(given)
        for key_node, value in node.value:
            key = self._key(key_node, path)
            at = f"{path}.{key}" if path else key
            if key not in descriptor.fields_by_name:
                self._lines[path] = _line(key_node)
                raise self._source.error(
                    path, f"unknown key {quote(key)}", nearest(key, list(descriptor.fields_by_name))
                )
            self._lines[at] = _line(key_node)
            if key in seen:
                raise self._source.error(at, "is given twice")
            seen.add(key)
            self._field(value, message, descriptor.fields_by_name[key], at)

    def _key(self, node: yaml.Node, path: str) -> str:
        if isinstance(node, yaml.ScalarNode):
            return node.value
        self._lines[path] = _line(node)
        raise self._source.error(path, f"has {_kind(node)} as a key", "a key is one word")

    def _short_form(self, node: yaml.Node, message: Any, path: str) -> None:
        descriptor: Descriptor = message.DESCRIPTOR
        if descriptor.name == "Feature" and isinstance(node, yaml.ScalarNode):
            if node.value not in TRANSFORMS:
                raise self._source.error(
                    path, f"unknown transform {quote(node.value)}", nearest(node.value, TRANSFORMS)
                )
            getattr(message, node.value).SetInParent()
        elif descriptor.name in _SHORT_FORMS:
            self._field(node, message, descriptor.fields_by_name[_SHORT_FORMS[descriptor.name]], path)
        else:
            keys = listed(descriptor.fields_by_name)
            hint = f"its keys: {keys}" if keys else "it takes nothing: write {}"
            raise self._source.error(path, f"must be a mapping, not {_kind(node)}", hint)

    def _field(self, node: yaml.Node, message: Any, field: FieldDescriptor, path: str) -> None:
        if field.name in TRANSFORMS and message.DESCRIPTOR.name == "Feature":
            other = message.WhichOneof("transform")
            if other is not None:
                hint = "one feature, one transform: name a second feature with the same `column`"
                raise self._source.error(path, f"is a second transform beside '{other}'", hint)
        if field.is_repeated:
            self._repeated(node, getattr(message, field.name), field, path)
        elif field.message_type is not None:
            child = getattr(message, field.name)
            child.SetInParent()
            self.message(node, child, path)
        else:
            setattr(message, field.name, self._scalar(node, field, path))

    def _repeated(self, node: yaml.Node, target: Any, field: FieldDescriptor, path: str) -> None:
        elements = [node] if isinstance(node, yaml.ScalarNode) and not _is_null(node) else node.value
        if not elements:
            raise self._source.error(path, "is empty", "leave it out for the default")
        if field.message_type is not None:
            if field.message_type.name == "Step":
                self._steps(node, target, path)
            elif field.message_type.name == "Label" and not isinstance(node, yaml.MappingNode):
                self._labels(elements, target, path)
            else:
                self._named(node, target, path)
            return
        if isinstance(node, yaml.MappingNode):
            raise self._source.error(path, "must be a list, not a mapping")
        for index, element in enumerate(elements):
            at = f"{path}[{index}]" if node is not element else path
            self._lines[at] = _line(element)
            target.append(self._scalar(element, field, at))

    def _named(self, node: yaml.Node, target: Any, path: str) -> None:
        """A repeated message with a name: a mapping from the names, or a list of mappings with `name`."""
        if isinstance(node, yaml.MappingNode):
            seen = set()
            for key_node, value in node.value:
                name = self._key(key_node, path)
                at = f"{path}.{name}"
                self._lines[at] = _line(key_node)
                if name in seen:
                    raise self._source.error(at, "is given twice")
                seen.add(name)
                self.message(value, target.add(name=name), at, given=("name",))
            return
        if not isinstance(node, yaml.SequenceNode):
            raise self._source.error(
                path, f"must be a mapping, not {_kind(node)}", "write `name: …` lines below it"
            )
        for index, element in enumerate(node.value):
            at = f"{path}[{index}]"
            self._lines[at] = _line(element)
            if not isinstance(element, yaml.MappingNode):
                hint = "write `name: …` lines, or give each element a `name`"
                raise self._source.error(at, f"must be a mapping, not {_kind(element)}", hint)
            names = [value for key, value in element.value if key.value == "name"]
            if not names:
                raise self._source.error(at, "has no name", "give it a `name`")
            if isinstance(names[0], yaml.ScalarNode):
                at = f"{path}.{names[0].value}"
                self._lines[at] = _line(element)
            self.message(element, target.add(), at)

    def _labels(self, elements: list[yaml.Node], target: Any, path: str) -> None:
        """A list of labels, each one its column or a mapping, which goes by its name or else its column."""
        for index, element in enumerate(elements):
            name = element.value
            if isinstance(element, yaml.MappingNode):
                given = {key.value: value.value for key, value in element.value}
                name = given.get("name", given.get("column"))
            at = f"{path}.{name}" if isinstance(name, str) else f"{path}[{index}]"
            self._lines[at] = _line(element)
            self.message(element, target.add(), at)

    def _steps(self, node: yaml.Node, target: Any, path: str) -> None:
        """A list of steps, each one its name or a mapping from its name to its fields."""
        if isinstance(node, yaml.MappingNode):
            raise self._source.error(path, "must be a list, not a mapping", "each step on a line with `- `")
        elements = [node] if isinstance(node, yaml.ScalarNode) else node.value
        for index, element in enumerate(elements):
            at = f"{path}[{index}]"
            self._lines[at] = _line(element)
            step = target.add()
            if isinstance(element, yaml.MappingNode):
                if len(element.value) != 1:
                    raise self._source.error(
                        at, f"has {len(element.value)} keys", "a step is one key, its name"
                    )
                self.message(element, step, at)
            elif isinstance(element, yaml.ScalarNode):
                if element.value not in STEPS:
                    raise self._source.error(
                        at, f"unknown step {quote(element.value)}", nearest(element.value, STEPS)
                    )
                getattr(step, element.value).SetInParent()
            else:
                raise self._source.error(at, f"must be the name of a step, not {_kind(element)}")

    def _scalar(self, node: yaml.Node, field: FieldDescriptor, path: str) -> Any:
        number, bits = field.type == FieldDescriptor.TYPE_DOUBLE, _INTEGERS.get(field.type)
        names = enum_names(field.enum_type) if field.enum_type is not None else {}

        def mismatch(wanted: str, hint: str = "") -> Exception:
            return self._source.error(path, f"must be {wanted}, not {_kind(node)}", hint)

        if isinstance(node, yaml.ScalarNode):
            text, plain = node.value, node.style is None
            if plain and not text:
                raise self._source.error(path, "has no value", "give one, or leave the line out")
            if field.type == FieldDescriptor.TYPE_STRING:
                return text
            if text in names:
                return names[text]
            if field.type == FieldDescriptor.TYPE_BOOL and plain and text in ("true", "false"):
                return text == "true"
            if bits and plain and _INTEGER.fullmatch(text):
                return self._integer(text, bits, field, path)
            if number and plain and _NUMBER.fullmatch(text):
                if math.isinf(float(text)):
                    raise self._source.error(path, f"{quote(text)} is out of range", "at most about 1.8e308")
                return float(text)
            if names:
                raise self._source.error(path, f"unknown value {quote(text)}", nearest(text, names))
        if field.type == FieldDescriptor.TYPE_BOOL:
            raise mismatch("true or false")
        raise mismatch(
            "a whole number" if bits else "a number" if number else "text",
            f"one of {listed(names)}" if names else "",
        )

    def _integer(self, text: str, bits: int, field: FieldDescriptor, path: str) -> int:
        # Longer than any 64-bit number is not even converted: int() refuses huge ones with another error.
        value = int(text) if len(text.lstrip("-0")) < 20 else 1 << 64
        if not -(1 << bits) <= value < 1 << bits:
            raise self._source.error(
                path, f"{quote(text)} is out of range", f"a whole number of {bits + 1} bits"
            )
        if value == 0 and not field.has_presence:
            # In the message 0 cannot be told from "left out", so it would silently become the default.
            raise self._source.error(path, "must be at least 1, not 0", "leave it out for the default")
        return value
