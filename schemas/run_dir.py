"""In: a run directory. Out: the paths of its parts, and the resolved spec that it was asked for.

run/spec.pbtxt                 what was asked, every default written out
run/transform/                 statistics, vocabularies, the transform graph
run/examples/                  TFRecord shards of each split
run/rejected/                  rows that could not be read
run/training/<name>/           as many as were tried
run/export/saved_model/<n>/    versions
"""

from __future__ import annotations

import os

from .commit import new_file
from .errors import ArtifactError
from .spec import load_spec, spec_text
from .spec_pb2 import Spec

SPEC = "spec.pbtxt"


def check_run_dir(run_dir: str) -> None:
    """Refuses a run directory in an object store.

    Raises:
      ArtifactError: it is one.
    """
    if "://" in run_dir:
        raise ArtifactError(
            run_dir,
            "a run directory must be a folder that this host and all workers see: results are published by renaming, which "
            "object stores cannot; only data.files may lie there",
        )


def read_spec(run_dir: str) -> Spec:
    """The spec of a run.

    Raises:
      ArtifactError: the directory is no run directory.
    """
    check_run_dir(run_dir)
    path = os.path.join(run_dir, SPEC)
    if not os.path.isfile(path):
        raise ArtifactError(
            run_dir, f"is not a run directory: it has no {SPEC}; give a spec or a run directory"
        )
    return load_spec(path)


def write_spec(run_dir: str, spec: Spec) -> None:
    """Writes the spec into the run directory, whole or not at all."""
    with (
        new_file(os.path.join(run_dir, SPEC)) as draft,
        open(draft, "w", encoding="utf-8") as file,
    ):
        file.write(spec_text(spec))
