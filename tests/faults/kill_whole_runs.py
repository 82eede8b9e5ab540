"""In: an empty folder. Out: what was seen after kill -9 at random moments of whole commands, and after the rerun, as JSON.

    PYTHONPATH=tests/pipelines:tests/training python tests/faults/kill_whole_runs.py FOLDER COUNT SEED

COUNT kills of each of `prebake preprocess`, `train` and `export`, by turns into an empty place and over an earlier result.
The moments are drawn uniformly over the time that an unbroken run takes; a run that had ended by then does not count.

After a kill all that is visible is complete, and is the earlier result or the new one (`partial` tells what is not). A rerun
of the same command ends as the unbroken run did (`different`): examples, statistics, vocabularies and rejected rows byte for
byte, weights and optimizer bit-equal, features and predictions of the exported model equal; nothing temporary is left.
"""

from __future__ import annotations

import argparse
import collections
import dataclasses
import json
import os
import pathlib
import random
import shutil
import time
from collections.abc import Callable

import people
import tensorflow as tf
import warm
from keras_arrays import keras_file
from small_people import OTHER, write_people, write_spec
from visible import HALF, left_behind, visible

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


class Killing:
    """Runs and kills; all below one folder, which has `data/` and the specs."""

    def __init__(self, folder: str):
        self.folder = folder
        write_people(folder)
        self.spec = write_spec(folder, "new.yaml")

    def path(self, name: str) -> str:
        return os.path.join(self.folder, name)

    def start(self, command: str, run: str, spec: str = "") -> warm.Fork:
        return warm.prebake_command(
            [command, spec or self.spec, "--run", run, "--replace"], self.path("said.txt")
        )

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
            other = write_spec(self.folder, f"other-{command}.yaml", OTHER[command])
            self.finish(command, earlier, other)
            seconds = self.finish(command, whole)
            after, result = visible(whole), learnt(whole, command)
            found.append(Kind(command, empty, after, result, seconds))
            if command == "export":  # which is never replaced: another version comes beside it
                versions = os.path.join("export", "saved_model", "")
                new = after[f"{versions}1"]
                after = after | {f"{versions}1": visible(earlier)[f"{versions}1"], f"{versions}2": new}
            found.append(Kind(command, earlier, after, result, seconds))
        return found

    def kill(self, kind: Kind, run: str, moment: Callable[[], float]) -> float:
        """Kills the command at a moment; returns how far it had come, from 0 to 1."""
        while True:
            shutil.rmtree(run, ignore_errors=True)
            shutil.copytree(kind.before, run)
            running = self.start(kind.command, run)
            share = moment()
            time.sleep(share * kind.seconds)
            if running.kill():
                return share


def partial(kind: Kind, run: str) -> list[str]:
    """What is wrong with what is visible after a kill."""
    before, found = visible(kind.before), visible(run)
    wrong = [f"{path} is gone" for path in before.keys() - found.keys()]
    for path, state in found.items():
        if state.startswith(HALF) or state not in (before.get(path), kind.after.get(path)):
            wrong.append(f"{path}: {state}")
    return wrong


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


def answers(directory: str, lines: list[str]) -> dict[str, bytes]:
    """Features and predictions of raw CSV lines, by an exported model."""
    signatures = tf.saved_model.load(directory).signatures
    return {
        f"{signature} {name}": tf.io.serialize_tensor(value).numpy()
        for signature in ("serving_csv", "features_csv")
        for name, value in signatures[signature](lines=tf.constant(lines)).items()
    }


def newest(run: str) -> str:
    versions = os.path.join(run, "export", "saved_model")
    return os.path.join(versions, max(os.listdir(versions), key=int))


def print_differing_exports(folder: str, runs: list[str]) -> int:
    """Prints, as JSON, the runs whose model answers otherwise than that of `folder/whole`; is run in a fork."""
    columns = [name for name in people.HEADER if name not in ("weight", "bought")]
    rows = [row | {"note": ""} for row in people.make_rows(200, seed=9)]  # no newlines
    lines = people.csv_bytes(rows, columns).decode().splitlines()[1:]
    wanted = answers(newest(os.path.join(folder, "whole")), lines)
    wrong = [run for run in runs if answers(newest(run), lines) != wanted]
    print(json.dumps(wrong))
    return 0


def kill_and_rerun(folder: str, count: int, seed: int) -> dict[str, object]:
    """`count` kills of each command, and what was seen."""
    generator = random.Random(seed)
    killing = Killing(folder)
    kinds = killing.kinds()
    wrong_after_kill, different, exports = [], [], []
    moments: dict[str, list[float]] = {command: [] for command in COMMANDS}
    seen: collections.Counter[str] = collections.Counter()
    for number in range(count):
        for kind in kinds[number % 2 :: 2]:
            run = killing.path(f"{kind.command}-{number}")
            share = killing.kill(kind, run, generator.random)
            moments[kind.command].append(round(share, 3))
            name = f"{kind.command} {number} at {share:.3f}"
            wrong_after_kill += [f"{name}: {problem}" for problem in partial(kind, run)]
            before = visible(kind.before)
            new = sorted(path for path, state in visible(run).items() if state != before.get(path))
            seen[f"{kind.command}: {' '.join(new) or 'nothing'}"] += 1
            killing.finish(kind.command, run)
            if visible(run) != kind.after or learnt(run, kind.command) != kind.result:
                different.append(name)
            different += [f"{name}: {path} is left" for path in left_behind(run)]
            if kind.command == "export":
                exports.append(run)
            else:
                shutil.rmtree(run)
    comparing = warm.Fork(lambda: print_differing_exports(folder, exports), killing.path("exports.json"))
    if code := comparing.wait():
        raise SystemExit(f"comparing ended with {code}:\n{comparing.text}")
    different += json.loads(comparing.text)
    return {
        "kills": sum(map(len, moments.values())),
        "partial": wrong_after_kill,
        "different": different,
        "moments": moments,
        "new after a kill": seen,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("count", type=int)
    parser.add_argument("seed", type=int)
    print(json.dumps(kill_and_rerun(**vars(parser.parse_args()))))
