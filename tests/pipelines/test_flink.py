"""In: 336,776 flights, and a Flink cluster on this machine. Out: the local runner's bytes, also when a TaskManager is lost.

`make flink-test` runs it; it downloads Flink (231 MB) and Beam's libraries (58 MB) once, and needs a JDK 17 and Maven.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import apache_beam as beam
import people
import pytest
from prebake.deploy.flink_cluster import Cluster
from prebake.deploy.flink_failure import WorkerFailedError
from prebake.deploy.flink_install import setup
from prebake.pipelines import progress
from prebake.pipelines.preprocess import load, preprocess
from prebake.pipelines.runner import make_pipeline, run
from prebake.schemas.errors import PrebakeError

from benchmarks.flights import SPEC, write_shards

pytestmark = [pytest.mark.flink, pytest.mark.long]

FOLDER = os.path.join(os.path.dirname(__file__), "..", "..", "build", "flink")
FLIGHTS = 336_776
KILL_SECONDS = 300


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A JobManager and two TaskManagers with one slot each."""
    setup(FOLDER)
    one = Cluster(FOLDER, "test")
    one.stop()
    one.start(workers=2)
    yield one
    one.stop()


@pytest.fixture(scope="module")
def spec(tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("flights")
    write_shards(str(folder / "data"), FLIGHTS)
    path = folder / "flights.yaml"
    path.write_text(SPEC.format(files="data/*.csv"))
    return str(path)


@pytest.fixture(scope="module")
def local(spec, tmp_path_factory) -> dict[str, bytes]:
    """What the runner of this machine gives."""
    run = str(tmp_path_factory.mktemp("local"))
    preprocess(load(spec), run)
    return people.reproducible(run)


def same(local: dict[str, bytes], run: str) -> None:
    found = people.reproducible(run)
    assert found.keys() == local.keys()
    assert [path for path in local if found[path] != local[path]] == []
    assert "transform/statistics.pb" in found
    assert "transform/vocabularies/tailnum.txt" in found
    assert sum("part-" in path for path in found) >= 3


def test_the_bytes_of_the_local_runner(cluster, spec, local, tmp_path, monkeypatch, capsys):
    """While the job runs it says how many rows it has read and written: at its end all of them."""
    monkeypatch.setattr(progress, "_LINE_SECONDS", 1.0)
    preprocess(load(spec), str(tmp_path), beam_args=cluster.beam_args())
    same(local, str(tmp_path))
    lines = capsys.readouterr().err.splitlines()
    said = re.compile(
        r"(index|analyze|transform): [\d,]+( of 336,776)? rows read, ([\d,]+ written, )?.*[\d,]+ rows/s"
    )
    assert [line for line in lines if not said.fullmatch(line)] == []
    assert {line.partition(":")[0] for line in lines} == {"index", "analyze", "transform"}
    assert any(line.startswith(f"analyze: {FLIGHTS:,} of {FLIGHTS:,} rows read") for line in lines)
    wait_for(lambda: counters(cluster) == {"rows_read": FLIGHTS, "rows_written": FLIGHTS})


def test_a_lost_task_manager(cluster, spec, local, tmp_path):
    """Killed when the shuffle has begun, with what it had made of it: others make that again."""
    killed = threading.Thread(target=kill_in_shuffle, args=(cluster, "taskmanager-1"))
    preprocess(load(spec), str(tmp_path), steps=["analyze"], beam_args=cluster.beam_args())
    killed.start()
    preprocess(load(spec), str(tmp_path), beam_args=cluster.beam_args())
    killed.join()
    assert "taskmanager-1" not in cluster.running()
    assert attempts(cluster, newest_job(cluster)) > 0
    same(local, str(tmp_path))
    cluster.start_task_manager("taskmanager-3")
    cluster.wait_for_slots(2)


def test_a_fault_of_the_data_is_one_line_and_is_not_tried_again(cluster, tmp_path):
    (tmp_path / "a.csv").write_text("x,y\n" + "1,2\n" * 50 + "1,two\n" + "1,2\n" * 50)
    spec = tmp_path / "spec.yaml"
    spec.write_text(
        "data: {files: '*.csv', columns: {x: float, y: float}, label: y}\nfeatures: {x: standardize}\n"
    )
    before = len(cluster.ask("/jobs/overview")["jobs"])
    with pytest.raises(PrebakeError) as error:
        preprocess(load(str(spec)), str(tmp_path / "run"), beam_args=cluster.beam_args())
    assert "a.csv" in str(error.value)
    assert "\n" not in str(error.value)
    assert len(cluster.ask("/jobs/overview")["jobs"]) == before + 2


def test_a_failure_is_one_line_with_the_name_of_the_worker(cluster):
    def fail(number: int) -> float:
        return 1 / number

    pipeline = make_pipeline(cluster.beam_args())
    _ = pipeline | beam.Create([0]) | "Divide" >> beam.Map(fail)
    with pytest.raises(WorkerFailedError) as error:
        run(pipeline)
    job = newest_job(cluster)["jid"]
    said = re.fullmatch(
        r"worker (taskmanager-\d) at localhost:\d+: ZeroDivisionError: division by zero, while running 'Divide': "
        rf"see http://localhost:{cluster.rest}/#/job/{job}/exceptions",
        str(error.value),
    )
    assert said
    assert said[1] in cluster.pids
    assert attempts(cluster, newest_job(cluster)) == 4  # five tries


def test_ctrl_c_cancels_the_job(cluster, spec, tmp_path):
    before = newest_job(cluster)
    command = [sys.executable, "-m", "prebake.cli", "preprocess", spec, "--run", str(tmp_path / "run")]
    with subprocess.Popen(
        [*command, "--", *cluster.beam_args()], stderr=subprocess.PIPE, text=True
    ) as process:
        wait_for(lambda: newest_job(cluster) != before and newest_job(cluster)["state"] == "RUNNING")
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    job = newest_job(cluster)["jid"]
    assert f"job {job} on http://localhost:{cluster.rest} is cancelled\n" in said
    assert "Traceback" not in said
    assert process.returncode != 0
    wait_for(lambda: newest_job(cluster)["state"] == "CANCELED")


def counters(cluster: Cluster) -> dict[str, int]:
    """Of the newest job."""
    found = cluster.ask(f"/jobs/{newest_job(cluster)['jid']}/accumulators")["user-task-accumulators"]
    rows = {one["name"]: int(one["value"]) for one in found if one["name"].startswith("prebake:")}
    return {name.partition(":")[2]: count for name, count in rows.items()}


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.1)


def newest_job(cluster: Cluster) -> dict:
    jobs = cluster.ask("/jobs/overview")["jobs"]
    if not jobs:
        return {}
    return cluster.ask(f"/jobs/{max(jobs, key=lambda job: job['start-time'])['jid']}")


def kill_in_shuffle(cluster: Cluster, name: str) -> None:
    until = time.monotonic() + KILL_SECONDS
    while time.monotonic() < until:
        job = newest_job(cluster)
        for vertex in job["vertices"]:
            if vertex["name"] == "GroupReduce (Shuffle)" and vertex["status"] in ("RUNNING", "FINISHED"):
                assert job["state"] == "RUNNING", "the job has ended before anything was killed"
                os.kill(cluster.pids[name], signal.SIGKILL)
                return
        time.sleep(0.05)


def attempts(cluster: Cluster, job: dict) -> int:
    """How often the task that was tried most often was tried again."""
    vertices = (cluster.ask(f"/jobs/{job['jid']}/vertices/{one['id']}") for one in job["vertices"])
    return max(task["attempt"] for vertex in vertices for task in vertex["subtasks"])
