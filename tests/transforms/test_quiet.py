"""In: processes that import prebake. Out: preprocessing does not wait for Keras; Keras that is used is the same as ever."""

from __future__ import annotations

import os
import subprocess
import sys

PIPELINES = """
import sys
import prebake.pipelines
print([name for name in sys.modules if name.partition(".")[0] == "keras"])
from tensorflow.keras.layers import Dense
import tensorflow
import keras
print(Dense is keras.layers.Dense is tensorflow.keras.layers.Dense, tensorflow.keras.__version__ == keras.__version__)
"""
TENSORFLOWS = """
import os
import tensorflow as tf
import prebake.pipelines
import keras
print(tf.keras.layers.Dense is keras.layers.Dense, os.environ.get("TF_USE_LEGACY_KERAS"))
"""
KERAS_FIRST = """
import sys
import keras
import prebake.pipelines
import keras.src.optimizers
print(sys.modules["keras.src"] is keras.src)
"""


def said(code: str, **more: str) -> list[str]:
    # Other tests of this process may have imported TensorFlow Transform by themselves, which sets it.
    environment = {name: value for name, value in os.environ.items() if name != "TF_USE_LEGACY_KERAS"} | more
    started = [sys.executable, "-P", "-c", code]
    done = subprocess.run(started, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_preprocessing_does_not_import_keras_until_it_is_used():
    assert said(PIPELINES) == ["[]", "True True"]


def test_keras_that_is_there_already_stays():
    assert said(KERAS_FIRST) == ["True"]


def test_transform_does_not_turn_tensorflows_keras_to_keras_2():
    assert said(TENSORFLOWS) == ["True None"]


def test_keras_2_that_a_user_asked_for_stays():
    assert said(TENSORFLOWS, TF_USE_LEGACY_KERAS="1") == ["False 1"]
