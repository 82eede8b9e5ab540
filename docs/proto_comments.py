"""In: schemas/spec.proto. Out: the comments of its messages, fields and enum values, as text for people."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from typing import NamedTuple

from google.protobuf import descriptor_pb2
from google.protobuf.descriptor_pb2 import FileDescriptorProto

# Numbers of the fields of FileDescriptorProto, DescriptorProto and EnumDescriptorProto, which paths are made of.
_MESSAGE, _ENUM, _FIELD, _VALUE = 4, 5, 2, 2
_SHORT = re.compile(r"\s*Short form of the message\.")
_DEFAULT = re.compile(r"\s*\bDefault:? (.+?)\.?(?=$|\. (?=[A-Z]))")


class FieldComment(NamedTuple):
    """What a field's comment says.

    Attributes:
      text: without the rest.
      default: what it says after "Default"; empty if it says nothing.
      short: whether the field's value may stand for the whole message.
    """

    text: str
    default: str
    short: bool


class Comments:
    """Of one .proto file.

    Args:
      schemas: the folder that the file lies in.

    Raises:
      CalledProcessError: protoc refuses the file.
    """

    def __init__(self, schemas: str):
        file = _described(schemas)
        by_path = {
            tuple(location.path): location.leading_comments + location.trailing_comments
            for location in file.source_code_info.location
        }
        self._found = {name: " ".join(by_path.get(path, "").split()) for name, path in _named(file)}

    def of(self, name: str) -> str:
        """Of a message, enum, field (`Message.field`) or enum value (`Enum.VALUE`); empty if it has none."""
        return self._found[name]

    def field(self, message: str, name: str) -> FieldComment:
        """Of a field, taken apart."""
        text = self.of(f"{message}.{name}")
        short = bool(_SHORT.search(text))
        text = _SHORT.sub("", text)
        default = _DEFAULT.search(text)
        if default is not None:
            text = text[: default.start()] + text[default.end() :].removeprefix(".")
        return FieldComment(text.strip(), default[1] if default is not None else "", short)


def _described(schemas: str) -> FileDescriptorProto:
    path = os.path.join(schemas, "spec.proto")
    with tempfile.TemporaryDirectory() as folder:
        found = os.path.join(folder, "found")
        options = [f"-Iprebake/schemas={schemas}", "--include_source_info", f"--descriptor_set_out={found}"]
        # In a process of its own: beside TensorFlow, which has a protobuf library too, protoc crashes.
        subprocess.run([sys.executable, "-m", "grpc_tools.protoc", *options, path], check=True)
        with open(found, "rb") as file:
            return descriptor_pb2.FileDescriptorSet.FromString(file.read()).file[-1]


def _named(file: FileDescriptorProto) -> Iterator[tuple[str, tuple[int, ...]]]:
    for place, message in enumerate(file.message_type):
        yield message.name, (_MESSAGE, place)
        for number, field in enumerate(message.field):
            yield f"{message.name}.{field.name}", (_MESSAGE, place, _FIELD, number)
    for place, enum in enumerate(file.enum_type):
        yield enum.name, (_ENUM, place)
        for number, value in enumerate(enum.value):
            yield f"{enum.name}.{value.name}", (_ENUM, place, _VALUE, number)
