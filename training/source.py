"""In: a run directory and a spec. Out: the examples that it trains on, from wherever `training.source` says."""

from __future__ import annotations

from ..schemas.source_check import is_tfds
from ..schemas.spec_pb2 import Spec
from .dataset import Examples, open_examples


def open_source(run_dir: str, spec: Spec) -> Examples:
    """Opens `examples/`, or reads the CSV files, or opens a data set of TensorFlow Datasets.

    Raises:
      PrebakeError: the source is absent, damaged or not the one that `transform/` was learnt from.
    """
    if spec.training.source == "csv":
        from .csv_source import read_csv

        return read_csv(run_dir, spec)
    if is_tfds(spec):
        from .tfds_source import open_tfds

        return open_tfds(spec)
    return open_examples(run_dir)
