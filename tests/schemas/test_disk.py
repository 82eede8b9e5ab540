"""A fault of the disk is known by what the system said of it, whichever library it came through."""

from __future__ import annotations

import errno
import os

import pytest
from prebake.schemas.disk import disk_fault

FULL = ("No space left on device", "free some space and run again")
BEAM = """Traceback (most recent call last):
  File "write_shards.py", line 59, in _write
    file.write(chunk)
OSError: [Errno 28] No space left on device [while running 'Write']
"""
HDF5 = "[Errno 28] Can't synchronously write data (file write failed: errno = 28, error message = 'No space left on device')"
TENSORFLOW = "{{function_node SaveV2}} /run/variables.index; No space left on device [Op:MergeV2Checkpoints]"


@pytest.mark.fault(37)
@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "a.csv"), FULL),
        (OSError(errno.EDQUOT, "quota"), (os.strerror(errno.EDQUOT), FULL[1])),
        (
            OSError(errno.EFBIG, os.strerror(errno.EFBIG)),
            ("File too large", "raise the limit on the size of files (ulimit -f) and run again"),
        ),
        (OSError(errno.EROFS, ""), ("Read-only file system", "name a place that can be written to")),
        (RuntimeError(BEAM), FULL),
        (OSError(HDF5), FULL),
        (ValueError(TENSORFLOW), FULL),
        (RuntimeError("/run/logs/events; File too large"), ("File too large", "raise the limit")),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "a.csv"), None),
        (OSError(errno.EIO, "Input/output error"), None),  # reading may give it too
        (ValueError("'No space left on device' is not a number"), None),
        (RuntimeError(""), None),
    ],
)
def test_fault(error, fault):
    found = disk_fault(error)
    if fault is None:
        assert found is None
    else:
        assert found is not None
        assert found.reason == fault[0]
        assert found.advice.startswith(fault[1])


def test_what_it_was_raised_from():
    outer = RuntimeError("bundle failed")
    outer.__context__ = ValueError("step failed")
    outer.__context__.__cause__ = OSError(errno.ENOSPC, "")
    assert disk_fault(outer) == FULL
    outer.__suppress_context__ = True  # `raise … from None`: it has nothing to do with that
    assert disk_fault(outer) is None


def test_a_circle_ends():
    one, other = RuntimeError("one"), RuntimeError("other")
    one.__context__, other.__context__ = other, one
    assert disk_fault(one) is None
