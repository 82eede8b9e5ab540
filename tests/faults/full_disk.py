"""In: whole commands. Out: what each said and left when the disk was full or files too large, and how a rerun ended."""

from __future__ import annotations

import json
import os
import resource
import shutil
from typing import Any

import warm
from small_disk import SmallDisk
from visible import left_behind, visible
from whole_runs import Kind, WholeRuns, learnt

from prebake.cli import main

_LARGE = 1 << 28
_PAGE = os.sysconf("SC_PAGE_SIZE")
# Of the bytes that the result has: what of it fits on the disk before that is full.
_SHARES = {"preprocess": (0, 0.5), "train": (0, 0.8), "export": (0.5,)}
# Bytes of the largest file that may be written.
_LIMIT = 12 << 10


def on_full_disks(runs: WholeRuns, kinds: list[Kind]) -> list[dict[str, Any]]:
    """What each command did, over an earlier result, on disks of several sizes; or why there are no such disks here."""
    return [
        attempt
        for kind in kinds[1::2]
        for attempt in _in_fork(runs, lambda kind=kind: _on_full_disks(runs, kind))  # type: ignore[misc]
    ]


def with_small_files(runs: WholeRuns, kinds: list[Kind]) -> list[dict[str, Any]]:
    """What each command did where files may not become large."""
    found = []
    for kind in kinds[1::2]:
        run = runs.path(f"small-files-{kind.command}")
        shutil.copytree(kind.before, run)
        found.append(_attempt(runs, kind, run, visible(kind.before), limit=_LIMIT))
    return found


def _in_fork(runs: WholeRuns, work) -> list[dict[str, Any]]:
    def print_it() -> int:
        print(json.dumps(work()))
        return 0

    fork = warm.Fork(print_it, runs.path("disk.json"))
    if code := fork.wait():
        raise SystemExit(f"the disk's process ended with {code}:\n{fork.text}")
    return json.loads(fork.text)


def _on_full_disks(runs: WholeRuns, kind: Kind) -> list[dict[str, Any]]:
    path = runs.path("disk")
    os.makedirs(path, exist_ok=True)
    try:
        disk = SmallDisk(path, _LARGE)
    except OSError as error:
        return [{"skipped": str(error)}]
    with open(os.path.join(path, "one page"), "wb") as file:  # a disk has at least one
        file.write(b"x" * _PAGE)
    run = os.path.join(path, "run")
    shutil.copytree(kind.before, run)
    before, found = visible(run), []
    made = {"preprocess": "transform", "train": "training/default", "export": "export/saved_model/1"}
    size = _bytes(runs.path(f"whole/{made[kind.command]}"))
    for share in _SHARES[kind.command]:
        disk.resize(disk.used() + int(share * size))
        found.append(_attempt(runs, kind, run, before))
        disk.resize(_LARGE)
    if kind.command == "preprocess":
        # As if `analyze` had run before the disk was full.
        shutil.rmtree(os.path.join(run, "transform"))
        shutil.copytree(runs.path("whole/transform"), os.path.join(run, "transform"))
        before = visible(run)
        disk.resize(disk.used() + _bytes(runs.path("whole/examples")) // 2)
        found.append(_attempt(runs, kind, run, before))
        disk.resize(_LARGE)
    runs.finish(kind.command, run)
    same = visible(run) == kind.after and learnt(run, kind.command) == kind.result and not left_behind(run)
    return [*found, {"command": kind.command, "rerun": same}]


def _bytes(folder: str) -> int:
    return sum(
        os.path.getsize(os.path.join(place, name)) for place, _, names in os.walk(folder) for name in names
    )


def _attempt(runs: WholeRuns, kind: Kind, run: str, before: dict[str, str], limit: int = 0) -> dict[str, Any]:
    def work() -> int:
        if limit:  # the signal that comes with it is ignored by Python; then the write fails
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        return main([kind.command, runs.spec, "--run", run, "--replace"])

    fork = warm.Fork(work, runs.path("said-attempt.txt"))
    return {
        "command": kind.command,
        "code": fork.wait(),
        "said": fork.text.replace(run, "RUN"),
        "changed": sorted(path for path, state in visible(run).items() if state != before.get(path)),
        "gone": sorted(before.keys() - visible(run).keys()),
        "left": [path for path in left_behind(run) if not path.startswith("training/.unfinished-")],
    }
