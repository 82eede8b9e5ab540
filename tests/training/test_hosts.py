"""In: hosts as Kubernetes and Slurm name them. Out: TF_CONFIG, worked by hand; one line where something is wrong."""

from __future__ import annotations

import json

import pytest
from prebake.schemas.errors import PrebakeError
from prebake.training.hosts import expand_hosts, host_index, tf_config
from prebake.training.multi_worker import read_cluster


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("a", ["a"]),
        ("a,b", ["a", "b"]),
        (" a b\nc ", ["a", "b", "c"]),
        ("train-[0-2].train", ["train-0.train", "train-1.train", "train-2.train"]),
        ("node[08-10,3],other", ["node08", "node09", "node10", "node3", "other"]),
        ("r[1-2]n[1-2]", ["r1n1", "r1n2", "r2n1", "r2n2"]),
        ("10.0.0.1:71,10.0.0.2", ["10.0.0.1:71", "10.0.0.2"]),
        ("", []),
    ],
)
def test_hosts(text, hosts):
    assert expand_hosts(text) == hosts


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a[2-1]", "'2-1' is no range: write the lower number first, as in host[1-2]"),
        ("a[1,]", "'' is no range: write the lower number first, as in host[1-2]"),
        ("a[0-9999999999]", "'0-9999999999' is no range: write the lower number first, as in host[1-2]"),
        ("a[1", "'a[1' is no host: write them as host1,host2 or host[1-2]"),
        ("a/b", "'a/b' is no host: write them as host1,host2 or host[1-2]"),
    ],
)
def test_what_is_no_host(text, why):
    with pytest.raises(PrebakeError) as error:
        expand_hosts(text)
    assert str(error.value) == f"--hosts {text}: {why}"


def test_config():
    assert tf_config(["a", "b:71"], 1, 7000) == (
        '{"cluster": {"worker": ["a:7000", "b:71"]}, "task": {"type": "worker", "index": 1}}'
    )
    assert read_cluster({"TF_CONFIG": tf_config(["a", "b", "c"], 2, 7000)}) == (2, 3)
    assert len(json.loads(tf_config(["a"], 0, 1))["cluster"]["worker"]) == 1


@pytest.mark.parametrize(
    ("hosts", "index", "why"),
    [
        (["a", "b"], 2, "there is no host 2: --hosts names 2, and they count from 0"),
        (["a", "b"], -1, "there is no host -1: --hosts names 2, and they count from 0"),
        ([], 0, "there is no host 0: --hosts names 0, and they count from 0"),
        (["a", "a:7"], 0, "--hosts names a:7 twice: each worker needs an address of its own"),
    ],
)
def test_what_is_no_cluster(hosts, index, why):
    with pytest.raises(PrebakeError) as error:
        tf_config(hosts, index, 7)
    assert str(error.value) == why


def test_index():
    assert host_index({"JOB_COMPLETION_INDEX": "3"}) == 3
    assert host_index({"SLURM_PROCID": "0", "HOME": "/"}) == 0
    with pytest.raises(PrebakeError) as error:
        host_index({"JOB_COMPLETION_INDEX": ""})
    assert str(error.value) == (
        "which of --hosts this is, neither JOB_COMPLETION_INDEX nor SLURM_PROCID says: give --index"
    )
    with pytest.raises(PrebakeError) as error:
        host_index({"SLURM_PROCID": "first"})
    assert str(error.value) == "SLURM_PROCID=first is no number: give --index"
