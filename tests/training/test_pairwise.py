"""In: every pair of optimizer, schedule, regulariser, architecture and normalization. Out: it trains, saves, loads, goes on.

A few combinations hold every pair that is legal. Each trains three steps. What is loaded from its file predicts the same;
what is broken off after the second step and goes on from its checkpoint ends with the same weights. Every illegal pair is
refused, with the reason.
"""

from __future__ import annotations

import os
from typing import Any

import keras
import numpy as np
import pytest
import yaml
from pairwise import Value, all_pairs, cover
from prebake.schemas.errors import SpecError
from prebake.schemas.spec_check import check
from prebake.schemas.spec_defaults import resolve
from prebake.schemas.spec_pb2 import Spec
from prebake.schemas.spec_yaml import parse_yaml
from prebake.training import train as training
from prebake.training.dataset import evaluation_batches, open_examples
from prebake.training.evaluate import open_model
from small_run import make_run, make_spec

# What each value adds to `model` and `training` of a spec. The first of each factor goes with everything.
FACTORS: dict[str, dict[str, dict[str, Any]]] = {
    "optimizer": {
        "nadam": {"training": {"optimizer": "nadam"}},
        "adam": {"training": {"optimizer": "adam", "clipnorm": 0, "global_clipnorm": 1}},
        "sgd": {"training": {"optimizer": "sgd", "clipnorm": 0, "clipvalue": 0.5}},
        "momentum": {"training": {"optimizer": "momentum"}},
        "nesterov": {"training": {"optimizer": "nesterov"}},
        "adagrad": {"training": {"optimizer": "adagrad"}},
        "rmsprop": {"training": {"optimizer": {"kind": "rmsprop", "momentum": 0.9}}},
        "adamax": {"training": {"optimizer": "adamax"}},
        "adamw": {"training": {"optimizer": {"kind": "adamw", "weight_decay": 0.01}}},
        "ftrl": {"training": {"optimizer": {"kind": "ftrl", "l1": 0.001}}},
        "averaged": {"training": {"optimizer": "adam", "weight_average": 0.9}},
        "parts": {"training": {"optimizer": "nadam", "parts": {"*head*": {"optimizer": "ftrl"}}}},
    },
    "schedule": {
        "constant": {"training": {"schedule": "constant"}},
        "performance": {"training": {"schedule": {"kind": "performance", "patience": 1}}},
        "performance_by_steps": {
            "training": {"schedule": {"kind": "performance", "patience": 1, "steps": 1}}
        },
        "power": {"training": {"schedule": {"kind": "power", "steps": 2}}},
        "exponential": {"training": {"schedule": {"kind": "exponential", "epochs": 1}}},
        "piecewise": {
            "training": {"schedule": {"kind": "piecewise", "boundaries": [0.5], "factors": [1, 0.1]}}
        },
        "one_cycle": {"training": {"schedule": "one_cycle"}},
        "cosine": {"training": {"schedule": "cosine"}},
        "warmup": {"training": {"schedule": {"kind": "constant", "warmup_steps": 2}}},
    },
    "regulariser": {
        "none": {},
        "l1": {"model": {"l1": 0.01}},
        "l2": {"model": {"l2": 0.01}},
        "l1_l2": {"model": {"l1": 0.01, "l2": 0.01}},
        "dropout": {"model": {"dropout": 0.3}},
        "max_norm": {"model": {"max_norm": 0.5}},
        "input_noise": {"model": {"input_noise": 0.1}},
        "pruning": {"training": {"pruning": {"share": 0.5, "end": 0.5, "every": 1}}},
        "zero_below": {"training": {"zero_below": 0.01}},
    },
    "architecture": {
        "dnn": {"model": {"hidden": [8, 8]}},
        "dnn_elu": {"model": {"hidden": [8, 8], "activation": "elu"}},
        "linear": {"model": {"kind": "linear"}},
        "wide_and_deep": {"model": {"kind": "wide_and_deep", "hidden": [8, 8]}},
        "residual": {"model": {"kind": "residual", "hidden": [8, 8, 8]}},
        "reconstructing": {"model": {"kind": "reconstructing", "hidden": [8, 8]}},
        "ensemble": {"model": {"kind": "ensemble", "hidden": [8, 8], "members": 3}},
    },
    "normalization": {
        "none": {},
        "batch": {"model": {"normalization": "batch"}},
        "batch_after": {"model": {"normalization": "batch_after"}},
        "layer": {"model": {"normalization": "layer"}},
    },
    "loop": {"fit": {}, "custom": {"training": {"loop": "custom"}}},
    "label": {"regression": {}, "binary": {}, "multiclass": {}},
}
_HIDDEN = "is of hidden layers, and a linear model has none"
_MEMBER = "limits the weights of a unit, and those of a member are shared ones times its own"
LINEAR, ENSEMBLE = ("architecture", "linear"), ("architecture", "ensemble")
ILLEGAL = {
    (("regulariser", "dropout"), LINEAR): f"model.dropout: {_HIDDEN}",
    (("regulariser", "max_norm"), LINEAR): f"model.max_norm: {_HIDDEN}",
    (LINEAR, ("normalization", "batch")): f"model.normalization: {_HIDDEN}",
    (LINEAR, ("normalization", "batch_after")): f"model.normalization: {_HIDDEN}",
    (LINEAR, ("normalization", "layer")): f"model.normalization: {_HIDDEN}",
    (("regulariser", "max_norm"), ENSEMBLE): f"model.max_norm: {_MEMBER}",
}


