"""In: an empty folder. Out: whole `prebake preprocess`, `train` and `export` there, to be disturbed, and their results.

Each of them in two kinds: into an empty place, and over an earlier result that was made from something else.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
import shutil
import time

import people
import warm
from keras_arrays import keras_file
from small_people import OTHER, write_people, write_spec
from visible import visible

COMMANDS = ("preprocess", "train", "export")


@dataclasses.dataclass(frozen=True)
class Kind:
    """What is killed.

    Attributes:
      command: of prebake.
      before: run directory with which it begins.
      after: what is visible when it has ended, as `visible` says.
      result: what it has made, as `learnt` says.
      seconds: that an unbroken run takes.
    """

    command: str
    before: str
    after: dict[str, str]
    result: dict[str, bytes]
    seconds: float


class WholeRuns:
    """Commands below one folder, which has `data/`, the specs, and `whole/`, an unbroken run."""

    def __init__(self, folder: str):
        self.folder = folder
        write_people(folder)
        self.spec = write_spec(folder, "new.yaml")
        # By command: a spec of something else, and what is visible after it.
        self.other: dict[str, str] = {}
        self.after_other: dict[str, dict[str, str]] = {}

    def path(self, name: str) -> str:
        return os.path.join(self.folder, name)

    def start(
        self, command: str, run: str, spec: str = "", *, said: str = "said.txt", replace: bool = True
    ) -> warm.Fork:
        arguments = [command, spec or self.spec, "--run", run, *(["--replace"] if replace else [])]
        return warm.prebake_command(arguments, self.path(said))

    def finish(self, command: str, run: str, spec: str = "") -> float:
        """Runs it to its end; returns the seconds."""
        started = time.monotonic()
        running = self.start(command, run, spec)
        if code := running.wait():
            raise SystemExit(f"{command} ended with {code}:\n{running.text}")
        return time.monotonic() - started

    def kinds(self) -> list[Kind]:
        """Two of each command, after unbroken runs in `whole/`: into an empty place, and over an earlier result."""
        found = []
        whole = self.path("whole")
        for command in COMMANDS:
            empty, earlier = self.path(f"before-{command}"), self.path(f"earlier-{command}")
            os.makedirs(whole, exist_ok=True)
            shutil.copytree(whole, empty)
            shutil.copytree(whole, earlier)
            other = self.other[command] = write_spec(self.folder, f"other-{command}.yaml", OTHER[command])
            self.finish(command, earlier, other)
            self.after_other[command] = visible(earlier)
            seconds = self.finish(command, whole)
            after, result = visible(whole), learnt(whole, command)
            found.append(Kind(command, empty, after, result, seconds))
            if command == "export":  # which is never replaced: another version comes beside it
                versions = os.path.join("export", "saved_model", "")
                new = after[f"{versions}1"]
                after = after | {f"{versions}1": visible(earlier)[f"{versions}1"], f"{versions}2": new}
            found.append(Kind(command, earlier, after, result, seconds))
        return found


def learnt(run: str, command: str) -> dict[str, bytes]:
    """All that must be the same again after a rerun. The parts of an export are compared by `differing_exports`."""
    if command == "preprocess":
        return people.reproducible(run)
    if command == "export":
        return {}
    directory = pathlib.Path(run, "training", "default")
    found = {name: (directory / name).read_bytes() for name in ("history.json", "evaluation.json")}
    for name in ("model.keras", "checkpoints/last.keras"):
        found |= {f"{name} {part}": content for part, content in keras_file(directory / name).items()}
    return found
