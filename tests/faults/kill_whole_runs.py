"""In: whole commands. Out: what was seen after kill -9 at random moments of them, and after the rerun.

Each of `prebake preprocess`, `train` and `export` is killed as often, by turns in an empty place and over an earlier result.
The moments are drawn uniformly over the time that an unbroken run takes; a run that had ended by then does not count.

After a kill all that is visible is complete, and is the earlier result or the new one (`partial` tells what is not). A rerun
of the same command ends as the unbroken run did (`different`): examples, statistics, vocabularies and rejected rows byte for
byte, weights and optimizer bit-equal, features and predictions of the exported model equal; nothing temporary is left.
"""

from __future__ import annotations

import collections
import json
import os
import random
import shutil
import time
from collections.abc import Callable

import people
import tensorflow as tf
import warm
from visible import HALF, left_behind, visible
from whole_runs import COMMANDS, Kind, WholeRuns, learnt


def kill(runs: WholeRuns, kind: Kind, run: str, moment: Callable[[], float]) -> float:
    """Kills the command at a moment; returns how far it had come, from 0 to 1."""
    while True:
        shutil.rmtree(run, ignore_errors=True)
        shutil.copytree(kind.before, run)
        running = runs.start(kind.command, run)
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


def kill_and_rerun(runs: WholeRuns, kinds: list[Kind], count: int, seed: int) -> dict[str, object]:
    """`count` kills of each command, and what was seen."""
    generator = random.Random(seed)
    wrong_after_kill, different, exports = [], [], []
    moments: dict[str, list[float]] = {command: [] for command in COMMANDS}
    seen: collections.Counter[str] = collections.Counter()
    for number in range(count):
        for kind in kinds[number % 2 :: 2]:
            run = runs.path(f"{kind.command}-{number}")
            share = kill(runs, kind, run, generator.random)
            moments[kind.command].append(round(share, 3))
            name = f"{kind.command} {number} at {share:.3f}"
            wrong_after_kill += [f"{name}: {problem}" for problem in partial(kind, run)]
            before = visible(kind.before)
            new = sorted(path for path, state in visible(run).items() if state != before.get(path))
            seen[f"{kind.command}: {' '.join(new) or 'nothing'}"] += 1
            runs.finish(kind.command, run)
            if visible(run) != kind.after or learnt(run, kind.command) != kind.result:
                different.append(name)
            different += [f"{name}: {path} is left" for path in left_behind(run)]
            if kind.command == "export":
                exports.append(run)
            else:
                shutil.rmtree(run)
    comparing = warm.Fork(lambda: print_differing_exports(runs.folder, exports), runs.path("exports.json"))
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
