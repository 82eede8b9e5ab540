"""In: loss, metrics and weights of a resolved spec. Out: nothing, or the SpecError of the first thing that cannot work."""

from __future__ import annotations

from . import spec_pb2
from .spec_source import SpecSource, listed, quote

REGRESSION_LOSSES = ("mse", "mae", "huber", "log_cosh", "quantile")
CLASS_LOSSES = ("cross_entropy", "focal")


def check_loss(spec: spec_pb2.Spec, source: SpecSource) -> None:
    """Loss, metrics, slices and class weights against the label.

    Raises:
      SpecError: the first mistake.
    """
    regression = spec.data.label.kind == spec_pb2.REGRESSION
    losses = REGRESSION_LOSSES if regression else CLASS_LOSSES
    kind = spec.training.loss.kind
    if kind not in losses and not spec.model_fn:
        what = "of a regression" if regression else "of classes"
        raise source.error(
            "training.loss.kind", f"{quote(kind)} is no loss {what}", f"one of {listed(losses)}"
        )
