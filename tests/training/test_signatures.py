"""In: an export, loaded by TensorFlow alone. Out: what a client is told of rows that cannot be read; the others' answers."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from prebake.schemas.errors import DataError
from prebake.schemas.statistics_pb2 import Statistics
from prebake.training.export import write_saved_model
from prebake.training.model import build_model
from prebake.training.raw_rows import read_csv, read_python
from prebake.training.signatures import SIGNATURES, inputs_of
from prebake.transforms.graph import TransformGraph
from prebake.transforms.refuse import refusal
from small_run import make_spec
from tensorflow.core.protobuf import saved_model_pb2

STATISTICS = """
format_version: 1 rows: 8
columns { name: "city" present: 8 }
columns { name: "hours-per-week" present: 8 mean: 40 variance: 100 min: 0 max: 99 }
columns { name: "income" present: 7 missing: 1 mean: 50 variance: 100 min: 0 max: 90 }
columns { name: "rooms" present: 8 mean: 4 variance: 4 min: 1 max: 9 median: 4 }
"""
CITIES = [b"Rome", b"Oslo"]
# income, rooms, city, hours-per-week, note; the note is ignored.
GOOD = [(50.5, 3, b"Rome", 40.0), (math.nan, 1, b"Ulm", 20.0), (70.25, 9, b"", 0.0)]
BAD = [(math.inf, 3, b"Rome", 40.0), (1.0, 0, b"Oslo", 40.0), (1.0, 3, b"\xff", 40.0)]
WHY = [
    "column 'income' 'inf' is out of the range of a 32-bit float",
    "column 'rooms' '0' is below the minimum 1",
    "column 'city' '\ufffd' is not UTF-8: byte 0xFF at byte 0",
]


def make_graph(kind: str) -> TransformGraph:
    """`rooms` is required and at least 1; the others are optional."""
    spec = make_spec(kind)
    rooms = spec.data.columns[1]
    rooms.required, rooms.min = True, 1
    labels = {"label": [b"low", b"high"]} if kind == "binary" else {}
    return TransformGraph(spec, text_format.Parse(STATISTICS, Statistics()), {"city": CITIES, **labels})


@pytest.fixture(scope="module", params=["regression", "binary"])
def exported(request, tmp_path_factory) -> dict[bool, tuple[str, TransformGraph]]:
    """The same untrained model, with and without marks."""
    graph = make_graph(request.param)
    model = build_model(graph.spec.model, graph.features, graph.label)
    found = {}
    for mark in (False, True):
        directory = str(tmp_path_factory.mktemp(f"{request.param}_{mark}") / "1")
        write_saved_model(directory, graph, model, mark=mark)
        found[mark] = directory, graph
    return found


@pytest.fixture(scope="module")
def loaded(exported) -> dict[bool, dict]:
    return {mark: tf.saved_model.load(directory).signatures for mark, (directory, _) in exported.items()}


def columns(rows) -> dict[str, tf.Tensor]:
    income, rooms, city, hours = zip(*rows, strict=True)
    return {
        "income": tf.constant(income, tf.float32),
        "rooms": tf.constant(rooms, tf.int64),
        "city": tf.constant(city),
        "hours_per_week": tf.constant(hours, tf.float32),
    }


def request(signature: str, rows) -> dict[str, tf.Tensor]:
    if "csv" in signature:
        return {"lines": tf.constant([line(row) for row in rows])}
    if "examples" in signature:
        return {"examples": tf.constant([example(row) for row in rows])}
    return columns(rows)


def line(row) -> bytes:
    income, rooms, city, hours = row
    written = b"" if math.isnan(income) else b"1e39" if math.isinf(income) else repr(income).encode()
    return b",".join([written, str(rooms).encode(), city, repr(hours).encode(), b"note"])


def example(row) -> bytes:
    sent = tf.train.Example()
    income, rooms, city, hours = row
    feature = sent.features.feature
    if not math.isnan(income):
        feature["income"].float_list.value.append(income)
    feature["rooms"].int64_list.value.append(rooms)
    if city:
        feature["city"].bytes_list.value.append(city)
    feature["hours-per-week"].float_list.value.append(hours)
    return sent.SerializeToString()


SIGNED = [*SIGNATURES, *SIGNATURES.values()]


def told(signature: str, number: int) -> str:
    """A line is refused as a whole where it is no text, and shows the number as it was written."""
    if "csv" in signature and number == 2:
        return "'1.0,3,\ufffd,40.0,note' is not UTF-8: byte 0xFF at byte 6 of the row"
    return WHY[number].replace("'inf'", "'1e39'") if "csv" in signature else WHY[number]


@pytest.mark.fault(7, 27, 51)
@pytest.mark.parametrize("signature", SIGNED)
def test_a_bad_row_fails_its_batch(loaded, signature):
    for number, row in enumerate(BAD):
        with pytest.raises(tf.errors.InvalidArgumentError) as caught:
            loaded[False][signature](**request(signature, [GOOD[0], row, GOOD[1]]))
        assert refusal(caught.value) == f"row 2: {told(signature, number)}"
    assert "error" not in loaded[False][signature].structured_outputs


@pytest.mark.fault(51)
@pytest.mark.parametrize("signature", SIGNED)
def test_a_bad_row_is_marked_and_the_others_stand(loaded, signature):
    rows = [GOOD[0], BAD[0], GOOD[1], BAD[1], BAD[2], GOOD[2]]
    found = loaded[True][signature](**request(signature, rows))
    errors = ["", told(signature, 0), "", told(signature, 1), told(signature, 2), ""]
    assert [error.decode() for error in found.pop("error").numpy()] == errors
    # The same places in a batch of the same size.
    replaced = [row if row in GOOD else GOOD[0] for row in rows]
    expected = loaded[False][signature](**request(signature, replaced))
    assert found.keys() == expected.keys()
    bad = np.array([bool(error) for error in errors])
    for name, value in found.items():
        assert (
            value.numpy()[~bad].tobytes() == expected[name].numpy()[~bad].tobytes()
            or value.dtype == tf.string
        )
        blank = {tf.string: b"", tf.int64: -1}.get(value.dtype, math.nan)
        for one in value.numpy()[bad].ravel().tolist():
            assert one == blank or (math.isnan(blank) and math.isnan(one))
        if value.dtype == tf.string:
            assert value.numpy()[~bad].tolist() == expected[name].numpy()[~bad].tolist()


@pytest.mark.parametrize("signature", SIGNED)
def test_rows_without_fault_are_answered_alike(loaded, signature):
    marked = loaded[True][signature](**request(signature, GOOD))
    assert marked.pop("error").numpy().tolist() == [b"", b"", b""]
    plain = loaded[False][signature](**request(signature, GOOD))
    for name, value in plain.items():
        assert value.numpy().tolist() == marked[name].numpy().tolist() or name in ("income",)
        assert value.shape == marked[name].shape


@pytest.mark.fault(51)
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"rooms": tf.constant([1, 2], tf.int64)}, "columns have different numbers of rows: 'income' has 1, 'rooms' has 2"),
        ({"rooms": tf.constant([], tf.int64)}, "columns have different numbers of rows: 'income' has 1, 'rooms' has 0"),
        ({"income": tf.constant([[1.0]])}, "column 'income' has the shape [1, 1]; a column has one value for each row"),
        ({"city": tf.constant("Rome")}, "column 'city' has the shape []; a column has one value for each row: [rows]"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("mark", [False, True])
def test_columns_of_other_shapes_are_named(loaded, mark, wrong, message):
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        loaded[mark]["serving_default"](**(columns(GOOD[:1]) | wrong))
    assert refusal(caught.value).startswith(message)


@pytest.mark.fault(51)
def test_what_tensorflow_says_before_the_graph_runs(loaded):
    """These errors are TensorFlow's: docs/training.md says how to read them."""
    sent = columns(GOOD[:1])
    serve = loaded[False]["serving_default"]
    with pytest.raises(TypeError, match="missing a required argument: 'rooms'"):
        serve(**{name: x for name, x in sent.items() if name != "rooms"})
    with pytest.raises(TypeError, match="got an unexpected keyword argument 'room'"):
        serve(**sent, room=sent["rooms"])
    # Inputs are counted in the order of their names: city, hours_per_week, income, rooms.
    with pytest.raises(
        tf.errors.InvalidArgumentError, match=r"input #3\(zero-based\) was expected to be a int64 tensor"
    ):
        serve(**(sent | {"rooms": tf.constant([1.5])}))


