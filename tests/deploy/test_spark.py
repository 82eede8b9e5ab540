"""In: deploy/spark/preprocess.sh. Out: a command of prebake's with options that Beam understands, and a worker to start."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from apache_beam.options.pipeline_options import PortableOptions, SparkRunnerOptions
from beam_options import check_options
from linters import DEPLOY, lint
from prebake.pipelines.preprocess import split_beam_args

from prebake.cli import make_parser

SCRIPT = DEPLOY / "spark" / "preprocess.sh"
# Runs all but the command itself, of which it says how it was called.
PYTHON = """#!/bin/sh
if [ "$2 $3" = "-m prebake.cli" ]; then shift 3; printf '%s\\n' "$@"; else exec {python} "$@"; fi
"""


def run(tmp_path, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
    (tmp_path / "python").write_text(PYTHON.format(python=sys.executable))
    (tmp_path / "python").chmod(0o755)
    return subprocess.run(
        ["bash", SCRIPT, *arguments],
        env=os.environ | {"PREBAKE_PYTHON": str(tmp_path / "python")} | environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )


def test_script():
    assert lint("shellcheck", SCRIPT) == ""


@pytest.mark.parametrize("jar", ["", "/jars/spark 3.jar"])
def test_options(tmp_path, jar):
    done = run(tmp_path, "spark://host:7077", "one.yaml", "runs/one", SPARK_JOB_SERVER_JAR=jar)
    assert (done.returncode, done.stderr) == (0, "")
    ours, beam_args = split_beam_args(done.stdout.splitlines())
    args = make_parser().parse_args(ours)
    assert (args.command, args.spec, args.run) == ("preprocess", "one.yaml", "runs/one")
    options = check_options(beam_args)
    spark = options.view_as(SparkRunnerOptions)
    assert (spark.spark_master_url, spark.spark_version) == ("spark://host:7077", "3")
    assert (spark.spark_job_server_jar or "") == jar
    portable = options.view_as(PortableOptions)
    assert portable.environment_type == "PROCESS"
    command = json.loads(portable.environment_config)["command"]
    assert command == str(tmp_path / "runs" / "one" / ".worker")
    assert os.access(command, os.X_OK)


def test_usage(tmp_path):
    done = run(tmp_path, "spark://host:7077", "one.yaml")
    assert done.returncode != 0
    assert done.stderr.endswith("usage: preprocess.sh spark://HOST:7077 SPEC RUN\n")


@pytest.mark.parametrize("wrong", ["--spark_master=spark://host", "--spark_version=2", "--runner=SparkRuner"])
def test_what_beam_does_not_understand_is_found(wrong):
    """The check itself."""
    with pytest.raises((AssertionError, SystemExit, ValueError)):
        check_options(["--runner=SparkRunner", wrong])
