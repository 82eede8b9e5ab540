"""In: a Flink cluster over hosts with addresses of their own. Out: the local runner's bytes, also when one is cut off."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import subprocess
import sys

import people
import pytest
from network_hosts import network_hosts, why_not
from prebake.deploy.flink_install import setup
from prebake.pipelines.preprocess import load, preprocess
from several_hosts import FLINK, spec_of

from benchmarks.flights import write_shards

pytestmark = [pytest.mark.flink, pytest.mark.long]
SCRIPT = pathlib.Path(__file__).with_name("several_hosts.py")


def test_task_managers_on_two_hosts(tmp_path):
    """The run directory is a folder that all see; the CSV files are in an object store."""
    if reason := why_not():
        pytest.skip(f"hosts are network namespaces, which need root: {reason}")
    setup(FLINK)
    write_shards(str(tmp_path / "data"), 336_776)  # fetched before: the hosts see each other and nothing else
    preprocess(load(spec_of(str(tmp_path), str(tmp_path / "data" / "*.csv"))), str(tmp_path / "local"))
    wanted = people.reproducible(str(tmp_path / "local"))
    with network_hosts(3) as hosts:
        places = json.dumps([dataclasses.astuple(host) for host in hosts])
        command = [*hosts[0].enter, sys.executable, str(SCRIPT), str(tmp_path), places]
        paths = [os.environ.get("PYTHONPATH", ""), str(SCRIPT.parent), str(SCRIPT.parents[2])]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, timeout=900)
        assert done.returncode == 0
        told = json.loads(done.stdout.splitlines()[-1])
        assert told["managers"] == [host.address for host in hosts[1:]]
    assert told["left"] == 1  # the host that was cut off was given up
    assert "transform/statistics.pb" in wanted
    for run in ("pooled", "cut"):
        found = people.reproducible(str(tmp_path / run))
        assert found.keys() == wanted.keys()
        assert [path for path in wanted if found[path] != wanted[path]] == []
