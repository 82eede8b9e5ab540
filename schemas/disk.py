"""In: an exception of whatever library. Out: what the disk said, if it took no more, and what a person does about that.

Python's own writes raise OSError, TensorFlow's ResourceExhaustedError and others, and of a Beam worker only a text arrives.
All of them quote the system's words.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Iterator
from typing import NamedTuple

from .errors import ArtifactError, PrebakeError

_FREE = "free some space and run again"
# Errors that only a write gives. What to do, by number.
_ADVICE = {
    errno.ENOSPC: _FREE,
    errno.EDQUOT: _FREE,
    errno.EFBIG: "raise the limit on the size of files (ulimit -f) and run again",
    errno.EROFS: "name a place that can be written to",
}
_BY_TEXT = {os.strerror(code): code for code in _ADVICE}
# As Python, TensorFlow and HDF5 write them.
_QUOTED = re.compile(rf"(?:\[Errno \d+\] |; |error message = ')({'|'.join(map(re.escape, _BY_TEXT))})\b")


class DiskFault(NamedTuple):
    """What the system said, and what to do, both for the middle of a line."""

    reason: str
    advice: str


def disk_fault(error: BaseException) -> DiskFault | None:
    """The fault of the disk that an exception, or what it was raised from, tells of; None if there is none."""
    for one in _chain(error):
        code = one.errno if isinstance(one, OSError) else None
        if code not in _ADVICE:
            quoted = _QUOTED.search(str(one))
            code = _BY_TEXT[quoted[1]] if quoted else None
        if code is not None:
            return DiskFault(os.strerror(code), _ADVICE[code])
    return None


@contextlib.contextmanager
def disk_faults(path: str, temporary: str) -> Iterator[None]:
    """Says of which result it is that a file could not be written: nobody knows the temporary one.

    Args:
      path: of the result.
      temporary: where its files are written.

    Raises:
      ArtifactError: the disk took no more, or a file in `temporary` could not be written for another reason.
    """
    try:
        yield
    except PrebakeError:
        raise
    except Exception as error:
        fault = disk_fault(error)
        if fault is None and isinstance(error, OSError):
            inside = str(error.filename).startswith(temporary)
            # What a write, a flush or a close says of the disk names no file.
            if inside or (error.filename is None and error.errno == errno.EIO):
                fault = DiskFault(error.strerror or str(error), "")
        if fault is None:
            raise
        advice = fault.advice and f": {fault.advice}"
        raise ArtifactError(
            path, f"could not be written: {fault.reason}; it is as it was before{advice}"
        ) from None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        yield error
        seen.add(id(error))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
