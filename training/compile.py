"""In: a resolved spec and the examples. Out: a compiled Keras model, its first weights drawn from the seed."""

from __future__ import annotations

import keras
import tensorflow as tf

from ..schemas.spec_pb2 import Spec
from .dataset import Examples
from .loss import loss_of
from .metrics import metrics_of
from .model import build_model
from .optimizer import build_optimizer


def compiled_model(spec: Spec, examples: Examples) -> keras.Model:
    """Model, optimizer, loss and metrics. Sets the seeds of the process, and makes TensorFlow's operations deterministic."""
    keras.utils.set_random_seed(spec.seed % 2**32)
    tf.config.experimental.enable_op_determinism()
    label = examples.manifest.label
    model = build_model(spec.model, examples.manifest.features, label)
    model.compile(build_optimizer(spec.training), loss_of(label), weighted_metrics=metrics_of(label))
    return model
