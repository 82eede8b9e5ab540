"""In: command lines of prebake. Out: their work, each in a fork of a process that has imported everything.

So a command costs seconds less than a new Python would, and can be killed, given a full disk or run twice at once often.
The parent starts nothing of TensorFlow and nothing of Beam: a fork does not have the threads of its parent.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence

# All that a command imports.
from prebake.cli import main


class Fork:
    """A function that runs.

    Args:
      work: returns the exit code.
      said: file for what it writes to stdout and stderr.
    """

    def __init__(self, work: Callable[[], int], said: str = os.devnull):
        self._said = said
        self._pid = os.fork()
        if not self._pid:
            _run(work, said)

    def wait(self) -> int:
        """The exit code; 3 after a traceback, below 0 the signal that ended it."""
        return os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])

    def kill(self) -> bool:
        """False if it had ended before."""
        os.kill(self._pid, signal.SIGKILL)
        return self.wait() == -signal.SIGKILL

    @property
    def text(self) -> str:
        """What it said."""
        with open(self._said, encoding="utf-8") as file:
            return file.read()


def prebake_command(arguments: Sequence[str], said: str = os.devnull) -> Fork:
    """A command; `arguments` is what comes after `prebake`."""
    return Fork(lambda: main(arguments), said)


def _run(work: Callable[[], int], said: str) -> None:
    code = 3
    try:
        output = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.dup2(output, 1)
        os.dup2(output, 2)
        code = work()
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
