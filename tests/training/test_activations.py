"""Softplus of our own, leaky_relu's slope: values and gradients by hand, saved by name, exported without Keras."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from prebake.schemas.errors import SpecError
from prebake.schemas.spec_pb2 import Model
from prebake.training.activations import activation_layer, safe_softplus

X = [-1000.0, -100.0, -1.0, 0.0, 1.0, 100.0, 1000.0]
# ln(1 + e^x): e^-100 is 3.7e-44, less than float32 can hold without loss; ln 2 = 0.693147 at 0.
VALUES = [0, 0, 0.31326169, 0.69314718, 1.31326169, 100, 1000]
# e^x / (1 + e^x)
GRADIENTS = [0, 0, 0.26894142, 0.5, 0.73105858, 1, 1]


def gradient_of(function, x: tf.Tensor) -> np.ndarray:
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = function(x)
    return tape.gradient(y, x).numpy()


@pytest.mark.parametrize("function", [safe_softplus, tf.function(safe_softplus)])
def test_safe_softplus_and_its_gradient_by_hand(function):
    x = tf.constant(X)
    np.testing.assert_allclose(function(x), VALUES, rtol=1e-6, atol=1e-42)
    np.testing.assert_allclose(gradient_of(function, x), GRADIENTS, rtol=1e-6, atol=1e-42)


def test_as_it_reads_softplus_has_no_gradient():
    """Why it is written otherwise."""

    def as_it_reads(x):
        return tf.math.log(1 + tf.exp(x))

    x = tf.constant([100.0])
    assert np.isinf(as_it_reads(x).numpy()).all()
    assert np.isnan(gradient_of(as_it_reads, x)).all()


def test_the_given_gradient_is_the_one_that_is_used():
    """The derivative of max(x, 0) + ln(1 + e^-|x|) as TensorFlow has it is 0.5, 0 or 1 at 0, by the kinks."""
    assert gradient_of(safe_softplus, tf.constant([0.0])).tolist() == [0.5]
    # Times what comes from above.
    np.testing.assert_allclose(
        gradient_of(lambda x: 3 * safe_softplus(x), tf.constant([1.0])), [3 * 0.73105858], rtol=1e-6
    )


def test_a_model_with_safe_softplus_is_saved_by_name_and_exported(tmp_path):
    inputs = keras.Input((1,))
    layer = activation_layer(Model(activation="safe_softplus"), "softplus")
    model = keras.Model(inputs, layer(inputs))
    assert layer.get_config()["activation"]["config"] == "prebake>safe_softplus"
    model.save(tmp_path / "model.keras")
    x = np.array(X, np.float32)[:, None]
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again(x), model(x))
    model.export(tmp_path / "saved", verbose=False)
    served = tf.saved_model.load(tmp_path / "saved").serve(x)
    np.testing.assert_array_equal(served, model(x))


@pytest.mark.parametrize(("slope", "wanted"), [(0.2, [-0.4, 3]), (0.01, [-0.02, 3]), (0.0, [0, 3])])
def test_leaky_relu_has_the_slope_of_the_spec(slope, wanted):
    layer = activation_layer(Model(activation="leaky_relu", slope=slope), "leak")
    np.testing.assert_allclose(layer(np.array([-2.0, 3.0], np.float32)), wanted, rtol=1e-6)


def test_an_activation_that_nobody_defines_is_one_line():
    with pytest.raises(SpecError) as caught:
        activation_layer(Model(activation="nobodys"), "x")
    assert str(caught.value) == (
        "spec: model.activation: the file of model_fn does not define 'nobodys' "
        "(define it there, or take one of Keras' names)"
    )
