"""In: a tf.distribute strategy, or none. Out: the devices that a model is trained on, and what they tell each other."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Sequence
from typing import Any

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Replicas:
    """The devices of a training; each holds a copy of the model and takes its part of each batch.

    Attributes:
      strategy: of tf.distribute; None for one device.
      worker: number of this host.
      workers: how many hosts.
    """

    strategy: Any = None
    worker: int = 0
    workers: int = 1

    @property
    def count(self) -> int:
        """On all hosts."""
        return 1 if self.strategy is None else self.strategy.num_replicas_in_sync

    @property
    def is_chief(self) -> bool:
        """The one host that decides and writes."""
        return self.worker == 0

    def scope(self) -> contextlib.AbstractContextManager:
        """Variables that are made in it lie on every device."""
        return contextlib.nullcontext() if self.strategy is None else self.strategy.scope()

    def distribute(self, batches: tf.data.Dataset) -> Any:
        """Batches of this host → what its devices take in each step, to be iterated; not beyond the last of them."""
        if self.strategy is None:
            return batches
        here = self.count // self.workers
        if here > 1:
            batches = batches.flat_map(lambda *batch: _parts(batch, here))
        # Of endless ones TensorFlow does not ask all hosts before each step whether one of them has come to its end.
        endless = batches.apply(tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY))
        return self.strategy.distribute_datasets_from_function(lambda context: endless)

    def from_chief(self, values: Sequence[Any]) -> list[float]:
        """The chief's values on all hosts, which wait for each other here. All of them must ask at the same point.

        Args:
          values: numbers, as many on each host.
        """
        numbers = [float(value) for value in values]
        if self.workers == 1:
            return numbers

        def on_one(mine: tf.Tensor) -> tf.Tensor:
            context = tf.distribute.get_replica_context()
            first = tf.equal(context.replica_id_in_sync_group, 0)
            return context.all_reduce(tf.distribute.ReduceOp.SUM, tf.where(first, mine, tf.zeros_like(mine)))

        told = tf.function(lambda mine: self.strategy.run(on_one, (mine,)))(tf.constant(numbers, tf.float64))
        return self.strategy.experimental_local_results(told)[0].numpy().tolist()


def _parts(batch: tuple, count: int) -> tf.data.Dataset:
    """A batch in so many parts, as equal as can be; the first ones are the larger ones, the last ones may be empty."""
    rows = tf.shape(tf.nest.flatten(batch)[0], tf.int64)[0]

    def part(number: tf.Tensor) -> tuple:
        # Python's // and % round down, and so does TensorFlow's.
        begin = number * (rows // count) + tf.minimum(number, rows % count)
        end = begin + rows // count + tf.cast(number < rows % count, tf.int64)
        return tf.nest.map_structure(lambda values: values[begin:end], batch)

    return tf.data.Dataset.range(count).map(part)
