"""In: a job in processes of this machine. Out: one line if one of them is killed; Beam might wait for it for ever."""

from __future__ import annotations

import contextlib
import logging
import signal
import threading
from collections.abc import Iterator

from ..schemas.errors import PrebakeError

_KILLED = (
    "a worker process was killed, perhaps for want of memory: run again with fewer processes "
    "(-- --direct_num_workers=1) or with more memory"
)
_PATIENCE_SECONDS = 5.0
# What Beam says of such a process, in the thread that waits for it and, if it was heard at that moment, in the job.
_EXITED, _UNHEARD = "Worker subprocess exited with return code", "Channel closed prematurely"


@contextlib.contextmanager
def lost_worker() -> Iterator[None]:
    """Within the block a killed worker process ends the job.

    Raises:
      PrebakeError: one was killed. Outside of the main thread, which alone can be woken, only if Beam notices.
    """
    lost, ended, before = threading.Event(), threading.Event(), threading.excepthook
    # Not SIGINT, which a job in the background may have been told to ignore.
    is_main = threading.current_thread() is threading.main_thread() and hasattr(signal, "SIGUSR1")

    def wake(*_: object) -> None:
        if not ended.is_set():
            raise _Woken

    handler = signal.signal(signal.SIGUSR1, wake) if is_main else None

    def told(fault: threading.ExceptHookArgs) -> None:
        if not str(fault.exc_value).startswith(_EXITED):
            before(fault)
            return
        lost.set()
        if is_main:
            # Not here: the job waits for this thread to end.
            threading.Thread(target=_wake_main_thread, args=[ended], daemon=True).start()

    # Tells at length that a connection has ended.
    log = logging.getLogger("grpc._server")
    level = log.level
    log.setLevel(logging.CRITICAL)
    threading.excepthook = told
    try:
        yield
    except BaseException as error:
        if not lost.is_set() and _UNHEARD not in str(error):
            raise
        raise PrebakeError(_KILLED) from None
    finally:
        ended.set()
        threading.excepthook = before
        # One that is on its way would kill the process.
        if is_main and not lost.is_set():
            signal.signal(signal.SIGUSR1, handler)
        log.setLevel(level)


class _Woken(BaseException):
    """Whatever catches exceptions on the way lets it pass, as KeyboardInterrupt."""


def _wake_main_thread(ended: threading.Event) -> None:
    """As Ctrl-C does, and again if it was taken for a fault of something that was about to end anyway."""
    main = threading.main_thread().ident
    while main is not None and not ended.is_set():
        signal.pthread_kill(main, signal.SIGUSR1)
        ended.wait(_PATIENCE_SECONDS)
