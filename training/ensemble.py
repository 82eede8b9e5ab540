"""In: a tensor and the model part of a spec. Out: the answer of many networks in one, which share most of their weights.

TabM (Gorishniy, Kotelnikov and Babenko, "TabM: Advancing tabular deep learning with parameter-efficient ensembling",
2024) with the layers of BatchEnsemble (Wen, Tran and Ba, 2020): member i computes ((x * r_i) W) * s_i + b_i, with a kernel W
that all share. The first r_i are random signs, all others and all s_i begin at 1, so that the members differ by how they see
the inputs; each has a head of its own. They learn side by side, each by its own loss, and their mean answers.
"""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from ..schemas.manifest_pb2 import LabelEntry
from ..schemas.spec_pb2 import BINARY, REGRESSION, Model
from .hidden_layers import HiddenLayers
from .layer_names import LayerNames
from .regularisation import kernel_regularizer


def ensemble(
    x: keras.KerasTensor, model: Model, label: LabelEntry, units: int, names: LayerNames
) -> keras.KerasTensor:
    """The output of the ensemble.

    Args:
      x: float [batch, width].
      model: resolved.
      label: its kind says what a mean is.
      units: of the output.
      names: of the model's layers.

    Returns:
      float32 [batch, units]; in training [batch, members, units], which `EnsembleModel` expects.
    """
    x = _SharedLayers(model, names).stack(x, model.hidden)
    heads = MemberHeads(
        units, kernel_regularizer=kernel_regularizer(model), name=names("head"), dtype="float32"
    )
    kind = "number" if label.kind == REGRESSION else "logit" if label.kind == BINARY else "logits"
    return MeanOfMembers(kind, name=names("mean"), dtype="float32")(heads(x))


class _SharedLayers(HiddenLayers):
    """Hidden layers of all members at once: [batch, members, units]."""

    def dense(self, x: keras.KerasTensor, units: int, **kernel: Any) -> keras.KerasTensor:
        kernel.pop("kernel_constraint")
        return SharedDense(units, self._model.members, **kernel, name=self.name(""))(x)

    def normalize(self, x: keras.KerasTensor) -> keras.KerasTensor:
        """Batch normalization takes the mean and variance of each member's units, not of all members' together."""
        members, units = x.shape[1:]
        flat = keras.layers.Reshape((members * units,), name=self.name("_flat"))(x)
        return keras.layers.Reshape((members, units), name=self.name("_members"))(super().normalize(flat))


@keras.saving.register_keras_serializable(package="prebake")
class SharedDense(keras.layers.Layer):
    """((x * r) W) * s + b, with W for all members and r, s, b for each.

    Args:
      units: width of the output.
      members: how many.
      use_bias: whether there is a b.
      kernel_initializer, kernel_regularizer: of W.

    Call arguments:
      x: float [batch, width], the same for all members, which r tells apart; or [batch, members, width].

    Returns:
      float [batch, members, units].
    """

    def __init__(
        self,
        units: int,
        members: int,
        *,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        kernel_regularizer: Any = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.units, self.members, self.use_bias = units, members, use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)

    def build(self, shape):
        width, first = shape[-1], len(shape) == 2
        self.kernel = self.add_weight(
            shape=(width, self.units),
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            name="kernel",
        )
        signs = RandomSigns() if first else "ones"
        self.r = self.add_weight(shape=(self.members, width), initializer=signs, name="r")
        self.s = self.add_weight(shape=(self.members, self.units), initializer="ones", name="s")
        if self.use_bias:
            self.bias = self.add_weight(shape=(self.members, self.units), initializer="zeros", name="bias")

    def call(self, x):
        x = x[:, None, :] if len(x.shape) == 2 else x
        y = ops.matmul(x * self.r, self.kernel) * self.s
        return y + self.bias if self.use_bias else y

    def compute_output_shape(self, shape):
        return (shape[0], self.members, self.units)

    def get_config(self):
        config = {"units": self.units, "members": self.members, "use_bias": self.use_bias}
        config["kernel_initializer"] = keras.initializers.serialize(self.kernel_initializer)
        config["kernel_regularizer"] = keras.regularizers.serialize(self.kernel_regularizer)
        return {**super().get_config(), **config}


