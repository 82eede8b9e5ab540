"""In: the export part of a resolved spec. Out: nothing, or the SpecError of the first thing that cannot work."""

from __future__ import annotations

import math

from . import spec_pb2
from .spec_source import SpecSource


def check_export(spec: spec_pb2.Spec, source: SpecSource) -> None:
    """Tolerance, and samples against the model.

    Raises:
      SpecError: the first mistake.
    """
    tolerance, samples = spec.export.prediction_tolerance, spec.export.samples
    source.require(
        0 <= tolerance < math.inf, "export.prediction_tolerance", "a number of at least 0", tolerance
    )
    source.require(samples == 0 or samples >= 2, "export.samples", "0 or at least 2", samples)
    if samples and not spec.model.dropout and not spec.model_fn:
        raise source.error(
            "export.samples",
            f"is {samples}, and the model has no dropout: all samples would be the same",
            "model.dropout: 0.1, or export.samples: 0",
        )
