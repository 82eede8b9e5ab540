"""The command line: help, one line for each mistake, exit codes."""

from __future__ import annotations

import subprocess
import sys

import pytest
from prebake.schemas.errors import ArtifactError

from prebake import commands
from prebake.cli import main, make_parser

SPEC = "data: {files: rows.csv, label: y, columns: {x: float, y: float}}\nfeatures: {x: standardize}\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "spec.yaml").write_text(SPEC)
    return tmp_path


def run(capsys, *arguments: str) -> tuple[int, str, str]:
    code = main(arguments)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_help_names_every_command(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    text = capsys.readouterr().out
    for command in (
        "init",
        "run",
        "preprocess",
        "analyze",
        "transform",
        "train",
        "evaluate",
        "export",
        "predict",
    ):
        assert f"    {command}" in text
        with pytest.raises(SystemExit, match="0"):
            main([command, "--help"])


def test_help_loads_no_heavy_library():
    loaded = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from prebake.cli import make_parser; make_parser(); print(*sys.modules)",
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert not {"tensorflow", "apache_beam", "pyarrow", "numpy", "google.protobuf", "yaml"} & set(loaded)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["preprocess", "missing.yaml"], "missing.yaml: cannot be read: No such file or directory"),
        (["train", "."], ".: is not a run directory: it has no spec.pbtxt; give a spec or a run directory"),
        (["evaluate", "spec.yaml"], "runs/spec/examples: no examples here: run the step that writes it first"),
        (["export", "spec.yaml"], "runs/spec/examples: no examples here: run the step that writes it first"),
        (["predict", ".", "rows.csv"], ".: no exported model here: run `prebake export` first"),
        (["init", "*.csv", "--label", "y"], "spec: data.files: no file matches '*.csv' (the folder has spec.yaml)"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line(folder, capsys, arguments, line):
    code, out, err = run(capsys, *arguments)
    assert (code, out, err) == (2, "", f"prebake {arguments[0]}: {line}\n")


def test_a_mistake_in_the_spec_is_one_line(folder, capsys):
    (folder / "spec.yaml").write_text(SPEC.replace("standardize", "standardise"))
    code, out, err = run(capsys, "run", "spec.yaml")
    assert (code, out) == (2, "")
    assert (
        err
        == "prebake run: spec.yaml:2: features.x: unknown transform 'standardise' (did you mean 'standardize'?)\n"
    )


def test_beam_options_only_where_beam_runs(folder, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["train", "spec.yaml", "--", "--runner=FlinkRunner"])
    assert capsys.readouterr().err.endswith("error: train takes no options after --\n")


def test_init_writes_over_nothing(folder, capsys):
    (folder / "rows.csv").write_text("x,y\n1,2\n")
    code, _, err = run(capsys, "init", "rows.csv", "--label", "y", "-o", "spec.yaml")
    assert code == 2
    assert err == "prebake init: spec.yaml: is there already: add --replace, or name another file with -o\n"
    assert (folder / "spec.yaml").read_text() == SPEC


def test_interrupt_and_system_errors_are_one_line(folder, capsys, monkeypatch):
    def interrupted(args, beam_args):
        raise KeyboardInterrupt

    monkeypatch.setattr(commands, "train", interrupted)
    assert run(capsys, "train", "x") == (
        1,
        "",
        "prebake train: interrupted; nothing of this step was published\n",
    )

    def full(args, beam_args):
        raise OSError(28, "No space left on device", "runs/x/examples")

    monkeypatch.setattr(commands, "train", full)
    assert run(capsys, "train", "x") == (2, "", "prebake train: runs/x/examples: No space left on device\n")


def test_a_fault_of_prebake_itself_is_not_hidden(folder, monkeypatch):
    def broken(args, beam_args):
        raise ZeroDivisionError

    monkeypatch.setattr(commands, "train", broken)
    with pytest.raises(ZeroDivisionError):
        main(["train", "x"])


def test_a_part_that_is_not_installed_is_one_line(folder):
    (folder / "rows.csv").write_text("x,y\n1,2\n")
    script = "import sys; sys.modules['apache_beam'] = None; from prebake.cli import main; main(['analyze', 'spec.yaml'])"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout == ""
    assert (
        result.stderr == "prebake analyze: apache_beam is not installed: pip install 'prebake[pipelines]'\n"
    )


def test_every_command_has_a_function():
    choices = next(action.choices for action in make_parser()._actions if action.dest == "command")
    for command in choices:
        assert callable(getattr(commands, command))


def test_artifact_error_text():
    assert str(ArtifactError("run/examples", "is missing")) == "run/examples: is missing"


@pytest.mark.fault(40)
def test_checksums_are_missed_before_anything_is_read(folder):
    script = "import sys; sys.modules['google_crc32c'] = None; from prebake.cli import main; sys.exit(main(['run', 'no']))"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == "prebake run: google_crc32c is not installed: pip install prebake\n"
    assert not (folder / "runs").exists()
