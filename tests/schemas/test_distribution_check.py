"""Loops and devices: what is chosen, and what cannot stand side by side is one error with line, field, reason and hint."""

# ruff: noqa: E501 (a mistake and its message stand side by side)

import pytest
from prebake.schemas import spec_pb2
from prebake.schemas.errors import SpecError
from prebake.schemas.spec_check import check, check_sources
from prebake.schemas.spec_defaults import resolve
from prebake.schemas.spec_yaml import parse_yaml

DATA = "data: {files: data/*.csv, columns: {age: int, city: string, y: float}, label: y}\n"


def run(training: str) -> spec_pb2.Training:
    spec, source = parse_yaml(DATA + f"training: {training}\n", "s.yaml")
    check_sources(spec, source)
    spec = resolve(spec)
    check(spec, source)
    return spec.training


@pytest.mark.parametrize(
    ("training", "loop"),
    [
        ("{}", "LOOP_FIT"),
        ("{loop: custom}", "LOOP_CUSTOM"),
        ("{jit_compile: true}", "LOOP_CUSTOM"),
        ("{distribution: mirrored}", "LOOP_CUSTOM"),
        ("{distribution: multi_worker, loop: fit}", "LOOP_CUSTOM"),
        ("{distribution: tpu}", "LOOP_CUSTOM"),
    ],
)
def test_several_devices_have_the_step_of_our_own(training, loop):
    assert spec_pb2.Loop.Name(run(training).loop) == loop


@pytest.mark.parametrize(
    "training",
    [
        "{distribution: mirrored, cache: memory, folds: 3}",
        "{distribution: mirrored, source: csv}",
        "{distribution: multi_worker, cache: none, pruning: 0.5, weight_average: 0.99, precision: mixed_bfloat16}",
        "{distribution: multi_worker, warm_start: {from: runs/a, freeze: true, unfreeze_after: 2}}",
        "{loop: custom, warm_start: {from: runs/a, freeze: true}, jit_compile: true}",
    ],
)
def test_goes_together(training):
    run(training)


@pytest.mark.parametrize(
    ("training", "text"),
    [
        (
            "{distribution: mirrored, jit_compile: true}",
            "training.jit_compile: does not go with mirrored: the devices have to wait for each other inside of the step, which XLA compiles for one device (leave one of the two out)",
        ),
        (
            "{distribution: multi_worker, folds: 3}",
            "training.folds: do not go with multi_worker: hosts that do not have to wait for each other train the folds faster (train each fold on a host of its own, or on one host with mirrored)",
        ),
        (
            "{distribution: multi_worker, cache: memory}",
            "training.cache: memory does not go with multi_worker: a host reads other shards in each epoch (cache: none)",
        ),
        (
            "{distribution: multi_worker, source: csv}",
            "training.source: 'csv' does not go with multi_worker: hosts share the rows by shards of the examples (source: examples)",
        ),
        (
            "{loop: custom, warm_start: {from: runs/a, freeze: true, cache: true}}",
            "training.warm_start.cache: does not go with loop: custom: outputs that are kept are fed into the step of Keras' fit (leave one of the two out)",
        ),
        (
            "{jit_compile: true, warm_start: {from: runs/a, freeze: true, cache: true}}",
            "training.warm_start.cache: does not go with jit_compile: outputs that are kept are fed into the step of Keras' fit (leave one of the two out)",
        ),
        (
            "{distribution: mirrored, warm_start: {from: runs/a, freeze: true, cache: true}}",
            "training.warm_start.cache: does not go with mirrored: outputs that are kept are fed into the step of Keras' fit (leave one of the two out)",
        ),
    ],
)
def test_pairs_that_cannot_work(training, text):
    with pytest.raises(SpecError) as error:
        run(training)
    assert str(error.value) == f"s.yaml:2: {text}"
