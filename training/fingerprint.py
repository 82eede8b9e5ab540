"""In: what a training depends on. Out: the manifest of its result, and what its checkpoints must share with it."""

from __future__ import annotations

import hashlib

import keras
import tensorflow as tf
from google.protobuf import text_format

from ..schemas.manifest import set_fingerprint
from ..schemas.manifest_pb2 import Manifest
from ..schemas.spec_pb2 import Spec, Training
from .dataset import Examples
from .user_model import PART, UserCode
from .warm_start_source import WarmStartSource


def training_manifest(
    spec: Spec, examples: Examples, source: WarmStartSource | None, own: UserCode | None
) -> Manifest:
    """The manifest of a training's result: the same parts, the same result.

    Args:
      spec: resolved.
      examples: that it is trained on.
      source: of the weights that it begins with.
      own: the user's file.
    """
    training = Training()
    training.CopyFrom(spec.training)
    # Neither where the result lies, how often it is made safe nor where the same rows come from changes it.
    for name in ("name", "checkpoint", "cache", "source", "data_dir"):
        training.ClearField(name)
    started: dict[str, str] = {}
    if source is not None:
        # What it starts from, not where that lies.
        training.warm_start.ClearField("from")
        started["warm start"] = source.digest()
    of = examples.manifest
    manifest = Manifest(step="training", features=of.features, label=of.label, more_labels=of.more_labels)
    set_fingerprint(
        manifest,
        {
            "examples": examples.manifest.fingerprint,
            "model": text_format.MessageToString(spec.model),
            "training": text_format.MessageToString(training),
            "seed": str(spec.seed),
            **started,
            **({PART: own.source} if own else {}),
        },
    )
    return manifest


def checkpoint_parts(manifest: Manifest) -> dict[str, str]:
    """What a checkpoint must share with the training that goes on from it: other versions compute other last bits."""
    software = f"tensorflow {tf.__version__}, keras {keras.__version__}"
    parts = {part.name: part.sha256 for part in manifest.parts}
    return {**parts, "versions of TensorFlow or Keras": hashlib.sha256(software.encode()).hexdigest()}
