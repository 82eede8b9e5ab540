"""In: a spec that names a Python file, and the files that the user has named. Out: the file that may run.

A spec or a run directory may come from elsewhere, so what it names does not run by itself.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from .errors import SpecError
from .spec_pb2 import Spec


def named_file(spec: Spec, field: str, code: str | Sequence[str]) -> str:
    """The path of the Python file to run, "" if the spec names none.

    Args:
      spec: resolved.
      field: of the spec: preprocessing_fn or model_fn.
      code: paths that the user gave. Where the spec's own path does not exist, as on another host, one of the same name
        is it.

    Raises:
      SpecError: the user has not named the file.
    """
    path = getattr(spec, field)
    if not path:
        return ""
    given = [one for one in ([code] if isinstance(code, str) else code) if one]
    for one in given:
        if os.path.realpath(one) == os.path.realpath(path):
            return path
    if not os.path.exists(path):
        for one in given:
            if os.path.basename(one) == os.path.basename(path):
                return one
    shown = os.path.relpath(path)
    reason = f"is the Python file {shown}, which runs only if you name it too"
    raise SpecError("spec", None, field, reason, f"add --code {shown}")
