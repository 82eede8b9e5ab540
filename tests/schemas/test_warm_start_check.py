"""Warm starts that cannot work are one error with line, field, reason and hint; those that can, pass."""

# ruff: noqa: E501 (a mistake and its message stand side by side)

import pytest
from prebake.schemas import spec_pb2
from prebake.schemas.errors import SpecError
from prebake.schemas.spec import complete_spec
from prebake.schemas.spec_check import check, check_sources
from prebake.schemas.spec_defaults import resolve
from prebake.schemas.spec_yaml import parse_yaml

DATA = "data: {files: data/*.csv, columns: {age: int, y: float}, label: y}\nfeatures: {age: as_is}\n"


def run(warm: str, training: str = "", model: str = "{hidden: [8, 8, 8]}") -> spec_pb2.Spec:
    text = f"{DATA}model: {model}\ntraining: {{warm_start: {warm}{', ' if training else ''}{training}}}\n"
    spec, source = parse_yaml(text, "s.yaml")
    check_sources(spec, source)
    spec = resolve(spec)
    check(spec, source)
    return spec


@pytest.mark.parametrize(
    ("warm", "training", "model"),
    [
        ("runs/a", "", "{hidden: [8]}"),
        ("{from: runs/a, layers: 3}", "optimizer: nadam", "{hidden: [8, 8, 8]}"),
        ("{from: runs/a, freeze: true}", "jit_compile: true", "{hidden: [8], dropout: 0.2}"),
        ("{from: runs/a, freeze: true, unfreeze_after: 2.5}", "loop: custom", "{hidden: [8], normalization: batch, activation: elu}"),
        ("{from: runs/a, layers: 1, freeze: true, cache: true, unfreeze_after: 2}", "", "{hidden: [8, 8], dropout: 0.2}"),
        ("{from: runs/a, freeze: true, cache: true}", "precision: mixed_float16", "{hidden: [8, 8]}"),
        ("{from: runs/a, layers: 4}", "", "{kind: residual, hidden: [8, 8]}"),
        ("{from: runs/a}", "optimizer: ftrl", ""),
        ("{from: runs/a}", "parts: {'wide*': ftrl}", "{kind: wide_and_deep, hidden: [8]}"),
        ("{from: runs/a}", "folds: 3, weight_average: 0.99", "{kind: linear}"),
    ],
)  # fmt: skip
def test_what_goes_together(warm, training, model):
    assert getattr(run(warm, training, model).training.warm_start, "from") == "runs/a"


@pytest.mark.parametrize(
    ("warm", "training", "model", "message"),
    [
        ("{layers: 1}", "", "", ": has no from (from: a run, the directory of a training, or an exported version)"),
        ("{from: a, layers: 0}", "", "", ".layers: must be at least 1, not 0"),
        ("{from: a, layers: 4}", "", "", ".layers: is 4, and the model has 3 hidden layers"),
        ("{from: a, freeze: true}", "optimizer: ftrl", "", ".freeze: does not go with ftrl, whose sums begin with the weights of the first step (choose another optimizer)"),
        ("{from: a, unfreeze_after: 2}", "", "", ".unfreeze_after: is given, and nothing is frozen (freeze: true)"),
        ("{from: a, freeze: true, unfreeze_after: -1}", "", "", ".unfreeze_after: must be a number of at least 0, not -1"),
        ("{from: a, freeze: true, unfreeze_after: 5}", "epochs: 5", "", ".unfreeze_after: is 5, and training ends after 5 epochs (0: never)"),
        ("{from: a, freeze: true}", "", "{kind: linear}", ".freeze: has nothing to freeze: a linear model has no hidden layer (leave it out)"),
        ("{from: a, freeze: true}", "weight_average: 0.9", "", ".freeze: does not go with training.weight_average, which averages all weights or none (leave out one of the two)"),
        ("{from: a, freeze: true}", "pruning: 0.5", "", ".freeze: does not go with training.pruning, which would change frozen weights (leave out one of the two)"),
        ("{from: a, cache: true}", "", "", ".cache: is given, and nothing is frozen: outputs change with each step (freeze: true)"),
        ("{from: a, freeze: true, cache: true, unfreeze_after: 1.5}", "", "", ".cache: needs a whole number of frozen epochs (unfreeze_after: 2)"),
        ("{from: a, freeze: true, cache: true}", "", "{hidden: [8, 8], dropout: 0.1}", ".cache: does not go with model.dropout, which draws anew in each step below the last frozen layer (leave out one of the two)"),
        ("{from: a, freeze: true, cache: true, layers: 1}", "", "{hidden: [8], input_noise: 0.1}", ".cache: does not go with model.input_noise, which draws anew in each step below the last frozen layer (leave out one of the two)"),
        ("{from: a, freeze: true, cache: true}", "distribution: mirrored", "", ".cache: does not go with mirrored: outputs that are kept are fed into the step of Keras' fit (leave one of the two out)"),
        ("{from: a, freeze: true, cache: true}", "loop: custom", "", ".cache: does not go with loop: custom: outputs that are kept are fed into the step of Keras' fit (leave one of the two out)"),
        ("{from: a, freeze: true, cache: true}", "jit_compile: true", "", ".cache: does not go with jit_compile: outputs that are kept are fed into the step of Keras' fit (leave one of the two out)"),
        ("{from: a, freeze: true, cache: true}", "source: csv", "", ".cache: needs source: examples, not csv (leave out one of the two)"),
        ("{from: a, freeze: true, cache: true}", "folds: 3", "", ".cache: does not go with folds (leave out one of the two)"),
    ],
)  # fmt: skip
def test_mistakes(warm, training, model, message):
    with pytest.raises(SpecError) as error:
        run(warm, training, model or "{hidden: [8, 8, 8], activation: elu}")
    assert str(error.value) == f"s.yaml:4: training.warm_start{message}"


def test_path_is_relative_to_the_folder_of_the_spec():
    spec, source = parse_yaml(DATA + "training: {warm_start: ../runs/a}\n", "s.yaml")
    completed = complete_spec(spec, source, "/home/me/specs")
    assert getattr(completed.training.warm_start, "from") == "/home/me/runs/a"
