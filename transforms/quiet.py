"""In: libraries that talk while they are imported. Out: silence on the user's screen, but for errors."""

from __future__ import annotations

import contextlib
import logging
import os
import warnings
from collections.abc import Iterator


@contextlib.contextmanager
def quiet_start() -> Iterator[None]:
    """Within the block, warnings and whatever writes to stderr past Python (TensorFlow's C++ notices) are dropped."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def import_tensorflow() -> None:
    """Imports TensorFlow without its notices, and leaves its logger and absl's at errors."""
    with quiet_start():
        import absl.logging
        import tensorflow

        tensorflow.get_logger().setLevel(logging.ERROR)
        absl.logging.set_verbosity(absl.logging.ERROR)
