"""In: a run directory. Out: all that a reader may take for a result, each part whole or with what is wrong with it."""

from __future__ import annotations

import os

from prebake.schemas.commit import TEMPORARY_PREFIX
from prebake.schemas.errors import PrebakeError
from prebake.schemas.manifest import list_files, read_manifest
from prebake.schemas.run_dir import read_spec
from prebake.schemas.spec import spec_text

_UNFINISHED = ".unfinished-"
_STEPS = ("transform", "examples", "rejected")
_VERSIONS = os.path.join("export", "saved_model")
HALF = "half: "


def visible(run: str) -> dict[str, str]:
    """By path below the run directory: the fingerprint of a complete step, the text of the spec, or HALF and a reason."""
    found = {}
    for name in _names(run):
        if name == "spec.pbtxt":
            found[name] = _spec(run)
        elif name in _STEPS:
            found[name] = _step(os.path.join(run, name), name)
        elif name == "training":
            for training in _names(os.path.join(run, name)):
                path = os.path.join(name, training)
                found[path] = _step(os.path.join(run, path), "training")
        elif name == "export" and set(_names(os.path.join(run, name))) <= {"saved_model"}:
            for version in _names(os.path.join(run, _VERSIONS)):
                path = os.path.join(_VERSIONS, version)
                known = version.isdigit()
                found[path] = _step(os.path.join(run, path), "export") if known else f"{HALF}no version"
        else:
            found[name] = f"{HALF}nobody knows what it is"
    return found


def _names(folder: str) -> list[str]:
    if not os.path.isdir(folder):
        return []
    return sorted(name for name in os.listdir(folder) if not name.startswith((TEMPORARY_PREFIX, _UNFINISHED)))


def _spec(run: str) -> str:
    try:
        return spec_text(read_spec(run))
    except PrebakeError as error:
        return f"{HALF}{error}"


def _step(directory: str, step: str) -> str:
    try:
        manifest = read_manifest(directory, step)
    except PrebakeError as error:
        return f"{HALF}{error}"
    if list(list_files(directory)) != [entry.path for entry in manifest.files]:
        return f"{HALF}{directory} holds files that its manifest does not name"
    return manifest.fingerprint


def left_behind(run: str) -> list[str]:
    """What killed processes left, below the run directory."""
    return sorted(
        os.path.relpath(os.path.join(folder, name), run)
        for folder, folders, names in os.walk(run)
        for name in [*folders, *names]
        if name.startswith((TEMPORARY_PREFIX, _UNFINISHED))
    )
