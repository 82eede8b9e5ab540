"""In: two paths on one file system. Out: each holds what the other held, in one step, or False where that cannot be done."""

from __future__ import annotations

import ctypes
import errno
import os

# linux/fs.h
_RENAME_EXCHANGE = 2
_AT_FDCWD = -100
# An older kernel, a file system without it, and a container that forbids what it does not know.
_NOT_HERE = {errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.EPERM}


def exchange(one: str, other: str) -> bool:
    """Swaps two directories by Linux's renameat2: at no time is either path absent.

    Returns:
      False if system or file system cannot do it; nothing has happened then.

    Raises:
      OSError: it can, and failed; nothing has happened.
    """
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError, TypeError):  # not glibc 2.28
        return False
    paths = os.fsencode(one), os.fsencode(other)
    if renameat2(_AT_FDCWD, paths[0], _AT_FDCWD, paths[1], ctypes.c_uint(_RENAME_EXCHANGE)) == 0:
        return True
    code = ctypes.get_errno()
    if code in _NOT_HERE:
        return False
    raise OSError(code, os.strerror(code), other)
