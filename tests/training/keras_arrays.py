"""In: a .keras file. Out: its layers and every array of the model and of its optimizer, as bytes that can be compared."""

from __future__ import annotations

import io
import os
import re
import zipfile

import h5py


def keras_file(path: str | os.PathLike) -> dict[str, bytes]:
    """The layers, and every array of the model and of its optimizer."""
    with zipfile.ZipFile(path) as parts:
        # But for addresses in memory, by which Keras names objects that are shared.
        found = {"config": re.sub(rb'"shared_object_id": \d+', b"", parts.read("config.json"))}
        weights = io.BytesIO(parts.read("model.weights.h5"))
    with h5py.File(weights) as file:
        file.visititems(
            lambda name, item: (
                found.update({name: item[()].tobytes()}) if isinstance(item, h5py.Dataset) else None
            )
        )
    return found
