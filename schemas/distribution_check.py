"""In: loop and devices of a resolved spec. Out: nothing, or the SpecError of the first thing that cannot work."""

from __future__ import annotations

from . import spec_pb2
from .spec_source import SpecSource, quote

_NAMES = {
    spec_pb2.DISTRIBUTION_MIRRORED: "mirrored",
    spec_pb2.DISTRIBUTION_MULTI_WORKER: "multi_worker",
    spec_pb2.DISTRIBUTION_TPU: "tpu",
}


def check_distribution(training: spec_pb2.Training, source: SpecSource) -> None:
    """What may stand beside `loop: custom` and beside several devices.

    Raises:
      SpecError: the first mistake.
    """
    if training.loop == spec_pb2.LOOP_CUSTOM and training.warm_start.cache:
        why = _NAMES.get(training.distribution) or ("jit_compile" if training.jit_compile else "loop: custom")
        raise source.error(
            "training.warm_start.cache",
            f"does not go with {why}: outputs that are kept are fed into the step of Keras' fit",
            "leave one of the two out",
        )
    name = _NAMES.get(training.distribution)
    if name is None:
        return
    if training.jit_compile:
        raise source.error(
            "training.jit_compile",
            f"does not go with {name}: the devices have to wait for each other inside of the step, which XLA compiles "
            "for one device",
            "leave one of the two out",
        )
    if training.distribution == spec_pb2.DISTRIBUTION_MULTI_WORKER:
        _check_hosts(training, source)


def _check_hosts(training: spec_pb2.Training, source: SpecSource) -> None:
    if training.source != "examples":
        raise source.error(
            "training.source",
            f"{quote(training.source)} does not go with multi_worker: hosts share the rows by shards of the examples",
            "source: examples",
        )
    if training.cache == spec_pb2.CACHE_MEMORY:
        raise source.error(
            "training.cache",
            "memory does not go with multi_worker: a host reads other shards in each epoch",
            "cache: none",
        )
    if training.folds:
        raise source.error(
            "training.folds",
            "do not go with multi_worker: hosts that do not have to wait for each other train the folds faster",
            "train each fold on a host of its own, or on one host with mirrored",
        )
