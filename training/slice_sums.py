"""In: labels and outputs of a batch. Out: for each row what the metrics add up, and the metrics of such sums.

The values are those of the streaming metrics of metrics.py; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from ..schemas.loss_check import default_metrics
from ..schemas.manifest_pb2 import LabelEntry
from ..schemas.spec_pb2 import BINARY, REGRESSION, Loss, Training
from .label_unit import in_unit
from .loss import delta_of

# Buckets of probabilities, between the thresholds of keras.metrics.AUC.
_BUCKETS = 200
# By name: float64 [slices, width].
Sums = Mapping[str, np.ndarray]
# By name: where in its width each row adds (0 if it is 1), and what; [rows] each.
RowSums = dict[str, tuple[np.ndarray | int, np.ndarray]]


def widths(label: LabelEntry) -> dict[str, int]:
    """How many numbers each sum is of."""
    if label.kind == REGRESSION:
        return dict.fromkeys(("weight", "square", "absolute", "huber", "covered"), 1)
    simple = dict.fromkeys(("weight", "right", "log_loss"), 1)
    if label.kind == BINARY:
        return {**simple, "both": 1, "told": 1, "true": 1, "negatives": _BUCKETS, "positives": _BUCKETS}
    return {**simple, **dict.fromkeys(("both", "told", "true"), len(label.classes))}


def row_sums(label: LabelEntry, loss: Loss, y_true: tf.Tensor, y_pred: np.ndarray) -> RowSums:
    """What each row adds to each sum, before it is weighted.

    Args:
      label: of the examples.
      loss: has huber's threshold.
      y_true: [batch, 1], float32; or class ids, of any dtype.
      y_pred: float32 [batch, units], the model's output.
    """
    ones = np.ones(len(y_pred))
    if label.kind == REGRESSION:
        y, p = (in_unit(tf.constant(x), label).numpy()[:, 0].astype(np.float64) for x in (y_true, y_pred))
        of_huber = np.abs(y_pred[:, 0] - y_true.numpy()[:, 0]) * (label.deviation or 1.0)
        delta = delta_of(loss, label)
        linear = delta * (of_huber - delta / 2)
        return {
            "weight": (0, ones),
            "square": (0, (p - y) ** 2),
            "absolute": (0, np.abs(p - y)),
            "huber": (0, np.where(of_huber <= delta, of_huber.astype(np.float64) ** 2 / 2, linear)),
            "covered": (0, (y_true.numpy()[:, 0] <= y_pred[:, 0]).astype(np.float64)),
        }
    ids = y_true.numpy()[:, 0].astype(np.int64)
    if label.kind == BINARY:
        z = y_pred[:, 0].astype(np.float64)
        probability = tf.sigmoid(y_pred[:, 0]).numpy()
        told = probability >= 0.5
        bucket = np.maximum(np.ceil(probability * np.float32(_BUCKETS - 1)) - 1, 0).astype(np.int64)
        return {
            "weight": (0, ones),
            "right": (0, ((z > 0) == (ids == 1)).astype(np.float64)),
            "log_loss": (0, np.logaddexp(0, z) - z * ids),
            "both": (0, (told & (ids == 1)).astype(np.float64)),
            "told": (0, told.astype(np.float64)),
            "true": (0, ids.astype(np.float64)),
            "negatives": (bucket, 1.0 - ids),
            "positives": (bucket, ids.astype(np.float64)),
        }
    logits, places = y_pred.astype(np.float64), np.arange(len(ids))
    highest = logits.max(axis=1, keepdims=True)
    log_sum = highest[:, 0] + np.log(np.exp(logits - highest).sum(axis=1))
    answer = logits.argmax(axis=1)
    return {
        "weight": (0, ones),
        "right": (0, (answer == ids).astype(np.float64)),
        "log_loss": (0, log_sum - logits[places, ids]),
        "both": (ids, (answer == ids).astype(np.float64)),
        "told": (answer, ones),
        "true": (ids, ones),
    }


def finish(label: LabelEntry, training: Training, sums: Sums) -> dict[str, np.ndarray]:
    """The metrics by name, [slices] each, in the order of metrics.py; NaN where one has no meaning. Those whose sums are
    not there are left out, and those of the user's own, and auc and pr_auc of more than two classes."""
    names = dict.fromkeys([*default_metrics(label.kind, training.loss.kind), *training.metrics])
    with np.errstate(divide="ignore", invalid="ignore"):
        found = {name: _metric(name, label, sums) for name in names}
    return {name: value for name, value in found.items() if value is not None}


def _metric(name: str, label: LabelEntry, sums: Sums) -> np.ndarray | None:
    means = {"mse": "square", "mae": "absolute", "huber": "huber", "coverage": "covered"}
    means |= {"accuracy": "right", "log_loss": "log_loss"}
    weight = sums["weight"][:, 0]
    if name == "rmse":
        return np.sqrt(sums["square"][:, 0] / weight)
    if name in means:
        return sums[means[name]][:, 0] / weight
    if name in ("precision", "recall"):
        return _share(sums, "told" if name == "precision" else "true") if "both" in sums else None
    if name in ("auc", "pr_auc") and label.kind == BINARY and "positives" in sums:
        return (_pr_auc if name == "pr_auc" else _auc)(*_passed(sums))
    return None


def _share(sums: Sums, of: str) -> np.ndarray:
    """Of the classes that a slice has or is told, the mean."""
    shares = np.nan_to_num(sums["both"] / sums[of])
    if shares.shape[1] == 1:
        return shares[:, 0]
    return np.nanmean(np.where(sums["true"] + sums["told"] > 0, shares, np.nan), axis=1)


def _passed(sums: Sums) -> tuple[np.ndarray, np.ndarray]:
    """Positives and negatives above each threshold, [slices, thresholds]; NaN where a slice lacks either."""
    positives, negatives = (sums[key][:, ::-1].cumsum(axis=1)[:, ::-1] for key in ("positives", "negatives"))
    lacks = (positives[:, :1] == 0) | (negatives[:, :1] == 0)
    return np.where(lacks, np.nan, positives), np.where(lacks, np.nan, negatives)


def _auc(positives: np.ndarray, negatives: np.ndarray) -> np.ndarray:
    """The trapezoids below the ROC curve."""
    true, false = positives / positives[:, :1], negatives / negatives[:, :1]
    return ((false[:, :-1] - false[:, 1:]) * (true[:, :-1] + true[:, 1:]) / 2).sum(axis=1)


def _pr_auc(positives: np.ndarray, negatives: np.ndarray) -> np.ndarray:
    """Below the precision-recall curve, with false positives growing evenly with the true ones between two thresholds (Davis
    and Goadrich, 2006), as Keras does."""
    told = positives + negatives
    gained, more = positives[:, :-1] - positives[:, 1:], told[:, :-1] - told[:, 1:]
    slope = np.nan_to_num(np.where(more > 0, gained / more, 0.0))
    offset = positives[:, 1:] - slope * told[:, 1:]
    ratio = np.where((told[:, :-1] > 0) & (told[:, 1:] > 0), told[:, :-1] / told[:, 1:], 1.0)
    area = (slope * (gained + offset * np.log(ratio))).sum(axis=1)
    return area / positives[:, 0]
