"""In: a compiled model, and the devices that it lies on. Out: its steps as tf.functions of our own, in the place of Keras'.

On one device the step is that of `keras.Model.fit`, bit for bit. On several, each one (a replica) computes the gradients of
its part of the batch, and the step is that of the whole batch: the loss is the mean over the rows of all parts, gradients
are added up before they are clipped, metrics see all rows. Keras' own step clips each replica's gradients by themselves and
takes the mean of the replicas' means, which is another training, in which parts of unequal size count wrongly.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from .replicas import Replicas

_SUM = tf.distribute.ReduceOp.SUM


def install(model: keras.Model, replicas: Replicas, *, jit_compile: bool = False) -> None:
    """Gives the model the steps; its `train_function`, and with several replicas its `evaluate`, are then those of here.

    Args:
      model: compiled; with several replicas, built and its optimizer made within `replicas.scope()`.
      replicas: the devices.
      jit_compile: compile the step with XLA, anew for every shape of a batch. One device only.
    """
    step = _Step(model, replicas, jit_compile)
    model.make_train_function = step.make_train_function
    model.train_function = None
    if replicas.strategy is not None:
        model.evaluate = step.evaluate
        with replicas.scope():
            model.optimizer.build(model.trainable_variables)
        _prepare(model)


class _Step:
    def __init__(self, model: keras.Model, replicas: Replicas, jit_compile: bool):
        self._model, self._replicas, self._jit = model, replicas, jit_compile
        self._test_function: Callable | None = None

    def make_train_function(self, force: bool = False) -> None:
        """Sets `model.train_function`: an iterator → the values of the metrics so far. Traced anew if `force`."""
        if self._model.train_function is None or force:
            whole = self._replicas.strategy is None
            self._model.train_function = self._function(self._train if whole else self._train_on_all)

    def evaluate(self, batches: tf.data.Dataset, callbacks=None, **options: Any) -> dict[str, float]:
        """The values of the metrics over all batches, the same on every host.

        Args:
          batches: once, of known number; those of this host if there are several.
          callbacks: are not told.
          options: of `keras.Model.evaluate`; of no effect.
        """
        if self._test_function is None:
            self._test_function = self._function(self._test_on_all)
        self._model.reset_metrics()
        iterator = iter(self._replicas.distribute(batches))
        for _ in range(int(batches.cardinality())):
            self._test_function(iterator)
        names, values = zip(*self._model.get_metrics_result().items(), strict=True)
        told = dict(zip(names, self._replicas.from_chief(values), strict=True))
        return dict(sorted(told.items()))  # as Keras does

    def _function(self, step: Callable) -> Callable:
        compiled = tf.function(step, reduce_retracing=True, jit_compile=self._jit or None)
        # The iterator stays outside of what XLA compiles.
        return tf.function(lambda iterator: compiled(iterator.get_next()), autograph=False)

    def _train(self, data: tuple) -> dict[str, tf.Tensor]:
        """The step on one device."""
        model = self._model
        x, y, weight = keras.utils.unpack_x_y_sample_weight(data)
        _, y_pred, gradients = self._gradients(x, y, weight)
        model.optimizer.apply(gradients, model.trainable_weights)
        return model.compute_metrics(x, y, y_pred, weight)

    def _gradients(self, x: Any, y: Any, weight: Any, share: Any = None) -> tuple[tf.Tensor, Any, list]:
        """The loss, with that of regularisers and `add_loss`; the outputs; the gradients, as the optimizer takes them.

        With a share of the whole batch's rows, what this replica adds to loss and gradients. The loss has to be multiplied
        by it before it is differentiated: by the sums of a batch normalization, gradients come from other replicas too.
        """
        model = self._model
        with tf.GradientTape() as tape:
            y_pred = model(x, training=True)
            loss = self._loss(x, y, y_pred, weight, training=True)
            if share is not None:
                loss = _part_of(loss, share)
            else:
                _loss_tracker(model).update_state(loss, sample_weight=_rows(x))
            scaled = model.optimizer.scale_loss(loss)
        return loss, y_pred, tape.gradient(scaled, model.trainable_weights)

    def _loss(self, x: Any, y: Any, y_pred: Any, weight: Any, *, training: bool) -> tf.Tensor:
        loss = self._model.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=weight, training=training)
        # Keras divides it by the number of replicas; here each one counts by its rows.
        return loss * self._replicas.count if self._replicas.count > 1 else loss

    def _train_on_all(self, data: Any) -> dict[str, tf.Tensor]:
        """The step on several replicas."""
        model = self._model

        def on_one(data: tuple) -> tuple:
            x, y, weight = keras.utils.unpack_x_y_sample_weight(data)
            rows, all_rows = _count_rows(x)
            loss, y_pred, gradients = self._gradients(x, y, weight, rows / all_rows)
            told = [index for index, gradient in enumerate(gradients) if gradient is not None]
            *summed, loss = _context().all_reduce(_SUM, [*(gradients[index] for index in told), loss])
            for index, gradient in zip(told, summed, strict=True):
                gradients[index] = gradient
            return (gradients, loss, all_rows), _gather((y, y_pred, weight))

        (gradients, loss, rows), seen = self._run(on_one, data)
        model.optimizer.apply(gradients, model.trainable_weights)
        return self._measured(loss, rows, seen)

    def _test_on_all(self, data: Any) -> dict[str, tf.Tensor]:
        def on_one(data: tuple) -> tuple:
            x, y, weight = keras.utils.unpack_x_y_sample_weight(data)
            y_pred = self._model(x, training=False)
            loss = self._loss(x, y, y_pred, weight, training=False)
            rows, all_rows = _count_rows(x)
            loss = _context().all_reduce(_SUM, _part_of(loss, rows / all_rows))
            return (loss, all_rows), _gather((y, y_pred, weight))

        (loss, rows), seen = self._run(on_one, data)
        return self._measured(loss, rows, seen)

    def _run(self, on_one: Callable, data: Any) -> Any:
        """What every replica comes to, which must be the same on all."""
        return tf.nest.map_structure(
            lambda value: (
                None if value is None else self._replicas.strategy.experimental_local_results(value)[0]
            ),
            self._replicas.strategy.run(on_one, (data,)),
        )

    def _measured(self, loss: tf.Tensor, rows: tf.Tensor, seen: tuple) -> dict[str, tf.Tensor]:
        y, y_pred, weight = seen
        _loss_tracker(self._model).update_state(loss, sample_weight=rows)
        return self._model.compute_metrics(None, y, y_pred, weight)


def _prepare(model: keras.Model) -> None:
    """Changes what works by itself on each replica."""
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            # The mean and variance of the whole batch, and the same moving ones everywhere.
            layer.synchronized = True
        vars(layer)["_losses"] = _LossesByReplica()
        for generator in vars(layer).values():
            if isinstance(generator, keras.random.SeedGenerator):
                _draw_by_replica(generator)
    optimizer = model.optimizer
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        # What it does apart from asking to be called once a replica.
        optimizer._tf_apply = optimizer._common_apply


class _LossesByReplica(list):
    """What a layer has got by `add_loss`, of each replica by itself.

    The replicas are traced in turns, from one sum over all of them to the next, and batch normalization has such sums in the
    middle of a model: one replica would see what another one has added.
    """

    def __init__(self) -> None:
        super().__init__()
        self._added: dict[int, list] = {}

    def _mine(self) -> list:
        return self._added.setdefault(id(_context()), [])

    def extend(self, losses: Any) -> None:
        self._mine().extend(losses)

    def __getitem__(self, index: Any) -> Any:
        return self._mine()[index]

    def clear(self) -> None:
        self._mine().clear()


def _draw_by_replica(generator: keras.random.SeedGenerator) -> None:
    """Lets a generator that is in the same state on all replicas give each one another seed."""
    drawn = generator.next

    def draw(ordered: bool = True) -> tf.Tensor:
        seed, context = drawn(ordered=ordered), _context()
        if context is None:
            return seed
        # The golden ratio: multiples of it are spread over the 32 bits.
        replica = tf.cast(context.replica_id_in_sync_group, tf.int64) * 0x9E3779B9
        return seed + tf.cast(tf.stack([replica % 2**32, 0]), seed.dtype)

    generator.next = draw


def _loss_tracker(model: keras.Model) -> keras.metrics.Mean:
    return next(metric for metric in model.metrics if metric.name == "loss")


def _context() -> Any:
    """Of the replica whose part is traced; None outside of replicas."""
    return tf.distribute.get_replica_context()


def _rows(x: Any) -> tf.Tensor:
    return tf.shape(tf.nest.flatten(x)[0])[0]


def _count_rows(x: Any) -> tuple[tf.Tensor, tf.Tensor]:
    """Rows of this replica's part, and of all parts: float32 []."""
    rows = tf.cast(_rows(x), tf.float32)
    return rows, _context().all_reduce(_SUM, rows)


def _part_of(loss: tf.Tensor, share: tf.Tensor) -> tf.Tensor:
    """The loss times the share of the rows that it is of; 0 where there are none, whatever it is."""
    return tf.math.multiply_no_nan(loss, tf.cast(share, loss.dtype))


def _gather(values: Any) -> Any:
    """The rows of all replicas, one after the other."""

    def gather(value: tf.Tensor | None) -> tf.Tensor | None:
        if value is None:
            return None
        # Without the identity a tensor that came with the data is on no device, which TensorFlow takes for a mistake.
        rows = _context().all_gather(tf.identity(value), axis=0)
        return tf.ensure_shape(rows, [None, *value.shape[1:]])

    return tf.nest.map_structure(gather, values)
