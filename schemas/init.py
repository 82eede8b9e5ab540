"""In: CSV paths and the label's column. Out: a commented YAML spec to start from, which runs as it is."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import Any

import yaml

from . import spec_pb2
from .errors import SpecError
from .infer import ColumnProfile, infer_columns, sample_rows, sniff_delimiter
from .spec import complete_spec, expand
from .spec_source import SpecSource, enum_name, nearest, quote

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./*-]*( [A-Za-z0-9_./*-]+)*")
# Words that YAML tools read as something else than text.
_WORDS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}
_EXAMPLE_LENGTH = 30


def commented_yaml(paths: Sequence[str], label: str) -> str:
    """Writes a spec in which every column and proposed feature has a line that says what the sample shows.

    Args:
      paths: files or patterns as a shell gives them, relative to the current folder, in which the
        spec will lie.
      label: column to predict.

    Returns:
      YAML that `load_spec` reads to the spec that files, label and the delimiter found would give.

    Raises:
      SpecError: no file matches, or no column has the label's name.
      DataError: the files cannot be sampled.
    """
    patterns = _patterns(paths)
    files = expand(patterns)
    dialect = spec_pb2.Dialect(delimiter=sniff_delimiter(files[0], _open), quoting=True, header=True)
    header, rows = sample_rows(files, dialect, _open)
    if label not in header:
        raise SpecError(files[0], None, "", f"no column {quote(label)}", nearest(label, header))
    profiles, _ = infer_columns(header, rows, plain=[label])
    notices: list[str] = []
    asked = spec_pb2.Spec(data=spec_pb2.Data(files=patterns, label=spec_pb2.Label(column=label)))
    asked.data.dialect.delimiter = dialect.delimiter
    spec = complete_spec(asked, SpecSource(), os.getcwd(), notice=notices.append)
    sections = (
        _data_lines(spec, patterns, label, profiles, len(rows)),
        _feature_lines(spec, notices),
        _model_lines(spec),
    )
    return "\n\n".join("\n".join(lines) for lines in sections) + "\n"


def _open(path: str, mode: str) -> Any:
    return open(path, mode)


def _patterns(paths: Sequence[str]) -> list[str]:
    """One pattern for the paths that a shell made of one, if it would give exactly these; else the paths."""
    if len(paths) > 1:
        folders = {os.path.dirname(path) for path in paths}
        names = [os.path.basename(path) for path in paths]
        suffixes = {name[name.index(".") :] if "." in name else "" for name in names}
        if len(folders) == len(suffixes) == 1:
            pattern = os.path.join(folders.pop(), "*" + suffixes.pop())
            if expand([pattern]) == sorted(set(paths)):
                return [pattern]
    return list(paths)


def _text(text: str) -> str:
    """The text as a YAML scalar of one line."""
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    quoted = yaml.safe_dump(text, default_style='"', allow_unicode=True, width=1 << 30)
    return quoted.removesuffix("\n")


def _comment(line: str, comment: str) -> str:
    return f"{line:<40} # {comment}"


def _data_lines(
    spec: spec_pb2.Spec,
    patterns: Sequence[str],
    label: str,
    profiles: dict[str, ColumnProfile],
    rows: int,
) -> list[str]:
    data = spec.data
    lines = [
        "# How each raw column becomes a feature, and the model that learns from them. Paths are relative to",
        "# this file. What is left out has a default; lines behind # show some of them.",
        "data:",
    ]
    if len(patterns) == 1:
        lines.append(f"  files: {_text(patterns[0])}")
    else:
        lines += ["  files:", *(f"    - {_text(pattern)}" for pattern in patterns)]
    dialect = []
    if data.dialect.delimiter != ",":
        dialect.append(f"    delimiter: {_text(data.dialect.delimiter)}")
    if data.dialect.null_tokens:
        tokens = ", ".join(_text(token) for token in data.dialect.null_tokens)
        dialect.append(f"    null_tokens: [{tokens}]  # beside the empty cell, in every column")
    if dialect:
        lines += ["  dialect:", *dialect]
    kind = enum_name(spec_pb2.LabelKind.DESCRIPTOR, data.label.kind)
    lines += [
        "  label:",
        f"    column: {_text(label)}",
        f"    kind: {kind}  # regression, binary or multiclass",
        f"  # float, int, string, time, or ignore for one that is not read; the comments tell of {rows:,} rows",
        "  columns:",
    ]
    for column in data.columns:
        lines.append(
            _comment(f"    {_text(column.name)}: {_column_value(column)}", _describe(profiles[column.name]))
        )
    split = data.split
    shares = f"{{train: {split.train}, valid: {split.valid}, test: {split.test}}}"
    lines.append(f"  split: {shares}  # shares of the rows")
    return lines


def _describe(profile: ColumnProfile) -> str:
    """What the sample shows of a column; never a line break."""
    if not profile.counts:
        return "no value in the sample"
    example = next(iter(profile.counts))
    if len(example) > _EXAMPLE_LENGTH:
        example = example[:_EXAMPLE_LENGTH] + "…"
    shown = "".join(c if c.isprintable() else "?" for c in example)
    missing = f", {profile.missing_share:.1%} missing" if profile.present < profile.cells else ""
    return f"{len(profile.counts)} distinct{missing}, e.g. {shown}"


def _column_value(column: spec_pb2.Column) -> str:
    type_ = enum_name(spec_pb2.ColumnType.DESCRIPTOR, column.type)
    if column.type == spec_pb2.TIME:
        return f"{{type: {type_}, format: {_text(column.format)}}}"
    if column.separators:
        return f"{{type: {type_}, separators: {_text(column.separators[0])}}}"
    return type_


def _feature_lines(spec: spec_pb2.Spec, notices: Sequence[str]) -> list[str]:
    lines = [f"# {_printable(notice)}" for notice in notices]
    lines += [
        "# Ids are one-hot up to 50 of them, an embedding above; `encode: {one_hot_up_to: 10}` moves a feature's border.",
        "features:  # as_is, standardize, buckets, vocabulary, cross, …: docs/features.md has them all",
    ]
    columns = {column.name: column for column in spec.data.columns}
    for feature in spec.features:
        comment = _feature_comment(feature, columns[feature.column])
        lines.append(_comment(f"  {_text(feature.name)}: {_feature_value(feature)}", comment))
    return lines


def _feature_value(feature: spec_pb2.Feature) -> str:
    """Of a proposed feature, whose messages are few."""
    transform = str(feature.WhichOneof("transform"))
    value = "{}"
    if feature.HasField("vocabulary") and feature.vocabulary.top_k:
        value = f"{{top_k: {feature.vocabulary.top_k}}}"
    elif transform in ("time_part", "cyclical"):
        value = enum_name(spec_pb2.Part.DESCRIPTOR, getattr(feature, transform).part)
    parts = [] if feature.column == feature.name else [f"column: {_text(feature.column)}"]
    if feature.before:
        parts.append(f"before: [{', '.join(map(_step_value, feature.before))}]")
    if not parts and value == "{}" and not feature.tf_idf:
        return transform
    parts.append(f"{transform}: {value}")
    if feature.tf_idf:
        parts.append("tf_idf: true")
    return f"{{{', '.join(parts)}}}"


def _step_value(step: spec_pb2.Step) -> str:
    if step.HasField("age"):
        return f"{{age: {_text(step.age.reference)}}}"
    if step.HasField("split"):
        return f"{{split: {enum_name(spec_pb2.SplitBy.DESCRIPTOR, step.split.by)}}}"
    return str(step.WhichOneof("step"))


def _feature_comment(feature: spec_pb2.Feature, column: spec_pb2.Column) -> str:
    if feature.before and feature.before[0].HasField("age"):
        return "days before the latest in the sample; missing becomes the mean"
    if feature.HasField("cyclical"):
        whole = "year" if feature.cyclical.part == spec_pb2.DAY_OF_YEAR else "day"
        return f"place in the {whole}, as sine and cosine; missing becomes 0, 0"
    if feature.tf_idf:
        return "words, by tf-idf"
    if feature.HasField("standardize"):
        return "missing becomes the mean"
    return "each value of the list by itself" if column.separators else "missing becomes an id of its own"


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text)


def _model_lines(spec: spec_pb2.Spec) -> list[str]:
    model, training = spec.model, spec.training
    optimizer = enum_name(spec_pb2.OptimizerKind.DESCRIPTOR, training.optimizer.kind)
    return [
        "# recipe: default  # or deep, sparse, low_latency, risk_sensitive",
        "",
        "# model:",
        f"#   hidden: {list(model.hidden)}  # units of the hidden layers",
        f"#   activation: {model.activation}",
        f"#   initializer: {model.initializer}",
        f"#   dropout: {model.dropout}",
        "",
        "# training:",
        f"#   optimizer: {optimizer}  # docs/training.md has all",
        f"#   learning_rate: {training.learning_rate}",
        f"#   batch_size: {training.batch_size}",
        f"#   epochs: {training.epochs}  # at most",
        f"#   patience: {training.patience}  # epochs without a better validation loss before it stops",
        "#   schedule: performance  # or one_cycle, cosine, exponential, power, piecewise, constant",
    ]