@keras.saving.register_keras_serializable(package="prebake")
class RandomSigns(keras.initializers.RandomUniform):
    """-1 or 1, each as often."""

    def __init__(self, seed: int | None = None):
        super().__init__(-1.0, 1.0, seed)

    def __call__(self, shape, dtype=None):
        return ops.where(super().__call__(shape, dtype) < 0, -1.0, 1.0)

    def get_config(self):
        return {"seed": super().get_config()["seed"]}


@keras.saving.register_keras_serializable(package="prebake")
class MemberHeads(keras.layers.Layer):
    """A linear layer for each member: x [batch, members, width] to float [batch, members, units].

    Args:
      units: width of the output.
      kernel_regularizer: of the kernels.
    """

    def __init__(self, units: int, *, kernel_regularizer: Any = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.units, self.kernel_regularizer = units, keras.regularizers.get(kernel_regularizer)

    def build(self, shape):
        _, members, width = shape
        # Glorot's, of each member's kernel by itself.
        limit = math.sqrt(6 / (width + self.units))
        self.kernel = self.add_weight(
            shape=(members, width, self.units),
            initializer=keras.initializers.RandomUniform(-limit, limit),
            regularizer=self.kernel_regularizer,
            name="kernel",
        )
        self.bias = self.add_weight(shape=(members, self.units), initializer="zeros", name="bias")

    def call(self, x):
        return ops.einsum("bmi,miu->bmu", x, self.kernel) + self.bias

    def compute_output_shape(self, shape):
        return (*shape[:2], self.units)

    def get_config(self):
        penalty = keras.regularizers.serialize(self.kernel_regularizer)
        return {**super().get_config(), "units": self.units, "kernel_regularizer": penalty}


@keras.saving.register_keras_serializable(package="prebake")
class MeanOfMembers(keras.layers.Layer):
    """What the members [batch, members, units] say together; in training they stay apart.

    Args:
      kind: "number": their mean. "logit": of one unit, the logit of the mean of their probabilities. "logits": of the
        classes, the logarithm of that mean, whose softmax it is.

    Returns:
      float [batch, units]; in training its input.
    """

    def __init__(self, kind: str, **kwargs: Any):
        super().__init__(**kwargs)
        self.kind = kind

    def call(self, x, training=False):
        return x if training else self.mean(x)

    def mean(self, x):
        """[batch, members, units] to [batch, units], by sums of exponentials that cannot overflow."""
        if self.kind == "number":
            return ops.mean(x, axis=1)
        if self.kind == "logit":
            # ln(sum p) - ln(sum (1 - p)): the number of members cancels out.
            return ops.logsumexp(ops.log_sigmoid(x), axis=1) - ops.logsumexp(ops.log_sigmoid(-x), axis=1)
        return ops.logsumexp(ops.log_softmax(x), axis=1) - math.log(x.shape[1])

    def compute_output_shape(self, shape):
        return (shape[0], shape[2])

    def get_config(self):
        return {**super().get_config(), "kind": self.kind}


@keras.saving.register_keras_serializable(package="prebake")
class EnsembleModel(keras.Model):
    """In training the loss is the mean of the members' losses, whatever the loss; else, and in metrics, that of their mean.

    The loss of the mean would train one large network, whose members need not be right by themselves.
    """

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        if len(y_pred.shape) == 3:
            members = y_pred.shape[1]
            y_pred = ops.reshape(y_pred, (-1, y_pred.shape[2]))
            y = ops.repeat(y, members, axis=0)
            sample_weight = None if sample_weight is None else ops.repeat(sample_weight, members, axis=0)
        return super().compute_loss(x, y, y_pred, sample_weight, training=training)

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        if len(y_pred.shape) == 3:
            y_pred = self.layers[-1].mean(y_pred)
        return super().compute_metrics(x, y, y_pred, sample_weight)
