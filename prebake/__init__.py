"""prebake: preprocess sharded CSV once, train on it, export a model that takes raw rows.

import prebake

predictions = prebake.load("runs/housing").predict("rows.csv")
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .training.predict import Predictor

__all__ = ["load"]


def load(path: str | os.PathLike[str]) -> Predictor:
    """Loads an exported model; `predict` takes a CSV file with a header, or a list of dicts.

    Args:
      path: of a run (its latest version), of `export/saved_model`, or of one version.

    Raises:
      ArtifactError: nothing has been exported there.
    """
    # Imported here: `import prebake` and the command line's help do not wait for TensorFlow.
    from .training.predict import load as load_exported

    return load_exported(path)
