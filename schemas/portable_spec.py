"""In: a resolved spec. Out: the parts that the transform graph depends on, as `transform/spec.pbtxt` holds them."""

from __future__ import annotations

import os

from .csv_file import SPLITS
from .spec_pb2 import Spec


def portable_spec(spec: Spec) -> Spec:
    """The parts that the transform graph depends on, without where on a machine the files lie."""
    portable = Spec(
        format_version=spec.format_version, seed=spec.seed, data=spec.data, features=spec.features
    )
    if spec.preprocessing_fn:
        portable.preprocessing_fn = os.path.basename(spec.preprocessing_fn)
    portable.data.ClearField("files")
    for feature in portable.features:
        for kind in ("vocabulary", "word_vectors"):
            if feature.HasField(kind) and getattr(feature, kind).file:
                getattr(feature, kind).file = os.path.basename(getattr(feature, kind).file)
    # Which splits have patterns of their own still matters; the files themselves are in the manifest.
    for name in SPLITS:
        patterns = getattr(portable.data.split.files, name)
        if patterns:
            del patterns[:]
            patterns.append("*")
    return portable
