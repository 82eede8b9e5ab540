"""In: gradients, and a learning rate that may change. Out: weights moved by FTRL, which keeps many of them at 0."""

from __future__ import annotations

import keras
from keras import ops

# A rate of 0, at the end of a cosine, would be divided by. At this one nothing moves either.
_LEAST_RATE = 1e-12


@keras.saving.register_keras_serializable(package="prebake")
class Ftrl(keras.optimizers.Ftrl):
    """FTRL-Proximal (McMahan et al., 2013); of weights that begin with 0, Keras' own, to the same bits at a constant rate.

    The algorithm's σ_t is √n_t / rate_t - √n_(t-1) / rate_(t-1) (the paper, section 3). Keras divides both by today's rate,
    and so each change of the rate multiplies the weights by the same: a schedule that halves the rate halves the model.

    In FTRL the weights are a function of the sums z alone, which Keras begins with 0. So the first step throws away what
    an initializer chose, and the layers of a network, all near 0, learn nothing. Here z begins with what gives them.
    """

    def build(self, var_list):
        if self.built:
            return
        super().build(var_list)
        self._last_rate = self.add_variable((), name="last_rate", aggregation="only_first_replica")

    def update_step(self, gradient, variable, learning_rate):
        """One weight's step; n: accumulator, z: linear.

        n' = n + g²;  z' = z + g - (√n' / rate - √n / last rate) w;  w' = (clip(z', ±l1) - z') / (√n' / rate + 2 l2)
        """
        rate = ops.maximum(ops.cast(learning_rate, variable.dtype), _LEAST_RATE)
        gradient = ops.cast(gradient, variable.dtype)
        accumulator = self._accumulators[self._get_variable_index(variable)]
        linear = self._linears[self._get_variable_index(variable)]
        l1, l2 = self.l1_regularization_strength, self.l2_regularization_strength
        last = ops.where(self.iterations > 0, ops.cast(self._last_rate, variable.dtype), rate)
        grown = accumulator + ops.square(gradient)
        before, after = ops.power(accumulator, 0.5), ops.power(grown, 0.5)
        first = -(variable * (before / rate + 2 * l2) + ops.sign(variable) * l1)
        self.assign(linear, ops.where(self.iterations > 0, linear, first))
        # rate / last is exactly 1 when they are equal, which leaves Keras' bits.
        self.assign_add(linear, gradient - (after - before * (rate / last)) / rate * variable)
        self.assign(variable, (ops.clip(linear, -l1, l1) - linear) / (after / rate + 2 * l2))
        self.assign(accumulator, grown)

    def _backend_update_step(self, grads, trainable_variables, learning_rate):
        super()._backend_update_step(grads, trainable_variables, learning_rate)
        self.assign(self._last_rate, ops.maximum(ops.cast(learning_rate, "float32"), _LEAST_RATE))
