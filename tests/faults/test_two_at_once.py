"""Two commands at one result at the same moment: one wins whole, the other says so in one line or finds it there."""

from __future__ import annotations

import re

import pytest

LOSES = (
    "another run published it first; this run's result is dropped",
    "another process is at this training",
    "was made from other",
    "is there already",
)


@pytest.mark.fault(38)
def test_one_wins_whole(whole_runs):
    found = whole_runs["two at once"]
    assert len(found) == 4
    for situation, result in found.items():
        assert result["whole"], (situation, result)
        assert result["left"] == [], situation
        assert sorted(result["codes"]) in ([0, 0], [0, 2]), (situation, result)
        for code, said in zip(result["codes"], result["said"], strict=True):
            if code:
                assert re.fullmatch(r"prebake \w+: RUN[^\n]*\n", said), (situation, said)
                assert any(text in said for text in LOSES), (situation, said)
    assert sorted(found["two preprocess, different specs"]["codes"]) == [0, 2]
