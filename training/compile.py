"""In: a resolved spec and the examples. Out: a compiled Keras model, its first weights drawn from the seed."""

from __future__ import annotations

import keras
import tensorflow as tf

from ..schemas.spec_pb2 import (
    PRECISION_FLOAT32,
    PRECISION_MIXED_BFLOAT16,
    PRECISION_MIXED_FLOAT16,
    Spec,
)
from .dataset import Examples
from .loss import loss_of
from .metrics import metrics_of
from .model import build_model
from .optimizer import build_optimizer

_POLICIES = {
    PRECISION_FLOAT32: "float32",
    PRECISION_MIXED_FLOAT16: "mixed_float16",
    PRECISION_MIXED_BFLOAT16: "mixed_bfloat16",
}


def compiled_model(spec: Spec, examples: Examples) -> keras.Model:
    """Model, optimizer, loss and metrics. Sets the seeds of the process, and makes TensorFlow's operations deterministic."""
    keras.utils.set_random_seed(spec.seed % 2**32)
    tf.config.experimental.enable_op_determinism()
    label = examples.manifest.label
    model = _build(spec, examples, _POLICIES[spec.training.precision])
    # With float16 Keras scales the loss, so that small gradients do not become 0.
    model.compile(
        build_optimizer(spec.training, model, -(-examples.rows("train") // spec.training.batch_size)),
        loss_of(label, spec.training),
        weighted_metrics=metrics_of(label, spec.training),
        # Keras refuses XLA beside deterministic operations; the step of our own does not.
        jit_compile=False,
    )
    return model


def in_float32(model: keras.Model, spec: Spec, examples: Examples) -> keras.Model:
    """The model itself, or, of one that computes in fewer bits, another with its weights: they are float32 anyway."""
    if spec.training.precision == PRECISION_FLOAT32:
        return model
    exact = _build(spec, examples, "float32")
    exact.set_weights(model.get_weights())
    return exact


def _build(spec: Spec, examples: Examples, policy: str) -> keras.Model:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        return build_model(spec.model, examples.manifest.features, examples.manifest.label)
    finally:
        keras.config.set_dtype_policy(before)