def spec_of(combination: dict[str, str]) -> Spec:
    """The resolved spec of a small run with these choices; checked."""
    parts: dict[str, dict[str, Any]] = {"model": {}, "training": {"epochs": 1, "batch_size": 16}}
    for factor, value in combination.items():
        for part, fields in FACTORS[factor][value].items():
            parts[part].update(fields)
    spec = make_spec(combination.get("label", "regression"))
    text = yaml.safe_dump({part: fields for part, fields in parts.items() if fields}, sort_keys=False)
    parsed, source = parse_yaml(text, "spec.yaml")
    spec.model.CopyFrom(parsed.model)
    spec.training.CopyFrom(parsed.training)
    spec = resolve(spec)
    check(spec, source)
    return spec


def refusal(pair: tuple[Value, Value]) -> str:
    """Why a pair is refused; empty if it is not."""
    try:
        # A linear model has no hidden layers, which the default architecture would give.
        spec_of({"architecture": "dnn", **dict(pair)})
    except SpecError as error:
        return str(error).split(": ", 1)[1]
    return ""


NAMES = {factor: list(values) for factor, values in FACTORS.items()}
REFUSED = {pair: reason for pair in all_pairs(NAMES) if (reason := refusal(pair))}
COVER = cover(NAMES, REFUSED.keys())


def test_every_illegal_pair_is_refused_with_the_reason():
    assert {pair: reason.rsplit(" (", 1)[0] for pair, reason in REFUSED.items()} == ILLEGAL


def test_the_cover_holds_every_legal_pair():
    held = {
        pair
        for combination in COVER
        for pair in all_pairs({factor: [value] for factor, value in combination.items()})
    }
    assert held == set(all_pairs(NAMES)) - REFUSED.keys()
    # As few as the two largest factors need, and not many more.
    assert len(COVER) <= 1.4 * len(NAMES["optimizer"]) * len(NAMES["schedule"])


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> dict[str, str]:
    """A small run of each kind of label."""
    folder = tmp_path_factory.mktemp("pairwise")
    found = {}
    for label in NAMES["label"]:
        found[label] = str(folder / label)
        make_run(found[label], label, rows=60)
    return found


class BrokenOffError(Exception):
    pass


def break_off(model: keras.Model, step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next training raises before the step of that number, after a checkpoint of the ones before."""

    class Break(keras.callbacks.Callback):
        STATE = ()

        def on_train_batch_begin(self, batch: int, logs=None) -> None:
            if batch == step:
                raise BrokenOffError

    build = training.build_callbacks
    monkeypatch.setattr(training, "build_callbacks", lambda *args: [*build(*args), Break()])


def weights(model: keras.Model) -> list[np.ndarray]:
    return [variable.numpy() for variable in model.variables if "seed" not in variable.path]


# Every twentieth in each run of the tests, all of them among the long ones.
@pytest.mark.parametrize(
    "combination",
    [
        pytest.param(one, id="-".join(one.values()), marks=[] if number % 20 == 0 else pytest.mark.long)
        for number, one in enumerate(COVER)
    ],
)
def test_trains_goes_on_saves_loads_and_predicts_the_same(runs, combination, monkeypatch):
    run = runs[combination["label"]]
    spec = spec_of(combination)
    spec.training.checkpoint.steps = 1
    spec.training.name = "unbroken"
    kept: list[keras.Model] = []
    write = training.write_result

    def keep(directory: str, model: keras.Model, *rest) -> None:
        kept.append(model)
        write(directory, model, *rest)

    monkeypatch.setattr(training, "write_result", keep)
    result = training.train(run, spec, progress=False, replace=True)
    assert result.epochs == 1
    loaded, _ = open_model(run, "unbroken")
    features = next(iter(evaluation_batches(open_examples(run), "test", batch_size=10)))[0]
    trained = kept[0](features, training=False).numpy()
    assert np.isfinite(trained).all()
    assert np.array_equal(trained, loaded(features, training=False).numpy())

    spec.training.name = "broken"
    with monkeypatch.context() as patch:
        break_off(kept[0], 2, patch)
        with pytest.raises(BrokenOffError):
            training.train(run, spec, progress=False, replace=True)
    told: list[str] = []
    training.train(run, spec, progress=False, replace=True, notice=told.append)
    assert any("epoch 1, step 3" in line for line in told)
    resumed, _ = open_model(run, "broken")
    for one, other in zip(weights(loaded), weights(resumed), strict=True):
        assert np.array_equal(one, other)
    assert os.path.isdir(os.path.join(run, "training", "broken"))
