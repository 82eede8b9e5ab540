"""In: processes that import prebake. Out: preprocessing does not wait for Keras; Keras that is used is the same as ever."""

from __future__ import annotations

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
KERAS_FIRST = """
import sys
import keras
import prebake.pipelines
import keras.src.optimizers
print(sys.modules["keras.src"] is keras.src)
"""


def said(code: str) -> list[str]:
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_preprocessing_does_not_import_keras_until_it_is_used():
    assert said(PIPELINES) == ["[]", "True True"]


def test_keras_that_is_there_already_stays():
    assert said(KERAS_FIRST) == ["True"]
