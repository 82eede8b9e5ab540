"""In: the features and columns of a resolved spec. Out: nothing, or the SpecError of the first faulty one."""

from __future__ import annotations

import re

from . import spec_pb2
from .column_check import NUMBERS, column_of, fits, type_name
from .encode_check import check_encode, check_list_options
from .family_check import check_family
from .labels import label_columns, reserved_names
from .spec_defaults import FILL_THEMSELVES, gives_ids
from .spec_source import TRANSFORMS, SpecSource, enum_name, listed, nearest, quote
from .step_check import Kind, check_steps, step_without_value

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_TOKENS = (spec_pb2.STRING, spec_pb2.INT)
_BYTES = (spec_pb2.FILE, spec_pb2.BASE64)
# What a transform reads, how deep, and what to do about anything else.
READS: dict[str, tuple[tuple[spec_pb2.ColumnType, ...], int, str]] = {
    "as_is": (NUMBERS, 2, "vocabulary or hash"),
    "standardize": (NUMBERS, 2, "vocabulary or hash"),
    "min_max": (NUMBERS, 2, "vocabulary or hash"),
    "robust": (NUMBERS, 2, "vocabulary or hash"),
    "gaussian": (NUMBERS, 2, "vocabulary or hash"),
    "buckets": (NUMBERS, 2, "vocabulary or hash"),
    "piecewise_linear": (NUMBERS, 0, "vocabulary or hash"),
    "pca": (NUMBERS, 0, "columns of numbers"),
    "vocabulary": (_TOKENS, 2, "buckets, or declare the column int or string"),
    "hash": (_TOKENS, 2, "buckets, or declare the column int or string"),
    "target": (_TOKENS, 0, "buckets, or declare the column int or string"),
    "identity": ((spec_pb2.INT,), 2, "vocabulary or hash"),
    "time_part": ((spec_pb2.TIME,), 0, "a column `{type: time, format: …}`"),
    "cyclical": ((spec_pb2.TIME,), 0, "a column `{type: time, format: …}`"),
    "word_vectors": ((spec_pb2.STRING,), 1, "`before: [lower, {split: words}]` on a string column"),
    "image": (_BYTES, 0, "a column of type file or base64"),
    "tensor": (_BYTES, 0, "a column of type file or base64"),
}
_OF_COLUMNS = ("as_is", "standardize", "min_max", "robust", "gaussian", "pca")


def check_features(spec: spec_pb2.Spec, columns: dict[str, spec_pb2.Column], source: SpecSource) -> None:
    """Raises SpecError at the first mistake; `columns` are checked and by name."""
    features = _check_names(spec, source)
    for name, feature in features.items():
        path = f"features.{name}"
        transform = feature.WhichOneof("transform")
        if transform is None:
            raise source.error(path, "has no transform", f"one of {listed(TRANSFORMS)}")
        if transform == "cross":
            _check_cross(feature, path, features, columns, source)
            kind = Kind(spec_pb2.INT, 0)
        else:
            kind = _check_columns(feature, transform, path, spec.data, columns, source)
            _check_missing(feature, transform, path, kind, columns, source)
        check_family(feature, transform, path, spec, columns, source)
        is_list = kind.depth > 0 if transform != "cross" else crosses_lists(feature, features, columns)
        check_list_options(feature, transform, path, kind, columns, source)
        check_encode(feature, transform, path, is_list, features, source)
    _check_cycles(features, source)
    crossed = {name for feature in features.values() for name in feature.cross.of}
    for name, feature in features.items():
        if feature.intermediate and name not in crossed:
            raise source.error(
                f"features.{name}.intermediate", "no cross uses this feature", "leave `intermediate` out"
            )
    if all(feature.intermediate for feature in features.values()) and not spec.preprocessing_fn:
        raise source.error("features", "no feature reaches the model", "name at least one")


