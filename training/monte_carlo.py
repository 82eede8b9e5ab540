"""In: a model trained with dropout, and features. Out: answers of many networks, each without other units; their spread.

Gal and Ghahramani, "Dropout as a Bayesian approximation", 2016 (HOML, chapter 11): a network with some of its units left out
is a draw from the networks that the training holds likely. How far the draws lie apart says how sure the model is.

A sample is one such network for all rows: which units it lacks is a function of (seed, sample), not of the row or its place
in a batch. The same row has the same answer in every request. Everything but dropout is in inference mode: batch
normalization uses its moving statistics, and noise on the inputs, which stands for other data and not for another network,
is off.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping

import keras
import tensorflow as tf

from ..schemas.errors import PrebakeError
from ..schemas.manifest_pb2 import LabelEntry
from ..schemas.spec_pb2 import BINARY, REGRESSION
from .label_unit import in_unit
from .split_model import split_model

QUANTILES = (0.05, 0.5, 0.95)
# Of SELU: scale times alpha, below 0, which it goes to for very small inputs (Klambauer et al., 2017).
_SELU_LEAST = -1.0507009873554804934193349852946 * 1.6732632423543772848170429916717


class Sampler:
    """Runs a model many times, with other units left out each time.

    Args:
      model: features by name → float32 [batch, units], with dropout (plain, spatial or alpha); its weights are used, not
        copied.
      samples: how many times.
      seed: of what is left out.

    Raises:
      PrebakeError: the model has no dropout.
    """

    def __init__(self, model: keras.Model, samples: int, seed: int):
        self.samples = samples
        self._seed, self._model = seed % 2**63, model
        self._drops = [layer for layer in _nested(model) if _drops(layer)]
        if not self._drops:
            raise PrebakeError(
                f"export.samples: is {samples}, and the model has no dropout: all samples would be the same: set "
                "model.dropout and train again, or export.samples: 0"
            )
        # Traced once for all signatures, and a loop of the graph, not of Python.
        self._run = tf.function(self._sample, autograph=False, reduce_retracing=True)
        self._split = None
        if isinstance(model, keras.src.models.Functional):
            # What lies below the first dropout is the same in all samples, and most of the model where its inputs are wide.
            self._split = split_model(model, lambda layer: any(_drops(one) for one in _nested(layer)))

    def __call__(self, features: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """The outputs of all samples, float32 [samples, batch, units]."""
        return self._run(dict(features))

    def _sample(self, features: dict[str, tf.Tensor]) -> tf.Tensor:
        split = self._split
        values = features if split is None else split.run_below(features)

        def one(sample: tf.Tensor) -> tf.Tensor:
            with self._dropping(sample):
                if split is None:
                    return self._model(values, training=False)
                return split.run_above(values, training=False)

        return tf.map_fn(one, tf.range(self.samples), fn_output_signature=tf.float32)

    @contextlib.contextmanager
    def _dropping(self, sample: tf.Tensor) -> Iterator[None]:
        """While the model is called or traced, its dropout layers drop what the sample lacks."""
        for number, layer in enumerate(self._drops):
            place = tf.cast(sample, tf.int64) * len(self._drops) + number
            layer.call = _Drop(layer, tf.stack([tf.constant(self._seed, tf.int64), place]))
        try:
            yield
        finally:
            for layer in self._drops:
                del layer.call


class _Drop:
    """What a dropout layer does to its inputs, with the same mask for all rows."""

    def __init__(self, layer: keras.layers.Layer, seed: tf.Tensor):
        self._layer, self._seed = layer, seed

    def __call__(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        rate = self._layer.rate
        draw = tf.random.stateless_uniform(self._shape(inputs), self._seed, alg="philox")
        kept = tf.cast(draw >= rate, inputs.dtype)
        if not isinstance(self._layer, keras.layers.AlphaDropout):
            return inputs * kept / (1 - rate)
        # Units are set to SELU's least value; then mean 0 and variance 1, if the inputs had them, are put back.
        a = ((1 - rate) * (1 + rate * _SELU_LEAST**2)) ** -0.5
        return a * (inputs * kept + _SELU_LEAST * (1 - kept)) - a * _SELU_LEAST * rate

    def _shape(self, inputs: tf.Tensor) -> tf.Tensor:
        """Of the mask: one row, and 1 wherever the layer has one mask for a whole axis."""
        shape = tf.shape(inputs)
        if hasattr(self._layer, "_get_noise_shape"):  # spatial dropout: whole channels
            wanted = self._layer._get_noise_shape(inputs)
        else:
            wanted = self._layer.noise_shape or [None] * inputs.shape.rank
        return tf.stack(
            [1, *(shape[axis] if wanted[axis] is None else wanted[axis] for axis in range(1, len(wanted)))]
        )


def _nested(layer: keras.Operation) -> list[keras.layers.Layer]:
    """The layer and those within it, each once."""
    if not isinstance(layer, keras.layers.Layer):
        return []
    return list({id(one): one for one in layer._flatten_layers()}.values())


def _drops(layer: keras.layers.Layer) -> bool:
    return isinstance(layer, keras.layers.Dropout | keras.layers.AlphaDropout) and layer.rate > 0


def describe_samples(outputs: tf.Tensor, label: LabelEntry) -> dict[str, tf.Tensor]:
    """What a client is told of the samples.

    Args:
      outputs: of the model, float32 [samples, batch, units].
      label: kind and class names.

    Returns:
      Regression: "mean", "deviation" float32 [batch] and "quantiles" float32 [batch, 3] at `QUANTILES`, in the label's own
      unit. Binary: "probability" (the mean), "deviation", "entropy" float32 [batch]. Multiclass: "probabilities" and
      "deviations" float32 [batch, classes], "entropy" float32 [batch]. Both: "class" string [batch], by the mean.
      Deviations are of the samples around their mean (divided by their number). The entropy, in nats, is that of the mean
      probabilities: 0 if the model is sure, ln(classes) if it knows nothing.
    """
    # binary64: sums of many binary32 have other last bits in batches of another size.
    if label.kind == REGRESSION:
        values = tf.cast(in_unit(outputs[:, :, 0], label), tf.float64)
        mean, deviation = _moments(values)
        quantiles = tf.stack([_quantile(tf.sort(values, axis=0), q) for q in QUANTILES], axis=1)
        return {"mean": _narrow(mean), "deviation": _narrow(deviation), "quantiles": _narrow(quantiles)}
    names = tf.constant(list(label.classes))
    if label.kind == BINARY:
        mean, deviation = _moments(tf.cast(tf.sigmoid(outputs[:, :, 0]), tf.float64))
        probability = _narrow(mean)
        return {
            "probability": probability,
            "deviation": _narrow(deviation),
            "entropy": _entropy(tf.stack([mean, 1 - mean], axis=1)),
            "class": tf.gather(names, tf.cast(probability >= 0.5, tf.int64)),
        }
    mean, deviation = _moments(tf.cast(tf.nn.softmax(outputs), tf.float64))
    probabilities = _narrow(mean)
    return {
        "probabilities": probabilities,
        "deviations": _narrow(deviation),
        "entropy": _entropy(mean),
        "class": tf.gather(names, tf.argmax(probabilities, axis=1)),
    }


def _moments(values: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    mean = tf.reduce_mean(values, axis=0)
    return mean, tf.sqrt(tf.reduce_mean(tf.square(values - mean), axis=0))


def _quantile(ordered: tf.Tensor, q: float) -> tf.Tensor:
    """Between the two samples around place q * (samples - 1), on a line, as numpy.quantile does it."""
    place = q * (ordered.shape[0] - 1)
    below = int(place)
    above = min(below + 1, ordered.shape[0] - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def _entropy(probabilities: tf.Tensor) -> tf.Tensor:
    return _narrow(-tf.reduce_sum(tf.math.xlogy(probabilities, probabilities), axis=1))


def _narrow(x: tf.Tensor) -> tf.Tensor:
    return tf.cast(x, tf.float32)
