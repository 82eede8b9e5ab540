"""In: a resolved spec and the examples. Out: a compiled Keras model, its first weights drawn from the seed."""

from __future__ import annotations

import contextlib
import functools

import keras
import tensorflow as tf

from ..schemas.errors import SpecError
from ..schemas.labels import label_entries
from ..schemas.spec_pb2 import (
    LOOP_CUSTOM,
    PRECISION_FLOAT32,
    PRECISION_MIXED_BFLOAT16,
    PRECISION_MIXED_FLOAT16,
    Spec,
)
from .custom_step import install
from .dataset import Examples
from .model import build_model
from .model_function import call_model_fn
from .optimizer import build_optimizer
from .output_metrics import metrics_of_labels
from .own_loss import own_loss, own_metric
from .replicas import Replicas
from .state import copy_variables
from .sum_of_losses import loss_of_labels
from .user_model import find_own

_POLICIES = {
    PRECISION_FLOAT32: "float32",
    PRECISION_MIXED_FLOAT16: "mixed_float16",
    PRECISION_MIXED_BFLOAT16: "mixed_bfloat16",
}


def compiled_model(spec: Spec, examples: Examples, replicas: Replicas | None = None) -> keras.Model:
    """Model, optimizer, loss and metrics. Sets the seeds of the process, and makes TensorFlow's operations deterministic.

    Args:
      spec: resolved.
      examples: what it is trained on.
      replicas: the devices that it lies on, and with the loop `custom` has a step for; None: of a model that is only kept.
    """
    keras.utils.set_random_seed(spec.seed % 2**32)
    tf.config.experimental.enable_op_determinism()
    labels = label_entries(examples.manifest)
    steps = -(-examples.rows("train") // spec.training.batch_size)
    with replicas.scope() if replicas else contextlib.nullcontext():
        model = _build(spec, examples, _POLICIES[spec.training.precision])
        optimizer = build_optimizer(spec.training, model, steps)
    # With float16 Keras scales the loss, so that small gradients do not become 0.
    model.compile(
        optimizer,
        loss_of_labels(labels, spec.training, own_loss),
        weighted_metrics=metrics_of_labels(labels, spec.training, own_metric),
        # Keras refuses XLA beside deterministic operations; the step of our own does not.
        jit_compile=False,
    )
    if replicas and spec.training.loop == LOOP_CUSTOM:
        install(model, replicas, jit_compile=spec.training.jit_compile)
    return model


def on_one_device(model: keras.Model, spec: Spec, examples: Examples, replicas: Replicas) -> keras.Model:
    """The model itself, or, of one that lies on several devices, another with its variables, the optimizer's too.

    One host can save and measure it without the others.
    """
    if replicas.strategy is None:
        return model
    alone = compiled_model(spec, examples)
    copy_variables(model, alone)
    return alone


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
        manifest, function = examples.manifest, find_own("model_fn") if spec.model_fn else None
        own = functools.partial(call_model_fn, function, spec) if function else None
        if own and manifest.more_labels:
            reason = "gives a model of one output, and data.more_labels asks for more"
            raise SpecError("spec", None, "model_fn", reason, "leave one of the two out")
        return build_model(spec.model, manifest.features, manifest.label, own, manifest.more_labels)
    finally:
        keras.config.set_dtype_policy(before)
