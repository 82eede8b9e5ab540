"""In: the path of a spec. Out: the resolved, checked Spec; the files that its patterns match."""

from __future__ import annotations

import glob
import logging
import os
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from google.protobuf import text_format

from . import spec_pb2
from .errors import SpecError
from .infer import ColumnProfile, infer_columns, profile_columns, sample_rows
from .labels import labels_of
from .propose import propose_label_kind
from .source_check import is_tfds
from .spec_check import check, check_sources
from .spec_defaults import resolve, resolve_dialect
from .spec_source import SpecSource, listed, nearest, quote
from .spec_textproto import parse_text_proto
from .spec_yaml import parse_yaml

_MAX_BYTES = 1 << 20
_TEXT_PROTO = (".pbtxt", ".textproto")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_WILDCARD = re.compile(r"[*?\[]")
_log = logging.getLogger("prebake")

ExpandFiles = Callable[[Sequence[str]], list[str]]


def parse_spec(path: str) -> tuple[spec_pb2.Spec, SpecSource]:
    """Reads a spec as it is written, by its ending: .pbtxt and .textproto are text proto, anything else YAML.

    Raises:
      SpecError: the file cannot be read, or the first mistake of syntax, name or type in it.
    """
    try:
        with open(path, "rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise SpecError(path, None, "", f"cannot be read: {error.strerror}") from None
    if len(content) > _MAX_BYTES:
        raise SpecError(path, None, "", "is larger than 1 MiB", "is this a spec?")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SpecError(path, line, "", "is not UTF-8", "save it as UTF-8") from None
    parse = parse_text_proto if path.endswith(_TEXT_PROTO) else parse_yaml
    return parse(text, path)


def load_spec(
    path: str,
    *,
    expand_files: ExpandFiles | None = None,
    open_file: Callable[[str, str], Any] = open,
    notice: Callable[[str], None] = _log.warning,
) -> spec_pb2.Spec:
    """Reads, resolves and checks a spec.

    The data files are looked at only for what the spec leaves open (columns, features, kind of the label), so
    the spec.pbtxt of a run loads on a host that has none of them.

    Args:
      path: of the spec.
      expand_files: patterns → paths; `expand` by default, which knows local files alone.
      open_file: called with (path, "rb") for a data file.
      notice: called with one line about each thing inferred that the user may want to know.

    Returns:
      The spec with every default written out and absolute patterns.

    Raises:
      SpecError: the first mistake in the spec.
      DataError: a data file that should be sampled cannot be.
    """
    spec, source = parse_spec(path)
    folder = os.path.dirname(os.path.abspath(path))
    return complete_spec(spec, source, folder, expand_files=expand_files, open_file=open_file, notice=notice)


def complete_spec(
    spec: spec_pb2.Spec,
    source: SpecSource,
    folder: str,
    *,
    expand_files: ExpandFiles | None = None,
    open_file: Callable[[str, str], Any] = open,
    notice: Callable[[str], None] = _log.warning,
) -> spec_pb2.Spec:
    """`load_spec` for a spec that is parsed already: patterns are relative to `folder`."""
    check_sources(spec, source)
    completed = spec_pb2.Spec()
    completed.CopyFrom(spec)
    for patterns, _ in _pattern_fields(completed.data):
        patterns[:] = [_absolute(pattern, folder) for pattern in patterns]
    for feature in completed.features:
        for kind in ("vocabulary", "word_vectors"):
            if feature.HasField(kind) and getattr(feature, kind).file:
                getattr(feature, kind).file = _absolute(getattr(feature, kind).file, folder)
    start = completed.training.warm_start
    if completed.training.HasField("warm_start") and getattr(start, "from"):
        setattr(start, "from", _absolute(getattr(start, "from"), folder))
    for name in ("preprocessing_fn", "model_fn"):
        if getattr(completed, name):
            setattr(completed, name, _absolute(getattr(completed, name), folder))
    resolve_dialect(completed.data.dialect)
    profiles: dict[str, ColumnProfile] = {}
    if not is_tfds(completed) and _leaves_open(completed):
        paths = list(_expand_each(completed.data, expand_files or expand, source))
        profiles = _sample(completed.data, paths, open_file, notice)
    resolved = resolve(completed, profiles, notice)
    check(resolved, source)
    return resolved


def spec_text(spec: spec_pb2.Spec) -> str:
    """The canonical text proto: equal specs give equal text."""
    return text_format.MessageToString(spec, as_utf8=True)


def expand(patterns: Sequence[str]) -> list[str]:
    """The local files that match: sorted, each once. `**` matches folders of any depth.

    Raises:
      SpecError: a pattern matches no file.
    """
    found: set[str] = set()
    for pattern in patterns:
        paths = [pattern] if os.path.isfile(pattern) else glob.glob(pattern, recursive=True)
        files = [path for path in paths if os.path.isfile(path)]
        if not files:
            raise SpecError(
                "spec", None, "data.files", f"no file matches {quote(pattern, 500)}", _near(pattern)
            )
        found.update(files)
    return sorted(found)


def pattern_root(patterns: Sequence[str]) -> str:
    """The longest folder without a wildcard that all patterns share; "" if there is none."""
    folders = [_WILDCARD.split(pattern, maxsplit=1)[0].split("/")[:-1] for pattern in patterns]
    shared = []
    for parts in zip(*folders, strict=False):
        if len(set(parts)) > 1:
            break
        shared.append(parts[0])
    return "/".join(shared) or ("/" if shared else "")


def relative_path(path: str, root: str) -> str:
    """The path below the root, as rows are known by; the path itself if it does not lie there."""
    return path.removeprefix(root.rstrip("/") + "/") if root else path


def all_patterns(data: spec_pb2.Data) -> list[str]:
    """The patterns of every split."""
    return [pattern for patterns, _ in _pattern_fields(data) for pattern in patterns]


def _pattern_fields(data: spec_pb2.Data) -> list[tuple[Any, str]]:
    if not data.split.HasField("files"):
        return [(data.files, "data.files")]
    files = data.split.files
    return [(getattr(files, name), f"data.split.files.{name}") for name in ("train", "valid", "test")]


def _absolute(pattern: str, folder: str) -> str:
    return pattern if _SCHEME.match(pattern) else os.path.normpath(os.path.join(folder, pattern))


def _expand_each(data: spec_pb2.Data, expand_files: ExpandFiles, source: SpecSource) -> Iterator[str]:
    for patterns, path in _pattern_fields(data):
        for index, pattern in enumerate(patterns):
            try:
                yield from expand_files([pattern])
            except SpecError as error:
                raise source.error(f"{path}[{index}]", error.reason, error.hint) from None


def _near(pattern: str) -> str:
    """What the user may have meant."""
    if _SCHEME.match(pattern):
        return "only local files are known here"
    if os.path.isdir(pattern):
        return f"that is a folder: {pattern.rstrip('/')}/*.csv"
    folder = os.path.dirname(_WILDCARD.split(pattern, maxsplit=1)[0]) or "."
    if not os.path.isdir(folder):
        return f"there is no folder {quote(folder, 500)}"
    names = sorted(name for name in os.listdir(folder) if not name.startswith("."))
    if not names:
        return f"the folder {quote(folder, 500)} is empty"
    hint = "" if _WILDCARD.search(pattern) else nearest(os.path.basename(pattern), names)
    return hint if hint.startswith("did") else f"the folder has {listed(names, 5)}"


def _leaves_open(spec: spec_pb2.Spec) -> bool:
    data = spec.data
    types = {column.name: column.type for column in data.columns}
    if not data.columns or not (spec.features or spec.preprocessing_fn):
        return True
    kinds = [
        label.kind
        or propose_label_kind(
            types.get(label.column or label.name, spec_pb2.COLUMN_TYPE_UNSPECIFIED), label.classes, None
        )
        for label in labels_of(data)
    ]
    return spec_pb2.LABEL_AUTO in kinds


def _sample(
    data: spec_pb2.Data, paths: list[str], open_file: Callable[[str, str], Any], notice: Callable[[str], None]
) -> dict[str, ColumnProfile]:
    """Profiles of the columns; writes columns and null tokens into `data` if it has no columns."""
    names = [column.name for column in data.columns]
    header, rows = sample_rows(sorted(set(paths)), data.dialect, open_file, names)
    if data.columns:
        return profile_columns(data.columns, header, rows, data.dialect.null_tokens)
    # A label is a class or an amount, and a split compares or groups whole cells.
    labels = {label.column or label.name: label for label in labels_of(data)}
    plain = (*labels, data.weight, data.split.group, data.split.time.column)
    profiles, notes = infer_columns(header, rows, data.dialect.null_tokens, plain)
    for note in notes:
        notice(note)
    for name, profile in profiles.items():
        type_ = profile.type
        if name in labels and labels[name].kind in (spec_pb2.BINARY, spec_pb2.MULTICLASS):
            # Classes written as 0.0 and 1.0 are names, not amounts.
            type_ = spec_pb2.STRING if type_ == spec_pb2.FLOAT else type_
        separators = [profile.separator] if profile.separator else []
        data.columns.add(name=name, type=type_, format=profile.format, separators=separators)
        for token in profile.null_tokens:
            if token not in data.dialect.null_tokens:
                data.dialect.null_tokens.append(token)
    return profiles
