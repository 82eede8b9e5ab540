"""In: libraries that talk while they are imported. Out: silence on the user's screen, but for errors."""

from __future__ import annotations

import contextlib
import logging
import os
import warnings
from collections.abc import Iterator


@contextlib.contextmanager
def quiet_start() -> Iterator[None]:
    """Within the block, whatever writes to stderr past Python (TensorFlow's C++ notices) is dropped."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def import_tensorflow() -> None:
    """Imports TensorFlow without its notices, and leaves its loggers and absl's at errors."""
    with quiet_start(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import absl.logging
        import tensorflow

        tensorflow.get_logger().setLevel(logging.ERROR)
        absl.logging.set_verbosity(absl.logging.ERROR)


def import_pipelines() -> None:
    """Imports Beam and TensorFlow Transform likewise."""
    import_tensorflow()
    with quiet_start(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            import apache_beam  # noqa: F401  imported for its effects on the logs only
            import tensorflow_transform  # noqa: F401  the same
        except ImportError as error:
            raise MissingExtraError(
                f"this command needs prebake[pipelines], which is not installed: {error}"
            ) from None
    logging.getLogger("apache_beam").setLevel(logging.ERROR)


class MissingExtraError(Exception):
    """A part of prebake that is not installed here. `str()` is one line."""
