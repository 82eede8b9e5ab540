"""kill -9 at random moments of whole commands: all that is visible is whole, and a rerun ends as if never killed."""

from __future__ import annotations

from typing import Any

import pytest


def check(found: dict[str, Any], count: int, seed: int) -> None:
    assert (found["partial"], found["different"]) == ([], []), f"seed {seed}"
    assert {command: len(moments) for command, moments in found["moments"].items()} == dict.fromkeys(
        ("preprocess", "train", "export"), count
    )
    assert found["kills"] == 3 * count


@pytest.mark.fault(34, 44, 45, 48)
def test_killed_twice_each(whole_runs):
    check(whole_runs["kills"], 2, seed=1)


@pytest.mark.long
@pytest.mark.fault(34, 44, 45, 48)
def test_killed_twenty_times_each(try_whole_runs):
    found = try_whole_runs("--kills", "20", "--seed", "2")["kills"]
    check(found, 20, seed=2)
    # Some came between two publications.
    assert any("transform" in seen for seen in found["new after a kill"])
