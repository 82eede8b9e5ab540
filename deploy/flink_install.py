"""In: an empty folder. Out: Flink from PyPI, Beam's libraries from Maven Central, and a jar of FlinkJob.java.

Needs a JDK 17 and Maven; downloads 290 MB, once.
"""

from __future__ import annotations

import glob
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Sequence

FLINK = "apache-flink-libraries==1.20.1"
JAR = "prebake-flink.jar"
SOURCES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "flink")

# Beam finds by this name who says what the runner does by itself.
_NATIVE = "org.apache.beam.sdk.util.construction.NativeTransforms$IsNativeTransform"


class ClusterError(Exception):
    """What a person has to mend, in one line."""


def setup(folder: str) -> None:
    """Downloads and compiles what is not there yet.

    Raises:
      ClusterError: a JDK or Maven is missing, or a download fails.
    """
    for tool in ("java", "javac", "mvn"):
        if shutil.which(tool) is None:
            raise ClusterError(f"'{tool}' is missing: install a JDK 17 and Maven")
    folder = os.path.abspath(folder)  # Maven takes it for one beside its pom.xml otherwise
    os.makedirs(folder, exist_ok=True)
    if not os.path.isdir(os.path.join(folder, "flink")):
        _unpack_flink(folder)
    pom = os.path.join(SOURCES, "pom.xml")
    if not os.path.isdir(os.path.join(folder, "beam")):
        target = os.path.join(folder, "beam.part")
        _call(["mvn", "-q", "-B", "-f", pom, "dependency:copy-dependencies", f"-DoutputDirectory={target}"])
        os.replace(target, os.path.join(folder, "beam"))
    source = os.path.join(SOURCES, "FlinkJob.java")
    jar = os.path.join(folder, JAR)
    if not os.path.isfile(jar) or os.path.getmtime(jar) < os.path.getmtime(source):
        classes = os.path.join(folder, "classes")
        shutil.rmtree(classes, ignore_errors=True)
        _call(["javac", "-nowarn", "-Xlint:none", "-d", classes, "-cp", classpath(folder), source])
        _pack(classes, jar)


def _pack(classes: str, jar: str) -> None:
    with zipfile.ZipFile(f"{jar}.part", "w") as packed:
        packed.writestr(f"META-INF/services/{_NATIVE}", "FlinkJob$Reshuffle\n")
        for name in sorted(os.listdir(classes)):
            packed.write(os.path.join(classes, name), name)
    os.replace(f"{jar}.part", jar)
    shutil.rmtree(classes)


def _unpack_flink(folder: str) -> None:
    part = os.path.join(folder, "flink.part")
    shutil.rmtree(part, ignore_errors=True)
    # A source package of 231 MB, of which only the jars are wanted.
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--no-build-isolation"]
    _call([sys.executable, "-m", "pip", "download", *options, "--dest", part, FLINK])
    (archive,) = glob.glob(os.path.join(part, "*.tar.gz"))
    with tarfile.open(archive) as packed:
        for member in packed:
            if "/deps/lib/" in member.name and member.isfile():
                member.name = os.path.basename(member.name)
                packed.extract(member, os.path.join(part, "lib"), filter="data")
    os.remove(archive)
    os.replace(part, os.path.join(folder, "flink"))


def _call(command: Sequence[str]) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        lines = [line for line in done.stdout.splitlines() if "rror" in line] or ["no message"]
        raise ClusterError(f"{' '.join(command[:4])} … fails: {lines[0].strip()}")


def classpath(folder: str) -> str:
    """Of every Java process: Flink, Beam's libraries, our job."""
    parts = [os.path.join(folder, JAR), os.path.join(folder, "beam", "*")]
    return ":".join([*parts, os.path.join(folder, "flink", "lib", "*")])
