"""In: `training.distribution` of a spec. Out: the devices that a model is trained on."""

from __future__ import annotations

import os

import tensorflow as tf

from ..schemas.errors import PrebakeError
from ..schemas.spec_pb2 import (
    DISTRIBUTION_MIRRORED,
    DISTRIBUTION_MULTI_WORKER,
    DISTRIBUTION_TPU,
    Training,
)
from .multi_worker import join_cluster
from .replicas import Replicas


def open_replicas(training: Training) -> Replicas:
    """The devices; of several hosts, when all are there.

    Raises:
      PrebakeError: there are none such, or TF_CONFIG does not say which host this is.
    """
    if training.distribution == DISTRIBUTION_MULTI_WORKER:
        return join_cluster()
    if training.distribution == DISTRIBUTION_TPU:
        return Replicas(_tpu())
    if training.distribution == DISTRIBUTION_MIRRORED:
        found = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
        return Replicas(tf.distribute.MirroredStrategy([device.name for device in found]))
    return Replicas()


def _tpu() -> tf.distribute.Strategy:
    """All TPU cores of the host, or of the one that TPU_NAME names."""
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver(os.environ.get("TPU_NAME", "local"))
        tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
    except (tf.errors.OpError, ValueError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0][:100]
        raise PrebakeError(
            f"training.distribution: tpu finds no TPU ({reason}): leave it out, or train on a host that has one, with "
            "TensorFlow for TPUs"
        ) from None
    return tf.distribute.TPUStrategy(resolver)
