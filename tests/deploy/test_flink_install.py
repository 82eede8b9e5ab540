"""In: a folder to install Flink in. Out: every tool is told the same place, wherever it thinks it is."""

from __future__ import annotations

import os
import pathlib
import zipfile

import pytest
from prebake.deploy import flink_install
from prebake.deploy.flink_install import ClusterError, setup


def test_maven_is_told_where_this_process_means(tmp_path, monkeypatch):
    """Maven takes a relative folder for one beside its pom.xml, which is not here."""
    called = []

    def call(command):
        called.append(command)
        made = next(part for part in command if "folder" in part).rpartition("=")[2]
        os.makedirs(made)
        pathlib.Path(made, "FlinkJob.class").write_bytes(b"compiled")

    monkeypatch.chdir(tmp_path)
    os.makedirs("folder/flink")
    monkeypatch.setattr(flink_install, "_call", call)
    monkeypatch.setattr(flink_install.shutil, "which", lambda tool: f"/bin/{tool}")
    setup("folder")
    maven, compiler = called
    assert maven[-1] == f"-DoutputDirectory={tmp_path}/folder/beam.part"
    assert compiler[compiler.index("-d") + 1] == f"{tmp_path}/folder/classes"
    assert sorted(os.listdir("folder")) == ["beam", "flink", "prebake-flink.jar"]
    with zipfile.ZipFile("folder/prebake-flink.jar") as jar:
        found = {name: jar.read(name) for name in jar.namelist()}
    service = "META-INF/services/org.apache.beam.sdk.util.construction.NativeTransforms$IsNativeTransform"
    assert found == {service: b"FlinkJob$Reshuffle\n", "FlinkJob.class": b"compiled"}


def test_what_is_missing_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(flink_install.shutil, "which", lambda tool: None if tool == "mvn" else f"/bin/{tool}")
    with pytest.raises(ClusterError) as error:
        setup(str(tmp_path / "folder"))
    assert str(error.value) == "'mvn' is missing: install a JDK 17 and Maven"
    assert not (tmp_path / "folder").exists()
