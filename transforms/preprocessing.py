"""In: a spec. Out: a TFT `preprocessing_fn` whose outputs are the statistics that the spec needs, and their reading.

The features themselves are not computed here: graph.py builds them from the statistics, for every target alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import tensorflow as tf

from ..schemas.errors import SpecError
from ..schemas.spec_pb2 import BINARY, INT, MOST_FREQUENT, Spec
from ..schemas.statistics_pb2 import ColumnStatistics, Statistics
from .analyzers import analyze_counts, analyze_numbers, parse_counts, parse_numbers
from .needs import LABEL, columns_by_name, needs_of
from .vocabulary_files import choose_tokens, write_vocabulary

ROW_HASH = "__row_hash__"
_NUMBERS = "numbers"
FORMAT_VERSION = 1


def preprocessing_fn(spec: Spec) -> Callable[[Mapping[str, tf.Tensor]], dict[str, tf.Tensor]]:
    """The function that TFT traces: raw columns and ROW_HASH in, serialised statistics out, repeated on every row."""
    needs = needs_of(spec)

    def analyze(inputs: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        rows = tf.shape(inputs[ROW_HASH])[0]
        numbers = {name: inputs[name] for name in needs.numbers}
        found = {_NUMBERS: analyze_numbers(inputs[ROW_HASH], numbers, needs.numbers)}
        for index, name in enumerate(sorted(needs.counts)):
            found[f"counts_{index}"] = analyze_counts(inputs[name], index)
        return {name: tf.fill([rows], value) for name, value in found.items()}

    return analyze


def label_classes(spec: Spec, counts: Mapping[bytes, int]) -> list[bytes]:
    """The classes, sorted: integers as numbers, text as bytes.

    Class ids follow the names, not how frequent they are: the same classes get the same ids on other data.

    Raises:
      SpecError: too few classes for a label of this kind, or too many.
    """
    label = spec.data.label
    is_int = columns_by_name(spec)[label.column].type == INT
    classes = sorted(counts, key=int) if is_int else sorted(counts)
    if len(classes) < 2 or (label.kind == BINARY and len(classes) > 2):
        names = ", ".join(name.decode() for name in classes[:5]) + (", …" if len(classes) > 5 else "")
        count = "1 class" if len(classes) == 1 else f"{len(classes)} classes"
        kind = "binary" if label.kind == BINARY else "multiclass"
        reason = f"is {kind}, and '{label.column}' has {count} in the training split: {names}"
        hint = "give kind: multiclass" if len(classes) > 2 else "a model needs at least 2 to tell apart"
        raise SpecError("spec", None, "data.label.kind", reason, hint)
    return classes


def write_statistics(spec: Spec, found: Mapping[str, bytes], rows: int, directory: str) -> Statistics:
    """Turns what the analysis found into Statistics, and writes the vocabularies below `directory`.

    Args:
      spec: resolved.
      found: the outputs of `preprocessing_fn` on any row.
      rows: of the training split.
      directory: of the transform step.

    Raises:
      SpecError: the training split's classes do not go with the kind of the label.
    """
    needs = needs_of(spec)
    columns = {entry.name: entry for entry in parse_numbers(found[_NUMBERS])}
    fillers = {feature.column for feature in spec.features if feature.missing.fill == MOST_FREQUENT}
    vocabularies = {feature.name: feature.vocabulary for feature in spec.features}
    for index, name in enumerate(sorted(needs.counts)):
        counts = parse_counts(found[f"counts_{index}"])
        missing = counts.pop(b"", 0)
        entry = columns.setdefault(name, ColumnStatistics(name=name))
        entry.present, entry.missing = rows - missing, missing
        if name in fillers and counts:
            entry.most_frequent = next(iter(counts)).decode()
        for feature, column in sorted(needs.vocabularies.items()):
            if column != name:
                continue
            is_label = feature == LABEL
            tokens = label_classes(spec, counts) if is_label else choose_tokens(counts, vocabularies[feature])
            entry.vocabularies.append(write_vocabulary(directory, feature, tokens, counts, entry.present))
    statistics = Statistics(format_version=FORMAT_VERSION, rows=rows)
    statistics.columns.extend(columns[name] for name in sorted(columns))
    return statistics
