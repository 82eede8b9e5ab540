"""In: libraries that talk while they are imported. Out: silence on the screen, but for errors, and no wait for Keras."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
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


@contextlib.contextmanager
def keras_later() -> Iterator[None]:
    """Within the block TensorFlow can be imported without Keras, which it loads when something of it is first used.

    TensorFlow imports Keras for what old optimizers do at that moment, and goes on if it is not there. Keras in its turn
    imports scikit-learn and matplotlib where they are installed. Without all that preprocessing imports a quarter less.
    """
    if "keras" in sys.modules:
        yield
        return
    # What Python itself takes for "is not there".
    sys.modules["keras.src"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules["keras.src"]


def import_tensorflow() -> None:
    """Imports TensorFlow without its notices and without Keras, and leaves its logger and absl's at errors."""
    with quiet_start(), keras_later():
        import absl.logging
        import tensorflow

        tensorflow.get_logger().setLevel(logging.ERROR)
        absl.logging.set_verbosity(absl.logging.ERROR)
