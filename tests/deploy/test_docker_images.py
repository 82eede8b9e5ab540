"""In: the Dockerfiles of deploy/. Out: what their linter says, and versions that are those of constraints.txt."""

from __future__ import annotations

import pathlib
import re
import tomllib

import pytest
from linters import DEPLOY, lint
from prebake.deploy.flink_install import FLINK, JAR

ROOT = DEPLOY.parent
IMAGES = sorted(DEPLOY.glob("**/*Dockerfile"))


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return dict(line.split(" ;")[0].split("==") for line in lines if not line.startswith("#"))


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def instructions(path: pathlib.Path, name: str) -> list[str]:
    """What stands behind such an instruction, continued lines joined."""
    text = re.sub(r"\\\n", " ", path.read_text())
    return re.findall(rf"^{name}\s+(.*)$", text, re.MULTILINE)


def test_all_are_there():
    assert [path.name.partition(".")[0] for path in IMAGES] == [
        "driver",
        "flink",
        "server",
        "trainer",
        "worker",
    ]


@pytest.mark.parametrize("path", IMAGES, ids=lambda path: path.name)
def test_linter(path):
    assert lint("hadolint", path) == ""


def test_the_linter_finds_something(tmp_path):
    bad = tmp_path / "Dockerfile"
    bad.write_text("FROM debian:latest\nRUN cd /tmp\n")
    assert {"DL3007", "DL3003"} <= set(re.findall(r"DL\d+", lint("hadolint", bad)))


def test_bases_have_the_pinned_versions():
    version, flink = project()["version"], FLINK.split("==")[1]
    wanted = {
        "worker": f"apache/beam_python3.12_sdk:{pins()['apache-beam']}",
        "driver": f"prebake-worker:{version}",
        "flink": f"flink:{flink}-java17",
        "trainer": f"tensorflow/tensorflow:{pins()['tensorflow']}-gpu",
        "server": f"tensorflow/serving:{pins()['tensorflow-serving-api']}",
    }
    assert {path.name.partition(".")[0]: instructions(path, "FROM") for path in IMAGES} == {
        name: [base] for name, base in wanted.items()
    }


@pytest.mark.parametrize(("image", "extra"), [("worker", "pipelines"), ("trainer", "training")])
def test_what_is_installed(image, extra):
    """Pinned, and an extra that there is."""
    (install,) = instructions(DEPLOY / "images" / f"{image}.Dockerfile", "RUN")
    assert f"-c /opt/prebake/source/constraints.txt '/opt/prebake/source[{extra}]'" in install
    assert extra in project()["optional-dependencies"]


def test_what_is_copied_is_not_ignored():
    """.dockerignore leaves of build/ what the images copy, and nothing that is large or private besides."""
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert {".git", ".venv", "runs", "build/*", "build/flink/*"} <= set(ignored)
    copied = {
        source
        for path in IMAGES
        for line in instructions(path, "COPY")
        for source in line.split()[:-1]
        if source != "."
    }
    assert copied == {"build/flink", "build/flink/beam", f"build/flink/{JAR}"}
    assert {f"!build/flink/{name}" for name in ("beam", "flink", JAR)} <= set(ignored)