def _check_names(spec: spec_pb2.Spec, source: SpecSource) -> dict[str, spec_pb2.Feature]:
    features: dict[str, spec_pb2.Feature] = {}
    for index, feature in enumerate(spec.features):
        name = feature.name
        path = f"features.{name}" if name else f"features[{index}]"
        if not name:
            raise source.error(path, "has no name", "give it a `name`")
        if name in features:
            raise source.error(path, "is given twice")
        if name in reserved_names(spec):
            hint = f"call it otherwise, and give `column: {name}`"
            raise source.error(path, f"the name {quote(name)} is taken by prebake", hint)
        if not _NAME.fullmatch(name):
            hint = "letters, digits, _ . and -, the first a letter or _; any name may stand in `column`"
            raise source.error(path, f"{quote(name)} cannot be a feature's name", hint)
        features[name] = feature
    taken = {*features, *reserved_names(spec)}
    for name, feature in features.items():
        if (feature.tf_idf or feature.value_weights) and f"{name}_weights" in taken:
            raise source.error(
                f"features.{name}",
                f"its weights '{name}_weights' are the name of another feature",
                "rename that one",
            )
        if feature.missing.indicator and f"{name}_missing" in taken:
            raise source.error(
                f"features.{name}.missing.indicator",
                f"its indicator '{name}_missing' is the name of another feature",
                "rename that one",
            )
    return features


def _check_columns(
    feature: spec_pb2.Feature,
    transform: str,
    path: str,
    data: spec_pb2.Data,
    columns: dict[str, spec_pb2.Column],
    source: SpecSource,
) -> Kind:
    """Checks the columns that a feature reads, and its steps; returns what the transform is given."""
    if feature.columns and feature.column:
        raise source.error(f"{path}.columns", "is given beside `column`", "keep one of the two")
    if feature.columns and transform not in _OF_COLUMNS:
        hint = f"{listed(_OF_COLUMNS)} can; or name one `column`"
        raise source.error(f"{path}.columns", f"{transform} reads one column", hint)
    if transform == "pca" and not feature.columns:
        raise source.error(f"{path}.pca", "has no columns", "columns: [a, b, c], or a pattern like [p*]")
    at = f"{path}.columns" if feature.columns else f"{path}.column"
    kinds = []
    for name in feature.columns or [feature.column]:
        if "*" in name and name not in columns:
            raise source.error(at, f"no column matches {quote(name)}")
        column = column_of(name, at, columns, source)
        if name in label_columns(data):
            reason = f"{quote(name)} is {_which(name, data)} label: the model would be told the answer"
            raise source.error(at, reason, "leave this feature out")
        if name == data.weight:
            raise source.error(at, f"{quote(name)} is the row weight", "leave this feature out")
        kinds.append(check_steps(feature, column, path, source))
        _check_kind(transform, kinds[-1], name, path, source)
        if feature.columns and kinds[-1].depth:
            raise source.error(
                at, f"{quote(name)} holds lists", "name it as the `column` of a feature of its own"
            )
    for index, name in enumerate(feature.columns):
        if name in feature.columns[:index]:
            raise source.error(at, f"{quote(name)} is given twice")
    return kinds[0]


def _which(name: str, data: spec_pb2.Data) -> str:
    return "the" if name == data.label.column else "a further"


def _check_kind(transform: str, kind: Kind, name: str, path: str, source: SpecSource) -> None:
    types, depth, instead = READS[transform]
    if kind.type not in types:
        wanted = " or ".join(type_name(one) for one in types)
        article = "an" if wanted.startswith("int") else "a"
        reason = f"needs {article} {wanted} column, and {quote(name)} is {kind}"
        raise source.error(f"{path}.{transform}", reason, f"use {instead}")
    if kind.depth > depth:
        raise source.error(
            f"{path}.{transform}", f"reads one value, and {quote(name)} is {kind}", f"use {_lists()}"
        )
    if transform == "word_vectors" and kind.depth == 0:
        raise source.error(
            f"{path}.{transform}", f"needs a list of tokens, and {quote(name)} is {kind}", f"use {instead}"
        )


def _lists() -> str:
    return listed([name for name, (_, depth, _) in READS.items() if depth == 2])


