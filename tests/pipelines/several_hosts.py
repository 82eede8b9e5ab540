"""In: three hosts of tests/network_hosts.py, this process on the first. Out: flights preprocessed on the two others.

The CSV files lie in an object store on the first host. Once the Python workers come from a pool beside each TaskManager, as
in deploy/flink/kubernetes.yaml; once they are the TaskManager's own, and the last host is cut off while the shuffle is read.

    python several_hosts.py FOLDER HOSTS    prints one line of JSON for test_flink_hosts.py
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence

import boto3
from moto.server import ThreadedMotoServer
from prebake.deploy.flink_cluster import Cluster, Host
from prebake.pipelines.preprocess import load, preprocess

from benchmarks.flights import SPEC

FLINK = os.path.join(os.path.dirname(__file__), "..", "..", "build", "flink")
POOL_PORT = 50_000
SECONDS = 300


def main(folder: str, hosts: Sequence[Host]) -> dict[str, object]:
    """Makes the runs `pooled` and `cut` of the files in `data`; tells where TaskManagers were, and how many are left."""
    cluster = Cluster(FLINK, "hosts", hosts=hosts)
    cluster.stop()
    with store(hosts[0].address, os.path.join(folder, "data")) as s3_args:
        spec = load(spec_of(folder, "s3://flights/*.csv"), s3_args)
        cluster.start(workers=2)
        try:
            managers = sorted(one["path"].split("@")[1].split(":")[0] for one in ask_managers(cluster))
            with pools(hosts[1:], os.path.join(cluster.home, "worker")):
                pooled = os.path.join(folder, "pooled")
                beam_args = with_pools(cluster.beam_args())
                preprocess(spec, pooled, beam_args=[*beam_args, *s3_args])
            beam_args = [*cluster.beam_args(), *s3_args]
            cut = os.path.join(folder, "cut")
            preprocess(spec, cut, steps=["analyze"], beam_args=beam_args)
            cutting = threading.Thread(target=cut_in_shuffle, args=(cluster, hosts[2]))
            cutting.start()
            preprocess(spec, cut, beam_args=beam_args)
            cutting.join()
            left = len(ask_managers(cluster))
        finally:
            cluster.stop()
    return {"managers": managers, "left": left}


def spec_of(folder: str, files: str) -> str:
    path = os.path.join(folder, "flights.yaml")
    pathlib.Path(path).write_text(SPEC.format(files=files))
    return path


@contextlib.contextmanager
def store(address: str, folder: str) -> Iterator[list[str]]:
    """An object store with the files of a folder in the bucket `flights`; yields Beam's options that lead to it."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    os.environ |= {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_DEFAULT_REGION": "us-east-1"}
    server = ThreadedMotoServer(address, 0, verbose=False)
    server.start()
    endpoint = f"http://{address}:{server.get_host_and_port()[1]}"
    client = boto3.client("s3", endpoint_url=endpoint)
    client.create_bucket(Bucket="flights")
    for name in os.listdir(folder):
        client.upload_file(os.path.join(folder, name), "flights", name)
    try:
        yield [f"--s3_endpoint_url={endpoint}"]
    finally:
        server.stop()


@contextlib.contextmanager
def pools(hosts: Sequence[Host], worker: str) -> Iterator[None]:
    """Beam's worker pool on each host."""
    command = [sys.executable, "-P", "-m", "apache_beam.runners.worker.worker_pool_main"]
    command += [f"--service_port={POOL_PORT}", f"--container_executable={worker}"]
    started = [
        subprocess.Popen([*host.enter, *command], stderr=subprocess.DEVNULL, start_new_session=True)
        for host in hosts
    ]
    try:
        for host in hosts:
            wait_for_port(host.address)
        yield
    finally:
        for one in started:
            os.killpg(one.pid, signal.SIGTERM)  # its workers as well
            one.wait()


def wait_for_port(address: str) -> None:
    until = time.monotonic() + SECONDS
    while True:
        with contextlib.suppress(OSError), socket.create_connection((address, POOL_PORT), 1):
            return
        assert time.monotonic() < until
        time.sleep(0.2)


def with_pools(beam_args: Sequence[str]) -> list[str]:
    """The same, but for where the workers come from: each TaskManager asks at its own host."""
    kept = [one for one in beam_args if not one.startswith("--environment_")]
    return [*kept, "--environment_type=EXTERNAL", f"--environment_config=localhost:{POOL_PORT}"]


def ask_managers(cluster: Cluster) -> list[dict]:
    return cluster.ask("/taskmanagers")["taskmanagers"]


def cut_in_shuffle(cluster: Cluster, host: Host) -> None:
    """Takes a host off the network once a task of the shuffle runs there; its processes go on."""
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        job = cluster.ask(f"/jobs/{newest_job(cluster)}")
        for vertex in job["vertices"]:
            if vertex["name"] == "GroupReduce (Shuffle)" and vertex["status"] in ("RUNNING", "FINISHED"):
                assert job["state"] == "RUNNING", "the job has ended before anything was cut"
                subprocess.run([*host.enter, "ip", "link", "set", "eth0", "down"], check=True)
                return
        time.sleep(0.05)


def newest_job(cluster: Cluster) -> str:
    return max(cluster.ask("/jobs/overview")["jobs"], key=lambda job: job["start-time"])["jid"]


if __name__ == "__main__":
    told = main(sys.argv[1], [Host(address, tuple(enter)) for address, enter in json.loads(sys.argv[2])])
    print(json.dumps(told))
