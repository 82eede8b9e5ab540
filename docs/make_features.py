"""In: the comments of schemas/spec.proto, docs/features/. Out: docs/features.md.

python docs/make_features.py

docs/features/*.yaml have a section for every transform, step and option, in the order of the page, with worked examples.
What comes out of them is computed here; tests/test_features_page.py holds it against what was worked by hand.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import Any

import yaml
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from learnt_words import learnt_words, number
from prebake.schemas import spec_pb2
from prebake.schemas.column_check import type_name
from prebake.schemas.feature_check import READS
from prebake.schemas.spec_source import STEPS, TRANSFORMS, enum_names
from prebake.transforms.portability import DEVICE_DIFFERENCE, HOST_ONLY, NOT_IN_A_BROWSER
from proto_comments import Comments
from worked_examples import FOLDER, ROWS, TRAINING_ROWS, Example, Run, compute, fold_hashes, read_groups

DOCS = os.path.dirname(os.path.abspath(__file__))
PAGE = os.path.join(DOCS, "features.md")
SCHEMAS = os.path.join(os.path.dirname(DOCS), "schemas")
_TYPES = {
    FieldDescriptor.TYPE_STRING: "text",
    FieldDescriptor.TYPE_BOOL: "true or false",
    FieldDescriptor.TYPE_DOUBLE: "number",
}
_MISSING = "*missing*"


def make_page(groups: list[dict[str, Any]], runs: dict[str, Run], comments: Comments) -> str:
    """The page as Markdown.

    Args:
      groups: from `read_groups`.
      runs: of their examples, by name.
      comments: of spec.proto.
    """
    parts = [
        _text("introduction.md")
        .replace("<!-- overview -->", _overview(groups))
        .replace("<!-- feature -->", _fields(spec_pb2.Feature.DESCRIPTOR, comments)),
    ]
    for group in groups:
        parts.append(f"## {group['title']}")
        parts.append(group.get("text", "").strip())
        for section in group["sections"]:
            parts += _section(section, runs, comments)
    parts.append(_text("closing.md").replace("<!-- devices -->", _devices()))
    return "\n\n".join(part for part in parts if part) + "\n"


def message_of(name: str) -> Descriptor | None:
    """The message of a transform or a step; None for anything else."""
    for message, names in ((spec_pb2.Feature, TRANSFORMS), (spec_pb2.Step, STEPS)):
        if name in names:
            return message.DESCRIPTOR.fields_by_name[name].message_type
    return None


def portability(name: str) -> str:
    """Whether a transform, step or option of lists runs on a phone and in a browser.

    Keys of HOST_ONLY are names, or names and what it is about: "hash of text".
    """
    if name in HOST_ONLY:
        return f"no: {HOST_ONLY[name]}"
    if message_of(name) is None:
        return f"no: {HOST_ONLY['separators']}"
    limits = [
        f"not {key.removeprefix(name).strip()}: {reason}"
        for key, reason in HOST_ONLY.items()
        if key.split()[0] == name
    ]
    if name in NOT_IN_A_BROWSER:
        limits.append(f"not in a browser: {NOT_IN_A_BROWSER[name]}")
    return f"yes, but {'; '.join(limits)}" if limits else "yes"


def _text(name: str) -> str:
    with open(os.path.join(FOLDER, name), encoding="utf-8") as file:
        return file.read().strip()


def _overview(groups: list[dict[str, Any]]) -> str:
    lines, also = [], []
    kind = ""
    for group in groups:
        for section in group["sections"]:
            name = section["of"]
            if "gives" not in section:
                also.append(f"[{name}](#{name})")
                continue
            if group["kind"] != kind:
                kind = group["kind"]
                lines += ["", *_header([kind, "reads", "gives", "learnt", "phone and browser"])]
            cells = [reads(section), section["gives"], section["learnt"] or "–", portability(name)]
            lines.append(_row([f"[{name}](#{name})", *map(_cell, cells)]))
    return "\n".join([*lines[1:], "", f"And: {', '.join(also)}."])


def reads(section: dict[str, Any]) -> str:
    """What a section's transform, step or option reads: types of columns."""
    if section["of"] not in READS:
        return section["reads"]
    types, depth, _ = READS[section["of"]]
    names = ", ".join(type_name(one) for one in types)
    if section["of"] == "pca":
        return f"columns of {names}"
    if section["of"] == "word_vectors":
        return "tokens"
    return f"{names}; lists" if depth else names


def _section(section: dict[str, Any], runs: dict[str, Run], comments: Comments) -> list[str]:
    name = section["of"]
    message = message_of(name)
    parts = [f"### {name}"]
    if "gives" in section:
        facts = [f"{reads(section)} → {section['gives']}", f"learnt: {section['learnt'] or 'nothing'}"]
        parts.append(f"*{' · '.join(map(_prose, [*facts, f'phone and browser: {portability(name)}']))}*")
    if message is None:
        owner, _, field = section["proto"].partition(".")
        message = None if field else spec_pb2.DESCRIPTOR.message_types_by_name[owner]
        about = comments.field(owner, field).text if field else comments.of(owner)
    else:
        about = comments.of(message.name)
    parts += [_prose(about), section.get("text", "").strip()]
    if message is not None:
        parts.append(_fields(message, comments))
    for example in section["examples"]:
        parts += _example(example, runs[example.run])
    return parts


