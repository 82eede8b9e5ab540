"""In: a folder and a number of bytes. Out: a file system of that size there, seen by this process and its children alone."""

from __future__ import annotations

import ctypes
import os

# sched.h, sys/mount.h
_NEW_NAMESPACE, _NEW_USER = 0x00020000, 0x10000000
_REMOUNT = 32
_PAGE = os.sysconf("SC_PAGE_SIZE")
_library = ctypes.CDLL(None, use_errno=True)


class SmallDisk:
    """A tmpfs, in a mount namespace of the calling process's own, which must have a single thread; it needs no root.

    Raises:
      OSError: the system does not allow it.
    """

    def __init__(self, path: str, size: int):
        self._path = path
        user, group = os.getuid(), os.getgid()
        _check(_library.unshare(_NEW_USER | _NEW_NAMESPACE))
        for name, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(text)
        self._mount(size, 0)

    def resize(self, size: int) -> None:
        """Gives it another size, in bytes."""
        self._mount(size, _REMOUNT)

    def used(self) -> int:
        """Bytes that are taken."""
        found = os.statvfs(self._path)
        return (found.f_blocks - found.f_bfree) * found.f_frsize

    def _mount(self, size: int, flags: int) -> None:
        options = f"size={max(size, _PAGE)}".encode()
        _check(_library.mount(b"tmpfs", self._path.encode(), b"tmpfs", flags, options))


def _check(result: int) -> None:
    if result:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
