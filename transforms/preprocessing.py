"""In: what one pass has to learn. Out: a TFT `preprocessing_fn` whose outputs are the accumulators of that pass.

The features themselves are not computed here: graph.py builds them from the statistics, for every target alike. The inputs
are those of pass_inputs.py.
"""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from ..schemas.spec_pb2 import Spec
from ..schemas.statistics_pb2 import ColumnStatistics
from .count_analyzer import analyze_counts
from .covariance_analyzer import analyze_covariance
from .keyed_analyzer import analyze_groups, analyze_targets
from .missing import to_float
from .needs import LABEL_NUMBER, Needs
from .number_analyzer import analyze_numbers
from .pass_inputs import FOLD, LABEL, ROW_HASH, WEIGHT, Inputs, counted_ahead, input_names, unstack

FORMAT_VERSION = 3
WEIGHT_SOURCE = "#weight"

Statistics = Callable[[str], ColumnStatistics]


def preprocessing_fn(
    spec: Spec, needs: Needs, statistics: Statistics, mean_weight: float
) -> Callable[[Inputs], dict[str, tf.Tensor]]:
    """The function that TFT traces: sources in, serialised accumulators out, repeated on every row.

    Args:
      spec: resolved.
      needs: of this pass.
      statistics: of a source, as the passes before found them.
      mean_weight: of the rows, as they found it; 1 in the first pass.
    """
    weighted = bool(spec.data.weight)

    def analyze(given: Inputs) -> dict[str, tf.Tensor]:
        inputs = unstack(spec, needs, given)
        ahead = counted_ahead(spec, needs)
        found = dict(_Pass(needs, statistics, inputs, mean_weight if weighted else None, ahead).found())
        rows = tf.shape(inputs[ROW_HASH])[0]
        return {name: tf.fill([rows], value) for name, value in found.items()}

    return analyze


class _Pass:
    """The analyzers of one pass, applied to its inputs."""

    def __init__(
        self,
        needs: Needs,
        statistics: Statistics,
        inputs: Inputs,
        mean_weight: float | None,
        ahead: set[str],
    ):
        self._ahead = ahead
        self._needs, self._statistics, self._inputs = needs, statistics, inputs
        self._weighted, self._mean_weight = mean_weight is not None, mean_weight or 1.0
        self._names = input_names(needs)

    def found(self):
        """(name, scalar string) of each accumulator; the name up to the first `_` says its kind."""
        yield from self._numbers()
        for source in sorted(self._needs.counts):
            yield self._counts("counts", source, self._names[source])
        for source in sorted(self._needs.distinct):
            yield self._counts("distinct", source, f"{self._names[source]}_distinct")
        for place, feature in enumerate(sorted(self._needs.groups)):
            key, source = self._needs.groups[feature]
            name = f"groups_{place}"
            x = to_float(self._values(source))
            yield name, analyze_groups(self._values(key), x, self._of(WEIGHT), name)
        for place, feature in enumerate(sorted(self._needs.targets)):
            source, folds = self._needs.targets[feature]
            name = f"targets_{place}"
            yield (
                name,
                analyze_targets(
                    self._values(source),
                    tf.math.floormod(self._inputs[FOLD], folds),
                    self._inputs[LABEL],
                    self._of(WEIGHT),
                    name,
                ),
            )
        for source in sorted(self._needs.pairs):
            yield self._pairs(source)
        for place, feature in enumerate(sorted(self._needs.covariances)):
            sources = self._needs.covariances[feature]
            center, scale = covariance_scale([self._statistics(source) for source in sources])
            name = f"covariance_{place}"
            columns = [to_float(self._values(source)) for source in sources]
            yield name, analyze_covariance(columns, self._of(WEIGHT), center, scale, self._mean_weight, name)

    def _numbers(self):
        scalars = {
            source: self._inputs[self._names[source]]
            for source in self._needs.numbers
            if source in self._names and not self._is_list(self._names[source])
        }
        if LABEL_NUMBER in self._needs.numbers:
            scalars[LABEL_NUMBER] = self._inputs[LABEL]
        for source in sorted(self._needs.numbers):
            # Of further labels.
            if source.startswith(f"{LABEL_NUMBER}_"):
                scalars[source] = self._inputs[source.removeprefix("#")]
        yield "numbers", analyze_numbers(self._inputs[ROW_HASH], scalars, self._of(WEIGHT), "numbers")
        if self._weighted:
            weights = {WEIGHT_SOURCE: self._inputs[WEIGHT]}
            yield "numbers_weight", analyze_numbers(self._inputs[ROW_HASH], weights, None, "numbers_weight")
        for source in sorted(self._needs.numbers):
            if source in self._names and self._is_list(self._names[source]):
                name = self._names[source]
                columns = {source: self._inputs[name].values}
                hashes = self._inputs[f"{name}_hash"].values
                yield (
                    f"numbers_{name}",
                    analyze_numbers(hashes, columns, self._of(WEIGHT, name), f"numbers_{name}"),
                )

    def _counts(self, kind: str, source: str, name: str) -> tuple[str, tf.Tensor]:
        found = f"{kind}_{self._names[source]}"
        if source in self._ahead:
            values, times = (self._inputs[f"{name}_{what}"].values for what in ("value", "times"))
            return found, analyze_counts(values, None, found, times)
        x = self._inputs[name]
        if isinstance(x, tf.SparseTensor):
            return found, analyze_counts(x.values, self._of(WEIGHT, name), found)
        return found, analyze_counts(x, self._of(WEIGHT), found)

    def _pairs(self, source: str) -> tuple[str, tf.Tensor]:
        name = self._names[source]
        found = f"pairs_{name}"
        if self._is_list(name):
            x, label = self._inputs[f"{name}_distinct"].values, self._inputs[f"{name}_distinct_label"].values
            weights = self._of(WEIGHT, f"{name}_distinct")
        else:
            x, label, weights = self._inputs[name], self._inputs[LABEL], self._of(WEIGHT)
        folds = tf.zeros_like(label, tf.int64)
        return found, analyze_targets(x, folds, label, weights, found)

    def _values(self, source: str) -> tf.Tensor:
        return self._inputs[self._names[source]]

    def _is_list(self, name: str) -> bool:
        return isinstance(self._inputs[name], tf.SparseTensor)

    def _of(self, what: str, name: str | None = None) -> tf.Tensor | None:
        """The rows' weights, or those of a list's elements; None without weights."""
        if not self._weighted:
            return None
        return self._inputs[what] if name is None else self._inputs[f"{name}_{what}"].values


def covariance_scale(columns: list[ColumnStatistics]) -> tuple[list[float], list[float]]:
    """Center and scale of what is summed: mean, and 1 / standard deviation (0 for a constant column)."""
    scale = [1 / column.variance**0.5 if column.variance > 0 else 0.0 for column in columns]
    return [column.mean for column in columns], scale
