"""In: a TIME column and what a sample shows of it. Out: proposed features: age, season, weekday and time of day."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from . import spec_pb2
from .infer import ColumnProfile
from .timestamps import parse_times

_DAY = 86_400
_YEAR, _WEEK = 365 * _DAY, 7 * _DAY


def propose_time_features(
    column: spec_pb2.Column, profile: ColumnProfile | None
) -> Iterator[tuple[str, spec_pb2.Feature]]:
    """What the sample's times vary in; without a sample season and weekday.

    Returns:
      Suffix of the feature's name, and the feature without its name.
    """
    texts = list(profile.counts) if profile else []
    found = parse_times(pa.array(texts, pa.string()), column.format)[0] if texts else pa.array([], pa.int64())
    seconds = found.drop_null().to_numpy()
    span = int(np.ptp(seconds)) if len(seconds) else _YEAR
    if len(seconds) and span >= _DAY:
        feature = spec_pb2.Feature(column=column.name, standardize=spec_pb2.Standardize())
        # The latest time of the sample, as it is written there.
        feature.before.add().age.reference = texts[int(np.argmax(found.fill_null(-(2**62)).to_numpy()))]
        yield "age", feature
    if span >= _YEAR:
        yield (
            "season",
            spec_pb2.Feature(column=column.name, cyclical=spec_pb2.Cyclical(part=spec_pb2.DAY_OF_YEAR)),
        )
    if span >= _WEEK:
        yield (
            "weekday",
            spec_pb2.Feature(column=column.name, time_part=spec_pb2.TimePart(part=spec_pb2.DAY_OF_WEEK)),
        )
    if len(seconds) and (seconds % _DAY != seconds[0] % _DAY).any():
        yield "hour", spec_pb2.Feature(column=column.name, cyclical=spec_pb2.Cyclical(part=spec_pb2.HOUR))
