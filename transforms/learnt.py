"""In: a spec, its statistics and vocabularies. Out: what one feature's computation depends on, by source and feature."""

from __future__ import annotations

import os
from collections.abc import Mapping

from google.protobuf.message import DecodeError

from ..schemas.errors import ArtifactError
from ..schemas.spec_pb2 import Feature, Spec
from ..schemas.statistics_pb2 import (
    ColumnStatistics,
    Covariance,
    GroupStatistics,
    Statistics,
    TargetStatistics,
    VocabularyFile,
)
from .needs import columns_by_name
from .sources import Source, source_of, sources_of
from .vocabulary_files import read_vocabularies
from .word_vectors import WordVectors

VECTORS = "vectors"


class Learnt:
    """What the training split taught.

    Args:
      spec: resolved.
      statistics: of the training split.
      vocabularies: tokens by feature name, and the labels' classes by their names in the examples.
      vectors: contents of word vector files by feature.

    Attributes:
      spec, statistics, vocabularies, vectors: as given.
      columns: by name.
    """

    def __init__(
        self,
        spec: Spec,
        statistics: Statistics,
        vocabularies: Mapping[str, list[bytes]],
        vectors: Mapping[str, bytes] | None = None,
    ):
        self.spec, self.statistics = spec, statistics
        self.columns = columns_by_name(spec)
        self.vocabularies, self.vectors = vocabularies, vectors or {}
        self._by_source = {entry.name: entry for entry in statistics.columns}
        self._groups = {entry.feature: entry for entry in statistics.groups}
        self._targets = {entry.feature: entry for entry in statistics.targets}
        self._covariances = {entry.feature: entry for entry in statistics.covariances}
        self._files = {file.feature: file for entry in statistics.columns for file in entry.vocabularies}

    def source(self, feature: Feature) -> Source:
        return source_of(feature, self.columns)

    def sources(self, feature: Feature) -> list[Source]:
        return sources_of(feature, self.columns)

    def of(self, source: str) -> ColumnStatistics:
        """Statistics of a source; empty if nothing had to be learnt."""
        return self._by_source.get(source, ColumnStatistics())

    def group(self, feature: Feature) -> GroupStatistics:
        return self._groups[feature.name]

    def target(self, feature: Feature) -> TargetStatistics:
        return self._targets[feature.name]

    def covariance(self, feature: Feature) -> Covariance:
        return self._covariances[feature.name]

    def tokens(self, name: str) -> list[bytes]:
        """The vocabulary of a feature, or the classes of a label (its name in the examples), in the order of their ids."""
        return self.vocabularies[name]

    def vocabulary_file(self, feature: Feature) -> VocabularyFile:
        return self._files[feature.name]

    def word_vectors(self, feature: Feature) -> WordVectors:
        return WordVectors(self.vectors[feature.name])


def read_statistics(directory: str) -> Statistics:
    """`statistics.pb` of `transform/`.

    Raises:
      ArtifactError: it is cut, or something else.
    """
    path = os.path.join(directory, "statistics.pb")
    with open(path, "rb") as file:
        content = file.read()
    try:
        return Statistics.FromString(content)
    except DecodeError:
        raise ArtifactError(
            path, "does not hold statistics: run `prebake analyze` again with --replace"
        ) from None


def read_learnt(directory: str, spec: Spec) -> Learnt:
    """From `transform/`, whose manifest has been checked."""
    statistics = read_statistics(directory)
    vectors = {}
    for feature in spec.features:
        if feature.HasField("word_vectors"):
            with open(os.path.join(directory, VECTORS, f"{feature.name}.txt"), "rb") as file:
                vectors[feature.name] = file.read()
    return Learnt(spec, statistics, read_vocabularies(directory, statistics), vectors)
