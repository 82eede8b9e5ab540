"""In: the Python file that `model_fn` of a spec names. Out: what it defines: a model, activations, losses, metrics, ….

Running it is running somebody's code: it runs only if the user names the file (`--code`). What it defines is registered with
Keras under `own>…`, so that models are saved and loaded by name; a SavedModel needs none of it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import inspect
import os
import sys
import traceback
import types
from collections.abc import Iterator, Sequence
from typing import Any

import keras

from ..schemas.code_check import named_file
from ..schemas.errors import ArtifactError, PrebakeError, SpecError
from ..schemas.manifest_pb2 import Manifest
from ..schemas.spec_pb2 import Spec

# The part of a training's fingerprint, and the folder with the copy.
PART, FOLDER = "model_fn", "code"
_PACKAGE = "own>"
_MODULE = "prebake_own_model"
# SHA-256 of the file that ran last in this process: what it has registered is what a model may ask for.
_ran: list[str] = []


@dataclasses.dataclass(frozen=True)
class UserCode:
    """A Python file as it was read; not run yet.

    Attributes:
      path: as the user knows it.
      source: its content.
    """

    path: str
    source: bytes

    def run(self) -> None:
        """Runs the file and registers what it defines.

        Raises:
          SpecError: it cannot be run.
        """
        module = types.ModuleType(_MODULE)
        module.__file__ = self.path
        # Where Python looks for the names in a class's annotations.
        sys.modules[_MODULE] = module
        try:
            exec(compile(self.source, self.path, "exec"), module.__dict__)
        except Exception as error:
            raise self.fault("cannot be run", error) from error
        _register(module)
        _ran[:] = [hashlib.sha256(self.source).hexdigest()]

    def fault(self, what: str, error: Exception) -> SpecError:
        """The error in one line, with the line of the file where it came from."""
        lines = [
            frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == self.path
        ]
        place = f"{self.path}:{lines[-1]}" if lines else self.path
        text = str(error).strip().split("\n")[0]
        return SpecError("spec", None, "model_fn", f"{place} {what}: {type(error).__name__}: {text}")

    @contextlib.contextmanager
    def at_fault(self) -> Iterator[None]:
        """Turns what the file raises within the block into a SpecError; what others raise stays as it is.

        Raises:
          SpecError: the file has failed.
        """
        try:
            yield
        except PrebakeError:
            raise
        except Exception as error:
            frames = traceback.extract_tb(error.__traceback__)
            # TensorFlow runs a changed copy of a function, and names the file in the text.
            if any(frame.filename == self.path for frame in frames) or self.path in str(error):
                raise self.fault("fails", error) from error
            raise


def read_code(spec: Spec, code: str | Sequence[str]) -> UserCode | None:
    """The file of a spec, None if it names none.

    Args:
      spec: resolved.
      code: files that the user has named.

    Raises:
      SpecError: the user has not named it, or it cannot be read.
    """
    path = named_file(spec, "model_fn", code)
    if not path:
        return None
    try:
        with open(path, "rb") as file:
            return UserCode(path, file.read())
    except OSError as error:
        raise SpecError("spec", None, "model_fn", f"{path} cannot be read: {error.strerror}") from None


def write_code(code: UserCode, directory: str) -> None:
    """Copies the file into the directory of a training, to be looked at."""
    folder = os.path.join(directory, FOLDER)
    os.makedirs(folder)
    with open(os.path.join(folder, os.path.basename(code.path)), "wb") as file:
        file.write(code.source)


def run_code_of(manifest: Manifest, directory: str, code: str | Sequence[str]) -> None:
    """Runs the file that a trained model needs to be loaded, if it needs one.

    Args:
      manifest: of the training.
      directory: of the training.
      code: files that the user has named; that of the training is known by its content.

    Raises:
      ArtifactError: it is not among them.
      SpecError: it cannot be run.
    """
    wanted = next((part.sha256 for part in manifest.parts if part.name == PART), None)
    if wanted is None or wanted in _ran:
        return
    paths = [path for path in ([code] if isinstance(code, str) else code) if path]
    for path in paths:
        with contextlib.suppress(OSError), open(path, "rb") as file:
            source = file.read()
            if hashlib.sha256(source).hexdigest() == wanted:
                UserCode(path, source).run()
                return
    copy = next(
        (file.path for file in manifest.files if file.path.startswith(f"{FOLDER}/")), f"{FOLDER}/model_fn"
    )
    copy = os.path.relpath(os.path.join(directory, copy))
    if paths:
        reason = f"its model was trained with another Python file than {paths[-1]}"
        raise ArtifactError(directory, f"{reason}: look at the copy, and add --code {copy}")
    reason = "its model needs its own Python file, which runs only if you name it"
    raise ArtifactError(directory, f"{reason}: look at it, and add --code {copy}")


def find_own(name: str) -> Any:
    """What the user's file defines under a name; None if no file was run, or it does not define it."""
    return keras.saving.get_custom_objects().get(_PACKAGE + name)


def own(name: str, field: str) -> Any:
    """What the user's file defines under a name.

    Args:
      name: as the spec has it.
      field: of the spec.

    Raises:
      SpecError: no file was run, or it does not define it.
    """
    found = find_own(name)
    if found is None:
        hint = "define it there, or take one of Keras' names"
        raise SpecError("spec", None, field, f"the file of model_fn does not define '{name}'", hint)
    return found


def _register(module: types.ModuleType) -> None:
    registered = keras.saving.get_custom_objects()
    for name in [name for name in registered if name.startswith(_PACKAGE)]:
        del registered[name]
    for name, value in vars(module).items():
        if not (inspect.isfunction(value) or inspect.isclass(value)) or value.__module__ != _MODULE:
            continue
        if inspect.isclass(value) and not hasattr(value, "get_config"):
            continue
        if keras.saving.get_registered_name(value) == value.__name__:
            keras.saving.register_keras_serializable(package=_PACKAGE[:-1], name=name)(value)
        else:  # The user has registered it already, under a package of their own.
            registered[_PACKAGE + name] = value
