"""In: the accumulators that a pass found. Out: the statistics made of them, and the vocabulary files."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence

from ..schemas.errors import SpecError
from ..schemas.labels import LABEL, label_feature, label_path, labels_of
from ..schemas.spec_pb2 import (
    BINARY,
    INT,
    MOST_FREQUENT,
    MUTUAL_INFORMATION,
    REGRESSION,
    Feature,
    Label,
    Spec,
)
from ..schemas.statistics_pb2 import ColumnStatistics, Statistics
from .count_analyzer import Counts, finish_counts, merge_counts
from .covariance_analyzer import finish_covariance, merge_covariance
from .cross_source import cross_source_name
from .keyed_analyzer import finish_groups, finish_pairs, finish_targets, merge_sums
from .learnt import VECTORS
from .mutual_information import mutual_information
from .needs import LABEL_NUMBER, Needs, columns_by_name, label_number, standardized_labels
from .number_analyzer import finish_numbers, merge_numbers
from .number_need import NumberNeed
from .pass_inputs import input_names
from .preprocessing import FORMAT_VERSION, WEIGHT_SOURCE, covariance_scale
from .sources import sources_of
from .vocabulary_files import choose_tokens, read_tokens, write_vocabulary

_MERGES = {
    "numbers": merge_numbers,
    "counts": merge_counts,
    "distinct": merge_counts,
    "groups": merge_sums,
    "targets": merge_sums,
    "pairs": merge_sums,
    "covariance": merge_covariance,
}
Found = Mapping[str, bytes]


def merge_found(parts: Sequence[Found]) -> dict[str, bytes]:
    """The accumulators of one pass over several sets of rows, as one pass over all of them finds them."""
    if len(parts) == 1:
        return dict(parts[0])
    return {name: _MERGES[name.split("_")[0]]([part[name] for part in parts]) for name in parts[0]}


class Finisher:
    """Turns accumulators into Statistics, pass by pass.

    Args:
      spec: resolved.
      rows: of the training split.
      directory: of the transform step; vocabularies are written below it.
      keep: tokens by feature whose ids stay as they are; new ones come behind them.
    """

    def __init__(self, spec: Spec, rows: int, directory: str, keep: Mapping[str, list[bytes]] | None = None):
        self._spec, self._rows, self._directory, self._keep = spec, rows, directory, keep or {}
        self._columns: dict[str, ColumnStatistics] = {}
        self._class_weights: dict[bytes, float] = {}
        # By the label's name in the examples.
        self._classes: dict[str, list[bytes]] = {}
        self._features = {feature.name: feature for feature in spec.features}
        self.statistics = Statistics(format_version=FORMAT_VERSION, rows=rows, weight=rows)
        self._more_labels = {
            label_number(label): self.statistics.more_labels.add(name=label.name)
            for label in standardized_labels(spec)
        }

    def of(self, source: str) -> ColumnStatistics:
        """Statistics found so far."""
        return self._columns.get(source, ColumnStatistics())

    def add(
        self, needs: Needs, found: Found, cross_sizes: Mapping[str, Sequence[int]] | None = None
    ) -> Statistics:
        """Adds what a pass found; returns all statistics so far.

        Args:
          needs: of the pass.
          found: accumulators by name.
          cross_sizes: by cross whose combinations the pass counted, how many ids each of its ingredients has.

        Raises:
          SpecError: the training split's classes do not go with the kind of the label.
        """
        names = input_names(needs)
        for name, data in found.items():
            if name.startswith("numbers"):
                self._numbers(finish_numbers(data, needs.numbers | {WEIGHT_SOURCE: NumberNeed()}))
        for label in labels_of(self._spec.data):
            if label.kind != REGRESSION:
                self._find_classes(label, needs, found, names)
        counts = {source: finish_counts(found[f"counts_{names[source]}"]) for source in sorted(needs.counts)}
        for name in needs.crosses:
            source = cross_source_name(name)
            counts[source] = named_combinations(counts[source], (cross_sizes or {})[name])
        column = self._spec.data.label.column
        if column in counts:
            self._class_weights = dict(counts[column].weights)
        for source in sorted(counts):
            self._count(source, counts[source], needs.sources[source].depth > 0)
        for feature, source in sorted(needs.vocabularies.items()):
            self._vocabulary(feature, source, counts.get(source), needs, found, names)
        self._by_feature(needs, found)
        del self.statistics.columns[:]
        self.statistics.columns.extend(self._columns[name] for name in sorted(self._columns))
        return self.statistics

    def _numbers(self, entries: Mapping[str, ColumnStatistics]) -> None:
        for name, entry in entries.items():
            if name == LABEL_NUMBER:
                self.statistics.label_mean, self.statistics.label_variance = entry.mean, entry.variance
            elif name in self._more_labels:
                self._more_labels[name].mean, self._more_labels[name].variance = entry.mean, entry.variance
            elif name == WEIGHT_SOURCE:
                self.statistics.weight = entry.mean * entry.present
            elif name in self._columns:
                self._columns[name].MergeFrom(entry)
            else:
                self._columns[name] = entry

    def _entry(self, source: str) -> ColumnStatistics:
        return self._columns.setdefault(source, ColumnStatistics(name=source))

    def _count(self, source: str, counts: Counts, is_list: bool) -> None:
        entry = self._entry(source)
        entry.missing = counts.rows.pop(b"", 0)
        counts.weights.pop(b"", None)
        # Tokens with a newline are present and not counted.
        entry.present = sum(counts.rows.values()) if is_list else self._rows - entry.missing
        fillers = {
            one.name
            for feature in self._spec.features
            if feature.missing.fill == MOST_FREQUENT and not feature.HasField("cross")
            for one in sources_of(feature, columns_by_name(self._spec))
        }
        if source in fillers and counts.weights:
            entry.most_frequent = next(iter(counts.weights)).decode()

    def _find_classes(self, label: Label, needs: Needs, found: Found, names: Mapping[str, str]) -> None:
        name = label_feature(label)
        if label.classes:
            self._classes[name] = [token.encode() for token in label.classes]
        elif name in needs.vocabularies:
            counts = finish_counts(found[f"counts_{names[needs.vocabularies[name]]}"])
            found_now = label_classes(
                self._spec, label, {token: rows for token, rows in counts.rows.items() if token}
            )
            kept = self._keep.get(name, [])
            self._classes[name] = [*kept, *(token for token in found_now if token not in kept)]

    def _vocabulary(
        self,
        name: str,
        source: str,
        counts: Counts | None,
        needs: Needs,
        found: Found,
        names: Mapping[str, str],
    ) -> None:
        frequency = None
        if name in self._classes:
            tokens = self._classes[name]
        else:
            feature = self._features[name]
            tokens = self._tokens(feature, source, counts, found, names)
            if feature.tf_idf:
                seen = finish_counts(found[f"distinct_{names[source]}"]).weights
                frequency = [seen.get(token, 0.0) for token in tokens]
        rows = counts.rows if counts else {}
        entry = write_vocabulary(self._directory, name, tokens, rows, self._entry(source).present)
        entry.document_frequency.extend(frequency or [])
        self._entry(source).vocabularies.append(entry)

    def _tokens(
        self,
        feature: Feature,
        source: str,
        counts: Counts | None,
        found: Found,
        names: Mapping[str, str],
    ) -> list[bytes]:
        if feature.HasField("cross"):
            assert counts is not None
            return choose_tokens(counts.weights, counts.weights, feature.cross)
        vocabulary = feature.vocabulary
        if vocabulary.tokens:
            return [token.encode() for token in vocabulary.tokens]
        if vocabulary.file:
            return read_tokens(vocabulary.file)
        assert counts is not None
        score: Mapping[bytes, float] = counts.weights
        if vocabulary.rank == MUTUAL_INFORMATION:
            pairs = finish_pairs(found[f"pairs_{names[source]}"])
            score = mutual_information(pairs, self._class_weights)
        return choose_tokens(counts.weights, score, vocabulary, self._keep.get(feature.name, []))

    def _by_feature(self, needs: Needs, found: Found) -> None:
        for place, feature in enumerate(sorted(needs.groups)):
            groups = finish_groups(found[f"groups_{place}"])
            self.statistics.groups.add(feature=feature, groups=groups)
        for place, feature in enumerate(sorted(needs.targets)):
            folds = needs.targets[feature][1]
            entry = finish_targets(found[f"targets_{place}"], folds, self._classes.get(LABEL))
            entry.feature = feature
            self.statistics.targets.append(entry)
        for place, feature in enumerate(sorted(needs.covariances)):
            columns = [self.of(source) for source in needs.covariances[feature]]
            center, scale = covariance_scale(columns)
            covariance = finish_covariance(found[f"covariance_{place}"], center, scale)
            covariance.feature = feature
            self.statistics.covariances.append(covariance)
        for kind in (self.statistics.groups, self.statistics.targets, self.statistics.covariances):
            kind.sort(key=lambda entry: entry.feature)


def copy_word_vectors(spec: Spec, directory: str) -> None:
    """Copies the files of word vectors below `transform/`: whoever has that directory needs nothing else."""
    for feature in spec.features:
        if feature.HasField("word_vectors"):
            os.makedirs(os.path.join(directory, VECTORS), exist_ok=True)
            shutil.copyfile(
                feature.word_vectors.file, os.path.join(directory, VECTORS, f"{feature.name}.txt")
            )


def label_classes(spec: Spec, label: Label, counts: Mapping[bytes, int]) -> list[bytes]:
    """The classes, sorted: integers as numbers, text as bytes.

    Class ids follow the names, not how frequent they are: the same classes get the same ids on other data.

    Raises:
      SpecError: too few classes for a label of this kind, or too many.
    """
    is_int = columns_by_name(spec)[label.column].type == INT
    classes = sorted(counts, key=int) if is_int else sorted(counts)
    if len(classes) < 2 or (label.kind == BINARY and len(classes) > 2):
        names = ", ".join(name.decode() for name in classes[:5]) + (", …" if len(classes) > 5 else "")
        count = "1 class" if len(classes) == 1 else f"{len(classes)} classes"
        kind = "binary" if label.kind == BINARY else "multiclass"
        reason = f"is {kind}, and '{label.column}' has {count} in the training split: {names}"
        hint = "give kind: multiclass" if len(classes) > 2 else "a model needs at least 2 to tell apart"
        raise SpecError("spec", None, f"{label_path(label)}.kind", reason, hint)
    return classes


def named_combinations(counts: Counts, sizes: Sequence[int]) -> Counts:
    """Combinations of ids, counted as decimal numbers, with the ids that they stand for as their names, e.g. b"3 17"."""

    def ids(token: bytes) -> bytes:
        combined, found = int(token), []
        for size in reversed(sizes):
            combined, one = divmod(combined, size)
            found.append(str(one).encode())
        return b" ".join(reversed(found))

    return Counts(
        {ids(token): rows for token, rows in counts.rows.items()},
        {ids(token): weight for token, weight in counts.weights.items()},
    )
