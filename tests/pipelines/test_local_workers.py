"""In: large inputs. Out: as many processes of this machine as make them faster, which are quiet and give the same."""

from __future__ import annotations

import contextlib
import glob
import io
import os
import shutil
import signal
import subprocess
import sys
import threading

import people
import pytest
from apache_beam.options.pipeline_options import DirectOptions
from apache_beam.transforms.environments import SubprocessSDKEnvironment
from prebake.pipelines import analyze as analyze_module
from prebake.pipelines import progress
from prebake.pipelines import transform as transform_module
from prebake.pipelines.local_workers import worker_processes
from prebake.pipelines.runner import make_pipeline

GB, GIB = 10**9, 1 << 30


@pytest.mark.parametrize(
    ("size", "ranges", "cores", "memory", "processes"),
    [
        (GB, 30, 2, 24 * GIB, 1),  # 26 s alone; 10 s + 16 s
        (2 * GB, 60, 2, 24 * GIB, 2),  # 52 s alone; 10 s + 32 s
        (2 * GB, 60, 1, 24 * GIB, 1),
        (2 * GB, 1, 8, 24 * GIB, 1),  # one compressed file
        (2 * GB, 3, 8, 24 * GIB, 3),
        (2 * GB, 60, 8, 24 * GIB, 8),
        (2 * GB, 60, 8, 4 * GIB, 3),  # 1.25 GiB each
        (2 * GB, 60, 8, 2 * GIB, 1),
        (400_000_000, 12, 8, 24 * GIB, 1),  # 10.4 s alone; 10 s + 1.6 s
        (500_000_000, 15, 8, 24 * GIB, 8),  # 13 s alone; 10 s + 2 s
    ],
)
def test_the_rule(size, ranges, cores, memory, processes):
    assert worker_processes(size, ranges, cores, memory) == processes


def test_what_the_system_says_is_enough_for_one():
    assert worker_processes(1, 1) == 1


@pytest.mark.parametrize(
    ("beam_args", "workers"),
    [
        ([], 3),
        (["--direct_num_workers=1"], 1),
        (["--direct_running_mode=multi_threading"], 1),
        (["--runner=DirectRunner"], 3),
    ],
)
def test_a_user_says_how_many(beam_args, workers):
    pipeline = make_pipeline(beam_args, 3)
    assert pipeline.options.view_as(DirectOptions).direct_num_workers == workers
    processes = isinstance(pipeline.runner._default_environment, SubprocessSDKEnvironment)
    assert processes == (workers == 3)


def test_processes_give_the_same_and_are_quiet_and_counted(
    people_folder, people_run, tmp_path, monkeypatch, capfd
):
    shutil.copytree(os.path.join(people_folder, "data"), tmp_path / "data")
    for module in (analyze_module, transform_module):
        monkeypatch.setattr(module, "worker_processes", lambda *_: 2)
    seen: list[dict[str, int]] = []
    read = progress._of_others
    monkeypatch.setattr(progress, "_of_others", lambda path: seen.append(read(path)) or seen[-1])
    run = people.run(tmp_path)
    assert people.reproducible(run) == people.reproducible(people_run)
    assert capfd.readouterr() == ("", "")
    assert max(one.get("rows_read", 0) for one in seen) > 0


def workers_of(process: int) -> list[int]:
    """Linux only."""
    found = []
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        with contextlib.suppress(OSError), open(path, "rb") as file:
            pid = int(path.split("/")[2])
            if b"prebake.pipelines.local_worker" in file.read().split(b"\0") and os.getsid(pid) == process:
                found.append(pid)
    return found


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="finds the workers in /proc")
def test_a_killed_worker_is_one_line_and_nothing_half_done(people_folder, tmp_path):
    shutil.copytree(os.path.join(people_folder, "data"), tmp_path / "data")
    spec = people.write_spec_file(tmp_path)
    command = [sys.executable, "-P", "-m", "prebake.cli", "preprocess", spec, "--run", str(tmp_path / "run")]
    processes = ["--", "--direct_num_workers=2", "--direct_running_mode=multi_processing"]
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    environment = os.environ | {"TMPDIR": str(scratch)}
    with subprocess.Popen(
        [*command, *processes], start_new_session=True, stderr=subprocess.PIPE, text=True, env=environment
    ) as job:
        # Until one is at work.
        while not list(scratch.glob("prebake-counts-*/counts")):
            assert job.poll() is None
        os.kill(workers_of(job.pid)[0], signal.SIGKILL)
        try:
            _, said = job.communicate(timeout=120)
        finally:
            job.kill()
    assert job.returncode == 2
    assert said.splitlines()[-1] == (
        "prebake preprocess: a worker process was killed, perhaps for want of memory: run again with fewer processes "
        "(-- --direct_num_workers=1) or with more memory"
    )
    assert workers_of(job.pid) == []
    assert people.visible(tmp_path / "run") == []
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    assert {"examples", "rejected", "transform"} <= {*people.visible(tmp_path / "run")}


def test_a_bar_counts_other_processes_too(monkeypatch):
    monkeypatch.setattr(progress, "_REFRESH_SECONDS", 0.01)
    screen = io.StringIO()
    monkeypatch.setattr(screen, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stderr", screen)
    code = (
        "import os\n"
        "from prebake.pipelines import progress\n"
        "progress.share_counts(os.environ[progress.SHARED])\n"
        "progress.count_rows(read=3, rejected=1)\n"
        "progress.count_rows(read=3)\n"
    )
    with progress.progress_bar("analyze", 10):
        progress.count_rows(read=1)
        subprocess.run([sys.executable, "-P", "-c", code], check=True)
        threading.Event().wait(0.3)
    assert "analyze:  70%" in screen.getvalue()
    assert progress.SHARED not in os.environ


def test_half_an_entry_is_not_counted(tmp_path):
    path = str(tmp_path / "counts")
    assert progress._of_others(path) == {}
    with open(path, "wb") as file:
        file.write(progress._ENTRY.pack(5, 1, 0)[:-1])
    assert progress._of_others(path) == {}
    with open(path, "wb") as file:
        file.write(progress._ENTRY.pack(5, 1, 0) + progress._ENTRY.pack(2, 0, 1) + b"x")
    assert progress._of_others(path) == {"rows_read": 7, "rows_written": 1, "rows_rejected": 1}
