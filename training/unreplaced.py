"""In: examples that a training reads. Out: an error if another run puts others in their place meanwhile.

Shards are opened by name in each epoch: without this, a `prebake preprocess --replace` at that time would give one model of
the rows of both.
"""

from __future__ import annotations

import os
from typing import Literal

import keras

from ..schemas.errors import ArtifactError
from ..schemas.manifest import MANIFEST
from .dataset import Examples


class Unreplaced(keras.callbacks.Callback):
    """Looks before and after each epoch, at an error within the block, and at its end."""

    STATE = ()

    def __init__(self, examples: Examples):
        super().__init__()
        self._directory = examples.directory
        self._manifest = self._read()

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """As `check`."""
        self.check()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """As `check`."""
        self.check()

    def __enter__(self) -> Unreplaced:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> Literal[False]:
        # What was interrupted has nothing to say. Of a file that is gone the reason is better than the error.
        if kind is None or issubclass(kind, Exception):
            self.check()
        return False

    def check(self) -> None:
        """Raises ArtifactError if the manifest is not the one that it was."""
        if self._read() != self._manifest:
            raise ArtifactError(
                self._directory, "was replaced while a training was reading it: train again"
            ) from None

    def _read(self) -> bytes | None:
        # A data set of TensorFlow Datasets has none.
        try:
            with open(os.path.join(self._directory, MANIFEST), "rb") as file:
                return file.read()
        except FileNotFoundError:
            return None
