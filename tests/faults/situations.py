"""In: an empty folder. Out: situations in which the commit layer is killed or fails: what lies there, and what runs."""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import Callable, Iterator

from prebake.schemas import commit, spec_pb2
from prebake.schemas.errors import ArtifactError
from prebake.schemas.manifest import read_manifest, set_fingerprint
from prebake.schemas.manifest_pb2 import Manifest
from prebake.schemas.run_dir import write_spec
from traced import Call, Traced

STEP = "examples"
Act = Callable[[str], None]
# Content of each file by its relative path, None for folders.
Tree = dict[str, bytes | None]
_EXCHANGE = commit.exchange


def run_step(run: str, content: str, *, replace: bool = False) -> None:
    """Publishes `run/examples` with `content` in its files, as every step of prebake does, unless it is there already."""
    directory = os.path.join(run, STEP)
    manifest = Manifest(step=STEP)
    set_fingerprint(manifest, {"data": content})
    if commit.is_current(directory, manifest, replace=replace):
        return
    with commit.publish(directory, manifest, replace=replace) as temporary:
        os.mkdir(os.path.join(temporary, "train"))
        for name in ("train/part-0", "train/part-1", "feature_spec.json"):
            with open(os.path.join(temporary, name), "w") as file:
                file.write(f"{content} of {name}\n")


@dataclasses.dataclass(frozen=True)
class Situation:
    """A run directory, and what runs in it.

    Attributes:
      prepare: makes what lies there before, given the run directory.
      act: what is killed or fails, and is run again after it.
      allowed: what a reader may see after a kill, of "none", "old", "new".
      old: makes what "old" stands for.
      exchange: False where the system cannot exchange two directories.
    """

    prepare: Act
    act: Act
    allowed: frozenset[str]
    old: Act
    exchange: bool = True

    def begin(self, run: str) -> None:
        """Makes the run directory."""
        shutil.rmtree(run, ignore_errors=True)
        os.mkdir(run)
        commit.exchange = _EXCHANGE if self.exchange else _no_exchange
        self.prepare(run)

    def whole(self, run: str) -> dict[str, Tree]:
        """What lies in the run directory of old, and of an undisturbed run."""
        found: dict[str, Tree] = {}
        for name, act in (("old", self.old), ("new", self.act)):
            self.begin(run)
            shutil.rmtree(run)
            os.mkdir(run)
            if name == "new":
                self.prepare(run)
            act(run)
            found[name] = tree(run)
        return found

    def calls(self, run: str) -> list[Call]:
        """The system calls of an undisturbed run."""
        self.begin(run)
        calls = []
        with Traced(lambda: self.act(run)) as child:
            while call := child.next_call():
                calls.append(call)
        assert child.code == 0, child.text
        return calls

    def stops(self, run: str, places: list[int]) -> Iterator[tuple[int, Traced]]:
        """For each place, counted from 0, a child that stands at the entry of that call."""
        for place in places:
            self.begin(run)
            with Traced(lambda: self.act(run)) as child:
                for _ in range(place + 1):
                    # The memory of one child is not quite that of another: the last calls may be missing.
                    if child.next_call() is None:
                        break
                else:
                    yield place, child


def _no_exchange(one: str, other: str) -> bool:
    return False


def tree(folder: str, *, visible: bool = False) -> Tree:
    """All that lies below; if `visible`, without what has a temporary name."""
    found: Tree = {}
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not (visible and name.startswith(commit.TEMPORARY_PREFIX))]
        for name in folders:
            found[os.path.relpath(os.path.join(place, name), folder)] = None
        for name in names:
            path = os.path.join(place, name)
            with open(path, "rb") as file:
                found[os.path.relpath(path, folder)] = file.read()
    return found


def seen(run: str, whole: dict[str, Tree]) -> str:
    """What a reader finds: "none", "old" or "new", whole, or "half" and what is wrong."""
    found = tree(run, visible=True)
    for name, wanted in {"none": {}, **whole}.items():
        if found == wanted:
            return name
    try:
        read_manifest(os.path.join(run, STEP), STEP)
    except ArtifactError as error:
        return f"half: {error}"
    return f"half: {sorted(found)}"


def nothing(run: str) -> None:
    """Leaves it empty."""


def old(run: str) -> None:
    run_step(run, "old")


def new(run: str) -> None:
    run_step(run, "new")


def replace(run: str) -> None:
    run_step(run, "new", replace=True)


def damaged(run: str) -> None:
    old(run)
    with open(os.path.join(run, STEP, "train", "part-0"), "r+b") as file:
        file.write(b"x")


def killed(before: Act, act: Act, name: str, count: int = 1) -> Act:
    """`act`, killed at the entry of its `count`-th call of that name."""

    def prepare(run: str) -> None:
        before(run)
        with Traced(lambda: act(run)) as child:
            for _ in range(count):
                while (call := child.next_call()) and call.name != name:
                    pass
                assert call is not None, f"no call of {name}"

    return prepare


def spec(run: str, seed: int = 5) -> None:
    write_spec(run, spec_pb2.Spec(format_version=1, seed=seed, data=spec_pb2.Data(files=["rows.csv"])))


def old_spec(run: str) -> None:
    spec(run, seed=4)


_NONE, _BOTH, _ALL = frozenset({"none", "new"}), frozenset({"old", "new"}), frozenset({"none", "old", "new"})
SITUATIONS = {
    "first": Situation(nothing, new, _NONE, nothing),
    "replace": Situation(old, replace, _BOTH, old),
    "replace by two renames": Situation(old, replace, _ALL, old, exchange=False),
    "replace a damaged one": Situation(damaged, replace, _BOTH, damaged),
    "spec": Situation(old_spec, spec, _BOTH, old_spec),
}
# What runs after a kill, and is killed again.
RERUNS = {
    "rerun after a kill before the rename": Situation(killed(nothing, new, "rename"), new, _NONE, nothing),
    "rerun after a kill between two renames": Situation(
        killed(old, replace, "rename", 2), replace, _ALL, old, exchange=False
    ),
    # Nothing is left to do but to remove what was replaced.
    "rerun after a kill behind the exchange": Situation(
        killed(old, replace, "unlinkat"), replace, frozenset({"new"}), old
    ),
}
