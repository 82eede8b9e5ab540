"""The arrows between the folders, as docs/decisions.md draws them."""

from __future__ import annotations

import ast
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).parents[1]
FOLDERS = ("schemas", "transforms", "pipelines", "training", "deploy", "prebake")

# What a folder may import: other folders of the project, and the libraries that are not everybody's.
MAY_IMPORT = {
    "schemas": set(),
    "transforms": {"schemas", "tensorflow"},
    "pipelines": {"schemas", "transforms", "tensorflow", "tensorflow_transform", "tfx_bsl", "apache_beam"},
    "training": {"schemas", "transforms", "tensorflow", "keras"},
    "deploy": {*FOLDERS, "tensorflow", "keras", "apache_beam"},
    "prebake": set(FOLDERS),
}
# TensorFlow Transform and Beam only where statistics are analysed.
ALSO = {
    "transforms/number_analyzer.py": {"tensorflow_transform", "apache_beam"},
    "transforms/count_analyzer.py": {"tensorflow_transform", "apache_beam"},
    "transforms/keyed_analyzer.py": {"tensorflow_transform", "apache_beam"},
    "transforms/covariance_analyzer.py": {"tensorflow_transform", "apache_beam"},
    "transforms/quiet.py": {"absl"},
}
WATCHED = {
    *FOLDERS,
    "tensorflow",
    "tensorflow_transform",
    "tfx_bsl",
    "apache_beam",
    "keras",
    "tf_keras",
    "absl",
}


def python_files(folder: str) -> list[pathlib.Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", f"{folder}/*.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / line for line in listed.stdout.splitlines() if (ROOT / line).exists()]


def imports(path: pathlib.Path) -> set[str]:
    """First names of the modules that a file imports; a folder of the project by its own name."""
    folder = path.parent.name
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            # One dot is the folder itself, but in prebake/, whose folder is the package above the others.
            inner = node.level == 2 or (node.level == 1 and folder == "prebake")
            modules = [module] if node.level == 0 or inner else []
        else:
            continue
        found |= {module.removeprefix("prebake.").split(".")[0] for module in modules}
    return found


@pytest.mark.parametrize("folder", FOLDERS)
def test_folder_imports_only_along_the_arrows(folder):
    for path in python_files(folder):
        if path.name.endswith("_pb2.py"):
            continue
        allowed = MAY_IMPORT[folder] | {folder} | ALSO.get(path.relative_to(ROOT).as_posix(), set())
        wrong = (imports(path) & WATCHED) - allowed
        assert not wrong, f"{path.relative_to(ROOT)} imports {sorted(wrong)}"


def test_files_do_one_thing():
    """About 300 lines; a longer file is split."""
    long = {
        path.relative_to(ROOT).as_posix(): lines
        for folder in FOLDERS
        for path in python_files(folder)
        if not path.name.endswith("_pb2.py") and (lines := len(path.read_text().splitlines())) > 320
    }
    assert not long


def test_generated_protobuf_classes_are_current(tmp_path):
    import sys

    protos = [f"schemas/{name}.proto" for name in ("training", "spec", "statistics", "manifest")]
    subprocess.run(
        [sys.executable, "-m", "grpc_tools.protoc", "-Iprebake/schemas=schemas", f"--python_out={tmp_path}",
         f"--pyi_out={tmp_path}", *protos],
        cwd=ROOT,
        check=True,
    )  # fmt: skip
    for made in sorted((tmp_path / "prebake" / "schemas").iterdir()):
        committed = ROOT / "schemas" / made.name
        assert committed.read_text() == made.read_text(), f"{made.name} is not current: run `make proto`"
