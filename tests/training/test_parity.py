"""In: exported models, sound and with planted faults. Out: the gate is green for the first and red for the others."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
from google.protobuf import text_format
from prebake.schemas.errors import ArtifactError
from prebake.schemas.spec_pb2 import Spec
from prebake.schemas.statistics_pb2 import Statistics
from prebake.training.dataset import Examples, open_examples
from prebake.training.export import export, find_version, write_saved_model
from prebake.training.model import build_model
from prebake.training.parity import bit_difference, check_parity, number_difference
from prebake.training.train import train
from prebake.transforms.graph import TransformGraph
from prebake.transforms.serving_input import RequestReader
from prebake.transforms.vocabulary_files import read_vocabularies
from small_run import make_run

TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def sound_run(tmp_path_factory) -> str:
    run = str(tmp_path_factory.mktemp("parity"))
    make_run(run, rows=90)
    return run


def column(statistics: Statistics, name: str):
    return next(entry for entry in statistics.columns if entry.name == name)


def feature(spec: Spec, name: str):
    return next(entry for entry in spec.features if entry.name == name)


def shift_boundary(spec, statistics, vocabularies):
    feature(spec, "shift").buckets.boundaries[1] = 41


def move_vocabulary_line(spec, statistics, vocabularies):
    vocabularies["city"].reverse()


def fill_with_another_value(spec, statistics, vocabularies):
    column(statistics, "rooms").median = 5


def round_constant(spec, statistics, vocabularies):
    column(statistics, "income").mean = round(column(statistics, "income").mean, 4)


def swap_columns(spec, statistics, vocabularies):
    feature(spec, "income").column, feature(spec, "shift").column = "hours-per-week", "income"
    column(statistics, "hours-per-week").name, column(statistics, "income").name = "income", "hours-per-week"


def no_fault(spec, statistics, vocabularies):
    pass


def build_graph(run: str, fault) -> TransformGraph:
    directory = os.path.join(run, "transform")
    with open(os.path.join(directory, "spec.pbtxt"), encoding="utf-8") as file:
        spec = text_format.Parse(file.read(), Spec())
    with open(os.path.join(directory, "statistics.pb"), "rb") as file:
        statistics = Statistics.FromString(file.read())
    vocabularies = read_vocabularies(directory, statistics)
    fault(spec, statistics, vocabularies)
    return TransformGraph(spec, statistics, vocabularies)


def run_gate(run: str, fault, directory) -> Examples:
    graph = build_graph(run, fault)
    examples = open_examples(run)
    model = build_model(graph.spec.model, examples.manifest.features, graph.label)
    write_saved_model(str(directory), graph, model)
    check_parity(str(directory), graph, model, examples, TOLERANCE)
    return examples


@pytest.mark.fault(50)
def test_sound_export_passes(sound_run, tmp_path):
    examples = run_gate(sound_run, no_fault, tmp_path / "1")
    with open(tmp_path / "1" / "parity.json", encoding="utf-8") as file:
        report = json.load(file)
    sizes = {"1": 0.0, "7": 0.0, "512": 0.0}
    assert report.pop("largest_feature_difference") == {
        output.name: {"features": sizes, "features_examples": sizes, "features_csv": sizes}
        for output in examples.manifest.features
    }
    predictions = report.pop("largest_prediction_difference")
    assert predictions.keys() == {"serving_default", "serving_examples", "serving_csv"}
    assert all(0 <= value <= TOLERANCE for by_size in predictions.values() for value in by_size.values())
    assert report == {
        "passed": True,
        "rows": {"train": 15, "valid": 15, "test": 15},
        "batch_sizes": [1, 7, 512],
        "prediction_tolerance": TOLERANCE,
    }


@pytest.mark.fault(50)
@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (
            shift_boundary,
            "feature 'city_x_shift' is 9 by features in batches of 1, but 10 by the training run, at train.csv:4",
        ),
        (
            move_vocabulary_line,
            "feature 'city' is 0 by features in batches of 1, but 2 by the training run, at train.csv:4",
        ),
        (
            fill_with_another_value,
            "feature 'rooms' is 0.5714286 by features in batches of 1, but 0.42857146 by the training run, at train.csv:7",
        ),
        (
            round_constant,
            "feature 'income' is -2.937104 by features in batches of 1, but -2.9370987 by the training run, at test.csv:10",
        ),
        (
            swap_columns,
            "feature 'city_x_shift' is 3 by features in batches of 1, but 1 by the training run, at train.csv:5",
        ),
    ],
)
def test_planted_fault_turns_the_gate_red(sound_run, tmp_path, fault, message):
    with pytest.raises(ArtifactError) as error:
        run_gate(sound_run, fault, tmp_path / "1")
    assert str(error.value) == f"{tmp_path}: parity: {message}; nothing is published"
    assert not os.path.exists(tmp_path / "1" / "parity.json")


def test_cells_swapped_in_one_signature_turn_the_gate_red(sound_run, tmp_path, monkeypatch):
    read = RequestReader.read_csv_lines

    def swapped(reader, lines):
        raw, error = read(reader, lines)
        return {**raw, "income": raw["hours-per-week"], "hours-per-week": raw["income"]}, error

    monkeypatch.setattr(RequestReader, "read_csv_lines", swapped)
    with pytest.raises(
        ArtifactError, match="by features_csv in batches of 1, but .* by the training run, at .*.csv:"
    ):
        run_gate(sound_run, no_fault, tmp_path / "1")


def test_other_weights_turn_the_gate_red(sound_run, tmp_path):
    graph, examples = build_graph(sound_run, no_fault), open_examples(sound_run)
    model = build_model(graph.spec.model, examples.manifest.features, graph.label)
    write_saved_model(str(tmp_path / "1"), graph, model)
    bias = model.get_layer("head").bias
    bias.assign_add([0.001])
    with pytest.raises(
        ArtifactError, match="parity: prediction is .* by serving_default in batches of 1, but .* at "
    ):
        check_parity(str(tmp_path / "1"), graph, model, examples, TOLERANCE)


@pytest.mark.fault(48)
def test_red_gate_publishes_nothing(sound_run, tmp_path, monkeypatch):
    run = str(tmp_path)
    make_run(run, rows=90)
    train(run, progress=False)
    monkeypatch.setattr(
        "prebake.training.export.load_graph", lambda directory: build_graph(run, round_constant)
    )
    with pytest.raises(ArtifactError) as error:
        export(run)
    assert str(error.value).startswith(f"{run}/export/saved_model: parity: feature 'income' is ")
    assert str(error.value).endswith("; nothing is published")
    assert os.listdir(os.path.join(run, "export", "saved_model")) == []
    monkeypatch.undo()
    assert export(run).version == 1
    assert find_version(run).endswith("export/saved_model/1")


def test_without_raw_rows_nothing_is_proved(tmp_path):
    run = str(tmp_path / "run")
    make_run(run, rows=90)
    examples = open_examples(run)
    for split in examples.manifest.splits:
        split.sample = ""
    graph = build_graph(run, no_fault)
    model = build_model(graph.spec.model, examples.manifest.features, graph.label)
    with pytest.raises(ArtifactError) as error:
        check_parity(str(tmp_path / "1"), graph, model, examples, TOLERANCE)
    assert str(error.value) == (
        f"{run}/examples: no sample of raw rows: parity cannot be proved; transform again"
    )


def floats(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


def test_bit_difference_by_hand():
    assert bit_difference(floats(1, np.nan), floats(1, -np.nan)).row is None
    zero = bit_difference(floats(1, 0.0), floats(1, -0.0))
    assert (zero.row, zero.largest) == (1, 0.0)
    last_bit = bit_difference(floats(1, np.nextafter(np.float32(2), np.float32(3))), floats(1, 2))
    assert (last_bit.row, last_bit.largest) == (1, 2.0**-22)
    assert bit_difference(floats(1, np.nan, 9), floats(1, 2, 3)).row == 1
    ids = bit_difference(np.array([1, 5, 9]), np.array([1, 4, 3]))
    assert (ids.row, ids.largest, ids.found, ids.expected) == (2, 6.0, 9, 3)
    assert bit_difference(np.array([1]), floats(1)).row == 0


def test_number_difference_by_hand():
    far = number_difference(floats(1, 2.5, 3), floats(1, 2, 3.25))
    # A share of what is expected where that is larger than 1: 0.5 / 2.
    assert (far.row, far.largest, far.found, far.expected) == (1, 0.25, 2.5, 2.0)
    assert number_difference(floats(0.25, -99), floats(0.75, -100)).largest == 0.5
    assert number_difference(floats(np.nan), floats(1)).largest == np.inf
    many = number_difference(
        floats(0.5, 0.5, 0.25, 0.75).reshape(2, 2), floats(0.5, 0.5, 0.5, 0.5).reshape(2, 2)
    )
    assert (many.row, many.largest) == (1, 0.25)
