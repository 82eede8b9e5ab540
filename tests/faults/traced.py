"""In: a function. Out: it runs in a child process that stands still before each of its system calls, to be killed there.

ptrace(2) through ctypes, as debuggers use it: each real system call of the child counts, whoever makes it. Linux on x86-64
alone, since the registers by which a call is made to fail are written here by their places.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn

from prebake.schemas.errors import PrebakeError

# sys/ptrace.h, linux/ptrace.h
_TRACEME, _POKEUSER, _CONT, _SYSCALL, _SETOPTIONS, _GET_SYSCALL_INFO = 0, 6, 7, 24, 0x4200, 0x420E
_TRACE_SYSGOOD, _EXIT_KILL = 1, 0x100000
_ENTRY = 1
_SYSCALL_STOP = signal.SIGTRAP | 0x80
# sys/reg.h of x86-64: eight bytes each.
_RAX, _ORIG_RAX = 10 * 8, 15 * 8
# asm/unistd_64.h. `getppid` is what the child calls when the function has ended.
_GETPPID = 110
NAMES = {
    1: "write", 2: "open", 18: "pwrite64", 20: "writev", 73: "flock", 74: "fsync", 82: "rename", 83: "mkdir", 84: "rmdir",
    87: "unlink", 217: "getdents64", 257: "openat", 258: "mkdirat", 263: "unlinkat", 264: "renameat", 316: "renameat2",
}  # fmt: skip
_LOOKS = ("flock", "getdents64")  # of NAMES, those that change nothing
_O_CREAT = 0o100


class Call(NamedTuple):
    """A system call that is about to be made: its name, or its number as text; whether it changes what is on the disk."""

    name: str
    changes: bool


class _SyscallInfo(ctypes.Structure):
    _fields_ = [
        ("op", ctypes.c_uint8),
        ("pad", ctypes.c_uint8 * 3),
        ("arch", ctypes.c_uint32),
        ("instruction", ctypes.c_uint64),
        ("stack", ctypes.c_uint64),
        ("number", ctypes.c_uint64),
        ("arguments", ctypes.c_uint64 * 6),
    ]


_library = ctypes.CDLL(None, use_errno=True)
_library.ptrace.restype = ctypes.c_long
_library.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


def _ptrace(request: int, pid: int, address: int = 0, data: Any = 0) -> None:
    if _library.ptrace(request, pid, address, data) < 0:
        raise OSError(ctypes.get_errno(), f"ptrace: {os.strerror(ctypes.get_errno())}")


class Traced:
    """A child that runs `function` up to its first system call.

    Attributes:
      text: what the function raised: the line of a PrebakeError, or a whole traceback; "" before the end.
      code: once it has ended, 0, 2 after a PrebakeError, 3 after any other exception, or minus the signal.
    """

    def __init__(self, function: Callable[[], object]):
        self.text, self.code = "", None  # type: tuple[str, int | None]
        self._reading, writing = os.pipe()
        self._pid = os.fork()
        if not self._pid:
            _run(function, writing)
        os.close(writing)
        os.waitpid(self._pid, 0)
        _ptrace(_SETOPTIONS, self._pid, 0, _TRACE_SYSGOOD | _EXIT_KILL)

    def __enter__(self) -> Traced:
        return self

    def __exit__(self, *_) -> None:
        if self.code is None:
            self.kill()
        os.close(self._reading)

    def next_call(self) -> Call | None:
        """Goes on to the entry of the next system call; None if the function has ended."""
        while True:
            self._resume(_SYSCALL)
            info = _SyscallInfo()
            _ptrace(_GET_SYSCALL_INFO, self._pid, ctypes.sizeof(info), ctypes.addressof(info))
            if info.op != _ENTRY:
                continue
            if info.number == _GETPPID:
                self.finish()
                return None
            name = NAMES.get(info.number, str(info.number))
            creates = name != "openat" or bool(info.arguments[2] & _O_CREAT)
            return Call(name, name in NAMES.values() and name not in _LOOKS and creates)

    def fail(self, code: int) -> None:
        """The call at whose entry the child stands is not made and returns the error."""
        _ptrace(_POKEUSER, self._pid, _ORIG_RAX, 2**64 - 1)
        self._resume(_SYSCALL)
        _ptrace(_POKEUSER, self._pid, _RAX, 2**64 - code)

    def finish(self) -> None:
        """Lets it run to its end."""
        self._resume(_CONT)
        assert self.code is not None

    def finish_within(self, seconds: float) -> bool:
        """Lets it run; False if it has not ended by then: it waits for something, and is to be finished with `wait`."""
        _ptrace(_CONT, self._pid)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            if pid:
                self._end(status)
                return True
            time.sleep(0.001)
        return False

    def wait(self) -> None:
        """Waits for the end of one that runs."""
        self._end(os.waitpid(self._pid, 0)[1])

    def kill(self) -> None:
        """kill -9: the call at whose entry it stands is not made."""
        os.kill(self._pid, signal.SIGKILL)
        self._end(os.waitpid(self._pid, 0)[1])

    def _resume(self, request: int) -> None:
        """Up to the next stop for a system call, or to the end."""
        number = 0
        while True:
            _ptrace(request, self._pid, 0, number)
            _, status = os.waitpid(self._pid, 0)
            if not os.WIFSTOPPED(status):
                return self._end(status)
            if os.WSTOPSIG(status) == _SYSCALL_STOP:
                return None
            number = os.WSTOPSIG(status)  # a signal of its own, which it gets

    def _end(self, status: int) -> None:
        self.code = os.waitstatus_to_exitcode(status)
        self.text = os.read(self._reading, 1 << 16).decode()


def _run(function: Callable[[], object], writing: int) -> NoReturn:
    _ptrace(_TRACEME, 0)
    os.kill(os.getpid(), signal.SIGSTOP)
    code, text = 0, ""
    try:
        function()
    except PrebakeError as error:
        code, text = 2, str(error)
    except BaseException:
        code, text = 3, traceback.format_exc()
    os.getppid()
    os.write(writing, text.encode()[: 1 << 15])
    os._exit(code)


def why_not() -> str:
    """Why a child cannot be traced here; "" if it can."""
    if sys.platform != "linux" or os.uname().machine != "x86_64":
        return "only for Linux on x86-64"
    try:
        with Traced(os.getpid) as child:
            return "" if child.next_call() == Call("39", False) else "ptrace shows other calls"
    except OSError as error:
        return str(error)
