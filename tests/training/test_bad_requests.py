"""In: a model that marks bad rows, exported, and a CSV file with some. Out: predictions of the others, and the reasons."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from prebake.schemas.errors import SpecError
from prebake.schemas.manifest_pb2 import OutputFeature
from prebake.schemas.run_dir import read_spec
from prebake.schemas.spec_pb2 import MARK
from prebake.training.export import export
from prebake.training.predict import load
from prebake.training.train import train
from small_run import make_rows, write_csv

from prebake.cli import main

NEEDED = ["income", "rooms", "city", "hours-per-week"]


@pytest.mark.fault(51)
def test_bad_rows_of_a_file_are_marked(run_dir, tmp_path, capsys, monkeypatch):
    train(run_dir, progress=False)
    plain = export(run_dir)
    spec = read_spec(run_dir)
    spec.export.bad_rows = MARK
    with monkeypatch.context() as patch:
        patch.setattr("prebake.training.export.load_graph", graph_with_a_feature_called_error)
        with pytest.raises(SpecError) as error:
            export(run_dir, spec=spec)
    assert str(error.value) == (
        "spec: export.bad_rows: mark: a feature has the name of the output with the reasons, 'error' "
        "(give the feature another name)"
    )
    marked = export(run_dir, spec=spec)
    assert (plain.version, marked.version) == (1, 2)
    with open(plain.parity, encoding="utf-8") as one, open(marked.parity, encoding="utf-8") as other:
        assert json.load(one) == json.load(other)

    rows = make_rows(12, "regression")
    good = load(plain.directory).predict(rows)["prediction"]
    rows[3]["rooms"], rows[7]["income"], rows[8]["rooms"] = "1.5", "1e39", "x"
    write_csv(tmp_path / "rows.csv", NEEDED, rows)
    why = {
        3: "column 'rooms' '1.5' is not an integer: digits with an optional '-', nothing else",
        7: "column 'income' '1e39' is out of the range of a 32-bit float",
        8: "column 'rooms' 'x' is not an integer: digits with an optional '-', nothing else",
    }
    out = tmp_path / "out.csv"
    assert main(["predict", run_dir, str(tmp_path / "rows.csv"), "-o", str(out)]) == 3
    told = capsys.readouterr()
    assert told.out == f"9 predictions in {out}\n"
    assert told.err == "note: 3 of 12 rows are bad: their `error` says why\n"
    with open(out, newline="", encoding="utf-8") as file:
        header, *lines = list(csv.reader(file))
    assert header == ["prediction", "error"]
    assert [line[1] for line in lines] == [why.get(place, "") for place in range(12)]
    for place, line in enumerate(lines):
        assert line[0] == "nan" if place in why else np.isclose(float(line[0]), good[place], atol=1e-5)
    found = load(marked.directory).predict(rows)
    assert [bool(error) for error in found["error"]] == [place in why for place in range(12)]
    assert found["error"][7] == "column 'income' '1e39' is not a number that binary32 can hold"

    # Without marks the first bad row is the error, and nothing is written.
    out.unlink()
    assert main(["predict", plain.directory, str(tmp_path / "rows.csv"), "-o", str(out)]) == 2
    assert capsys.readouterr().err == f"prebake predict: {tmp_path}/rows.csv:5:rooms {why[3][15:]}\n"
    assert not out.exists()
    # An optional column that is not there is said.
    write_csv(tmp_path / "rows.csv", ["rooms", "city", "hours-per-week"], make_rows(2, "regression"))
    assert main(["predict", plain.directory, str(tmp_path / "rows.csv"), "-o", str(out)]) == 0
    note = f"note: {tmp_path}/rows.csv lacks the optional columns 'income': missing in every row\n"
    assert capsys.readouterr().err == note


def graph_with_a_feature_called_error(directory: str):
    class Graph:
        features = (OutputFeature(name="error"),)
        label = None

    return Graph()
