"""In: nothing. Out: a Flink session cluster on this machine, without containers: a JobManager and TaskManagers.

python -m prebake.deploy.flink_cluster setup   # once: Flink from PyPI, Beam's libraries from Maven Central, FlinkJob.java
python -m prebake.deploy.flink_cluster start --workers 2
python -m prebake.deploy.flink_cluster stop

Needs a JDK 17 and Maven. All that it makes is below build/flink.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from typing import Any

from .flink_install import ClusterError, classpath, setup
from .worker import write_command

_START_SECONDS = 60

# Java 17 hides what Flink's serializers look at.
_OPENED = ("lang", "net", "io", "nio", "lang.reflect", "text", "time", "util", "util.concurrent")
OPENS = [
    *(f"--add-opens=java.base/java.{name}=ALL-UNNAMED" for name in _OPENED),
    "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
]
# What the jobs need of a cluster, wherever it runs.
SETTINGS: dict[str, object] = {
    "execution.batch-shuffle-mode": "ALL_EXCHANGES_BLOCKING",
    # Flink's 512 for each output of each running task would ask for gigabytes: the analysis has dozens of outputs.
    "taskmanager.network.sort-shuffle.min-buffers": 64,
    # What a lost TaskManager had made is missed by one task after the other, each of which is a failure to Flink. Those of
    # the Python workers are counted by FlinkJob.java, for each task by itself.
    "restart-strategy.type": "fixed-delay",
    "restart-strategy.fixed-delay.attempts": 50,
    "restart-strategy.fixed-delay.delay": "1 s",
    "jobmanager.execution.failover-strategy": "region",
    "heartbeat.interval": 1000,
    "heartbeat.timeout": 10000,
    "pekko.ask.timeout": "30 s",
}
_JOB_MANAGER = "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint"
_TASK_MANAGER = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner"

_LOG = """rootLogger.level = INFO
rootLogger.appenderRef.file.ref = file
appender.file.name = file
appender.file.type = File
appender.file.fileName = ${sys:log.file}
appender.file.layout.type = PatternLayout
appender.file.layout.pattern = %d{HH:mm:ss,SSS} %-5p %c{1} %m%n
"""


@dataclasses.dataclass(frozen=True)
class Memory:
    """Of each Java process, in MB: heap of the JobManager, heap of a TaskManager, its sorting, its network buffers."""

    job_manager: int = 256
    heap: int = 256
    managed: int = 128
    network: int = 128


@dataclasses.dataclass(frozen=True)
class Host:
    """Where a process runs.

    Attributes:
      address: that the others reach it at.
      enter: what stands before a command that is to run there.
    """

    address: str = "localhost"
    enter: tuple[str, ...] = ()


class Cluster:
    """A session cluster whose processes outlive this one.

    Args:
      folder: of `setup`; below it are the cluster's logs and what it spills. All hosts see it.
      name: of the cluster's own folder.
      memory: of its Java processes.
      hosts: the JobManager's, then the TaskManagers', again from the first of these if there are more of them; by default
        all run on this machine.

    Attributes:
      pids: by name of the process: "jobmanager", "taskmanager-1" …; Python workers are children of TaskManagers.
      rest: port of Flink's REST interface.
    """

    def __init__(
        self, folder: str, name: str = "cluster", memory: Memory | None = None, hosts: Sequence[Host] = ()
    ):
        self.folder = os.path.abspath(folder)
        self.home = os.path.join(self.folder, name)
        self._memory = memory or Memory()
        self._master, *others = hosts or [Host()]
        self._others = others or [self._master]
        self._started = 0
        self._state = os.path.join(self.home, "state.json")
        self.pids: dict[str, int] = {}
        self._children: dict[int, subprocess.Popen] = {}
        self.rest = self._rpc = 0
        self._worker = os.path.join(self.home, "worker")
        if os.path.exists(self._state):
            with open(self._state, encoding="utf-8") as file:
                state = json.load(file)
            self.pids, self.rest, self._rpc = state["pids"], state["rest"], state["rpc"]

    def start(self, workers: int = 2, slots: int = 1) -> None:
        """Starts all processes and waits until the cluster has its slots.

        Raises:
          ClusterError: it is running, or does not come up.
        """
        if self.running():
            raise ClusterError(f"a cluster runs in {self.home}: stop it first")
        shutil.rmtree(self.home, ignore_errors=True)
        os.makedirs(self.home)
        self.pids = {}
        self.rest, self._rpc = _free_ports(2)
        self._write_configuration(slots)
        write_command(self._worker)
        self._start_java("jobmanager", _JOB_MANAGER, self._master, self._memory.job_manager)
        for number in range(1, workers + 1):
            self.start_task_manager(f"taskmanager-{number}")
        self.wait_for_slots(workers * slots)

    def start_task_manager(self, name: str) -> None:
        """One more; it looks for the JobManager by itself. Those that are gone are forgotten."""
        self.pids = {one: self.pids[one] for one in self.running()}
        # Flink's own share of the heap comes on top.
        host = self._others[self._started % len(self._others)]
        self._started += 1
        named = {"resource-id": name, "host": host.address, "bind-host": host.address}
        options = [text for key, value in named.items() for text in ("-D", f"taskmanager.{key}={value}")]
        self._start_java(name, _TASK_MANAGER, host, self._memory.heap + 128, *options)

    def stop(self) -> None:
        """Ends all processes of the cluster; a cluster that does not run is no error."""
        for kind in (signal.SIGTERM, signal.SIGKILL):
            for name in self.running():
                os.kill(self.pids[name], kind)
            until = time.monotonic() + 10
            while self.running() and time.monotonic() < until:
                time.sleep(0.1)
        self.pids = {}
        self._write_state()

    def running(self) -> list[str]:
        """Names of the processes that are there."""
        return [name for name, pid in self.pids.items() if self._is_alive(pid)]

    def beam_args(self) -> list[str]:
        """The options that run a pipeline on this cluster, on all its slots."""
        return [
            "--runner=prebake.deploy.flink_runner.FlinkSessionRunner",
            f"--flink_master={self._master.address}:{self.rest}",
            f"--flink_folder={self.folder}",
            "--environment_type=PROCESS",
            "--environment_config=" + json.dumps({"command": self._worker}),
        ]

    def ask(self, path: str) -> Any:
        """What the REST interface answers."""
        address = f"http://{self._master.address}:{self.rest}{path}"
        with urllib.request.urlopen(address, timeout=10) as answer:
            return json.load(answer)

    def wait_for_slots(self, slots: int) -> None:
        """Waits until the TaskManagers have reported."""
        until = time.monotonic() + _START_SECONDS
        while time.monotonic() < until:
            try:
                if self.ask("/overview")["slots-total"] >= slots:
                    return
            except OSError:
                pass  # the JobManager is not up yet
            if gone := sorted(self.pids.keys() - set(self.running())):
                raise ClusterError(f"{', '.join(gone)} ended at once: see {self.home}/*.log")
            time.sleep(0.3)
        raise ClusterError(f"no {slots} slots after {_START_SECONDS} s: see {self.home}/*.log")

    def _start_java(self, name: str, main: str, host: Host, heap: int, *arguments: str) -> None:
        log = os.path.join(self.home, f"{name}.log")
        memory = [f"-Xmx{heap}m", "-XX:MaxMetaspaceSize=256m", "-XX:+UseSerialGC"]
        logs = [
            f"-Dlog.file={log}",
            f"-Dlog4j.configurationFile={os.path.join(self.home, 'log4j.properties')}",
        ]
        java = [*host.enter, "java", *OPENS, *memory, *logs, "-cp", classpath(self.folder)]
        self._start(name, [*java, main, "--configDir", self.home, *arguments])

    def _start(self, name: str, command: Sequence[str]) -> None:
        with open(os.path.join(self.home, f"{name}.out"), "ab") as out:
            process = subprocess.Popen(
                command,
                # Handed on to the Python workers.
                env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        self._children[process.pid] = process
        self.pids[name] = process.pid
        self._write_state()

    def _is_alive(self, pid: int) -> bool:
        if pid in self._children:  # one that has ended is there until it is asked for
            return self._children[pid].poll() is None
        return os.path.exists(f"/proc/{pid}")

    def _write_state(self) -> None:
        if os.path.isdir(self.home):
            with open(self._state, "w", encoding="utf-8") as file:
                json.dump({"pids": self.pids, "rest": self.rest, "rpc": self._rpc}, file)

    def _write_configuration(self, slots: int) -> None:
        memory = self._memory
        settings: dict[str, object] = {
            "jobmanager.rpc.address": self._master.address,
            "jobmanager.rpc.port": self._rpc,
            "jobmanager.bind-host": self._master.address,
            "rest.port": self.rest,
            "rest.address": self._master.address,
            "rest.bind-address": self._master.address,
            # How old an answer may be.
            "web.refresh-interval": 1000,
            "taskmanager.numberOfTaskSlots": slots,
            "taskmanager.cpu.cores": "1.0",
            "taskmanager.memory.task.heap.size": f"{memory.heap}m",
            "taskmanager.memory.task.off-heap.size": "0m",
            "taskmanager.memory.network.min": f"{memory.network}m",
            "taskmanager.memory.network.max": f"{memory.network}m",
            "taskmanager.memory.managed.size": f"{memory.managed}m",
            # Asked for as well, though they bound nothing here: Java is given its limits on its command line.
            "taskmanager.memory.framework.heap.size": "128m",
            "taskmanager.memory.framework.off-heap.size": "128m",
            "taskmanager.memory.jvm-metaspace.size": "256m",
            "taskmanager.memory.jvm-overhead.min": "192m",
            "taskmanager.memory.jvm-overhead.max": "192m",
            "io.tmp.dirs": os.path.join(self.home, "tmp"),
            **SETTINGS,
        }
        os.makedirs(os.path.join(self.home, "tmp"))
        with open(os.path.join(self.home, "config.yaml"), "w", encoding="utf-8") as file:
            file.writelines(f"{key}: {value}\n" for key, value in settings.items())
        with open(os.path.join(self.home, "log4j.properties"), "w", encoding="utf-8") as file:
            file.write(_LOG)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("localhost", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m prebake.deploy.flink_cluster")
    parser.add_argument("do", choices=["setup", "start", "stop"])
    parser.add_argument("--folder", default=os.path.join("build", "flink"))
    parser.add_argument("--workers", type=int, default=2, help="TaskManagers")
    parser.add_argument("--slots", type=int, default=1, help="tasks at once in each TaskManager")
    args = parser.parse_args(argv)
    cluster = Cluster(args.folder)
    try:
        if args.do == "setup":
            setup(args.folder)
        elif args.do == "start":
            setup(args.folder)
            cluster.start(args.workers, args.slots)
            print(shlex.join(cluster.beam_args()))
        else:
            cluster.stop()
    except ClusterError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
