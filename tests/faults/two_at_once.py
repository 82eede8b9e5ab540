"""In: whole commands. Out: what was seen after two of them ran in one run directory at the same moment."""

from __future__ import annotations

import os
import shutil
from typing import Any

from visible import left_behind, visible
from whole_runs import Kind, WholeRuns, learnt


def two_at_once(runs: WholeRuns, kinds: list[Kind]) -> dict[str, dict[str, Any]]:
    """By situation."""
    found = {}
    for kind in kinds[::2]:
        run = runs.path(f"two-{kind.command}")
        shutil.copytree(kind.before, run)
        found[f"two {kind.command}, the same"] = _race(runs, kind, run, runs.spec)
    kind = kinds[0]
    run = runs.path("two-specs")
    os.mkdir(run)
    found["two preprocess, different specs"] = _race(runs, kind, run, runs.other[kind.command])
    return found


def _race(runs: WholeRuns, kind: Kind, run: str, other_spec: str) -> dict[str, Any]:
    """Both start without --replace."""
    one = runs.start(kind.command, run, said="one.txt", replace=False)
    other = runs.start(kind.command, run, other_spec, said="other.txt", replace=False)
    codes = [one.wait(), other.wait()]
    ends = [kind.after]
    if other_spec != runs.spec:
        ends.append(runs.after_other[kind.command])
    end = visible(run)
    return {
        "codes": codes,
        "said": [fork.text.replace(run, "RUN") for fork in (one, other)],
        "whole": end in ends and (end != kind.after or learnt(run, kind.command) == kind.result),
        "left": left_behind(run),
    }
