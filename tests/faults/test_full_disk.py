"""A disk that is full while whole commands write: one line says where and what to do, and all is as it was."""

from __future__ import annotations

from typing import Any

import pytest

FULL = "could not be written: No space left on device"
AS_BEFORE = "it is as it was before: free some space and run again"
# What the commands say, in this order, where the disk takes the less or the more of their result.
SAID = {
    "preprocess": [f"RUN: {FULL}; {AS_BEFORE}", f"RUN/transform: {FULL}; {AS_BEFORE}", f"RUN/examples: {FULL}; {AS_BEFORE}"],
    "train": [
        f"RUN/training/.unfinished-default: {FULL}: free some space and run again, to go on from the last checkpoint",
        f"RUN/training/default: {FULL}; {AS_BEFORE}",
    ],
    "export": [f"RUN/export/saved_model/2: {FULL}; {AS_BEFORE}"],
}  # fmt: skip


def check(attempt: dict[str, Any]) -> None:
    assert attempt["code"] == 2, attempt
    assert attempt["said"].count("\n") == 1, attempt
    assert (attempt["changed"], attempt["gone"], attempt["left"]) == ([], [], []), attempt


@pytest.mark.fault(37)
def test_full_disk(whole_runs):
    attempts = whole_runs["full disks"]
    if skipped := [attempt["skipped"] for attempt in attempts if "skipped" in attempt]:
        pytest.skip(f"no small file system can be mounted here: {skipped[0]}")
    for command, said in SAID.items():
        *failed, rerun = [attempt for attempt in attempts if attempt["command"] == command]
        for attempt in failed:
            check(attempt)
        assert [attempt["said"] for attempt in failed] == [f"prebake {command}: {text}\n" for text in said]
        assert rerun == {"command": command, "rerun": True}


@pytest.mark.fault(37)
def test_files_that_may_not_become_so_large(whole_runs):
    attempts = whole_runs["small files"]
    assert [attempt["command"] for attempt in attempts] == list(SAID)
    for attempt in attempts:
        check(attempt)
        assert "could not be written: File too large" in attempt["said"]
        assert "raise the limit on the size of files (ulimit -f) and run again" in attempt["said"]
