"""In: a small run. Out: trainings of it that were killed with SIGKILL again and again and run again, for test_resume.py.

One process imports TensorFlow and starts nothing of it; each training is a fork of it, so that a kill costs a second and
not ten. What a training was at its end is kept in RUN/kept/<name>: its checkpoints, which a finished one removes.

    python kill_and_resume.py RUN COUNT SEED    prints one line of JSON, for COUNT kills
"""

from __future__ import annotations

import builtins
import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable

import keras
import numpy as np
from prebake.schemas.errors import PrebakeError
from prebake.schemas.run_dir import read_spec
from prebake.schemas.spec_pb2 import NADAM, Spec
from prebake.training import checkpoint_file, checkpoints, train

# Everything that the writing of a checkpoint asks of the system.
_CALLS = ((os, "fsync"), (os, "rename"), (os, "unlink"), (os, "open"), (os, "close"), (builtins, "open"))


def lively_spec(run: str, name: str) -> Spec:
    """Dropout, a learning rate that falls and early stopping all take part; checkpoints at epochs' ends only."""
    spec = read_spec(run)
    spec.model.dropout = 0.2
    spec.training.name, spec.training.optimizer.kind = name, NADAM
    spec.training.learning_rate, spec.training.epochs, spec.training.patience = 0.3, 40, 4
    spec.training.schedule.patience = 1
    return spec


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_at_step(number: int) -> None:
    class Kill(keras.callbacks.Callback):
        STATE = ()
        seen = 0

        def on_train_batch_end(self, batch: int, logs=None) -> None:
            Kill.seen += 1
            if Kill.seen == number:
                _die()

    callbacks = train.build_callbacks
    train.build_callbacks = lambda *args: [*callbacks(*args), Kill()]


def die_at_call(number: int) -> None:
    """Dies before the call `number` to the system, or before that part of a file is written."""
    seen = 0

    def count() -> None:
        nonlocal seen
        seen += 1
        if seen == number:
            _die()

    def counted(function: Callable) -> Callable:
        def call(*args, **options):
            count()
            return function(*args, **options)

        return call

    for module, name in _CALLS:
        setattr(module, name, counted(getattr(module, name)))
    parts = checkpoint_file._parts

    def counted_parts(checkpoint):
        for part in parts(checkpoint):
            count()
            yield part

    checkpoint_file._parts = counted_parts


def die_in_checkpoint(number: int, call: int) -> None:
    """Dies at a call to the system within the writing of the checkpoint `number`."""
    write, seen = checkpoints.write_checkpoint, 0

    def counted(path: str, checkpoint) -> None:
        nonlocal seen
        seen += 1
        if seen == number:
            die_at_call(call)
        write(path, checkpoint)

    checkpoints.write_checkpoint = counted


def keep(run: str, name: str) -> None:
    """A finished training's checkpoints are moved instead of removed."""

    def move(self) -> None:
        os.makedirs(os.path.join(run, "kept"), exist_ok=True)
        os.rename(self.directory, os.path.join(run, "kept", name))

    checkpoints.Checkpoints.remove = move


def start(run: str, spec: Spec, fault: Callable[[], None] = lambda: None) -> int:
    """Forks a training that exits with 0 or with 2 after a line on stderr. Returns its process id."""
    child = os.fork()
    if child:
        return child
    try:
        keep(run, spec.training.name)
        fault()
        train.train(run, spec, progress=False)
        os._exit(0)
    except PrebakeError as error:
        print(error, file=sys.stderr, flush=True)
        os._exit(2)
    finally:
        os._exit(3)


def end_of(child: int) -> int:
    """The exit code; below 0 the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def kills(run: str, count: int, seed: int) -> dict:
    """One training without a break, then others that are killed, `count` times in all."""
    assert end_of(start(run, lively_spec(run, "unbroken"))) == 0
    generator = random.Random(seed)
    killed, finished, kinds = 0, [], {"step": 0, "checkpoint": 0, "clock": 0}
    while not finished or killed < count:
        spec = lively_spec(run, f"killed-{len(finished)}")
        spec.training.checkpoint.steps = generator.randint(1, 3)
        kind = generator.choice(list(kinds)) if killed < count else "none"
        if kind == "step":
            child = start(run, spec, lambda: die_at_step(generator.randint(1, 14)))
        elif kind == "checkpoint":
            child = start(
                run, spec, lambda: die_in_checkpoint(generator.randint(1, 8), generator.randint(1, 40))
            )
        else:
            child = start(run, spec)
        if kind == "clock":
            time.sleep(generator.uniform(0.5, 4))
            os.kill(child, signal.SIGKILL)
        code = end_of(child)
        # Forks share the generator's state: it moves on in this process too.
        generator.random()
        if code == 0:
            finished.append(spec.training.name)
        else:
            assert code == -signal.SIGKILL, code
            killed += 1
            kinds[kind] += 1
    return {"killed": killed, "finished": finished, "kinds": kinds}


def _checkpoint(epoch: int) -> checkpoint_file.Checkpoint:
    return checkpoint_file.Checkpoint({"epoch": epoch}, {"a": np.full(1000, epoch, np.float32)})


def writes(run: str) -> list[int]:
    """The epoch of the newest whole checkpoint after the writer of the fifth was killed at its 1st, 2nd, … call."""
    found = []
    while True:
        directory = os.path.join(run, "training", f"writes-{len(found)}")
        with checkpoints.open_checkpoints(directory, {}) as opened:
            for epoch in range(1, 5):
                opened.write(checkpoints.Place(epoch, 0), [1.0] * epoch, _checkpoint(epoch))
        child = os.fork()
        if not child:
            with checkpoints.open_checkpoints(directory, {}) as opened:
                die_at_call(len(found) + 1)
                opened.write(checkpoints.Place(5, 0), [1.0] * 5, _checkpoint(5))
            os._exit(0)
        code = end_of(child)
        with checkpoints.open_checkpoints(directory, {}) as opened:
            newest = opened.newest(lambda text: found.append(text))
            assert newest is not None
            epoch = newest.record["epoch"]
            assert (newest.arrays["a"] == epoch).all()
            found.append(epoch)
        if code == 0:
            return found


def two(run: str) -> list[int]:
    """The exit codes of two trainings of one name; the second starts once the first one holds the checkpoints."""
    spec = lively_spec(run, "two")
    first = start(run, spec)
    while not os.path.exists(os.path.join(run, "training", ".unfinished-two", "checkpoints.json")):
        time.sleep(0.05)
    second = start(run, spec)
    return [end_of(second), end_of(first)]


def main(run: str, count: str, seed: str) -> None:
    result = {"writes": writes(run), "two": two(run), "kills": kills(run, int(count), int(seed))}
    print(json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
