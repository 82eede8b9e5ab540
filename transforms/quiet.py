"""In: libraries that talk while they are imported. Out: silence on the screen, but for errors, no wait for Keras, and the
Keras that one asked for."""

from __future__ import annotations

import contextlib
import gc
import importlib
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


@contextlib.contextmanager
def tf_keras_kept() -> Iterator[None]:
    """Within the block TensorFlow Transform can be imported; `tf.keras` is what it was for all that comes after it.

    TensorFlow Transform makes it Keras 2 in the whole process and in those that it starts: a model in a user's file would
    be of Keras 2 in `prebake run`, and of Keras 3 in `prebake train`.
    """
    import tensorflow

    kept, variable = vars(tensorflow)["keras"], "TF_USE_LEGACY_KERAS"
    wanted = os.environ.get(variable)
    os.environ[variable] = "1"
    # Keras 2 for TensorFlow Transform alone, which looks for it here.
    tensorflow.keras = importlib.import_module("tf_keras")
    try:
        yield
    finally:
        tensorflow.keras = kept
        if wanted is None:
            del os.environ[variable]
        else:
            os.environ[variable] = wanted


def collect_seldom() -> None:
    """For a process that does one job: Python looks for garbage seldom. Importing TensorFlow and Beam, and tracing, make a
    million objects that all stay: looking among them again and again took a fourth of a small job."""
    gc.set_threshold(200_000, 20, 100)


def import_tensorflow() -> None:
    """Imports TensorFlow without its notices and without Keras, and leaves its logger and absl's at errors."""
    with quiet_start(), keras_later():
        import absl.logging
        import tensorflow

        tensorflow.get_logger().setLevel(logging.ERROR)
        absl.logging.set_verbosity(absl.logging.ERROR)