@pytest.mark.fault(51)
@pytest.mark.parametrize("mark", [False, True])
def test_an_optional_column_may_be_left_out(loaded, exported, mark):
    absent = columns([(math.nan, 3, b"", 40.0), (math.nan, 4, b"", 10.0)])
    serve = loaded[mark]["serving_default"]
    expected = {name: value.numpy().tolist() for name, value in serve(**absent).items()}
    # In Python every input must be given: an empty one says that the column is not there.
    empty = {"income": tf.constant([], tf.float32), "city": tf.constant([], tf.string)}
    found = serve(**(absent | empty))
    assert {name: value.numpy().tolist() for name, value in found.items()} == expected
    # A server takes it from the signature's defaults.
    directory, graph = exported[mark]
    with open(f"{directory}/saved_model.pb", "rb") as file:
        saved = saved_model_pb2.SavedModel.FromString(file.read())
    for name in ("serving_default", "features"):
        defaults = saved.meta_graphs[0].signature_def[name].defaults
        assert {key: tuple(tf.make_ndarray(value).shape) for key, value in defaults.items()} == {
            "income": (0,), "city": (0,), "hours_per_week": (0,),
        }  # fmt: skip
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        signed = tf.compat.v1.saved_model.loader.load(session, ["serve"], directory).signature_def[
            "serving_default"
        ]
        fed = {
            signed.inputs["rooms"].name: [3, 4],
            signed.inputs["hours_per_week"].name: [40.0, 10.0],
        }
        answer = session.run({name: info.name for name, info in signed.outputs.items()}, fed)
    assert {name: value.tolist() for name, value in answer.items()} == expected
    assert graph.spec.data.columns[1].required


