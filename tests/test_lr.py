"""`prebake lr`: the rates that a training would take, as a table and a picture; what lacks is one line."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from google.protobuf import text_format
from prebake.schemas.spec_pb2 import Spec
from prebake.schemas.training_defaults import resolve_training

from prebake.cli import main
from prebake.lr import rates_of, table

SPEC = """\
data: {files: rows.csv, columns: {x: float, y: float}, label: y}
training: {epochs: 10, batch_size: 10, optimizer: nesterov, schedule: {kind: one_cycle, epochs: 10}}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "spec.yaml").write_text(SPEC)
    (tmp_path / "rows.csv").write_text("x,y\n1,2\n")
    return tmp_path


def spec_of(text: str) -> Spec:
    spec = Spec()
    text_format.Parse(f"epochs: 10 batch_size: 10 {text}", spec.training)
    resolve_training(spec)
    return spec


def test_table(folder, capsys):
    """96 rows in batches of 10 are 10 steps; of 100 steps the 45th has the whole rate, 0.01."""
    assert main(["lr", "spec.yaml", "--rows", "96", "--steps", "0", "45", "90"]) == 0
    assert capsys.readouterr().out == (
        "one_cycle: 96 rows in batches of 10, 10 steps an epoch, at most 10 epochs\n"
        "     step    epoch  learning_rate   momentum\n"
        "        0     0.00          0.001       0.95\n"
        "       45     4.50           0.01       0.85\n"
        "       90     9.00          0.001       0.95\n"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "runs/spec/examples: is not there, and steps are counted in batches of its rows: say --rows N"),
        (["--rows", "0"], "--rows 0: must be at least 1"),
        (["--rows", "10", "--steps", "10"], "--steps 10: the training has steps 0 to 9"),
        (["--rows", "10", "--plot", "rate.pdf"], "--plot rate.pdf: must end with .svg or .png"),
    ],
)
def test_mistakes(folder, capsys, arguments, message):
    assert main(["lr", "spec.yaml", *arguments]) == 2
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", f"prebake lr: {message}\n")
    assert sorted(os.listdir()) == ["rows.csv", "spec.yaml"]


@pytest.mark.parametrize("kind", ["svg", "png"])
def test_picture(folder, capsys, kind):
    for name in ("one", "two"):
        assert main(["lr", "spec.yaml", "--rows", "96", "--plot", f"{name}.{kind}"]) == 0
        assert capsys.readouterr().out.endswith(f"\ndrawn into {name}.{kind}\n")
    one = (folder / f"one.{kind}").read_bytes()
    assert one == (folder / f"two.{kind}").read_bytes()
    assert one.startswith(b"<?xml" if kind == "svg" else b"\x89PNG")
    assert len(one) > 10000


def test_no_picture_needs_no_matplotlib(folder):
    script = (
        "import sys; sys.modules['matplotlib'] = None; from prebake.cli import main; "
        "print(main(['lr', 'spec.yaml', '--rows', '9'])); "
        "sys.exit(main(['lr', 'spec.yaml', '--rows', '9', '--plot', 'a.svg']))"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert result.stdout.splitlines()[-1] == "0"
    assert result.stderr == "prebake lr: matplotlib is not installed: pip install 'prebake[plots]'\n"


def test_parts_have_columns_of_their_own():
    spec = spec_of(
        'learning_rate: 0.5 schedule { kind: COSINE_RATE } parts { name: "wide*" optimizer { kind: FTRL } }'
    )
    curves = rates_of(spec, 95, "nowhere").curves
    assert [(name, len(curve), curve[0], round(curve[50], 6)) for name, curve in curves.items()] == [
        ("learning_rate", 100, 0.5, 0.25),
        ("wide*", 100, 0.05, 0.025),
    ]


def test_bounds_of_performance_scheduling(tmp_path):
    """Patience 2: the first epoch sets the mark, so the rate falls after the third, the fifth, … at the earliest."""
    spec = spec_of("learning_rate: 1 schedule { patience: 2 warmup_steps: 4 }")
    rates = rates_of(spec, 100, str(tmp_path))
    most, least = rates.curves["learning_rate at most"], rates.curves["learning_rate at least"]
    assert most[:5].tolist() == pytest.approx([0.2, 0.4, 0.6, 0.8, 1])
    assert set(most[4:]) == {1}
    assert [step for step in range(1, 100) if least[step] < least[step - 1]] == [30, 50, 70, 90]
    assert least[99] == 1 / 16
    # Every 7 steps: after 21, 35, …
    spec.training.schedule.steps = 7
    least = rates_of(spec, 100, str(tmp_path)).curves["learning_rate at least"]
    assert [step for step in range(1, 100) if least[step] < least[step - 1]] == list(range(21, 100, 14))
    # A training that has ended, after 3 epochs, says what was.
    os.makedirs(tmp_path / "training" / "default")
    history = [{"epoch": epoch, "learning_rate": rate} for epoch, rate in ((1, 1.0), (2, 1.0), (3, 0.5))]
    (tmp_path / "training" / "default" / "history.json").write_text(json.dumps(history))
    rates = rates_of(spec, 100, str(tmp_path))
    np.testing.assert_array_equal(rates.seen, [[9, 19, 29], [1, 1, 0.5]])
    lines = table(rates).splitlines()
    assert lines[1].endswith("  learning_rate at most  learning_rate at least  as trained")
    assert [line.split()[4:] for line in lines[2:]] == [["1"], ["1"], ["0.5"], *[[]] * 8]


def test_rows_are_those_of_the_run(tmp_path, capsys):
    from prebake.schemas.commit import publish
    from prebake.schemas.manifest import set_fingerprint
    from prebake.schemas.manifest_pb2 import Manifest
    from prebake.schemas.run_dir import write_spec
    from prebake.schemas.spec import load_spec

    (tmp_path / "spec.yaml").write_text(SPEC)
    (tmp_path / "rows.csv").write_text("x,y\n1,2\n")
    run, manifest = str(tmp_path / "run"), Manifest(step="examples")
    set_fingerprint(manifest, {})
    manifest.splits.add(name="train", rows=41)
    manifest.splits.add(name="valid", rows=7)
    with publish(os.path.join(run, "examples"), manifest):
        pass
    write_spec(run, load_spec(str(tmp_path / "spec.yaml")))
    assert main(["lr", run]) == 0
    assert "41 rows in batches of 10, 5 steps an epoch" in capsys.readouterr().out
