"""In: a trained model and a split of the examples. Out: its metrics for the rows of each id of a feature, by itself.

A mean over all rows hides a group in which the model is bad. Everything is a sum over rows, by batch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np

from ..schemas.errors import PrebakeError
from ..schemas.labels import label_entries, part_of, prefix_of
from ..schemas.manifest_pb2 import OutputFeature
from ..schemas.spec_pb2 import Training
from .dataset import Examples, evaluation_batches
from .outputs import Output, outputs_of
from .slice_sums import Sums, finish, row_sums, widths

BATCH_SIZE = 1024
# Numbers that are kept for one sum of one feature; a sum that needs more is left out, and with it its metrics.
_LARGEST = 1 << 24


class Slice(NamedTuple):
    """The rows of a split with one id of a feature.

    Attributes:
      id: of the feature.
      name: what it stands for, "" if that is not known.
      rows: how many.
      weight: of all of them; rows where they have none.
      metrics: by name, weighted; None where they have no meaning, as auc of rows of one class.
    """

    id: int
    name: str
    rows: int
    weight: float
    metrics: dict[str, float | None]


def check_slices(training: Training, features: Sequence[OutputFeature]) -> None:
    """Raises PrebakeError, one line, if a feature that rows are to be sliced by has not one id a row."""
    by_name = {feature.name: feature for feature in features}
    fitting = [name for name, feature in by_name.items() if feature.cardinality and not feature.shape]
    for name in training.slices:
        if name in fitting:
            continue
        if name not in by_name:
            reason = "the examples have no such feature"
        elif not by_name[name].cardinality:
            reason = "is a number, not an id: slice by one with buckets"
        else:
            reason = "has several ids a row"
        shown = ", ".join(fitting[:15]) + (", …" if len(fitting) > 15 else "")
        raise PrebakeError(
            f"training.slices: '{name}' {reason} (features with one id a row: {shown or 'none'})"
        )


def measure_slices(
    model: keras.Model,
    examples: Examples,
    split: str,
    training: Training,
    name_of: Callable[[str], Callable[[int], str]],
) -> dict[str, list[Slice]]:
    """Metrics of prebake's own (not of the user's file) by feature and id.

    Args:
      model: takes features by name, and gives what loss.py says.
      examples: that it was trained on.
      split: train, valid or test.
      training: says by which features, and which metrics.
      name_of: feature → id → what it stands for.

    Returns:
      For each feature its slices that have rows, those with most rows first.
    """
    outputs = outputs_of(label_entries(examples.manifest))
    features = {one.name: one for one in examples.manifest.features if one.name in training.slices}
    if not features:
        return {}
    # By label and name of the sum.
    wanted = {
        (place, key): width for place, one in enumerate(outputs) for key, width in widths(one.label).items()
    }
    kept = {
        name: {key: width for key, width in wanted.items() if width * one.cardinality <= _LARGEST}
        for name, one in features.items()
    }
    rows = {name: np.zeros(one.cardinality, np.int64) for name, one in features.items()}
    sums: dict[str, dict[tuple[int, str], np.ndarray]] = {
        name: {key: np.zeros((features[name].cardinality, width)) for key, width in kept[name].items()}
        for name in features
    }
    for batch in evaluation_batches(examples, split, batch_size=BATCH_SIZE):
        x, y, *rest = batch
        said = model.predict_on_batch(x)
        of_rows: dict[tuple[int, str], tuple[np.ndarray | int, np.ndarray]] = {}
        for place, one in enumerate(outputs):
            loss = part_of(training, one.label).loss
            found = row_sums(one.label, loss, one.of_labels(y), one.of_output(said))
            of_rows |= {(place, key): value for key, value in found.items()}
        weights = rest[0].numpy().astype(np.float64) if rest else np.ones(len(y))
        for name, feature in features.items():
            ids = x[name].numpy()
            rows[name] += np.bincount(ids, minlength=feature.cardinality)
            for key, width in kept[name].items():
                places, values = of_rows[key]
                counted = np.bincount(ids * width + places, values * weights, feature.cardinality * width)
                sums[name][key] += counted.reshape(-1, width)
    return {
        name: _slices(outputs, training, rows[name], sums[name], name_of(name)) for name in training.slices
    }


def _slices(
    outputs: Sequence[Output], training: Training, rows: np.ndarray, sums: Mapping[tuple[int, str], np.ndarray],
    name_of: Callable[[int], str],
) -> list[Slice]:  # fmt: skip
    ids = np.lexsort((np.arange(len(rows)), -rows))[: np.count_nonzero(rows)]
    values: dict[str, np.ndarray] = {}
    for place, output in enumerate(outputs):
        mine: Sums = {key: table[ids] for (of, key), table in sums.items() if of == place}
        finished = finish(output.label, part_of(training, output.label), mine)
        values |= {f"{prefix_of(output.label)}{name}": value for name, value in finished.items()}
    found = []
    for place, one in enumerate(ids.tolist()):
        metrics = {
            name: None if np.isnan(column[place]) else float(column[place]) for name, column in values.items()
        }
        weight = float(sums[0, "weight"][one, 0])
        found.append(Slice(one, name_of(one), int(rows[one]), weight, metrics))
    return found


def slices_as_json(slices: dict[str, list[Slice]]) -> dict[str, list[dict[str, Any]]]:
    """For evaluation.json."""
    return {feature: [one._asdict() for one in each] for feature, each in slices.items()}


def slice_tables(slices: dict[str, list[Slice]], most: int = 20) -> str:
    """A table for each feature, to be printed; of its slices at most so many, those with most rows."""
    return "\n".join(_table(feature, each, most) for feature, each in slices.items())


def _table(feature: str, slices: list[Slice], most: int) -> str:
    weighted = any(one.weight != one.rows for one in slices)
    names = list(slices[0].metrics) if slices else []
    lines = [[feature, "rows", *(["weight"] if weighted else []), *names]]
    for one in slices[:most]:
        values = ["-" if one.metrics[name] is None else f"{one.metrics[name]:.4f}" for name in names]
        weight = [f"{one.weight:,.6g}"] if weighted else []
        lines.append([one.name or f"id {one.id}", f"{one.rows:,}", *weight, *values])
    sizes = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = [
        "  ".join(
            [line[0].ljust(sizes[0]), *(cell.rjust(n) for cell, n in zip(line[1:], sizes[1:], strict=True))]
        )
        for line in lines
    ]
    if len(slices) > most:
        text.append(f"the {most} with most rows, of {len(slices):,}")
    return "\n".join(text)
