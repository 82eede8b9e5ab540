"""In: small trainings in fewer bits, and by XLA. Out: what they learn is as good, and the model answers in float32."""

from __future__ import annotations

import numpy as np
import pytest
from prebake.schemas.run_dir import read_spec
from prebake.schemas.spec_pb2 import (
    NADAM,
    PRECISION_FLOAT32,
    PRECISION_MIXED_BFLOAT16,
    PRECISION_MIXED_FLOAT16,
)
from prebake.training.compile import compiled_model
from prebake.training.dataset import evaluation_batches, open_examples
from prebake.training.evaluate import open_model
from prebake.training.train import train


@pytest.mark.parametrize("precision", [PRECISION_MIXED_FLOAT16, PRECISION_MIXED_BFLOAT16])
def test_a_training_in_fewer_bits(run_dir, precision):
    spec = read_spec(run_dir)
    spec.training.epochs, spec.training.learning_rate, spec.training.optimizer.kind = 8, 0.02, NADAM
    exact = train(run_dir, spec, progress=False).metrics["rmse"]
    spec.training.name, spec.training.precision = "mixed", precision
    rough = train(run_dir, spec, progress=False).metrics["rmse"]
    # 8 or 11 bits of each product: another model, and as good to a tenth.
    assert rough != exact
    assert rough == pytest.approx(exact, rel=0.1)
    model, _ = open_model(run_dir, "mixed")
    assert {layer.dtype_policy.name for layer in model.layers} == {"float32"}


def test_layers_compute_in_fewer_bits_and_the_head_in_all(run_dir):
    spec = read_spec(run_dir)
    spec.training.precision = PRECISION_MIXED_BFLOAT16
    model = compiled_model(spec, open_examples(run_dir))
    policies = {layer.name: layer.dtype_policy.name for layer in model.layers}
    assert policies["head"] == "float32"
    assert "mixed_bfloat16" in policies.values()
    assert {variable.dtype for variable in model.trainable_variables} == {"float32"}


def test_float16_scales_the_loss(run_dir):
    spec = read_spec(run_dir)
    spec.training.precision = PRECISION_MIXED_FLOAT16
    assert type(compiled_model(spec, open_examples(run_dir)).optimizer).__name__ == "LossScaleOptimizer"
    spec.training.precision = PRECISION_FLOAT32
    # The policy of the process is what it was.
    assert {layer.dtype_policy.name for layer in compiled_model(spec, open_examples(run_dir)).layers} == {
        "float32"
    }


def test_xla_learns_the_same_to_rounding(run_dir):
    spec = read_spec(run_dir)
    spec.training.epochs = 2
    train(run_dir, spec, progress=False)
    spec.training.name, spec.training.jit_compile = "xla", True
    train(run_dir, spec, progress=False)
    one, other = open_model(run_dir, "default")[0], open_model(run_dir, "xla")[0]
    features = next(iter(evaluation_batches(open_examples(run_dir), "test", batch_size=50)))[0]
    np.testing.assert_allclose(one(features), other(features), rtol=1e-4, atol=1e-4)