def _check_missing(
    feature: spec_pb2.Feature,
    transform: str,
    path: str,
    kind: Kind,
    columns: dict[str, spec_pb2.Column],
    source: SpecSource,
) -> None:
    missing = feature.missing
    path = f"{path}.missing"
    fill = enum_name(spec_pb2.Fill.DESCRIPTOR, missing.fill)
    if missing.indicator and (kind.depth or feature.columns):
        what = "a list" if kind.depth else "several columns"
        raise source.error(f"{path}.indicator", f"is of one value a row, and this is {what}", "leave it out")
    if transform in FILL_THEMSELVES:
        if fill != "auto":
            raise source.error(path, f"{transform} knows what a missing value is", "leave the fill out")
        return
    if fill in ("mean", "median") and transform in ("vocabulary", "hash", "identity", "time_part"):
        reads = "times" if transform == "time_part" else "tokens"
        raise source.error(
            path, f"{fill} needs numbers, and {transform} reads {reads}", "own_id or most_frequent"
        )
    if fill == "own_id" and not gives_ids(feature):
        raise source.error(
            path,
            f"own_id needs ids, and {transform} gives a number",
            "mean, median, most_frequent or constant",
        )
    given = missing.HasField("constant")
    if given and fill != "constant":
        raise source.error(f"{path}.constant", f"is given, and fill is {fill}", "keep one of the two")
    if fill == "constant":
        if not given or not missing.constant:
            raise source.error(path, "has no constant", "missing: {constant: …}")
        for name in feature.columns or [feature.column]:
            if not fits(missing.constant, columns[name]):
                raise source.error(
                    f"{path}.constant",
                    f"{quote(missing.constant)} is no value of the {type_name(columns[name].type)} column "
                    f"{quote(name)}",
                )
            step = step_without_value(missing.constant, feature, columns[name])
            if step is not None:
                reason = f"{quote(missing.constant)} is missing again after {step}"
                raise source.error(f"{path}.constant", reason, "give one that is a number after the steps")


def _check_cross(
    feature: spec_pb2.Feature,
    path: str,
    features: dict[str, spec_pb2.Feature],
    columns: dict[str, spec_pb2.Column],
    source: SpecSource,
) -> None:
    if feature.column:
        raise source.error(f"{path}.column", "a cross reads features, not a column", "leave it out")
    if feature.HasField("missing"):
        raise source.error(
            f"{path}.missing",
            "a cross has no missing values",
            "give `missing` to the features that it crosses",
        )
    at = f"{path}.cross.of"
    source.require(len(feature.cross.of) >= 2, at, "at least 2 features", len(feature.cross.of))
    for index, name in enumerate(feature.cross.of):
        other = features.get(name)
        if name in feature.cross.of[:index]:
            raise source.error(at, f"{quote(name)} is given twice")
        if other is None and name in columns:
            hint = "add a feature that makes ids of it: buckets, vocabulary or hash"
            raise source.error(at, f"{quote(name)} is a column, and a cross reads features", hint)
        if other is None:
            others = [known for known in features if known != feature.name]
            raise source.error(at, f"no feature {quote(name)}", nearest(name, others))
        transform = other.WhichOneof("transform")
        if transform is not None and not gives_ids(other):
            hint = (
                f"cross a bucketised one: {name}_buckets: "
                f"{{column: {other.column}, buckets: 10, intermediate: true}}"
            )
            raise source.error(at, f"{quote(name)} gives a number ({transform}), and a cross needs ids", hint)


def crosses_lists(
    feature: spec_pb2.Feature, features: dict[str, spec_pb2.Feature], columns: dict[str, spec_pb2.Column]
) -> bool:
    """Whether a cross is of lists. In a circle of crosses the answer does not matter."""
    seen, pending = set(), list(feature.cross.of)
    while pending:
        name = pending.pop()
        if name in seen or name not in features:
            continue
        seen.add(name)
        other = features[name]
        pending += other.cross.of
        column = columns.get(other.column)
        if (column is not None and column.separators) or any(step.HasField("split") for step in other.before):
            return True
    return False


def _check_cycles(features: dict[str, spec_pb2.Feature], source: SpecSource) -> None:
    done: set[str] = set()
    for start in features:
        # Depth first with a stack of our own: a chain of crosses may be deeper than Python's recursion.
        chain: list[str] = []
        pending = [(start, False)]
        while pending:
            name, leaving = pending.pop()
            if leaving:
                chain.pop()
                done.add(name)
            elif name in chain:
                circle = " → ".join([*chain[chain.index(name) :], name])
                raise source.error(f"features.{name}.cross.of", f"is a circle: {circle}", "break it")
            elif name not in done:
                chain.append(name)
                pending.append((name, True))
                pending += [(other, False) for other in features[name].cross.of]
