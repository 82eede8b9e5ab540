"""In: a resolved spec and its source. Out: nothing, or the SpecError of the first thing that cannot work.

Columns, features, model and training are checked in files of their own.
"""

from __future__ import annotations

import math

import pyarrow as pa

from . import spec_pb2
from .column_check import check_columns, column_of, fits
from .export_check import check_export
from .feature_check import check_features
from .label_check import check_labels, check_outputs
from .loss_check import check_loss
from .model_check import check_model
from .optimizer_check import check_optimizer
from .schedule_check import check_schedule
from .source_check import is_tfds
from .spec_source import SpecSource, check_version, enum_name, quote
from .tfds_check import check_tfds
from .timestamps import parse_times
from .training_check import check_training


def check(spec: spec_pb2.Spec, source: SpecSource | None = None) -> None:
    """Checks what the types of the fields cannot say.

    Args:
      spec: resolved (spec_defaults.resolve).
      source: lines for the errors.

    Raises:
      SpecError: the first mistake.
    """
    source = source or SpecSource()
    check_sources(spec, source)
    if not is_tfds(spec):
        columns = check_columns(spec.data, source)
        check_labels(spec, columns, source)
        _check_split(spec.data.split, columns, source)
        _check_share(spec.data.bad_rows.reject_up_to, "data.bad_rows.reject_up_to", source)
        check_features(spec, columns, source)
    _check_examples(spec.examples, source)
    check_model(spec, source)
    check_optimizer(spec.training, source)
    check_outputs(spec, source)
    check_loss(spec, source)
    check_schedule(spec, source)
    check_training(spec, source)
    check_export(spec, source)


def check_sources(spec: spec_pb2.Spec, source: SpecSource) -> None:
    """Version, files, label, dialect: what must hold before a file is looked at; `spec` may be unresolved."""
    check_version(spec.format_version, source)
    if is_tfds(spec):
        check_tfds(spec, source)
        return
    data = spec.data
    if data.files and data.split.HasField("files"):
        raise source.error("data.split.files", "is given beside data.files", "keep one of the two")
    if data.split.HasField("files") and not data.split.files.train:
        raise source.error("data.split.files", "has no files for train", "train: data/train-*.csv")
    if not data.files and not data.split.HasField("files"):
        raise source.error("data", "has no files", "files: data/*.csv")
    if not data.label.column:
        raise source.error("data", "has no label", "label: and the name of the column to predict")
    delimiter = data.dialect.delimiter or ","
    if len(delimiter) != 1 or not delimiter.isascii() or delimiter in '"\n\r\0':
        raise source.error(
            "data.dialect.delimiter",
            f"{quote(delimiter)} cannot be a delimiter",
            'one ASCII character, not a quote or newline; a tab is "\\t"',
        )
    if data.dialect.HasField("header") and not data.dialect.header and not data.columns:
        raise source.error(
            "data.dialect.header", "is false, and data.columns is missing", "name the columns in file order"
        )


def _check_share(value: float, path: str, source: SpecSource) -> None:
    source.require(0 <= value < 1, path, "at least 0 and below 1", value)


def _check_split(split: spec_pb2.Split, columns: dict[str, spec_pb2.Column], source: SpecSource) -> None:
    shares = [name for name in ("train", "valid", "test") if split.HasField(name)]
    by = [name for name in ("files", "time") if split.HasField(name)]
    if len(by) == 2:
        raise source.error("data.split.time", "is given beside files", "keep one of the two")
    if by and (shares or split.group):
        other = shares[0] if shares else "group"
        raise source.error(f"data.split.{other}", f"has no meaning beside {by[0]}", "leave it out")
    for name in shares:
        value = getattr(split, name)
        source.require(0 <= value < math.inf, f"data.split.{name}", "a number of at least 0", value)
    if not by and split.train == 0:
        raise source.error("data.split", "gives no row to train", "e.g. train: 0.8, valid: 0.1, test: 0.1")
    if split.group:
        column_of(split.group, "data.split.group", columns, source)
    if split.HasField("time"):
        _check_time(split.time, columns, source)


def _check_time(time: spec_pb2.TimeSplit, columns: dict[str, spec_pb2.Column], source: SpecSource) -> None:
    path = "data.split.time"
    if not time.column:
        raise source.error(path, "has no column", "column: the column to split by")
    column = column_of(time.column, f"{path}.column", columns, source)
    for name in ("valid_from", "test_from"):
        value = getattr(time, name)
        if not value:
            raise source.error(path, f"has no {name}", f"{name}: the first value of that split")
        if not fits(value, column):
            what = (
                f"time like {column.format}"
                if column.type == spec_pb2.TIME
                else "number by prebake's grammar"
            )
            raise source.error(f"{path}.{name}", f"{quote(value)} is not a {what}")
    bounds = time.valid_from, time.test_from
    if column.type == spec_pb2.STRING:
        ordered = bounds[0].encode() < bounds[1].encode()
    elif column.type == spec_pb2.TIME:
        seconds = parse_times(pa.array(bounds), column.format)[0].to_pylist()
        ordered = seconds[0] < seconds[1]
    else:
        number = int if column.type == spec_pb2.INT else float
        ordered = number(bounds[0]) < number(bounds[1])
    if not ordered:
        raise source.error(f"{path}.test_from", f"{quote(bounds[1])} does not come after {quote(bounds[0])}")


def _check_examples(examples: spec_pb2.Examples, source: SpecSource) -> None:
    for name in ("train_shards", "valid_shards", "test_shards"):
        count = getattr(examples, name)
        source.require(count >= 0, f"examples.{name}", "at least 1", count)
    # The parity gate has nothing to prove without rows.
    source.require(examples.sample_rows >= 1, "examples.sample_rows", "at least 1", examples.sample_rows)
    if examples.compression not in (spec_pb2.COMPRESSION_NONE, spec_pb2.COMPRESSION_GZIP):
        name = enum_name(spec_pb2.Compression.DESCRIPTOR, examples.compression)
        raise source.error("examples.compression", f"TFRecord files cannot be {name}", "none or gzip")
