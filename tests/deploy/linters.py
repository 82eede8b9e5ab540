"""In: files of deploy/. Out: what linters say of them; each comes as a package of the `dev` extra."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys
from typing import Any

import yaml
from kubernetes_validate import validate

DEPLOY = pathlib.Path(__file__).parents[2] / "deploy"
# The oldest that has all that is used, and the newest that is known.
KUBERNETES = ("1.31", "1.37")


def lint(program: str, *arguments: str | os.PathLike) -> str:
    """What the program says; "" if it finds nothing."""
    beside = os.path.dirname(sys.executable)
    found = shutil.which(program, path=os.pathsep.join([beside, os.environ["PATH"]]))
    assert found, f"{program} is missing: it comes with the `dev` extra"
    done = subprocess.run([found, *arguments], capture_output=True, text=True)
    assert done.returncode == 0 or done.stdout, done.stderr
    return done.stdout


def manifests(path: pathlib.Path) -> list[dict[str, Any]]:
    """The documents of a YAML file."""
    return list(yaml.safe_load_all(path.read_text(encoding="utf-8")))


def check_kubernetes(manifest: dict[str, Any]) -> None:
    """Raises where Kubernetes would refuse the manifest, or would not know a field."""
    for version in KUBERNETES:
        assert validate(manifest, version, strict=True) == version
