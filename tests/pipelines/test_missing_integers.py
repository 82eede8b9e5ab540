"""A missing integer is no number: neither of a group nor of a covariance, whatever marks it in memory."""

from __future__ import annotations

import os

import pytest
from prebake.transforms.graph import load_graph


def test_groups_and_covariances_leave_missing_integers_out(every):
    _, run = every
    statistics = load_graph(os.path.join(run, "transform")).learnt.statistics
    columns = {column.name: column for column in statistics.columns}
    rooms = columns["rooms"]
    assert rooms.missing > 0
    (groups,) = [entry.groups for entry in statistics.groups if entry.feature == "span_in_city"]
    assert {(group.min, group.max) for group in groups} <= {(low, high) for low in (-1, 0) for high in (7, 8)}
    # Of age, rooms, constant: a missing value counts as the mean, which stays the mean then.
    (covariance,) = statistics.covariances
    means = [columns[name].mean for name in ("age", "rooms", "constant")]
    assert list(covariance.mean) == pytest.approx(means, rel=1e-4)
    assert covariance.covariance[4] == pytest.approx(
        rooms.variance * (1 - rooms.missing / statistics.rows), rel=0.05
    )