def test_inputs_have_the_names_that_a_reader_of_files_gives_them():
    """`a b` is not read by the model; still `a_b` is the second of the two."""
    spec = make_spec("regression")
    spec.data.columns[0].name, spec.data.columns[4].name = "in_come", "in come"
    for feature in spec.features:
        feature.column = {"income": "in_come"}.get(feature.column, feature.column)
    spec.data.columns.insert(0, spec.data.columns.pop(4))
    statistics = text_format.Parse(STATISTICS.replace('"income"', '"in_come"'), Statistics())
    graph = TransformGraph(spec, statistics, {"city": CITIES})
    assert inputs_of(graph) == {
        "in_come": "in_come_2", "rooms": "rooms", "city": "city", "hours-per-week": "hours_per_week",
    }  # fmt: skip


def test_rows_of_a_file_that_cannot_be_read_are_set_aside(tmp_path):
    data = make_graph("regression").spec.data
    needed = [data.columns[place] for place in (0, 1, 2)]
    path = tmp_path / "a.csv"
    path.write_bytes(b'income,rooms,city\n1.5,2,Rome\nx,2,Rome\n1.5,2\n?,0,Oslo\n2,3,"a"b\n3,4,Oslo\n')
    (batch,) = list(read_csv(str(path), data, needed, mark=True).batches)
    assert batch.numbers.tolist() == [2, 7]
    assert batch.columns["income"].tolist() == [1.5, 3]
    assert [str(error) for _, error in batch.faults] == [
        f"{path}:3:income 'x' is not a number: digits with an optional '-', '.' and exponent, nothing else",
        f"{path}:4 '1.5,2' has 2 fields, expected 3: check its delimiters and quotes",
        f"{path}:5:rooms '0' is below the minimum 1",
        f"{path}:6 '2,3,\"a\"b' has text after the closing quote of field 3",
    ]
    with pytest.raises(DataError) as error:
        list(read_csv(str(path), data, needed, mark=False).batches)
    assert str(error.value) == str(batch.faults[0][1])
    rows = [{"rooms": 3}, {"rooms": 1.5}, {"income": 1}]
    batch = read_python(rows, data, needed, mark=True)
    assert batch.numbers.tolist() == [1]
    assert [str(fault) for _, fault in batch.faults] == [
        "rows:2:rooms '1.5' is not a whole number of 64 bits",
        "rows:3:rooms: the row lacks this column; use None if it is missing",
    ]