def _fields(message: Descriptor, comments: Comments) -> str:
    """A table of a message's fields, but for the transforms of a feature."""
    fields = [field for field in message.fields if field.containing_oneof is None or _optional(field)]
    if not fields:
        return ""
    lines = _header(["field", "meaning", "default"])
    for field in fields:
        comment = comments.field(message.name, field.name)
        short = "<br>*short form*" if comment.short else ""
        what = _cell(comment.text)
        if field.enum_type is not None:
            what += _values(field, comments)
        elif field.message_type is None:
            what += f" *({_type(field)})*"
        default = comment.default or ("false" if field.type == FieldDescriptor.TYPE_BOOL else "–")
        lines.append(_row([f"`{field.name}`{short}", what, _cell(default)]))
    return "\n".join(lines)


def _optional(field: FieldDescriptor) -> bool:
    return field.has_presence and len(field.containing_oneof.fields) == 1


def _type(field: FieldDescriptor) -> str:
    word = _TYPES.get(field.type, "whole number")
    if not field.is_repeated:
        return word
    return "list of texts" if word == "text" else f"list of {word}s"


def _values(field: FieldDescriptor, comments: Comments) -> str:
    enum = field.enum_type
    lines = [
        f"<br>`{name}`: {_cell(comments.of(f'{enum.name}.{enum.values_by_number[value].name}'))}"
        for name, value in enum_names(enum).items()
    ]
    return "".join(lines)


def _example(example: Example, run: Run) -> list[str]:
    columns = yaml.load(example.columns, yaml.BaseLoader)
    plain = all(isinstance(line, str) for line in columns.values())
    parts = [example.text.strip(), f"```yaml\n{_spec(example, plain)}\n```"]
    for name, content in example.files.items():
        if name.endswith(".py"):
            parts.append(f"```python\n{content.strip()}\n```")
        elif name.endswith(".txt"):
            parts.append(f"`{name}`:\n\n```text\n{content.strip()}\n```")
    lines = _header(["row", *(str(row + 1) for row in range(TRAINING_ROWS)), f"{ROWS} (later)"])
    for name, cells in example.raw.items():
        kind = columns.get(name, "")
        text = not isinstance(kind, str) or kind not in ("float", "int")
        shown = [(_code(cell) if text else cell) if cell else _MISSING for cell in cells]
        lines.append(_row([f"`{name}`{f' ({kind})' if isinstance(kind, str) and kind else ''}", *shown]))
    for name in example.gives:
        lines.append(_row([f"→ `{name}`", *map(_value, run.stored[name])]))
    for name in example.encoded:
        lines.append(_row([f"→ `{name}`, as the model reads it", *map(_value, run.encoded[name])]))
    for name in example.training:
        feature = next(one for one in run.graph.spec.features if one.name == name)
        folds = fold_hashes(run.graph.spec.seed)[:TRAINING_ROWS] % feature.target.folds
        lines.append(_row(["fold", *map(str, folds), "–"]))
        lines.append(_row([f"→ `{name}`, in a training example", *map(_value, run.training[name]), "–"]))
    parts.append("\n".join(lines))
    learnt = [
        f"`{name}`: {', '.join(learnt_words(run.graph, name, what) for what in shown)}"
        for name, shown in example.shows.items()
    ]
    if learnt:
        parts.append(f"Learnt: {'; '.join(learnt)}.")
    parts.append(example.note.strip())
    return parts


def _spec(example: Example, plain: bool) -> str:
    """Lines of a spec: of the columns only those that are more than a type."""
    lines = example.spec.splitlines()
    data = [f"  {key}: {getattr(example, key)}" for key in ("label", "weight") if getattr(example, key)]
    if not plain:
        data += ["  columns:", *(f"    {line}" for line in example.columns.splitlines())]
    lines += ["data:", *data] if data else []
    features = example.features.splitlines()
    return "\n".join([*lines, *(["features:"] if features else []), *(f"  {line}" for line in features)])


def _devices() -> str:
    """What differs there by how much, and what a browser lacks."""
    lines = []
    for most in sorted(set(DEVICE_DIFFERENCE.values())):
        names = [f"`{name}`" for name, value in DEVICE_DIFFERENCE.items() if value == most]
        lines.append(f"- by at most {f'{most:.0e}'.replace('e-0', 'e-')}: {', '.join(names)}")
    lines += ["", "A browser has 32-bit integers alone. It cannot do:", ""]
    lines += [f"- `{name}`: {_prose(reason)}" for name, reason in NOT_IN_A_BROWSER.items()]
    return "\n".join(lines)


def _value(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    return number(value)


def _code(text: str) -> str:
    return f"`{text}`".replace("|", "\\|")


def _prose(text: str) -> str:
    """With nothing that Markdown takes for its own outside of backticks."""
    parts = text.split("`")
    for place in range(0, len(parts), 2):
        parts[place] = re.sub(r"(\*|<(?=[A-Za-z/]))", r"\\\1", parts[place])
    return "`".join(parts)


def _cell(text: str) -> str:
    return _prose(text).replace("|", "\\|")


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _header(cells: list[str]) -> list[str]:
    return [_row(cells), "|" + "---|" * len(cells)]


def main() -> None:
    groups = read_groups()
    runs = compute(
        example for group in groups for section in group["sections"] for example in section["examples"]
    )
    page = make_page(groups, runs, Comments(SCHEMAS))
    with open(PAGE, "w", encoding="utf-8") as file:
        file.write(page)
    print(f"{PAGE}: {page.count(chr(10)):,} lines")


if __name__ == "__main__":
    main()
